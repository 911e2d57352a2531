"""Two studies beside each other: what may stand side by side, and in which fields they differ where it may not.

Scores compare on the same data, split, size and classes, trained by the same recipe; costs at the same size with as
many classes; times by `rdslab.comparable`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rdslab.comparable import Difference, between
from rdslab.errors import SpecError
from rdslab.report.differences import LEVEL
from rdslab.report.found import Found
from rdslab.report.frame import COSTS, MISSING, Results, records, unique
from rdslab.report.latency import TimesResults, block_medians, nets_frame
from rdslab.report.timefiles import SHARED
from rdslab.report.variants import scores, variants_frame
from rdslab.stats import Estimate, Ratio, holm, paired_difference, ratio_of
from rdslab.stats.welch import unpaired_difference

FUNCTION, CLASS = "function", "class of functions"  # what two nets have in common
FEWEST_PAIRS = 2
NOT_ALIKE = "these columns hold times that were not taken alike"


@dataclass(frozen=True)
class SharedNet:
    """A net that both studies trained, or two of one class of functions; mIoU as shares of 1, differences B - A."""

    a: str  # variants
    b: str
    same: str  # function, or class of functions
    n_a: int
    n_b: int
    how: str  # paired: by the seeds that both have; Welch: seeds that nothing pairs
    estimate: Estimate
    p_holm: float | None = None
    told: bool = False

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class SharedTime:
    """A net that both studies have a time of, in one cell; milliseconds, ratio B / A."""

    a: str
    b: str
    device: str
    size: str
    form: str
    kind: str
    a_ms: float
    b_ms: float
    ratio: Ratio


@dataclass(frozen=True)
class StudiesBeside:
    """What two studies have side by side. `apart`: by quantity, why not."""

    names: tuple[str, str]
    sources: tuple[str, str]
    apart: Mapping[str, Sequence[str]]
    variants: Sequence[Mapping[str, Any]]
    nets: Sequence[SharedNet] = ()
    times: Sequence[SharedTime] = ()
    notes: Sequence[str] = field(default=())

    def document(self) -> dict[str, Any]:
        return asdict(self)


def compare_studies(a: Found, b: Found) -> StudiesBeside:
    """Two studies that train, or two of times. Raises SpecError for one of each."""
    names, sources = (a.study.name, b.study.name), (a.source, b.source)
    if isinstance(a.results, Results) and isinstance(b.results, Results):
        apart = _apart(a, b, a.results, b.results)
        rows = [row for side, found in (("A", a.results), ("B", b.results)) for row in _variants(side, found, apart)]
        nets = [] if apart["miou"] else _tested(_shared(a.results, b.results))
        return StudiesBeside(names, sources, apart, rows, nets, notes=_notes(a.results, b.results, bool(nets)))
    if isinstance(a.results, TimesResults) and isinstance(b.results, TimesResults):
        return _times_beside(a, b, a.results, b.results)
    trains, other = (one.study.name for one in ((a, b) if a.study.trains else (b, a)))
    hint = "compare two studies that train, or two of times"
    raise SpecError(f"study {trains!r} trains, study {other!r} is of times alone", hint)


def _apart(a: Found, b: Found, ours: Results, theirs: Results) -> dict[str, list[str]]:
    """By quantity the fields that keep it apart, none where it may stand side by side."""
    found = {"miou": _words(between(*map(_scored, (ours, theirs))))}
    for side, results in (("A", ours), ("B", theirs)):
        if not results.frame["miou"].notna().any():
            found["miou"].append(f"study {side} has no mIoU yet")
    found["costs"] = _words(
        between(*({key: _deploy(one).get(key) for key in ("size", "classes")} for one in (ours, theirs)))
    )
    for device in unique([*ours.devices, *theirs.devices]):
        found[f"latency_ms.{device}"] = _times_apart(a, b, device)
    return found


def _scored(results: Results) -> dict[str, Any]:
    """The fields that decide whether two mIoU may stand side by side."""
    data = results.study.get("data") or {}
    fields = {f"data.{key}": value for key, value in data.items() if key != "root"}
    fields["data.identity"] = results.data_identity or data.get("identity") or None
    recipe = results.study.get("recipe") or {}
    named = recipe if isinstance(recipe, Mapping) else {"name": recipe}
    fields |= {f"recipe.{key}": value for key, value in named.items()}
    return {**fields, "classes": results.classes}


def _deploy(results: Results | TimesResults) -> Mapping[str, Any]:
    found: Mapping[str, Any] = results.study.get("deploy") or {}
    return found


def _words(differences: Sequence[Difference]) -> list[str]:
    return [str(line) for line in differences]


def _times_apart(a: Found, b: Found, column: str) -> list[str]:
    """Why two columns of times may not stand side by side."""
    ours, theirs = a.times.get(column), b.times.get(column)
    if not ours or not theirs:
        sides = [side for side, column_of in (("A", ours), ("B", theirs)) if not column_of]
        return [f"study {' and '.join(sides)} {'have' if len(sides) > 1 else 'has'} no such times"]
    found = [str(line) for one in ours for other in theirs for line in between(one, other)]
    if any(one.get("kind") == "predicted" for one in ours):  # a profile of one name may have been fitted anew
        device = str(ours[0].get("device"))
        versions = [", ".join(one.results.profiles.get(device) or ()) for one in (a, b)]
        found += _words(between({f"version of {device}": versions[0]}, {f"version of {device}": versions[1]}))
    return unique(found)


def _variants(side: str, results: Results, apart: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """A row each variant, without what may not stand beside the other study's."""
    for row in records(variants_frame(results)):
        found = {"study": side, **{key: row[key] for key in ("variant", "net_id", "canonical_id")}}
        if not apart["miou"]:
            found |= {key: _plain(row[key]) for key in ("miou", "n", "miou_low", "miou_high")}
        if not apart["costs"]:
            found |= {key: _plain(row[key]) for key in COSTS}
        for column, why in apart.items():
            device = column.partition(".")[2]
            if device and not why:
                kind = row.get(f"latency_kind.{device}", MISSING)
                found |= {column: _plain(row.get(column)), f"latency_kind.{device}": kind}
        yield found


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if plain is None or plain != plain or str(plain) == "<NA>" else plain


