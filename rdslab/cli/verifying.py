"""verify: compute a report again from what it carries."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Json, app
from rdslab.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from rdslab.verify import Verified

SHOWN = 100


@app.command()
def verify(
    report: Annotated[str, typer.Argument(metavar="REPORT", help="A report's folder, or a file in it.")],
    json: Json = False,
) -> None:
    """Compute a report again: ids, costs, predictions, statistics. Exit status 1 where it says otherwise.

    Nothing is trained or timed, and no Python file that a net names is run.
    """
    from rdslab.verify import verify_report

    found = verify_report(report)
    if json:
        print_json(found.document())
    else:
        _show(found)
    if not found.agrees:
        raise typer.Exit(1)


def _show(found: "Verified") -> None:
    rows = []
    for check in found.checks:
        told = str(len(check.differ)) if check.values or check.differ else "not checked"
        rows.append([check.what, f"{check.values:,}", told])
    print_table(["check", ">values", ">differ"], rows)
    reasons: dict[str, list[str]] = {}
    for check in found.checks:
        if check.left_out:
            reasons.setdefault(check.left_out, []).append(check.what)
    for reason, left in reasons.items():
        say(f"  left out of {'; '.join(left)}: {reason}")
    lines = [[f.table, f.row, f.column, _plain(f.reported), _plain(f.recomputed)] for f in found.findings]
    if lines:
        print_table(["table", "row", "column", ">in the report", ">recomputed"], lines[:SHOWN])
        if len(lines) > SHOWN:
            say(f"  and {len(lines) - SHOWN} more; --json has all")
        say(f"{found.folder}: {len(lines)} {'value differs' if len(lines) == 1 else 'values differ'}")
    else:
        say(f"{found.folder}: all {sum(check.values for check in found.checks):,} values agree that were checked")


def _plain(value: Any) -> str:
    return "-" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
