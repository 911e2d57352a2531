"""device list, show, fit: the profiles that predict a latency, and how to make one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Json, app
from rdslab.cli.output import note, print_json, print_table, say
from rdslab.errors import SpecError
from rdslab.records import Size

if TYPE_CHECKING:
    from rdslab.measure.profile import Profile
    from rdslab.measure.table import Table
    from rdslab.records import Cost

group = typer.Typer(help="Look at device profiles, and make one's own.", no_args_is_help=True)
app.add_typer(group, name="device")

Out = Annotated[Path, typer.Option("--out", metavar="PROFILE.yaml", help="The profile's file; its stem is its name.")]
Board = Annotated[str, typer.Option("--board", help="What the device is called; default the profile's name.")]


@group.command("list")
def list_(json: Json = False) -> None:
    """One line a profile."""
    from rdslab.cli.listing import devices

    rows = devices(Size(640, 360), 19)
    if json:
        print_json(rows)
    else:
        print_table(list(rows[0]), [list(row.values()) for row in rows])


@group.command("show")
def show(profile: Annotated[str, typer.Argument(metavar="PROFILE")], json: Json = False) -> None:
    """All that a profile says: its numbers, how they were fitted, and their error."""
    from rdslab.measure import load_profile
    from rdslab.measure.trust import trust

    found = load_profile(profile)
    document = found.model_dump(mode="json")
    if json:
        print_json(document)
        return
    print_table(["key", "value"], [[key, _plain(value)] for key, value in document.items()])
    for line in trust(found):
        say(f"  {line}")


@group.command("fit")
def fit(
    table: Annotated[Path, typer.Argument(metavar="TABLE.csv", help="Columns net,size,latency_ms, and more.")],
    out: Out,
    board: Board = "",
    json: Json = False,
) -> None:
    """A profile from a table of measured times; at least three, of several networks and sizes where possible.

    Columns net (a zoo name or YAML file), size and latency_ms; optional classes (19), precision (fp32), form (eager)
    and framework (PyTorch).
    """
    from rdslab.cost import count
    from rdslab.measure.fit import fit_with_points
    from rdslab.measure.table import read_table

    check_out(out)
    times = read_table(table)
    measured = [(count(row.net, row.size, row.classes), row.latency_ms) for row in times.rows]
    profile, found = fit_with_points(
        measured,
        name=out.stem,
        board=board or out.stem,
        source=table.name,
        framework=times.framework,
        precision=times.precision,
        form=times.form,
    )
    profile.save(out)
    rows = fitted_rows(measured, profile, list(found.by_network))
    _report(profile, times, rows, out, json)


def check_out(out: Path) -> None:
    if out.suffix not in (".yaml", ".yml"):
        raise SpecError(f"a profile is a YAML file, got {str(out)!r}", f"write --out {out.stem or 'profile'}.yaml")
    if out.is_dir():
        raise SpecError("is a folder", "give the name of a file", where=str(out))


def fitted_rows(
    measured: "list[tuple[Cost, float]]", profile: "Profile", left_out: list[float]
) -> list[dict[str, Any]]:
    """Each time beside what is predicted of it, by the profile and by a fit that had not seen the network."""
    import math

    from rdslab.measure import predict_times

    rows = []
    for (cost, ms), log in zip(measured, left_out, strict=True):
        predicted = predict_times(cost, profile).latency_ms
        unseen = None if math.isnan(log) else ms * math.exp(log)
        rows.append({"name": cost.name, "size": str(cost.size), "classes": cost.classes, "latency_ms": ms})
        rows[-1] |= {"predicted_ms": predicted, "predicted_left_out_ms": unseen}
    return rows


def _report(profile: "Profile", times: "Table", rows: list[dict[str, Any]], out: Path, json: bool) -> None:
    from rdslab.measure.trust import trust

    if json:
        document = {"out": str(out), "defaults": dict(times.defaults), "profile": profile.model_dump(mode="json")}
        print_json({**document, "points": rows, "trust": trust(profile)})
        return
    for name, value in times.defaults.items():
        note(f"the table has no column {name}: taken as {value}")
    print_profile(profile, rows, out)


def print_profile(profile: "Profile", rows: list[dict[str, Any]], out: Path) -> None:
    """A fitted profile beside the times that it was fitted to, and what it may be trusted for."""
    from rdslab.measure.trust import trust

    columns = ["net", ">size", ">measured ms", ">predicted ms", ">by a fit without this net"]
    cells = [
        [row["name"], row["size"], f"{row['latency_ms']:.4g}", f"{row['predicted_ms']:.4g}", _beside(row)]
        for row in rows
    ]
    print_table(columns, cells, f"{profile.name}: {profile.headline}")
    numbers = f"{profile.launch_us:g} us a launch, {profile.flops_per_s:.3g} FLOP/s, {profile.bytes_per_s:.3g} bytes/s"
    for kind, rate in profile.flops_per_s_apart.items():
        numbers += f", {kind} {rate:.3g} FLOP/s"
    say(f"  {profile.combine}: {numbers}")
    for line in trust(profile):
        say(f"  {line}")
    say(f"  written: {out}")


def _beside(row: dict[str, Any]) -> str:
    unseen = row["predicted_left_out_ms"]
    return "-" if unseen is None else f"{unseen:.4g} ({100 * (unseen / row['latency_ms'] - 1):+.1f} %)"


def _plain(value: Any) -> str:
    """A value of a profile in words: lists a line each, mappings as `key value`."""
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return (", " if all(len(str(item)) < 20 for item in value) else "\n").join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
