"""The page's script: our own, all of it in the page, and named by its hash so that a browser runs no other."""

import base64
import hashlib

from rdslab.report.templates import template

TABLES = ("page.js.jinja",)
EXPLORER = (*TABLES, "plot.js.jinja", "examples.js.jinja", "detail.js.jinja", "explore.js.jinja")


def script_of(parts: tuple[str, ...]) -> str:
    """The parts in one function, so that they see each other and nothing else sees them."""
    body = "\n".join(template(part).render() for part in parts)
    return f'(() => {{\n"use strict";\n{body}\n}})();'


def script_hash(script: str) -> str:
    """What a Content-Security-Policy calls it: 'sha256-...'."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def scripted(parts: tuple[str, ...]) -> dict[str, str]:
    """The script and its hash, as templates name them."""
    script = script_of(parts)
    return {"script": script, "script_hash": script_hash(script)}
