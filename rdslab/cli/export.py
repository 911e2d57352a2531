"""export: a network as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from rdslab.cli.options import Json, Set, app
from rdslab.cli.output import print_json, say


@app.command()
def export(
    net: Annotated[str, typer.Argument(metavar="WEIGHTS|NET", help="A weights file, a zoo name or a YAML file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ONNX file.")],
    size: Annotated[str | None, typer.Option("--size", help="Input size; of weights their own, else 1024x512.")] = None,
    classes: Annotated[int | None, typer.Option("--classes", help="Number of classes of a NET, 19 by default.")] = None,
    opset: Annotated[int, typer.Option("--opset", help="ONNX operator set, 11 to 18.")] = 13,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Write a network's deployment form as ONNX: batch norm folded, checked in ONNX Runtime against torch."""
    from rdslab.cli.nets import loaded
    from rdslab.errors import SpecError
    from rdslab.measure.export import export as write_onnx
    from rdslab.network import build
    from rdslab.records import Size
    from rdslab.train import load_trained

    if net.endswith(".safetensors"):
        if set_ or classes is not None:
            raise SpecError("weights have their net and their classes", "leave out --set and --classes", where=net)
        network, about = load_trained(Path(net))
    else:
        network, about = build(loaded(net, set_), 19 if classes is None else classes).eval(), {}
    found = write_onnx(network, Size.parse(size or about.get("size", "1024x512")), out, opset, about)
    if json:
        print_json(found.document())
        return
    say(
        f"wrote {found.path}: {found.net}, {found.size}, {found.classes} classes, opset {found.opset}, "
        f"{found.bytes:,} bytes"
    )
    say(f"batch norms folded into convolutions: {found.folded}")
    for name, reason in found.left.items():
        say(f"not folded: {name}: {reason}")
    say(f"ONNX Runtime's scores differ from torch's by {found.difference:.1e} of their scale")
