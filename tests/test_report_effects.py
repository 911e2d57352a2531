"""The effects of a design stand on the page with their intervals, and two names of one net are one run."""

from itertools import product
from pathlib import Path

import pytest

from rdslab.report.effects import EFFECTS, effects_csv, effects_frame, effects_sentences, effects_table
from rdslab.report.frame import Results
from rdslab.report.notes import headline
from rdslab.search.plan import load_study
from rdslab.search.results import study_words

FACTORS = {"block": ["rds", "residual"], "shuffle": ["0", "4"]}
SEEDS = range(3)


def made(*, one_net: bool = False) -> Results:
    """Residual costs 2 points, the shuffle brings 1; seeds move all runs, and each a little."""
    runs = list(product(*FACTORS.values()))
    trials = []
    for number, (run, seed) in enumerate(product(runs, SEEDS)):
        net = run if not one_net or run[0] == "rds" else ("residual", "")
        off = 0.0004 * ((number * 7) % 5 - 2)
        miou = 0.5 + 0.01 * seed - 0.02 * (run[0] == "residual") + 0.01 * (run[1] == "4") + off
        score = {"miou": miou, "accuracy": 0.9, "mean_accuracy": 0.6, "fw_iou": 0.8, "iou": {}}
        trials.append(
            {"slot": number, "variant": ", ".join(run), "seed": seed, "state": "done", "score": score, "times": {}}
            | {"net_id": "-".join(net), "canonical_id": "-".join(net), "cost": {}}
        )
    levels = {", ".join(run): dict(zip(FACTORS, run, strict=True)) for run in runs}
    study = {"name": "made", "base": "rds, 0", "variants": list(levels), "factors": FACTORS, "levels": levels}
    return Results(study, trials)


def test_main_effects_and_the_interaction_have_a_row_each() -> None:
    frame = effects_frame(made())
    assert list(frame.columns) == list(EFFECTS)
    assert list(frame["effect"]) == ["block", "shuffle", "block x shuffle"]
    assert list(frame["level"]) == ["residual", "4", "residual, 4"]
    assert frame["estimate"].tolist() == pytest.approx([-0.02, 0.01, 0.0], abs=0.001)
    assert (frame["low"] < frame["estimate"]).all()
    assert frame["p_holm"].iloc[0] < 0.05 < frame["p_holm"].iloc[2]


def test_two_names_of_one_net_are_one_run() -> None:
    frame = effects_frame(made(one_net=True))
    lost = frame[frame["effect"] == "block x shuffle"].iloc[0]
    assert lost["estimate"] != lost["estimate"]
    assert "cannot be told from" in lost["why"]


def test_the_page_has_points_and_the_file_has_all() -> None:
    table = effects_table(made())
    assert table.rows[0][2].text.startswith("−1.99")
    assert effects_csv(made()).splitlines()[0] == ",".join(EFFECTS)


def test_the_findings_name_the_effects_that_are_told_and_no_other() -> None:
    (said,) = effects_sentences(made())
    assert said == (
        "Of 3 effects of the design's factors, 2 are told from the seeds at 5 % over all of them together "
        "(Holm's correction): block residual (−1.99 points) and shuffle 4 (+0.97 points)."
    )
    assert said in headline(made())
    results = made()
    noise = [{**t, "score": {**t["score"], "miou": 0.5 + 0.01 * ((t["slot"] * 7) % 5)}} for t in results.trials]
    assert effects_sentences(Results(results.study, noise))[0].endswith(
        "none is told from the seeds at 5 % over all of them together (Holm's correction)."
    )


def test_the_findings_say_why_no_effect_can_be_tested() -> None:
    results = made()
    alone = [trial for trial in results.trials if trial["seed"] == 0]
    (said,) = effects_sentences(Results(results.study, alone))
    assert said.startswith("No effect of the design can be tested: ")
    assert len(said) > len("No effect of the design can be tested: .")


def test_without_a_design_there_are_no_effects() -> None:
    results = made()
    bare = Results({**results.study, "factors": {}, "levels": {}}, results.trials)
    assert effects_frame(bare).empty
    assert effects_table(bare).rows == []
    assert effects_sentences(bare) == []


def test_a_study_hands_its_levels_on() -> None:
    study = load_study(Path(__file__).parents[1] / "studies" / "rds_factorial.yaml")
    found = study_words(study, {})
    assert set(found["factors"]) == {"block", "dilation", "dropout"}
    assert all(set(levels) == set(found["factors"]) for levels in found["levels"].values())
