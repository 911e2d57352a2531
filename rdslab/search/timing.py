"""Timing the nets of one cell: on this machine, or on a board that is reached over SSH."""

from collections.abc import Callable, Mapping

from rdslab.errors import RunError, SpecError
from rdslab.measure import machine_lock, measure
from rdslab.measure.remote import measure_remote
from rdslab.records import Size
from rdslab.search.cells import Cell
from rdslab.search.documents import HERE
from rdslab.search.plan import Study
from rdslab.spec import Net
from rdslab.times import Times

Found = Mapping[str, Times | RunError]
Progress = Callable[[int, int], object]  # done, of so many
TimeNets = Callable[[Mapping[str, Net], Cell], Found]  # nets by id; in a time's place why there is none
BATCH_HERE, BATCH = 24, 6  # nets that are timed side by side; on a board it is what a lost connection loses
ENGINES = {"auto": "auto", "torch": "torch", "onnxruntime": "onnxruntime", "tensorrt": "trtexec"}  # of a board


def timer_of(study: Study, device: str, notice: Callable[[str], object], progress: Progress) -> TimeNets:
    """How nets are timed on the device. Raises SpecError for what the device cannot."""
    make = _timer_here if device == HERE else _timer_of_board
    return make(study, device, notice, progress)


def batch_of(device: str) -> int:
    """How many nets are timed side by side at most."""
    return BATCH_HERE if device == HERE else BATCH


def _timer_here(study: Study, device: str, notice: Callable[[str], object], progress: Progress) -> TimeNets:
    deploy = study.document.deploy

    def time_nets(nets: Mapping[str, Net], cell: Cell) -> Found:
        with machine_lock("measure", waiting=lambda: notice("waits until nothing trains on this machine")):
            return measure(
                nets,
                Size.parse(cell.size),
                cell.classes,
                threads=study.document.threads,
                layout=deploy.layout,
                precision=deploy.precision,
                device_name=device,
                backend="torch" if deploy.backend == "auto" else deploy.backend,
                form=cell.form,
                inside=deploy.inside,
                progress=progress,
            )

    return time_nets


def _timer_of_board(study: Study, device: str, notice: Callable[[str], object], progress: Progress) -> TimeNets:
    deploy = study.document.deploy
    if deploy.backend not in ENGINES:
        hint = f"a board has: {', '.join(ENGINES)}"
        raise SpecError(
            f"{device} has no backend {deploy.backend!r}", hint, where=study.source.where(("deploy", "backend"))
        )

    def time_nets(nets: Mapping[str, Net], cell: Cell) -> Found:
        return measure_remote(
            nets,
            Size.parse(cell.size),
            cell.classes,
            device=device,
            precision=deploy.precision,
            engine=ENGINES[deploy.backend],
            threads=study.document.threads,
            inside=deploy.inside,
            progress=progress,
            notice=lambda text: notice(f"{device}: {text}"),
        )

    return time_nets
