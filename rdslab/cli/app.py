"""The command line with all its commands: each module enters its own."""

from rdslab.cli import data, devices, export, loading, nets, studies, training
from rdslab.cli.options import app

__all__ = ["app", "data", "devices", "export", "loading", "nets", "studies", "training"]
