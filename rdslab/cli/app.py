"""The command line with all its commands: each module enters its own."""

from rdslab.cli import choosing, comparing, data, devices, export, loading, nets, profiles, profiling, studies, training
from rdslab.cli.options import app

__all__ = [
    "app",
    "choosing",
    "comparing",
    "data",
    "devices",
    "export",
    "loading",
    "nets",
    "profiles",
    "profiling",
    "studies",
    "training",
]
