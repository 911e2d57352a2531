"""Example images of a report: which are chosen, what their pictures hold, and what the page says without them."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rdslab.api import report_study, study_results
from rdslab.cli import main
from rdslab.errors import DataError
from rdslab.report import Extras, Results, Seen, example_images, example_trials, write_report
from rdslab.report.chosen import on_fronts
from rdslab.report.examples import MOST_NETS, errors_uri, evenly, examples_part, labels_uri, photo_uri
from rdslab.search.ledger import open_ledger, storage_of
from rdslab.search.plan import load_study
from rdslab.search.run import Watch, run_study
from tests.fake_results import FIVE, TWO, forty, results

CLASSES = [("sky", (128, 128, 128)), ("road", (128, 64, 128)), ("car", (64, 0, 128))]
STUDY = """
name: two_nets
base: rdsnet
variants: [{name: rds}, {name: residual, set: {"enc*.block": residual}}]
data: {name: synthetic, size: 64x48, train: 4, val: 5}
recipe: {use: one_cycle, epochs: 1, batch: 4}
seeds: [3]
threads: 1
deploy: {size: 64x48, classes: 11, devices: [jetson-tx1]}
"""


def decoded(uri: str) -> Any:
    kind, _, text = uri.partition(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    assert kind == f"data:image/{str(picture.format).lower()}"
    return picture


def looked(variants: list[str], images: int = 2, seed: int = 0) -> Seen:
    """Made-up labels of nets, the truth among them for the first."""
    chance = np.random.default_rng(seed)
    names = [f"clip/frame {i}" for i in range(images)]
    truth = {name: chance.integers(0, 3, (6, 8)).astype(np.uint8) for name in names}
    for one in truth.values():
        one[0] = 255
    labels = {v: {n: chance.integers(0, 3, (6, 8)).astype(np.uint8) for n in names} for v in variants}
    labels[variants[0]] = {name: np.where(one == 255, 0, one).astype(np.uint8) for name, one in truth.items()}
    photos = {name: chance.integers(0, 256, (6, 8, 3)).astype(np.uint8) for name in names}
    return Seen("streets", CLASSES, photos, truth, labels, dict.fromkeys(variants, 7), ranked=True)


def counted(made: Results, shares: list[float]) -> Results:
    """With counts of images of which so great a share is right, the same for every trial; None of the last is known."""
    one = {"images": [f"i{i}" for i in range(len(shares))], "clips": ["c"] * len(shares)}
    one |= {"right": [[100 * share, 0] for share in shares], "labelled": [[60, 40] for _ in shares]}
    one["labelled"][-1] = [0, 0]
    made.counts.update({trial["slot"]: {**one, "said": one["labelled"]} for trial in made.trials})  # type: ignore[attr-defined]
    return made


def test_the_hardest_the_easiest_and_evenly_between_them():
    made = counted(results(TWO), [0.9, 0.2, 0.5, 0.7, 0.4, 0.0])
    trials = example_trials(made)
    assert example_images(made, trials, 3) == [1, 2, 0]
    assert example_images(made, trials, 1) == [2]
    assert example_images(made, trials, 9) == [1, 4, 2, 3, 0], "one without labels has no rank"
    assert example_images(results(TWO), trials, 3) == [], "nothing was stored of the images"


@pytest.mark.parametrize(("there", "most", "places"), [(0, 3, []), (1, 3, [0]), (5, 1, [2]), (9, 3, [0, 4, 8])])
def test_places_are_even(there, most, places):
    assert evenly(there, most) == places


def test_the_first_trial_that_is_done_of_bases_and_fronts_is_shown():
    made = results(FIVE)
    made.trials[0].update(state="failed", score=None)  # the base's first seed
    trials = example_trials(made)
    assert next(iter(trials)) == made.base
    assert trials[made.base]["seed"] == 1
    assert set(trials) == set(FIVE)
    many = results(forty())
    assert len(example_trials(many)) == MOST_NETS < len(many.variants)
    assert {*many.bases, *on_fronts(many)[:3]} < set(example_trials(many))


def test_labels_are_painted_in_their_colours_and_what_is_ignored_is_transparent():
    labels = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)
    pixels = np.asarray(decoded(labels_uri(labels, CLASSES)).convert("RGBA"))
    assert [tuple(pixel) for pixel in pixels[0]] == [(*colour, 255) for _, colour in CLASSES]
    assert pixels[1, 0, 3] == 0
    assert (pixels[1, 1:, 3] == 255).all()


def test_errors_are_one_colour_on_nothing():
    wrong = np.array([[True, False], [False, True]])
    pixels = np.asarray(decoded(errors_uri(wrong)).convert("RGBA"))
    assert (pixels[..., 3] == 255 * wrong).all()
    assert {tuple(pixel) for pixel in pixels[wrong]} == {(213, 94, 0, 255)}


def test_wide_pictures_are_made_smaller_and_keep_their_shape():
    assert decoded(photo_uri(np.zeros((512, 1024, 3), np.uint8))).size == (480, 240)
    assert decoded(labels_uri(np.zeros((512, 1024), np.uint8), CLASSES)).size == (480, 240)
    assert decoded(photo_uri(np.zeros((90, 120, 3), np.uint8))).size == (120, 90)


def test_the_share_that_is_right_is_of_the_labelled_pixels():
    part = examples_part(looked(["perfect", "random"]))
    first = part["images"][0]["nets"]
    assert (first[0]["variant"], first[0]["right"]) == ("perfect", "100.0")
    errors = np.asarray(decoded(first[1]["errors"]).convert("RGBA"))[..., 3] > 0
    assert not errors[0].any(), "what is ignored is not wrong"
    assert first[1]["right"] == f"{100 * (1 - errors[1:].mean()):.1f}"
    assert [name for name, _ in part["legend"]] == ["sky", "road", "car"]


def test_an_image_without_a_label_has_no_share():
    seen = looked(["only"], images=1)
    seen.truth["clip/frame 0"][:] = 255
    assert examples_part(seen)["images"][0]["nets"][0]["right"] == "\N{EN DASH}"


def test_the_page_shows_them_or_says_why_not(tmp_path):
    made = results(TWO)
    text = write_report(made, tmp_path / "a", "", Extras(seen=looked(made.variants)))[0].read_text()
    assert text.count("data:image/jpeg") == 2, "a photo is held once, however many nets look at it"
    assert text.count('role="img" aria-label="What ') == 4
    assert "its terms hold for copies of this page" in text
    text = write_report(made, tmp_path / "b", "", Extras(seen=Seen(why="None: no data.")))[0].read_text()
    assert "None: no data." in text
    assert 'id="examples"' not in write_report(made, tmp_path / "c", "")[0].read_text()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small study that was run in it."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "study.yaml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = load_study("study.yaml")
        run_study(study, storage_of(study, None), workers=1, settings=[], watch=Watch())
        assert {row["state"] for row in open_ledger(study, storage_of(study, None)).rows()} == {"done"}
    return folder


def reported(folder: Path, **options: Any) -> str:
    return report_study("study.yaml", folder / "report", **options)[0].read_text()


def test_a_run_shows_what_its_nets_see_as_well_as_they_scored(run, monkeypatch):
    monkeypatch.chdir(run)
    told: list[tuple[int, int]] = []
    text = reported(run, examples=5, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (9, 9)
    assert len(re.findall(r"<section data-image", text)) == 5
    shares = [float(share) for share in re.findall(r"rds, seed 3: ([\d.]+) % right", text)]
    counts = study_results("study.yaml").counts[0]
    right, labelled = (np.array(counts[key]).sum(1) for key in ("right", "labelled"))
    assert sorted(shares) == pytest.approx(sorted(100 * right / labelled), abs=0.051)
    assert 'id="examples"' not in reported(run, examples=0)


def test_without_weights_or_with_those_of_another_training_a_net_has_a_reason(run, monkeypatch):
    monkeypatch.chdir(run)
    kept = [run / "runs" / "two_nets" / "slots" / str(i) / "weights.safetensors" for i in (0, 1)]
    files = [path.read_bytes() for path in kept]
    try:
        kept[0].write_bytes(files[1])
        kept[1].unlink()
        text = reported(run)
    finally:
        for path, content in zip(kept, files, strict=True):
            path.write_bytes(content)
    assert "No picture of rds: the weights in the run folder are of another training." in text
    assert "No picture of residual: the weights are not in this run folder." in text


def test_without_the_data_the_page_says_so_and_a_wrong_root_is_an_error(run, monkeypatch, capsys):
    monkeypatch.chdir(run)
    monkeypatch.delenv("RDSLAB_DATA", raising=False)
    camvid = STUDY.replace("{name: synthetic, size: 64x48, train: 4, val: 5}", "{name: camvid, size: 64x48}")
    (run / "study.yaml").write_text(camvid)
    try:
        assert "None: data set &#39;camvid&#39; lies on disk, and its folder is not given" in reported(run)
        with pytest.raises(DataError, match="the data root does not exist"):
            reported(run, root="nowhere")
        with pytest.raises(SystemExit, match="2"):
            main(["report", "study.yaml", "--root", "nowhere"])
        assert "the data root does not exist" in capsys.readouterr().err
        (run / "study.yaml").write_text(STUDY.replace("val: 5", "val: 6"))
        assert "the data here are others" in reported(run)
    finally:
        (run / "study.yaml").write_text(STUDY)


def test_no_report_of_the_repository_holds_a_photo():
    pages = [
        path
        for path in (Path(__file__).resolve().parents[1] / "reports").rglob("report.html")
        if path.parent.name != "demo"
    ]
    assert len(pages) >= 7
    assert [path for path in pages if "data:image/jpeg" in path.read_text()] == []
