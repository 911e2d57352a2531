"""When trainings of a search end early: forecasts, domination, rungs, and what is never ended."""

import numpy as np
import pytest

from rdslab.search.documents import PruningDocument
from rdslab.search.pruning import Course, forecast, pareto_ranks, to_stop

RULE = PruningDocument()
RUNGS = PruningDocument(kind="rungs", epochs=(2, 4), keep=1 / 3)
EPOCHS = 10


def course(final: float, cost: float, until: int = EPOCHS, rng: np.random.Generator | None = None) -> Course:
    """A curve that rises to `final` as 1 - e^-t does, with noise where a generator is given."""
    noise = rng.normal(0, 0.005, EPOCHS) if rng else np.zeros(EPOCHS)
    curve = {
        t: float(final * (1 - np.exp(-t / 3)) / (1 - np.exp(-EPOCHS / 3)) + noise[t - 1]) for t in range(1, until + 1)
    }
    return Course((cost,), curve, until == EPOCHS)


def others(rng: np.random.Generator, n: int = 12) -> list[Course]:
    return [course(float(rng.uniform(0.2, 0.6)), float(rng.uniform(10, 50)), rng=rng) for _ in range(n)]


def test_a_forecast_covers_what_trainings_end_with() -> None:
    rng, above = np.random.default_rng(0), 0
    for _ in range(400):
        own = course(float(rng.uniform(0.2, 0.6)), 20.0, rng=rng)
        seen = forecast(own.curve[3], 3, EPOCHS, others(rng), 0.95)
        assert seen is not None
        above += own.last > seen.optimistic
    assert 0.02 < above / 400 < 0.09  # one in twenty, by the law that is assumed


def test_a_hopeless_training_ends_and_says_why() -> None:
    done = [course(0.3 + 0.02 * i, 10.0 + i) for i in range(10)]
    stop = to_stop(course(0.2, 30.0, until=2), EPOCHS, done, RULE)
    assert stop is not None
    assert stop.expected == pytest.approx(0.2, abs=1e-6)
    assert stop.why.startswith("after epoch 2 of 10 at ")
    assert "one that costs no more has 48.00 %" in stop.why


@pytest.mark.parametrize(
    ("own", "done", "rule"),
    [
        (course(0.2, 5.0, until=2), 10, RULE),  # cheaper than all: nothing beats it
        (course(0.7, 30.0, until=2), 10, RULE),  # better than all
        (course(0.2, 30.0, until=2), 7, RULE),  # too few have ended
        (course(0.2, 30.0), 10, RULE),  # it has ended itself
        (course(0.2, 30.0, until=2), 10, PruningDocument(kind="none")),
        (course(0.7, 30.0, until=2), 10, RUNGS),
        (course(0.2, 30.0, until=3), 10, RUNGS),  # no rung there
        (course(0.2, 30.0, until=2), 1, RUNGS),  # too few came as far
    ],
)
def test_what_may_yet_be_on_the_front_goes_on(own: Course, done: int, rule: PruningDocument) -> None:
    assert to_stop(own, EPOCHS, [course(0.3 + 0.02 * i, 10.0 + i) for i in range(done)], rule) is None


def test_a_rung_keeps_its_share_by_pareto_rank() -> None:
    waiting = [course(0.3 + 0.02 * i, 30.0 - i, until=2) for i in range(12)]  # each better and cheaper than the last
    kept = []
    for i, own in enumerate(waiting):
        kept.append(to_stop(own, EPOCHS, waiting[:i] + waiting[i + 1 :], RUNGS) is None)
    assert kept == [False] * 8 + [True] * 4
    stop = to_stop(waiting[0], EPOCHS, waiting[1:], RUNGS)
    assert stop is not None
    assert stop.why == "at the rung after epoch 2 of 10 11 of 12 nets were on better fronts, and 33 % go on"


def test_ranks_are_fronts_one_below_the_other() -> None:
    points = [(1.0, 4.0), (2.0, 3.0), (2.0, 5.0), (3.0, 4.0), (4.0, 6.0)]
    assert pareto_ranks(points) == [0, 0, 1, 1, 2]
    assert pareto_ranks([(1.0, float("nan")), (1.0, 2.0)]) == [1, 0]


def ended(whole: Course, done: list[Course]) -> int:
    """The epoch after which the rule ends a training."""
    for t in range(1, EPOCHS):
        if to_stop(Course(whole.costs, {k: whole.curve[k] for k in range(1, t + 1)}), EPOCHS, done, RULE):
            return t
    return EPOCHS


def test_members_of_the_true_front_are_seldom_ended() -> None:
    rng, members, lost = np.random.default_rng(1), 0, 0
    for _ in range(40):
        finals, costs = rng.uniform(0.2, 0.6, 40), rng.uniform(10, 50, 40)
        done: list[Course] = []
        for final, cost in zip(finals, costs, strict=True):
            whole = course(float(final), float(cost), rng=rng)
            ends = ended(whole, done)
            on = not ((finals > final) & (costs <= cost)).any()
            members, lost = members + on, lost + (on and ends < EPOCHS)
            if ends == EPOCHS:
                done.append(whole)
    assert lost / members < 0.05