def _shared(a: Results, b: Results) -> Iterator[SharedNet]:
    """Each net of A with the same net of B; with those of its class of functions where B has not the net itself."""
    ours, theirs = (records(variants_frame(results)) for results in (a, b))
    in_both = {row["net_id"] for row in ours if row["net_id"]} & {row["net_id"] for row in theirs}
    for one in ours:
        for other in theirs:
            same_class = one["canonical_id"] and one["canonical_id"] == other["canonical_id"]
            if one["net_id"] == other["net_id"] and one["net_id"]:
                yield _shared_net(a, b, one["variant"], other["variant"], FUNCTION)
            elif same_class and not {one["net_id"], other["net_id"]} & in_both:
                yield _shared_net(a, b, one["variant"], other["variant"], CLASS)


def _shared_net(a: Results, b: Results, one: str, other: str, same: str) -> SharedNet:
    ours, theirs = (
        {seed: value for seed, value in scores(results, name).items() if value is not None}
        for results, name in ((a, one), (b, other))
    )
    paired = len(ours.keys() & theirs.keys()) >= FEWEST_PAIRS
    found = paired_difference(theirs, ours) if paired else unpaired_difference(theirs.values(), ours.values())
    return SharedNet(one, other, same, len(ours), len(theirs), "paired" if paired else "Welch", found)


def _tested(found: Iterator[SharedNet]) -> list[SharedNet]:
    """With p corrected by Holm's method over all differences; told below 5 %."""
    nets = list(found)
    corrected = holm([net.estimate.p for net in nets])
    told = [p is not None and p < LEVEL for p in corrected]
    return [SharedNet(**{**vars(net), "p_holm": p, "told": t}) for net, p, t in zip(nets, corrected, told, strict=True)]


def _notes(a: Results, b: Results, tested: bool) -> list[str]:
    """What decides nothing and may matter: versions and threads."""
    sides = ({**one.versions, "threads": one.study.get("threads")} for one in (a, b))
    return [f"not held against them: {line}" for line in between(*sides)] if tested else []


def _times_beside(a: Found, b: Found, ours: TimesResults, theirs: TimesResults) -> StudiesBeside:
    classes = [_deploy(one).get("classes") for one in (ours, theirs)]
    apart = {"costs": _words(between({"classes": classes[0]}, {"classes": classes[1]}))}
    sizes = [size for size in ours.sizes if size in theirs.sizes]
    if not sizes:
        apart["costs"].append(f"sizes are {', '.join(ours.sizes)} in one and {', '.join(theirs.sizes)} in the other")
    for column in unique([*a.times, *b.times]):
        apart[f"latency_ms of {column}"] = _times_apart(a, b, column)
    rows = [
        {"study": side, **{key: _plain(value) for key, value in row.items()}}
        for side, results in (("A", ours), ("B", theirs))
        for row in (records(nets_frame(results)) if not apart["costs"] else ())
        if row["size"] in sizes
    ]
    times = list(_shared_times(ours, theirs, apart))
    notes = unique(line.ratio.why for line in times if line.ratio.why)
    return StudiesBeside((a.study.name, b.study.name), (a.source, b.source), apart, rows, (), times, notes)


def _shared_times(a: TimesResults, b: TimesResults, apart: Mapping[str, Sequence[str]]) -> Iterator[SharedTime]:
    """The times of the same net in the same cell; a class of functions is not enough, for an order of filters costs."""
    ids = {str(net["variant"]): net["net_id"] for net in b.nets}
    for row in records(a.frame):
        column = f"{row['device']}, {row['size']}, {row['form']}"
        net_id = next(net["net_id"] for net in a.nets if net["variant"] == row["variant"])
        if row["kind"] == MISSING or apart.get(f"latency_ms of {column}", NOT_ALIKE):
            continue
        for other in records(b.frame):
            cell = all(row[key] == other[key] for key in ("device", "size", "form", "kind"))
            if cell and ids.get(str(other["variant"])) == net_id:
                yield _shared_time(a, b, row, other)


def _shared_time(a: TimesResults, b: TimesResults, row: Mapping[str, Any], other: Mapping[str, Any]) -> SharedTime:
    device, size, form, kind = (str(row[key]) for key in ("device", "size", "form", "kind"))
    a_ms, b_ms = float(row["latency_ms"]), float(other["latency_ms"])
    if kind == "predicted":
        ratio = Ratio(b_ms / a_ms, why=SHARED)
    else:
        ours = block_medians(a.document(str(row["variant"]), size, device, form))
        theirs = block_medians(b.document(str(other["variant"]), size, device, form))
        ratio = ratio_of(a_ms, b_ms, ours, theirs)
    return SharedTime(str(row["variant"]), str(other["variant"]), device, size, form, kind, a_ms, b_ms, ratio)
