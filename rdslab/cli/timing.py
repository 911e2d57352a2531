"""time: latency measured here, or predicted for a profile with its error."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rdslab.cli.given import CLASSES, SIZE, Named, named
from rdslab.cli.options import Json, Set, Threads, app
from rdslab.cli.output import note, print_json, print_table, progress, say
from rdslab.errors import RdslabError, RunError, SpecError, did_you_mean
from rdslab.records import Size
from rdslab.times import Times

BACKEND = "torch (default here), compile, cuda_graph, onnxruntime, onnxruntime_tensorrt, tensorrt."


@dataclass(frozen=True)
class _Way:
    """How nets are to be timed; None is what the device usually has."""

    backend: str | None
    form: str | None
    inside: str
    precision: str | None
    threads: int
    channels_last: bool
    calibrate: Path | None

    def chosen(self) -> dict[str, Any]:
        """What was asked for beyond the usual, by option."""
        given: dict[str, Any] = {"--backend": self.backend, "--form": self.form, "--precision": self.precision}
        given |= {"--calibrate": self.calibrate, "--channels-last": self.channels_last or None}
        given |= {"--inside": None if self.inside == "network" else self.inside}
        return {option: value for option, value in given.items() if value is not None}


@app.command("time")
def time_(
    nets: Annotated[
        list[str], typer.Argument(metavar="NET|FILE...", help="Zoo names, YAML files, ONNX files, weights files.")
    ],
    device: Annotated[
        str, typer.Option("--device", help="`here`, ssh://[USER@]HOST[:PORT], or a profile's name or YAML file.")
    ] = "here",
    size: Annotated[str | None, typer.Option("--size", help=f"Input size; a file's own, else {SIZE}.")] = None,
    classes: Annotated[int | None, typer.Option("--classes", help=f"Classes; a file's own, else {CLASSES}.")] = None,
    threads: Threads = 1,
    channels_last: Annotated[bool, typer.Option("--channels-last", help="Memory layout n h w c.")] = False,
    precision: Annotated[str | None, typer.Option("--precision", help="fp32 (default), fp16, bf16 or int8.")] = None,
    backend: Annotated[str | None, typer.Option("--backend", help=BACKEND)] = None,
    form: Annotated[str | None, typer.Option("--form", help="eager (default here), or deployed: folded.")] = None,
    inside: Annotated[str, typer.Option("--inside", help="What is timed: network, labels or copies.")] = "network",
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", metavar="FOLDER", help="Images that int8 takes its ranges from.")
    ] = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Time nets here or on a board, interleaved, or predict their latency on a device profile.

    An ONNX file is timed as it stands, so that its mIoU and its time are those of one file.
    """
    asked = named(nets, set_, size, classes)
    way = _Way(backend, form, inside, precision, threads, channels_last, calibrate)
    if device == "here":
        found = _measured(asked, way)
    elif device.startswith("ssh:"):
        found = _on_board(asked, device, way)
    else:
        found = _predicted(asked, device, way)
    _answer(found, asked.size, asked.classes, json)


def _answer(found: dict[str, Any], size: Size, classes: int, json: bool) -> None:
    refused = {name: times for name, times in found.items() if isinstance(times, RdslabError)}
    rows = [_document(name, times) for name, times in found.items()]
    if json:
        print_json(rows)
    else:
        _show(rows, size, classes)
    reasons: dict[str, list[str]] = {}
    for name, error in refused.items():
        reasons.setdefault(str(error), []).append(name)
    for reason, names in reasons.items():
        note(f"{', '.join(names)}: {reason}")
    if refused:
        raise RunError(f"{len(refused)} of {len(found)} times are refused")


def _measured(asked: Named, way: _Way) -> dict[str, Any]:
    from rdslab.measure import machine_lock, measure

    waits = "waits until nothing trains or measures on this machine"
    with machine_lock("measure", waiting=lambda: note(waits)), progress() as bars:
        bar = bars.add_task("timing", total=None)
        return dict(
            measure(
                asked.given,
                asked.size,
                asked.classes,
                threads=way.threads,
                layout="channels_last" if way.channels_last else "channels_first",
                precision=way.precision or "fp32",
                backend=way.backend or ("onnxruntime" if asked.has_files else "torch"),
                form=way.form or ("deployed" if asked.has_files else "eager"),
                inside=way.inside,
                calibration=_calibration(way),
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
            )
        )


def _on_board(asked: Named, device: str, way: _Way) -> dict[str, Any]:
    from rdslab.measure.remote import BACKENDS, measure_remote

    if way.channels_last or way.form == "eager":
        option = "--channels-last" if way.channels_last else "--form"
        raise SpecError("a board times the deployed form, channels first", f"leave out {option}", where=device)
    engines = {backend: engine for engine, backend in BACKENDS.items()}
    if way.backend is not None and way.backend not in engines:
        raise SpecError(
            f"a board runs {', '.join(engines)}, got {way.backend!r}",
            did_you_mean(way.backend, engines),
            where="--backend",
        )
    with progress() as bars:
        bar = bars.add_task("timing", total=None)
        return dict(
            measure_remote(
                asked.given,
                asked.size,
                asked.classes,
                device=device,
                precision=way.precision or "fp32",
                engine=engines[way.backend] if way.backend else "auto",
                threads=way.threads,
                inside=way.inside,
                calibration=_calibration(way),
                notice=note,
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
            )
        )


def _calibration(way: _Way) -> Any:
    from rdslab.measure.calibration import Calibration

    return Calibration(way.calibrate) if way.calibrate else None


def _predicted(asked: Named, device: str, way: _Way) -> dict[str, Any]:
    from rdslab.cost import count
    from rdslab.measure import load_profile, predict_times

    profile = load_profile(device)
    has = {"--form": profile.form, "--precision": profile.precision}
    for option, value in way.chosen().items():
        if has.get(option) != value:
            what = f"predicts {profile.precision} in {profile.form} form, the network alone; {option} asks for another"
            raise SpecError(what, f"leave out {option}, or choose another profile", where=profile.name)
    return {name: predict_times(count(net, asked.size, asked.classes), profile) for name, net in asked.nets.items()}


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
        _circumstances(good[0])


def _circumstances(row: dict[str, Any]) -> None:
    """Protocol, host and certificate of measured times, a line each."""
    protocol, host, certificate = row["protocol"], row["host"], row["certificate"] or {}
    say("  protocol: " + ", ".join(f"{key} {value}" for key, value in protocol.items()))
    load = "" if row["load"] is None else f", load {row['load']}"
    say(f"  host: {host['gpu'] or host['cpu']}, {host['cores']} cores{load}")
    outcome = certificate.get("outcome", {})
    if outcome.get("sentinel_ms"):
        say(f"  the sentinel strayed by {100 * outcome['drift']:.1f} %, rounds run again: {outcome['repeated']}")
    if certificate.get("certified"):
        say("  certified: clocks and temperatures were watched, nothing throttled")
    else:
        say("  not certified: " + "; ".join(certificate.get("reasons", ["nothing was watched"])))
    energy, why = row["energy_mj"], certificate.get("no_energy", "")
    if energy is not None or why:
        say(f"  energy: {energy:.1f} mJ a frame" if energy is not None else f"  no energy: {why}")
