"""export: a network as an ONNX file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.data import data_document
from rdslab.cli.options import Json, Root, Set, app
from rdslab.cli.output import print_json, say
from rdslab.errors import SpecError

if TYPE_CHECKING:
    from rdslab.measure.export import Exported

WEIGHTS = ".safetensors"


@app.command()
def export(
    net: Annotated[str, typer.Argument(metavar="WEIGHTS|NET", help="A weights file, a zoo name or a YAML file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ONNX file.")],
    size: Annotated[str | None, typer.Option("--size", help="Input size; of weights their own, else 1024x512.")] = None,
    classes: Annotated[int | None, typer.Option("--classes", help="Number of classes of a NET, 19 by default.")] = None,
    opset: Annotated[int, typer.Option("--opset", help="ONNX operator set, 11 to 18.")] = 13,
    data: Annotated[str | None, typer.Option("--data", help="Measure the file's mIoU on this data set.")] = None,
    root: Root = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Write a network's deployment form as ONNX: batch norm folded, checked in ONNX Runtime against torch.

    With --data the mIoU of the file that is written is measured beside that of the weights.
    """
    from rdslab.cli.nets import loaded
    from rdslab.measure.export import export as write_onnx
    from rdslab.network import build
    from rdslab.records import Size
    from rdslab.train import load_trained

    if net.endswith(WEIGHTS):
        _check_of_weights(net, classes, data, root, set_)
        network, about = load_trained(Path(net))
        judge = _judge(Path(net), data, root, set_, size or about["size"]) if data is not None else None
    else:
        if data is not None or root is not None:
            hint = "give the weights file that `rdslab train` wrote"
            raise SpecError("a net without weights has no mIoU", hint, where="--data")
        network, about, judge = build(loaded(net, set_), 19 if classes is None else classes).eval(), {}, None
    found = write_onnx(network, Size.parse(size or about.get("size", "1024x512")), out, opset, about, judge)
    if json:
        print_json(found.document())
    else:
        _tell(found)


def _check_of_weights(
    weights: str, classes: int | None, data: str | None, root: str | None, settings: list[str]
) -> None:
    """Raises SpecError for options that weights do not take."""
    if classes is not None or any(not setting.startswith("data.") for setting in settings):
        hint = "leave out --classes, and --set of anything but data."
        raise SpecError("weights have their net and their classes", hint, where=weights)
    if data is None and (root is not None or settings):
        given = "--root" if root is not None else "--set"
        raise SpecError("says where images are, and no data set is named", "name it with --data", where=given)


def _judge(
    weights: Path, data: str | None, root: str | None, settings: list[str], size: str
) -> Callable[[Any], dict[str, Any]]:
    from rdslab.data import open_data
    from rdslab.train import judge_of

    document = data_document(str(data), root, settings, size)
    if str(document["size"]) != size:
        raise SpecError("the file takes one size", "give it by --size", where="--set data.size")
    return judge_of(weights, open_data(document, where="--data"))


def _tell(found: "Exported") -> None:
    say(
        f"wrote {found.path}: {found.net}, {found.size}, {found.classes} classes, opset {found.opset}, "
        f"{found.bytes:,} bytes"
    )
    say(f"sha256: {found.sha256}")
    say(f"batch norms folded into convolutions: {found.folded}")
    if found.shuffles:
        say(f"channel shuffles folded into the order of filters: {len(found.shuffles)} ({', '.join(found.shuffles)})")
    for name, reason in found.left.items():
        say(f"not folded: {name}: {reason}")
    say(f"ONNX Runtime's scores differ from torch's by {found.difference:.1e} of their scale")
    if found.miou is not None and found.weights_miou is not None and found.miou_on is not None:
        on = f"{found.miou_on['images']} images of {found.miou_on['name']}, {found.miou_on['split']}"
        say(f"mIoU of this file {100 * found.miou:.2f} %, of the weights {100 * found.weights_miou:.2f} % ({on})")
