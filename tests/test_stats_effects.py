"""Effects of a design are those that made the response, with intervals that hold; what is aliased is named."""

from itertools import product

import numpy as np
import pytest

from rdslab.stats.effects import Effect, Run, effects

TWO = {"block": ["rds", "residual"], "shuffle": ["0", "4"], "dilation": ["1", "2"]}
THREE = {"block": ["rds", "residual", "separable"], "groups": ["1", "2"]}


def response(
    factors: dict[str, list[str]], effect: dict[tuple[str, ...], float], seeds: int, sd: float = 0.0, draw: int = 0
) -> dict[Run, dict[int, float | None]]:
    """A response that is a sum of effects of the levels named, of seeds, and of noise."""
    rng = np.random.default_rng(draw)
    of_seed = rng.normal(0.0, 5.0 * sd, seeds)
    return {
        run: {
            seed: 0.5
            + of_seed[seed]
            + rng.normal(0.0, sd)
            + sum(v for key, v in effect.items() if set(key) <= set(run))
            for seed in range(seeds)
        }
        for run in product(*factors.values())
    }


def by_name(found: list[Effect]) -> dict[tuple[str, ...], Effect]:
    return {one.levels: one for one in found}


def test_main_effects_and_interactions_are_what_made_the_response() -> None:
    made = {("residual",): -0.02, ("4",): 0.01, ("residual", "2"): 0.006}
    found = by_name(effects(response(TWO, made, 3, sd=1e-9), TWO))
    assert found["residual",].estimate == pytest.approx(-0.02 + 0.003)  # averaged over the dilations
    assert found["4",].estimate == pytest.approx(0.01)
    assert found["2",].estimate == pytest.approx(0.003)
    assert found["residual", "2"].estimate == pytest.approx(0.006)
    assert found["residual", "4"].estimate == pytest.approx(0.0, abs=1e-8)
    assert len(found) == 6


def test_three_levels_are_each_held_against_the_first() -> None:
    made = {("residual",): -0.02, ("separable",): -0.04, ("separable", "2"): 0.01}
    found = by_name(effects(response(THREE, made, 2, sd=1e-9), THREE))
    assert found["residual",].estimate == pytest.approx(-0.02)
    assert found["separable",].estimate == pytest.approx(-0.035)
    assert found["separable", "2"].estimate == pytest.approx(0.01)
    assert found["residual", "2"].estimate == pytest.approx(0.0, abs=1e-8)


def test_seeds_are_blocks_and_a_missing_value_is_left_out() -> None:
    values = response(TWO, {("4",): 0.01}, 4, sd=0.002, draw=3)
    whole = by_name(effects(values, TWO))["4",]
    values["rds", "4", "1"][2] = None
    values["rds", "0", "2"][1] = float("nan")
    less = by_name(effects(values, TWO))["4",]
    assert (whole.df, less.df) == (21, 19)
    for one in (whole, less):
        assert one.low is not None
        assert one.high is not None
        assert one.low < 0.01 < one.high
        assert one.high - one.low < 0.006  # seeds alone move by 0.01


def test_an_interaction_that_nobody_asked_for_is_not_taken_for_noise() -> None:
    values = response(TWO, {("residual", "4", "2"): 0.5}, 3, sd=0.001)
    found = by_name(effects(values, TWO))["4",]
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low < 0.01


def test_half_a_design_names_what_it_cannot_tell_apart() -> None:
    runs = {run for run in product(*TWO.values()) if sum(w in ("residual", "4", "2") for w in run) % 2}
    values = {run: seeds for run, seeds in response(TWO, {("4",): 0.01}, 3, sd=0.001).items() if run in runs}
    found = effects(values, TWO)
    main = {one.factors: one for one in found if len(one.factors) == 1}
    assert main["shuffle",].estimate == pytest.approx(0.01, abs=0.003)
    assert main["shuffle",].aliased_with == (("block", "dilation"),)
    lost = {one.factors: one for one in found if len(one.factors) == 2}
    assert lost["block", "dilation"].estimate is None
    assert lost["block", "dilation"].aliased_with == (("shuffle",),)
    assert lost["block", "dilation"].why == "cannot be told from shuffle in these runs"


def test_one_seed_gives_estimates_and_no_interval() -> None:
    found = effects(response(TWO, {("4",): 0.01}, 1), TWO)
    assert by_name(found)["4",].estimate == pytest.approx(0.01)
    assert {one.low for one in found} == {None}
    assert "one seed" in found[0].why


def test_without_any_value_there_is_no_effect() -> None:
    assert effects({("rds", "1"): {0: None}}, THREE) == []


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="factor 'groups' has no level '3'; it has 1, 2"):
        effects({("rds", "3"): {0: 0.5}}, THREE)


@pytest.mark.long
def test_intervals_hold_and_few_effects_are_told_where_there_are_none() -> None:
    covered, told = [], []
    for draw in range(1000):
        found = effects(response(TWO, {}, 3, sd=0.004, draw=draw), TWO)
        covered += [one.low is not None and one.high is not None and one.low <= 0 <= one.high for one in found]
        told.append(any(one.p_holm is not None and one.p_holm < 0.05 for one in found))
    assert 0.93 < np.mean(covered) < 0.97
    assert np.mean(told) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1000)
