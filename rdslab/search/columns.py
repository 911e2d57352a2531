"""Published times beside predictions: by a profile, by few of them, and by fits that have not seen them."""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rdslab.errors import RdslabError, SpecError
from rdslab.measure import Profile, predict_times
from rdslab.measure.fit import fit_profile
from rdslab.records import Context, Cost
from rdslab.search.documents import FEWEST, ColumnDocument, FitDocument
from rdslab.search.ledger import Ledger
from rdslab.search.plan import NO_SEED
from rdslab.search.prepare import Prepared, profile_of
from rdslab.search.published import Point, plain, points_of
from rdslab.search.telling import most_telling
from rdslab.times import Times

COLUMN, PUBLISHED = "column", "published"
CHOICES = 30  # other choices of the given times that are tried, to say how much hangs on the choice
GIVEN, SEEN, NEW = "given", "seen", "new"
Fit = Callable[[Sequence[Point]], Profile]


@dataclass(frozen=True)
class Column:
    """A column of published times with all that is predicted of it. The lists are as long as `points`."""

    document: ColumnDocument
    points: tuple[Point, ...]
    fit: str  # what predicts, in words
    known: tuple[str, ...]  # what the fit knew of each: given, seen or new
    predicted: tuple[Times | None, ...]  # None where what predicts abstains
    by_network: tuple[Times | None, ...]  # by fits to the other nets' times, None where these are too few
    by_size: tuple[Times | None, ...]
    choices: str = ""  # how other choices of the given times do


def columns_of(prepared: Prepared) -> list[Column]:
    """Every column of the study, predicted. Raises SpecError with file and line."""
    return [_column(prepared, index) for index in range(len(prepared.study.document.published))]


def check_columns(prepared: Prepared) -> None:
    """What can be checked of the columns without fitting. Raises SpecError with file and line."""
    for index, document in enumerate(prepared.study.document.published):
        points = points_of(prepared.study, index)
        if document.fit is None:
            _profile(prepared, index)
        else:
            _given(prepared, index, points)


def _column(prepared: Prepared, index: int) -> Column:
    document, points = prepared.study.document.published[index], points_of(prepared.study, index)
    fit = _fitting(prepared, document)
    choices = ""
    if document.fit is None:
        profile = _profile(prepared, index)
        words = f"profile {profile.name} ({profile.headline})"
        known = tuple(_knowledge(prepared, profile, point) for point in points)
    else:
        given = _given(prepared, index, points)
        profile = fit([points[i] for i in given])
        words = f"a model fitted to {len(given)} of these {len(points)} times, the others held out"
        known = tuple(GIVEN if i in given else NEW for i in range(len(points)))
        if isinstance(document.fit.given, int):
            choices = _other_choices(prepared, fit, points, len(given))
    predicted = tuple(_predicted(prepared, point, profile) for point in points)
    by_network = _left_out(prepared, fit, points, lambda point: point.variant)
    by_size = _left_out(prepared, fit, points, lambda point: str(point.size))
    return Column(document, points, words, known, predicted, by_network, by_size, choices)


def _fitting(prepared: Prepared, document: ColumnDocument) -> Fit:
    """A fit of the column's kind to any of its points."""
    how = document.fit
    if how is None:
        own = prepared.profiles.get(document.device) or profile_of(prepared.study, document.device, "")
        how = FitDocument(
            given=FEWEST, board=own.board, framework=own.framework, precision=own.precision, form=own.form
        )

    def fit(points: Sequence[Point]) -> Profile:
        return fit_profile(
            [(_cost(prepared, point), point.latency_ms) for point in points],
            name=document.device,
            board=how.board or document.device,
            source=document.source,
            framework=how.framework,
            precision=how.precision,
            form=how.form,
        )

    return fit


def _cost(prepared: Prepared, point: Point) -> Cost:
    return prepared.grid[point.variant, point.size]


def _profile(prepared: Prepared, index: int) -> Profile:
    """The profile that predicts a column. Raises SpecError where it has none and says no way to get one."""
    study, device = prepared.study, prepared.study.document.published[index].device
    where = study.source.where(("published", index, "device"))
    try:
        return profile_of(study, device, where)
    except RdslabError as error:
        hint = "or predict it by few of its own times: `fit: {given: 4}`"
        raise SpecError(error.what, *error.hints[:-1], hint, where=where) from None


