"""Drawings of nets: where nodes and maps stand, what is written beside them, and the picture as SVG."""
