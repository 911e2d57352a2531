"""How answers are printed: rich tables for people, one JSON document for programs."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table


@cache
def console(stderr: bool = False) -> "Console":
    """The terminal. A file or a pipe gets lines wide enough for any table."""
    from rich.console import Console

    plain = Console(stderr=stderr)
    return plain if plain.is_terminal else Console(stderr=stderr, width=160)


def print_json(document: Any) -> None:
    """One JSON document on standard output; NaN becomes null, as JSON has no such number."""
    print(json.dumps(_finite(document), indent=2, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print a table."""
    console().print(table(columns, rows, title))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> "Table":
    """A table; columns whose name starts with `>` are numbers and stand right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    for name in columns:
        made.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    for row in rows:
        made.add_row(*[Text(str(cell)) for cell in row])
    return made


def say(text: str) -> None:
    """A line for people, without markup."""
    console().print(text, markup=False, highlight=False)


def note(text: str) -> None:
    """A line for people beside the answer, on standard error."""
    console(stderr=True).print(text, markup=False, highlight=False)


@contextmanager
def progress() -> Iterator["Progress"]:
    """Bars with the time left, on standard error; nothing where that is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    terminal = console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as bars:
        yield bars
