"""A device profile from measured times: which model, its numbers, and how far it may be trusted."""

import math
from collections.abc import Sequence
from typing import Any, Required, TypedDict, Unpack

import numpy as np

from rdslab.errors import SpecError
from rdslab.measure.profile import FittedOn, Form, Precision, Profile, load_profile, profile_names
from rdslab.measure.solve import Points, Prior, prior_of
from rdslab.measure.terms import COLUMNS, COUNT, KINDS, tally
from rdslab.measure.unseen import Fit, errors_of, fit, rounded
from rdslab.records import Cost, Size

FEWEST = 3  # points; the model has three numbers


class Described(TypedDict, total=False):
    """What a profile says of itself beside its numbers; name, board, source and framework are needed."""

    name: Required[str]
    board: Required[str]
    source: Required[str]
    framework: Required[str]
    precision: Precision
    form: Form
    command: str
    disputed: str
    notes: Sequence[str]


def points_of(measured: Sequence[tuple[Cost, float]], form: str, precision: str) -> Points:
    """Measured times as what a fit takes. Raises SpecError where a net has a kernel that no model knows of."""
    tallies = np.array([tally(cost, form) for cost, _ in measured])
    for (cost, _), table in zip(measured, tallies, strict=True):
        if table[COLUMNS.index("unknown"), COUNT]:
            raise SpecError(f"net {cost.name!r} has a kernel that no latency model knows of", "leave this net out")
    return Points(
        tallies,
        np.array([ms for _, ms in measured], dtype=float),
        np.array([cost.name for cost, _ in measured]),
        np.array([str(cost.size) for cost, _ in measured]),
        precision,
        form,
    )


def fit_profile(measured: Sequence[tuple[Cost, float]], **about: Unpack[Described]) -> Profile:
    """A profile from measured times in ms, of at least three points. A cost's name is its network's.

    Without a `prior` the shipped profiles of the same form are it, of other boards than this. Raises SpecError for
    fewer points, times that are no positive numbers, and nets with kernels that no model knows of.
    """
    return fit_with_points(measured, **about)[0]


def fit_with_points(
    measured: Sequence[tuple[Cost, float]], prior: Prior | None = None, **about: Unpack[Described]
) -> tuple[Profile, Fit]:
    """`fit_profile`, and what each time was predicted as by fits that had not seen it."""
    if len(measured) < FEWEST:
        raise SpecError(f"{len(measured)} measured times are too few for a profile", f"it takes at least {FEWEST}")
    for cost, ms in measured:
        if not (math.isfinite(ms) and ms > 0):
            raise SpecError(f"a latency must be above 0 ms, got {ms:g} for {cost.name!r} at {cost.size}")
    form, precision = about.get("form", "eager"), about.get("precision", "fp32")
    points = points_of(measured, form, precision)
    found = fit(points, prior or shipped_prior(form, about["name"], about["board"]))
    document = {**numbers_of(found), **errors_of(points, found), **about, "form": form, "precision": precision}
    command = document.pop("command", "rdslab device fit")
    return Profile(**document, kinds=_kinds(points), fitted_on=_fitted_on(points, command)), found


def numbers_of(found: Fit) -> dict[str, Any]:
    """The model and its numbers, as a profile has them."""
    launch, flop, byte, *apart = np.exp(found.unknowns)
    return {
        "combine": found.model.combine,
        "launch_us": rounded(1e3 * launch),
        "flops_per_s": rounded(1e3 / flop),
        "bytes_per_s": rounded(1e3 / byte),
        "flops_per_s_apart": {kind: rounded(1e3 / ms) for kind, ms in zip(found.model.apart, apart, strict=True)},
    }


def _kinds(points: Points) -> tuple[Any, ...]:
    counts = points.tallies[..., COUNT].sum(axis=0)
    return tuple(kind for kind, count in zip(COLUMNS, counts, strict=True) if count and kind in KINDS)


def _fitted_on(points: Points, command: str) -> FittedOn:
    sizes = sorted({Size.parse(size) for size in points.sizes}, key=lambda size: size.width * size.height)
    return FittedOn(
        networks=tuple(dict.fromkeys(map(str, points.networks))),
        sizes=tuple(map(str, sizes)),
        points=len(points.ms),
        command=command,
    )


def shipped_prior(form: str, name: str, board: str) -> Prior:
    """What the shipped profiles of a form say, but for those of this name or board."""
    others = [load_profile(other) for other in profile_names()]
    return prior_of([p for p in others if p.form == form and p.name != name and p.board != board])
