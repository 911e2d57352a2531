"""The nets that one may choose from: the zoo, and what oneself has trained, with published and own accuracy apart."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rdslab.errors import DataError, SpecError
from rdslab.measure.onnxfile import OnnxNetwork
from rdslab.netfile import net_from_document
from rdslab.network import ids, load_net, zoo_names
from rdslab.records import Published
from rdslab.search.ledger import Ledger
from rdslab.spec import Net
from rdslab.train.trained import ONNX
from rdslab.train.weights import read_metadata

ENDINGS = (".safetensors", ONNX)
ZOO = "zoo"


@dataclass(frozen=True)
class Own:
    """An accuracy that oneself has found: the mean over the seeds of one net on one data set."""

    miou: float
    n: int  # seeds
    on: str  # data and split: "camvid, hold_out"
    identity: str  # of the images; two figures compare only if it is the same


@dataclass(frozen=True)
class Candidate:
    """A net that one may choose."""

    name: str
    net: Net
    source: str  # the zoo, a study, or files
    published: tuple[Published, ...] = ()  # of a net as published; a variant has none
    own: Own | None = None

    @property
    def net_id(self) -> str:
        return ids(self.net)[0]


def candidates(own: Sequence[Candidate], *, zoo: bool = True) -> list[Candidate]:
    """One's own nets, and those of the zoo that are not among them; each with a name of its own.

    What was published of a zoo net also stands beside one's own training of it. It does not beside a variant's.
    """
    known = {ids(net)[0]: net for net in map(load_net, zoo_names())}
    mine = [replace(c, published=known[c.net_id].published if c.net_id in known else ()) for c in own]
    taken = {c.net_id for c in mine}
    rest = [Candidate(n.name, n, ZOO, n.published) for key, n in known.items() if key not in taken] if zoo else []
    found = [*mine, *rest]
    names = [c.name for c in found]
    several = [replace(c, name=f"{c.name} ({_short(c.source)})") if names.count(c.name) > 1 else c for c in found]
    return [replace(c, name=_free(c.name, [b.name for b in several[:i]])) for i, c in enumerate(several)]


def _short(source: str) -> str:
    """`runs/mine/1/weights.safetensors` -> `1/weights.safetensors`."""
    return "/".join(source.split("/")[-2:])


def _free(name: str, taken: Sequence[str]) -> str:
    return next(n for n in (name, *(f"{name} [{i}]" for i in range(2, len(taken) + 3))) if n not in taken)


def of_files(paths: Iterable[Path]) -> tuple[list[Candidate], list[str]]:
    """The nets of weights files and ONNX files, and of all in folders; with what was passed over, and why.

    Files of one net that were trained alike on the same images are one candidate: their seeds' mean. Raises DataError
    for a named file that is none.
    """
    groups: dict[tuple[Any, ...], list[tuple[Path, Mapping[str, Any]]]] = {}
    passed: list[str] = []
    for path in paths:
        for file in _files(path):
            try:
                about = _about(file)
            except DataError as error:
                if file == path:
                    raise
                passed.append(str(error))
                continue
            key = (ids(_net(file, about))[0], _identity(about), str(about.get("recipe")), file.suffix)
            groups.setdefault(key, []).append((file, about))
    return [_of_group(group) for group in groups.values()], passed


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix in ENDINGS)
    if not found:
        raise DataError(
            f"has no {' and no '.join(ENDINGS)} file", "rdslab train NET --out DIR writes one", where=str(path)
        )
    return found


def _about(file: Path) -> Mapping[str, Any]:
    if file.suffix.lower() != ONNX:
        return read_metadata(file)
    about = OnnxNetwork(file).metadata
    if "net" not in about:
        raise DataError("does not say which net it is", "give a file that `rdslab export` wrote", where=str(file))
    return about


def _net(file: Path, about: Mapping[str, Any]) -> Net:
    try:
        return net_from_document(about["net"], where=f"{file}: net")
    except SpecError as error:
        raise DataError(error.what, *error.hints, where=error.where or str(file)) from None


def _identity(about: Mapping[str, Any]) -> str:
    return str((about.get("miou_on") or about.get("data") or {}).get("identity", ""))


def _of_group(group: Sequence[tuple[Path, Mapping[str, Any]]]) -> Candidate:
    file, about = group[0]
    net = _net(file, about)
    on = about.get("miou_on") or about.get("data") or {}
    scores = {about.get("seed"): score for _, about in group if (score := _miou(about)) is not None}
    own = _own(scores.values(), f"{on.get('name', '')}, {on.get('split', '')}", _identity(about))
    source = str(file) if len(group) == 1 else f"{file} and {len(group) - 1} more"
    return Candidate(net.name, net, source, own=own)


def _miou(about: Mapping[str, Any]) -> float | None:
    """The mIoU of a file: its own, of an ONNX file else that of its weights, of older files in their score."""
    found = about.get("miou")
    found = about.get("weights_miou") if found is None else found
    found = (about.get("score") or {}).get("miou") if found is None else found
    return float(found) if isinstance(found, int | float) else None


def _own(scores: Iterable[float], on: str, identity: str) -> Own | None:
    values = [value for value in scores if value == value]  # NaN where no pixel was labelled
    return Own(statistics.fmean(values), len(values), on, identity) if values else None


def of_study(ledger: Ledger) -> list[Candidate]:
    """The variants of a study that have at least one seed's score."""
    nets = ledger.stored_nets()
    names = {row["net_id"]: row["variant"] for row in ledger.rows()}
    return [
        Candidate(str(names[key]), net_from_document(nets[key]["document"], where=names[key]), ledger.study, own=own)
        for key, own in _scored(ledger)
        if key in names
    ]


def _scored(ledger: Ledger) -> Iterator[tuple[str, Own]]:
    """By net id and circumstances the mean score over the seeds."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for fact in ledger.facts_of("score"):
        groups.setdefault((fact["net_id"], fact["context_id"]), []).append(fact)
    for (net_id, _), facts in groups.items():
        data = facts[0]["context"].get("data", {})
        on = f"{data.get('name', '')}, {data.get('split', '')}"
        own = _own([f["document"]["miou"] for f in facts], on, str(data.get("identity", "")))
        if own is not None:
            yield net_id, own
