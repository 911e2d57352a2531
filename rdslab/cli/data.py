"""data check: what is wrong with a data set, before any training."""

from typing import Annotated, Any

import typer

from rdslab.cli.options import Json, Root, Set, app
from rdslab.cli.output import print_json, progress, say
from rdslab.errors import SpecError
from rdslab.source import Source

group = typer.Typer(help="Look at data sets.", no_args_is_help=True)
app.add_typer(group, name="data")
DEFAULT_SIZE = "480x360"


def data_document(
    name: str, root: str | None, settings: list[str], size: str | None = None, usual: str = DEFAULT_SIZE
) -> dict[str, Any]:
    """The `data:` mapping that the options of a command describe; `--set data.split=official` adds to it.

    `usual` is the size where nothing says one.
    """
    from rdslab.yamlio import with_settings

    document: dict[str, Any] = {"name": name} | ({"root": root} if root else {}) | ({"size": size} if size else {})
    own = [setting for setting in settings if setting.startswith("data.")]
    data: dict[str, Any] = with_settings(Source("--set", {"data": document}), own).data["data"]
    return {"size": usual, **data}


@group.command("check")
def check(
    data: Annotated[str, typer.Option("--data", help="The data set's name.")],
    root: Root = None,
    size: Annotated[str | None, typer.Option("--size", help="Size the images are brought to.")] = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Find wrong label values, missing partners, sizes that differ and unreadable files, all by name."""
    from rdslab.data import check_data

    unknown = [setting for setting in set_ if not setting.startswith("data.")]
    if unknown:
        raise SpecError(f"{unknown[0]!r} sets nothing here", "write it like --set data.split=official", where="--set")
    with progress() as bars:
        bar = bars.add_task(f"reading {data}", total=None)
        document = data_document(data, root, set_, size)
        problems = check_data(
            document, where="--data", progress=lambda done, total: bars.update(bar, completed=done, total=total)
        )
    if json:
        print_json([{"file": str(problem.file), "what": problem.what} for problem in problems])
    for problem in problems if not json else ():
        say(f"{problem.file}: {problem.what}")
    if problems:
        raise SpecError(f"{len(problems)} things are wrong with data set {data!r}")
    if not json:
        say(f"data set {data!r} is right")
