"""plan: what a study will take and what it can tell, before it is launched."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.options import Json, Root, Set, Storage, StudyFile, app
from rdslab.cli.output import note, print_json, print_table, say
from rdslab.errors import SpecError

if TYPE_CHECKING:
    from rdslab.search.forecast import Forecast, Hours, Spread
    from rdslab.search.ledger import Ledger
    from rdslab.search.plan import Study
    from rdslab.search.prepare import Prepared

DASH = "\N{EN DASH}"


@app.command()
def plan(
    study: StudyFile,
    spread: Annotated[
        float | None, typer.Option("--spread", metavar="POINTS", help="Standard deviation of mIoU over seeds.")
    ] = None,
    spread_from: Annotated[
        str | None, typer.Option("--spread-from", metavar="STUDY", help="A study that was run: its pooled spread.")
    ] = None,
    effect: Annotated[
        float | None, typer.Option("--effect", metavar="POINTS", help="Say how many seeds this difference needs.")
    ] = None,
    power: Annotated[float, typer.Option("--power", help="How often a true effect is to be found.")] = 0.8,
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Train no steps to tell the hours.")] = False,
    storage: Storage = None,
    root: Root = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Say before launch how many trials and hours a study takes, and the smallest effect that it can detect."""
    from rdslab.search.ledger import storage_of
    from rdslab.search.plan import load_study

    wish, given = _share(effect, "--effect"), _spread(spread, spread_from)
    if not 0.5 <= power <= 0.99:
        raise SpecError(f"must be 0.5 to 0.99, got {power:g}", "0.8 is usual", where="--power")
    found = load_study(study, [*set_, *([f"data.root={root}"] if root else [])])
    if not found.trains:
        raise SpecError("trains nothing, so there are no seeds to plan", f"rdslab run {study} times it", where=study)
    answer = _forecast(found, storage_of(found, storage), given, wish, power, probed=not no_probe)
    if json:
        print_json(answer.document())
    else:
        _print(answer)


def _forecast(
    study: "Study", url: str, spread: "Spread | None", effect: float | None, power: float, *, probed: bool
) -> "Forecast":
    from rdslab.network import ids
    from rdslab.search.forecast import forecast
    from rdslab.search.prepare import prepare

    prepared = prepare(study)
    ledger = _ledger(study, url)
    return forecast(
        study,
        ledger.rows() if ledger else [],
        {name: ids(net) for name, net in prepared.nets.items()},
        hours=_hours(prepared, ledger, probed=probed),
        spread=spread,
        effect=effect,
        power=power,
    )


def _share(points: float | None, where: str) -> float | None:
    """Points of mIoU as a share of 1. Raises SpecError unless they are more than 0 and less than 100."""
    if points is not None and not 0 < points < 100:
        raise SpecError(f"expected percentage points above 0 and below 100, got {points:g}", where=where)
    return None if points is None else points / 100


def _spread(points: float | None, file: str | None) -> "Spread | None":
    from rdslab.search.earlier import spread_of
    from rdslab.search.forecast import Spread

    if points is not None and file is not None:
        raise SpecError("is one spread too many beside --spread-from", "give one of the two", where="--spread")
    share = _share(points, "--spread")
    return Spread(share) if share is not None else spread_of(file) if file is not None else None


def _ledger(study: "Study", url: str) -> "Ledger | None":
    """The study's ledger where it was begun."""
    from rdslab.search.ledger import open_ledger

    try:
        return open_ledger(study, url)
    except SpecError:
        return None


def _hours(prepared: "Prepared", ledger: "Ledger | None", *, probed: bool) -> "Hours | None":
    from rdslab.search.earlier import pace_of
    from rdslab.search.forecast import hours_of

    pace = pace_of(prepared.study, ledger) if ledger else None
    if pace is None and probed:
        from rdslab.search.probe import probe

        note("times a few training steps of the base (--no-probe leaves that out)")
        pace = probe(prepared)
    if pace is None:
        return None
    macs = {name: cost.macs for name, cost in prepared.costs.items()}
    return hours_of(prepared.study, ledger.rows() if ledger else [], macs, pace)


def _print(answer: "Forecast") -> None:
    states = ", ".join(f"{number} {state}" for state, number in answer.states.items() if number)
    say(f"{answer.name}: {answer.variants} variants x {answer.seeds} seeds = {answer.trials} trials: {states}")
    if answer.design is not None:
        _print_design(answer.design)
    _print_hours(answer.hours)
    for twins in answer.vacuous:
        say(f"vacuous: {twins.words}")
    _print_findings(answer)