def _knowledge(prepared: Prepared, profile: Profile, point: Point) -> str:
    """`seen` where the profile's data have this net at this size, however they spell it."""
    net = next(v.net for v in prepared.study.variants if v.name == point.variant)
    nets = {plain(name) for name in profile.fitted_on.networks}
    same_net = bool({plain(point.variant), plain(net), plain(prepared.nets[point.variant].name)} & nets)
    return SEEN if same_net and str(point.size) in profile.fitted_on.sizes else NEW


def _given(prepared: Prepared, index: int, points: Sequence[Point]) -> list[int]:
    """Which of the points the fit is given. Raises SpecError where too few are left to be held against it."""
    document, place = prepared.study.document.published[index], ("published", index, "fit", "given")
    assert document.fit is not None
    given, where = document.fit.given, prepared.study.source.where(place)
    number = given if isinstance(given, int) else len(given)
    if number >= len(points):
        hint = "the times that are not given are what the prediction is held against"
        raise SpecError(f"{number} times are given, and the column has {len(points)}", hint, where=where)
    if isinstance(given, int):
        return most_telling([_cost(prepared, point) for point in points], [point.variant for point in points], given)
    names = {(plain(point.variant), str(point.size)): i for i, point in enumerate(points)}
    found = []
    for position, wanted in enumerate(given):
        key = plain(wanted.net), wanted.size
        if key not in names:
            at = prepared.study.source.where((*place, position))
            raise SpecError(f"the column has no time of {wanted.net} at {wanted.size}", where=at)
        found.append(names[key])
    return found


def _left_out(
    prepared: Prepared, fit: Fit, points: Sequence[Point], group: Callable[[Point], str]
) -> tuple[Times | None, ...]:
    """Each point predicted by a fit to the points of the other groups; None where these are too few for a fit."""
    found: dict[str, Profile | None] = {}
    for name in dict.fromkeys(map(group, points)):
        rest = [point for point in points if group(point) != name]
        try:
            found[name] = fit(rest) if rest else None
        except RdslabError:  # too few, or all alike
            found[name] = None
    return tuple(_predicted(prepared, point, found[group(point)]) for point in points)


def _predicted(prepared: Prepared, point: Point, profile: Profile | None) -> Times | None:
    """None without a profile, and where it abstains."""
    try:
        return predict_times(_cost(prepared, point), profile) if profile is not None else None
    except SpecError:
        return None


def _other_choices(prepared: Prepared, fit: Fit, points: Sequence[Point], number: int) -> str:
    """How the held-out times are predicted from other, random choices of as many given ones."""
    chance, errors = random.Random(0), []
    for _ in range(CHOICES):
        given = set(chance.sample(range(len(points)), number))
        profile = fit([points[i] for i in sorted(given)])
        rest = [(_predicted(prepared, p, profile), p) for i, p in enumerate(points) if i not in given]
        ratios = [times.latency_ms / point.latency_ms for times, point in rest if times is not None]
        if ratios:
            errors.append(statistics.mean(abs(ratio - 1) for ratio in ratios))
    if not errors:
        return ""
    middle, low, high = (100 * figure for figure in (statistics.median(errors), min(errors), max(errors)))
    return (
        f"with {number} given times chosen at random, {len(errors)} choices: mean error of the others {middle:.1f} % "
        f"in the median choice ({low:.1f} to {high:.1f} %)"
    )


def enter_columns(prepared: Prepared, ledger: Ledger, columns: Sequence[Column]) -> None:
    """Write the columns into the ledger in place of those there: they are derived, and the study may have changed."""
    old = [fact for fact in ledger.facts_of() if fact["kind"] in (COLUMN, PUBLISHED)]
    classes = prepared.study.document.deploy.classes
    for column in columns:
        device = column.document.device
        about = {"device": device, "source": column.document.source, "fit": column.fit, "choices": column.choices}
        notes = list(dict.fromkeys(note for times in column.predicted if times for note in times.notes))
        context = Context({"kind": COLUMN, "device": device})
        ledger.put_instead(COLUMN, "", context, {**about, "notes": notes}, old)
        old = []
        for i, point in enumerate(column.points):
            plainly: dict[str, Any] = {"latency_ms": point.latency_ms, "known": column.known[i]}
            plainly |= {"predicted": _document(column.predicted[i])}
            plainly |= {"by_network": _document(column.by_network[i]), "by_size": _document(column.by_size[i])}
            place = {"device": device, "variant": point.variant, "size": str(point.size), "classes": classes}
            context = Context({"kind": PUBLISHED, **place})
            ledger.put(PUBLISHED, prepared.net_id(point.variant), context, NO_SEED, plainly)


def _document(times: Times | None) -> Mapping[str, Any] | None:
    return times.document() if times is not None else None
