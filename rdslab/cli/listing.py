"""The rows of `rdslab list`, one function a kind; each takes the size and classes that costs belong to."""

from pathlib import Path
from typing import Any

from rdslab.records import Size, human

Rows = list[dict[str, Any]]


def cell(name: str, value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if name in ("params", "macs"):
        return human(value)
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return str(value)


def nets(size: Size, classes: int) -> Rows:
    """The zoo."""
    from rdslab.cost import count
    from rdslab.network import load_net, zoo_names

    rows = []
    for name in zoo_names():
        net = load_net(name)
        cost = count(net, size, classes)
        rows.append(
            {
                "name": name,
                "year": net.year,
                "params": cost.params,
                "macs": cost.macs,
                "size": str(size),
                "paper": net.paper,
            }
        )
    return rows


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
    return [{"file": str(path)} for path in sorted(Path("search_spaces").glob("*.yaml"))]
