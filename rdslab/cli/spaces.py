"""space audit: what a search space holds, before anything is searched."""

from json import dumps
from typing import TYPE_CHECKING, Annotated

import typer

from rdslab.cli.options import Json, Set, app
from rdslab.cli.output import print_json, print_table, progress, say
from rdslab.errors import SpecError
from rdslab.records import human

if TYPE_CHECKING:
    from rdslab.space import Audit, Space
    from rdslab.space.audit import Figure, Share

group = typer.Typer(help="Look at search spaces.", no_args_is_help=True)
app.add_typer(group, name="space")


@group.command("audit")
def audit(
    space: Annotated[str, typer.Argument(metavar="SPACE", help="A search space's YAML file.")],
    size: Annotated[str | None, typer.Option("--size", help="Deployment size; default the space's own.")] = None,
    classes: Annotated[int | None, typer.Option("--classes", help="Number of classes; default the space's.")] = None,
    device: Annotated[list[str], typer.Option("--device", help="Profiles that predict, beside the space's.")] = [],  # noqa: B006
    samples: Annotated[int, typer.Option("--samples", help="Nets drawn from a space too large to enumerate.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Of the drawing.")] = 0,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Say how many nets a space has, what they cost, and which genes and choices are of no use."""
    from rdslab.space import audit_space, load_space

    if not 10 <= samples <= 1_000_000:
        raise SpecError(f"must be 10 to 1,000,000, got {samples}", where="--samples")
    settings = [*set_, *([f"deploy.size={size}"] if size else [])]
    settings += [f"deploy.classes={classes}"] if classes is not None else []
    found = load_space(space, settings)
    if device:
        names = list(dict.fromkeys([*found.deploy.profiles, *device]))
        found = load_space(space, [*settings, f"deploy.devices={dumps(names)}"])
    with progress() as bars:
        bar = bars.add_task(f"looking at {found.name}", total=None)
        answer = audit_space(found, samples, seed, lambda done, total: bars.update(bar, completed=done, total=total))
    if json:
        context = {"deploy_size": str(found.deploy.size), "classes": found.deploy.classes}
        print_json(answer.document() | context | {"genes": _genes(found)})
    else:
        _print(found, answer)


def _genes(space: "Space") -> list[dict[str, object]]:
    return [{"name": gene.name, "choices": [gene.label(k) for k in range(len(gene.choices))]} for gene in space.genes]


def _print(space: "Space", answer: "Audit") -> None:
    how = "all of them looked at" if answer.exact else f"{answer.looked:,} drawn, intervals 95 %"
    say(f"{answer.name}: {len(space.genes)} genes, {_many(answer.size)} genotypes, {how}")
    say(f"can be built: {_percent(answer.built)}")
    if answer.exact:
        say(f"distinct nets after canonicalisation: {answer.nets_at_least:,}")
    else:
        ends = f"at least {answer.nets_at_least:,} (seen), at most {_many(answer.nets_at_most)}"
        say(f"distinct nets after canonicalisation: {ends}; repeats in the sample {_percent(answer.repeats)}")
    for share in answer.within:
        say(f"within {share.of}: {_percent(share)}")
    _print_figures(space, answer)
    for idle in answer.idle:
        cost = "only what nets cost" if idle.costs else "nothing"
        say(f"gene {idle.gene} changes {cost}, never what can be learned{_tries(idle.tries)}")
    for choice in answer.never_built:
        words = f"is never built{_tries(choice.tries)}: {choice.why}" if choice.why else "never acts"
        say(f"{choice.gene} {choice.choice} {words}")
    for clash in answer.clashes:
        one, other = (f"{gene} {choice}" for gene, choice in zip(clash.genes, clash.choices, strict=True))
        say(f"clash: {one} with {other} is never built{_tries(clash.tries)}: {clash.why}")


def _print_figures(space: "Space", answer: "Audit") -> None:
    columns = ["figure", ">least", *[f">{100 * q.share:g} %" for q in answer.figures[0].quantiles], ">most"]
    rows = [_row(figure, answer.exact, len(columns)) for figure in answer.figures]
    title = f"of genotypes drawn alike, at {space.deploy.size}, {space.deploy.classes} classes; latency predicted"
    print_table(columns, rows, title)


def _row(figure: "Figure", exact: bool, width: int) -> list[str]:
    name = f"{figure.name} ({figure.unknown} unknown)" if figure.unknown else figure.name
    if not figure.quantiles:
        return [name, *["unknown"] * (width - 1)]
    cells = [
        _number(q.value) if exact else f"{_number(q.value)} ({_number(q.low)} to {_number(q.high)})"
        for q in figure.quantiles
    ]
    return [name, _number(figure.least), *cells, _number(figure.most)]


def _number(value: float) -> str:
    return human(value) if abs(value) != float("inf") else "all" if value > 0 else "?"


def _many(number: int) -> str:
    return f"{number:,}" if number < 10**9 else f"{float(number):.3g}"


def _percent(share: "Share") -> str:
    words = f"{100 * share.share:.1f} %"
    return words if share.low == share.high else f"{words} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _tries(tries: int) -> str:
    return f" (in {tries} tries)" if tries else ""