def _print_design(design: Mapping[str, Any]) -> None:
    factors = " x ".join(f"{name} ({', '.join(levels)})" for name, levels in design["factors"].items())
    say(f"design: {design['kind']}, {design['runs']} runs of {factors}; the base is '{design['base']}'")
    if design["resolution"] is not None:
        columns = "; ".join(f"{added} = {' x '.join(sources)}" for added, sources in design["generators"].items())
        say(f"  resolution {design['resolution']}: {columns}")
    if design["efficiency"] is not None:
        say(f"  D-efficiency {design['efficiency']:.3f} (1 is orthogonal)")
    for name, others in design["aliases"].items():
        say(f"  {name} is told only together with {', '.join(others)}")


def _print_hours(hours: "Hours | None") -> None:
    if hours is None:
        say("hours: not estimated (--no-probe, and no trial is done)")
    elif hours.total_per_100_images is not None:
        say(f"hours: about {_time(hours.total_per_100_images)} for all trials for every 100 images to train on")
        say(f"  an estimate: {hours.how}")
    else:
        left = f"{_time(hours.left)} for what is left" if hours.left else "nothing is left"
        say(f"hours: about {_time(hours.total)} for all trials one after another; {left}")
        say(f"  an estimate: {hours.how}")


def _print_findings(answer: "Forecast") -> None:
    if not answer.comparisons:
        say("smallest effect: there is one variant and nothing to compare it with")
        return
    if answer.seeds == 1:
        say("smallest effect: none; one seed has no spread, so no difference can be told from chance")
    several = "s" * (answer.comparisons > 1)
    how = (
        f"power {100 * answer.power:g} %, two-sided paired t at {100 * answer.level:g} % over {answer.comparisons} "
        f"comparison{several}, n = {answer.seeds}"
    )
    if answer.spread is None:
        say(f"the spread over seeds is not known: give --spread POINTS or --spread-from STUDY. {how}:")
        _print_supposed(answer)
        return
    (one,) = answer.findings
    shared = f", as variants of one seed share {100 * answer.spread.correlation:.0f} % of the variance"
    say(
        f"spread: {_points(one.spread)} points ({answer.spread.source}), of a paired difference "
        f"{_points(one.sd_of_differences)}{shared if answer.spread.correlation else ''}"
    )
    alone = f"; as the only comparison {_points(one.alone)}" if several else ""
    say(f"smallest difference to the base: {_points(one.difference)} points ({how}){alone}")
    if one.effects and answer.design is not None:
        groups: dict[str, list[str]] = {}
        for name, smallest in one.effects.items():
            groups.setdefault(_points(smallest), []).append(name)
        told = "; ".join(f"{points} points for {', '.join(names)}" for points, names in groups.items())
        say(f"smallest effect over all runs: {told} ({answer.design['effects']} effects, each over its first level)")
    if answer.effect:
        points = f"{100 * answer.effect:g} point{'s' * (answer.effect != 0.01)}"
        say(f"a difference of {points} needs {_needed(answer, one.seeds_needed)}")


def _print_supposed(answer: "Forecast") -> None:
    """A line for each of several spreads."""
    columns: dict[str, list[str]] = {">spread": [_points(one.spread) for one in answer.findings]}
    columns[">smallest difference"] = [_points(one.difference) for one in answer.findings]
    columns[">as the only one"] = [_points(one.alone) for one in answer.findings]
    if answer.findings[0].effects:
        columns[">main effect, interaction"] = [
            " to ".join(dict.fromkeys(_points(edge(one.effects.values())) for edge in (min, max)))
            for one in answer.findings
        ]
    if answer.effect:
        needs = [DASH if one.seeds_needed is None else str(one.seeds_needed) for one in answer.findings]
        columns[f">seeds for {100 * answer.effect:g}"] = needs
    print_table(list(columns), list(zip(*columns.values(), strict=True)), title="points of mIoU")


def _needed(answer: "Forecast", seeds: int | None) -> str:
    """`12 seeds: 96 trials, about 3.4 hours`."""
    if seeds is None:
        return "more seeds than anyone has"
    words = f"{seeds} seeds: {seeds * answer.variants} trials"
    if answer.hours is not None and answer.hours.total is not None:
        words += f", about {_time(answer.hours.total * seeds / answer.seeds)}"
    return words


def _points(share: float | None) -> str:
    return DASH if share is None else f"{100 * share:.2f}"


def _time(hours: float | None) -> str:
    """`3.4 hours`, `12 minutes`, `40 s`."""
    if hours is None:
        return DASH
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{60 * hours:.0f} minutes" if hours >= 1 / 30 else f"{3600 * hours:.0f} s"
