"""The command line with all its commands: each module enters its own."""

from rdslab.cli import (
    choosing,
    comparing,
    dashboard,
    data,
    export,
    loading,
    nets,
    planning,
    profiles,
    profiling,
    spaces,
    status,
    studies,
    timing,
    training,
    verifying,
)
from rdslab.cli.options import app

__all__ = [
    "app",
    "choosing",
    "comparing",
    "dashboard",
    "data",
    "export",
    "loading",
    "nets",
    "planning",
    "profiles",
    "profiling",
    "spaces",
    "status",
    "studies",
    "timing",
    "training",
    "verifying",
]
