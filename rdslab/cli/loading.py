"""load: an original repository's checkpoint in a net of ours, pair by pair."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.data import data_document
from rdslab.cli.options import Json, OneNet, Root, Set, app
from rdslab.cli.output import print_json, print_table, say
from rdslab.cli.training import By, Partial, Skip, settings_of
from rdslab.errors import SpecError

if TYPE_CHECKING:
    from rdslab.data import Classes
    from rdslab.train import Loaded

SEEN = ("normalise", "void_logit")  # what of a recipe decides how a trained net is used
CLASSES = 19  # where nothing else is said


@app.command()
def load(
    net: OneNet,
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help=".safetensors, or what torch.save wrote.")],
    by: By = "name",
    partial: Partial = False,
    skip: Skip = [],  # noqa: B006
    classes: Annotated[int | None, typer.Option("--classes", help="Number of classes; 19 by default.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="The data set whose classes they are.")] = None,
    root: Root = None,
    size: Annotated[str, typer.Option("--size", help="Size the net was trained at.")] = "1024x512",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write a weights file.")] = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Load a checkpoint into a net and list each pair; no code in it is run. --out writes a weights file.

    How the original sees an image is said by --set recipe.normalise=imagenet and --set recipe.void_logit=true.
    """
    from rdslab.cli.nets import loaded
    from rdslab.network import build, check_size
    from rdslab.records import Size
    from rdslab.train import load_recipe, load_weights
    from rdslab.train.transfer import pairing

    spec, at = loaded(net, settings_of(set_, "net")), Size.parse(size)
    check_size(spec, at)
    how = load_recipe("one_cycle", _of_seeing(settings_of(set_, "recipe")))
    names = _names(classes, data, root, set_, out)
    count = len(names) if names is not None else classes if classes is not None else CLASSES
    network = build(spec, count + how.void_logit)
    found = load_weights(network, checkpoint, pairing(by), partial=partial, skip=skip)
    if out is not None and names is not None:
        from rdslab.train import describe_input, save_loaded

        save_loaded(out, network, found, describe_input(spec, names, at, how.normalise, how.void_logit), checkpoint)
    _tell(found, {"name": spec.name, "checkpoint": str(checkpoint), "weights": str(out) if out else None}, json)


def _names(
    classes: int | None, data: str | None, root: str | None, settings: list[str], out: Path | None
) -> "Classes | None":
    """The classes of the data set, where one is named. Raises SpecError where the options do not go together."""
    from rdslab.data import data_classes

    if classes is not None and data is not None:
        raise SpecError("--classes and --data both say how many classes there are", "keep one of them")
    if out is not None and data is None:
        what = "a weights file has the names and colours of its classes, and they are not given"
        raise SpecError(what, "name the data set they are of, as in --data cityscapes", where="--out")
    return data_classes(data_document(data, root, settings), where="--data") if data is not None else None


def _of_seeing(settings: list[str]) -> list[str]:
    """Raises SpecError for what of a recipe has no meaning without a training."""
    for setting in settings:
        if setting.partition("=")[0] not in SEEN:
            what = f"'recipe.{setting}' sets nothing here"
            raise SpecError(what, f"only {' and '.join(SEEN)} matter to weights that are trained", where="--set")
    return settings


def _tell(found: "Loaded", about: dict[str, Any], json: bool) -> None:
    if json:
        print_json(about | found.document())
        return
    rows = []
    for number, pair in enumerate(found.pairs, 1):
        tensors = [f"{own} {'x'.join(map(str, shape))}" for own, shape in pair.shapes.items() if shape]
        rows.append([number, pair.theirs, pair.ours, ", ".join(tensors)])
    print_table([">pair", "in the checkpoint", "in the net", "tensors"], rows, f"{about['checkpoint']}, by {found.by}")
    lists = {
        "left as drawn, for the checkpoint lacks it": found.missing,
        "left out, for the net lacks it": found.unexpected,
        "left as drawn, for its shape is another": found.mismatched,
        "skipped": found.skipped,
    }
    for words, names in lists.items():
        for name in names:
            say(f"{words}: {name}")
    if about["weights"]:
        say(f"weights: {about['weights']}")
