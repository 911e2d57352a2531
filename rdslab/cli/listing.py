"""The rows of `rdslab list` as plain data, one function a kind; each takes the size and classes of the costs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdslab.cli import nettable
from rdslab.cli.formats import Rows, Table
from rdslab.errors import SpecError
from rdslab.records import Cost, Size

if TYPE_CHECKING:
    from rdslab.measure.profile import Profile
    from rdslab.spec import Net


def table(kind: str, rows: Rows, dash: str = "-") -> Table:
    """The rows as a table of texts; `dash` stands between the ends of an interval."""
    if kind == "nets":
        return nettable.table(rows, dash)
    return Table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def flat(kind: str, rows: Rows) -> Rows:
    """The rows as records without anything nested."""
    return nettable.flat(rows) if kind == "nets" else [{k: _cell(value) for k, value in row.items()} for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return str(value)


def nets(size: Size, classes: int, devices: Sequence[str]) -> Rows:
    """The zoo: what each net costs, its latency on the profiles, and what publications say of its accuracy.

    A figure that cannot be had is None, and `notes` beside it says why.
    """
    from rdslab.measure import load_profile
    from rdslab.network import load_net, zoo_names
    from rdslab.resolve import check_classes

    check_classes(classes)
    profiles = [load_profile(name) for name in devices]
    return [_net(load_net(name), size, classes, profiles) for name in zoo_names()]


def _net(net: "Net", size: Size, classes: int, profiles: "Sequence[Profile]") -> dict[str, Any]:
    from rdslab.cost import count

    try:
        cost, notes = count(net, size, classes), []
    except SpecError as error:  # too small an image, usually: the others still have their figures
        cost, notes = None, [_reason(error).replace(f"net {net.name!r}", "this net")]
    return {
        "name": net.name,
        "year": net.year,
        "paper": net.paper,
        "size": str(size),
        "classes": classes,
        "params": cost and cost.params,
        "macs": cost and cost.macs,
        "latency_ms": {profile.name: _latency(cost, profile, notes) for profile in profiles},
        "published": [asdict(line) for line in net.published],
        "notes": notes,
    }


def _latency(cost: Cost | None, profile: "Profile", notes: list[str]) -> dict[str, Any]:
    from rdslab.measure import predict_times

    figures: dict[str, Any] = dict.fromkeys(("latency_ms", "low_ms", "high_ms"))
    if cost is not None:
        try:
            times = predict_times(cost, profile)
        except SpecError as error:
            notes = [_reason(error)]
        else:
            figures, notes = {name: getattr(times, name) for name in figures}, list(times.notes)
    return {**figures, "predicted": True, "notes": notes}


def _reason(error: SpecError) -> str:
    return "; ".join([error.what, *error.hints])


def blocks(size: Size, classes: int) -> Rows:  # noqa: ARG001
    """The registered blocks with their options."""
    from rdslab.blocks import BLOCKS
    from rdslab.blocks.registry import defaults_of

    first_line = {name: (BLOCKS[name].__doc__ or "").strip().splitlines() for name in BLOCKS.names()}
    return [
        {"name": name, "options": defaults_of(BLOCKS[name]), "layers": (first_line[name] or [""])[0]}
        for name in BLOCKS.names()
    ]


def datasets(size: Size, classes: int) -> Rows:  # noqa: ARG001
    """The data sets with their options."""
    from rdslab.data import DATASETS, data_options

    rows = []
    for name in DATASETS.names():
        options = {
            key: "" if field.is_required() else field.default for key, field in data_options(name).model_fields.items()
        }
        about = (DATASETS[name].__doc__ or "").strip().splitlines()
        rows.append({"name": name, "options": options, "about": about[0] if about else ""})
    return rows


def devices(size: Size, classes: int) -> Rows:  # noqa: ARG001
    """This machine and the shipped profiles."""
    from rdslab.measure import load_profile, profile_names

    rows: Rows = [{"name": "here", "kind": "measured", "about": "this machine"}]
    return rows + [
        {"name": name, "kind": "predicted", "about": load_profile(name).headline} for name in profile_names()
    ]


def studies(size: Size, classes: int) -> Rows:  # noqa: ARG001
    """The studies below `studies/` of the current folder."""
    from rdslab.search.plan import load_study

    rows = []
    for path in sorted(Path("studies").glob("*.yaml")):
        study = load_study(path)
        rows.append(
            {
                "file": str(path),
                "variants": len(study.variants),
                "seeds": len(study.document.seeds),
                "title": study.document.title,
            }
        )
    return rows


def spaces(size: Size, classes: int) -> Rows:  # noqa: ARG001
    """The search spaces below `search_spaces/` of the current folder."""
    from rdslab.space import load_space

    rows = []
    for path in sorted(Path("search_spaces").glob("*.yaml")):
        space = load_space(path)
        rows.append(
            {"file": str(path), "genes": len(space.genes), "genotypes": f"{space.size:,}", "title": space.title}
        )
    return rows
