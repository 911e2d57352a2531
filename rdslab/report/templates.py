"""The page's templates, from this folder."""

from functools import cache
from pathlib import Path

import jinja2


def template(name: str) -> jinja2.Template:
    """A page's template; a name that it is not given is an error, and what it is given is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
