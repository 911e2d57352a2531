"""time and device: latency measured here, or predicted for a profile with its error."""

from typing import Annotated, Any

import typer

from rdslab.cli.nets import loaded
from rdslab.cli.options import Classes, Json, Nets, Set, SizeText, Threads, app
from rdslab.cli.output import note, print_json, print_table, progress, say
from rdslab.errors import RdslabError, RunError
from rdslab.records import Size
from rdslab.spec import Net
from rdslab.times import Times

group = typer.Typer(help="Look at device profiles.", no_args_is_help=True)
app.add_typer(group, name="device")


@app.command("time")
def time_(
    nets: Nets,
    device: Annotated[str, typer.Option("--device", help="`here`, or a profile's name or YAML file.")] = "here",
    size: SizeText = "640x360",
    classes: Classes = 19,
    threads: Threads = 1,
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Memory layout n h w c.")] = False,
    precision: Annotated[str, typer.Option("--precision", help="fp32, fp16 or bf16.")] = "fp32",
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Time nets on this machine, interleaved, or predict their latency on a device profile."""
    specs: dict[str, Net] = {}
    for name in nets:
        spec = loaded(name, set_)
        specs[spec.name if spec.name not in specs else name] = spec
    at = Size.parse(size)
    if device == "here":
        found = _measured(
            specs, at, classes, threads, "channels_last" if channels_last else "channels_first", precision
        )
    else:
        found = _predicted(specs, at, classes, device)
    refused = {name: times for name, times in found.items() if isinstance(times, RdslabError)}
    rows = [_document(name, times) for name, times in found.items()]
    if json:
        print_json(rows)
    else:
        _show(rows, at, classes)
    for name, error in refused.items():
        note(f"{name}: {error}")
    if refused:
        raise RunError(f"{len(refused)} of {len(found)} times are refused")


def _measured(
    nets: dict[str, Net], size: Size, classes: int, threads: int, layout: str, precision: str
) -> dict[str, Any]:
    from rdslab.measure import machine_lock, measure

    waits = "waits until nothing trains or measures on this machine"
    with machine_lock("measure", waiting=lambda: note(waits)), progress() as bars:
        bar = bars.add_task("timing", total=None)
        return dict(
            measure(
                nets,
                size,
                classes,
                threads=threads,
                layout=layout,
                precision=precision,
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
            )
        )


def _predicted(nets: dict[str, Net], size: Size, classes: int, device: str) -> dict[str, Any]:
    from rdslab.cost import count
    from rdslab.measure import load_profile, predict_times

    profile = load_profile(device)
    return {name: predict_times(count(net, size, classes), profile) for name, net in nets.items()}


def _document(name: str, times: Times | RdslabError) -> dict[str, Any]:
    if isinstance(times, RdslabError):
        return {"name": name, "latency_ms": None, "refused": str(times)}
    return {"name": name, **times.document()}


def _show(rows: list[dict[str, Any]], size: Size, classes: int) -> None:
    good = [row for row in rows if row["latency_ms"] is not None]
    if not good:
        return
    predicted = good[0]["predicted"]
    interval = "90 % interval" if predicted else "middle half"
    columns = ["net", ">latency_ms", f">{interval}"]
    shown = [[row["name"], f"{row['latency_ms']:.2f}", f"{row['low_ms']:.2f} to {row['high_ms']:.2f}"] for row in good]
    if not predicted:
        columns += [">p90_ms", ">runs"]
        shown = [
            [*cells, f"{row['p90_ms']:.2f}", str(len(row["runs_ms"]))] for cells, row in zip(shown, good, strict=True)
        ]
    word = "predicted" if predicted else "measured"
    print_table(columns, shown, f"Latency {word} for {good[0]['device']} at {size}, {classes} classes")
    for line in dict.fromkeys(line for row in good for line in row["notes"]):
        say(f"  {line}")
    if not predicted:
        protocol, host = good[0]["protocol"], good[0]["host"]
        say("  protocol: " + ", ".join(f"{key} {value}" for key, value in protocol.items()))
        say(f"  host: {host['gpu'] or host['cpu']}, {host['cores']} cores, load {good[0]['load']}")


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

    document = load_profile(profile).model_dump(mode="json")
    if json:
        print_json(document)
    else:
        print_table(["key", "value"], [[key, _plain(value)] for key, value in document.items()])


def _plain(value: Any) -> str:
    """A value of a profile in words: lists a line each, mappings as `key value`."""
    if isinstance(value, dict):
        return "; ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return (", " if all(len(str(item)) < 20 for item in value) else "\n").join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
