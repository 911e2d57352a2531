"""device profile: a profile of one's own device, from nets that are measured on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Classes, Json, Threads
from rdslab.cli.output import note, print_json, print_table, progress, say
from rdslab.cli.profiles import Board, Out, check_out, fitted_rows, group, print_profile
from rdslab.errors import SpecError
from rdslab.records import Size

if TYPE_CHECKING:
    from rdslab.measure.profiling import Measure, Profiled

SIZES = ["256x128", "640x360"]


@group.command("profile")
def profile(
    out: Out,
    device: Annotated[str, typer.Option("--device", help="`here`, or ssh://[USER@]HOST[:PORT].")] = "here",
    nets: Annotated[int, typer.Option("--nets", min=3, help="How many nets to fit to.")] = 10,
    held_out: Annotated[int, typer.Option("--held-out", min=0, help="How many others to try it on.")] = 4,
    size: Annotated[list[str], typer.Option("--size", help="Input sizes; give several.")] = SIZES,
    classes: Classes = 19,
    threads: Threads = 1,
    precision: Annotated[str, typer.Option("--precision", help="fp32, fp16 or bf16.")] = "fp32",
    form: Annotated[str, typer.Option("--form", help="eager, or deployed: folded; a board's is deployed.")] = "",
    board: Board = "",
    json: Json = False,
) -> None:
    """Measure the nets that tell most about a device, fit a profile to them, and try it on others."""
    from rdslab.measure.profiling import candidates, profile_device

    check_out(out)
    remote = device.startswith("ssh:")
    if not remote and device != "here":
        raise SpecError(f"expected `here` or ssh://[USER@]HOST[:PORT], got {device!r}", where="--device")
    form = form or ("deployed" if remote else "eager")
    if form not in ("eager", "deployed") or (remote and form == "eager"):
        raise SpecError(
            f"expected a form of {'deployed' if remote else 'eager, deployed'}, got {form!r}", where="--form"
        )
    sizes = [Size.parse(text) for text in dict.fromkeys(size)]
    about: dict[str, Any] = {"name": out.stem, "precision": precision, "command": "rdslab device profile"}
    about |= {"board": board} if board else {}
    asked = {"threads": threads, "precision": precision}
    measure = _over_ssh(device, classes, asked) if remote else _here(classes, {**asked, "form": form})
    found = profile_device(measure, candidates(sizes, classes), number=nets, held_out=held_out, form=form, about=about)
    found.profile.save(out)
    _report(found, out, json)


def _here(classes: int, asked: Mapping[str, Any]) -> "Measure":
    from rdslab.measure import machine_lock, measure

    def run(nets: Mapping[str, Any], size: Size) -> Any:
        waits = "waits until nothing trains or measures on this machine"
        with machine_lock("measure", waiting=lambda: note(waits)), progress() as bars:
            bar = bars.add_task(f"timing at {size}", total=None)
            told = lambda done, total: bars.update(bar, completed=done, total=total)  # noqa: E731
            return measure(nets, size, classes, **asked, progress=told)

    return run


def _over_ssh(device: str, classes: int, asked: Mapping[str, Any]) -> "Measure":
    from rdslab.measure.remote import measure_remote

    def run(nets: Mapping[str, Any], size: Size) -> Any:
        with progress() as bars:
            bar = bars.add_task(f"timing at {size}", total=None)
            told = lambda done, total: bars.update(bar, completed=done, total=total)  # noqa: E731
            return measure_remote(nets, size, classes, device=device, **asked, notice=note, progress=told)

    return run


def _report(found: "Profiled", out: Path, json: bool) -> None:
    rows = fitted_rows(list(found.measured), found.profile, list(found.left_out))
    held = [
        {
            "name": cost.name,
            "size": str(cost.size),
            "latency_ms": ms,
            **{f"predicted_{key}": getattr(predicted, key) for key in ("latency_ms", "low_ms", "high_ms")},
        }
        for cost, ms, predicted in found.held_out
    ]
    refused = [{"name": cost.name, "size": str(cost.size), "refused": reason} for cost, reason in found.refused]
    if json:
        document = {"out": str(out), "profile": found.profile.model_dump(mode="json"), "points": rows}
        print_json({**document, "held_out": held, "refused": refused})
        return
    for row in refused:
        note(f"{row['name']} at {row['size']} has no time: {row['refused']}")
    print_profile(found.profile, rows, out)
    if held:
        cells = [
            [
                row["name"],
                row["size"],
                f"{row['latency_ms']:.4g}",
                f"{row['predicted_latency_ms']:.4g}",
                f"{row['predicted_low_ms']:.4g} to {row['predicted_high_ms']:.4g}",
                f"{100 * (row['predicted_latency_ms'] / row['latency_ms'] - 1):+.1f} %",
            ]
            for row in held
        ]
        columns = ["net", ">size", ">measured ms", ">predicted ms", ">90 % interval", ">error"]
        print_table(columns, cells, "Held out of the fit")
    for line in found.profile.notes:
        say(f"  {line}")
