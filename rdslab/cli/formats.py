"""Tables for terminals, for papers (LaTeX) and for programs (CSV)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rdslab.cli.output import print_table, say

Rows = list[dict[str, Any]]
# What LaTeX takes for a command, and how it writes the letter itself.
LATEX = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


@dataclass(frozen=True)
class Table:
    """A table as it is read: texts, with the notes that its cells refer to by [1], [2], ..."""

    columns: Sequence[str]  # `>` before a name: numbers, which stand right
    rows: Sequence[Sequence[str]]
    title: str = ""
    notes: Sequence[str] = ()


def show(table: Table) -> None:
    """Print it for people, its notes below."""
    print_table(table.columns, table.rows, table.title)
    for number, text in enumerate(table.notes, 1):
        say(f"[{number}] {text}")


def csv(rows: Rows) -> str:
    """One line a row below the line of names, full precision, empty where nothing is known."""
    import pandas as pd

    frame = pd.DataFrame(rows, dtype="object")  # whole numbers stay whole beside an empty cell
    return str(frame.to_csv(index=False, lineterminator="\n"))


def latex(table: Table) -> str:
    """A table of booktabs rules, escaped, the title its caption and the notes below it."""
    import pandas as pd

    names = [" ".join(name.removeprefix(">").split("\n")) for name in table.columns]
    frame = pd.DataFrame(
        [[", ".join(cell.split("\n")) for cell in row] for row in table.rows], columns=names, dtype="object"
    )
    styler = frame.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
    text = styler.to_latex(
        hrules=True,
        column_format="".join("r" if name.startswith(">") else "l" for name in table.columns),
        caption=escaped(table.title) or None,
        environment="table",
        position_float="centering",
    )
    notes = [rf"\par\footnotesize [{number}] {escaped(note)}" for number, note in enumerate(table.notes, 1)]
    end = r"\end{table}"
    return "% Needs \\usepackage{booktabs}.\n" + str(text).replace(end, "\n".join([*notes, end]))


def escaped(text: str) -> str:
    """Text as LaTeX prints it letter by letter."""
    return text.translate(LATEX)
