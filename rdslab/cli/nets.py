"""list, show, check, cost, formulas: what is known of nets without running them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Classes, Json, Nets, OneNet, Set, SizeText, app
from rdslab.cli.output import note, print_json, say
from rdslab.errors import SpecError
from rdslab.records import Size

if TYPE_CHECKING:
    from rdslab.spec import Net

Schema = Annotated[str | None, typer.Option("--schema", metavar="DIR", help="Write JSON Schemas for editors there.")]
BOARD = "jetson-tx1"  # the one that the paper's nets were timed on
KINDS = ("blocks", "nets", "spaces", "studies", "datasets", "devices")


def loaded(name: str, settings: list[str]) -> "Net":
    """A net by name or file, with `--set` applied to its places."""
    from rdslab.network import load_net
    from rdslab.yamlio import parse_setting

    net = load_net(name)
    for setting in settings:
        path, value = parse_setting(setting)
        net = net.with_value(path, value)
    return net


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="[blocks|nets|spaces|studies|datasets|devices]")] = "nets",
    size: SizeText = "1024x512",
    classes: Classes = 19,
    device: Annotated[list[str], typer.Option("--device", help="Profiles that predict the nets' latency.")] = [BOARD],  # noqa: B006
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV and nothing else.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table and nothing else.")] = False,
) -> None:
    """List what there is: nets with costs and accuracies, blocks with options, data sets, devices, studies, spaces."""
    from rdslab.cli import formats, listing
    from rdslab.errors import did_you_mean

    if kind not in KINDS:
        raise SpecError(f"nothing is listed as {kind!r}", f"there are: {', '.join(KINDS)}", did_you_mean(kind, KINDS))
    asked = [name for name, wanted in (("--json", json), ("--csv", csv), ("--latex", latex)) if wanted]
    if len(asked) > 1:
        raise SpecError(f"{' and '.join(asked)} ask for several formats at once", "keep one of them")
    at = Size.parse(size)
    rows: list[dict[str, Any]] = (
        listing.nets(at, classes, device) if kind == "nets" else getattr(listing, kind)(at, classes)
    )
    if json:
        print_json(rows)
    elif not rows:
        (note if csv or latex else say)(f"no {kind} here")
    elif csv:
        print(formats.csv(listing.flat(kind, rows)), end="")
    elif latex:
        print(formats.latex(listing.table(kind, rows, dash="--")), end="")
    else:
        formats.show(listing.table(kind, rows))


@app.command()
def show(
    net: OneNet,
    size: SizeText = "1024x512",
    classes: Classes = 19,
    svg: Annotated[str | None, typer.Option("--svg", metavar="FILE", help="Write the drawing there too.")] = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Draw a net with its branches and skips, shapes and costs."""
    from rdslab.cli.drawing import draw
    from rdslab.cli.output import console
    from rdslab.cost import count
    from rdslab.identity import resolve

    spec = loaded(net, set_)
    cost, resolved = count(spec, Size.parse(size), classes), resolve(spec)
    if svg is not None:
        from rdslab.drawing.svg import write_svg

        note(f"wrote {write_svg(svg, spec, cost)}")
    if json:
        print_json(
            cost.document()
            | {
                "id": resolved.id,
                "canonical_id": resolved.canonical_id,
                "dropped": resolved.dropped,
                "net": spec.document(),
            }
        )
        return
    draw(console(), spec, cost, resolved)


@app.command()
def cost(
    nets: Nets,
    size: SizeText = "1024x512",
    classes: Classes = 19,
    per_node: Annotated[bool, typer.Option("--per-node", help="One row a node.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Hold the count against fvcore and torch.")] = False,
    training: Annotated[bool, typer.Option("--training", help="Count heads in that only training has.")] = False,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Count parameters, MACs, activations and bytes of the inference form, or with its heads. 1 MAC = 2 FLOPs."""
    from rdslab.cli import costs

    at = Size.parse(size)
    specs = [loaded(name, set_) for name in nets]
    document = [costs.document(spec, at, classes, per_node=per_node, audit=audit, training=training) for spec in specs]
    if json:
        print_json(document)
    else:
        costs.show(document, at, classes, training=training)


@app.command()
def formulas(json: Json = False) -> None:
    """Verify equations 2 to 9 of the seed paper against counted blocks."""
    from rdslab.cli import costs
    from rdslab.cost.formulas import document, verify

    found = verify()
    if json:
        print_json(document(found))
    else:
        costs.show_formulas(found)


@app.command()
def check(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", help="Nets, studies, spaces, recipes, device profiles.")
    ] = None,
    schema: Schema = None,
    json: Json = False,
) -> None:
    """Check documents of every kind. Runs the Python files of blocks that a net names."""
    from rdslab.cli import checking

    if not files and schema is None:
        raise SpecError("nothing to check", "name files, or --schema DIR")
    reports = [checking.check(path) for path in files or []]
    if schema is not None:
        for path in checking.write_schemas(schema):
            note(f"wrote {path}")
    if json:
        print_json(reports)
        return
    for report in reports:
        say(f"{report['file']}: {report['kind']} {report['name']!r} is right")
        for line in report["notes"]:
            say(f"  {line}")
