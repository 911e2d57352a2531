"""Data sets by name: options, splits, identity; wrong documents are told in words."""

import json
from pathlib import Path

import pytest
import torch

from rdslab.data import CAMVID_CLASSES, DATASETS, IGNORE, data_context, data_options, open_data
from rdslab.errors import DataError, RdslabError, SpecError
from rdslab.records import Size


def refusal(document: object, kind: type[RdslabError] = SpecError) -> str:
    with pytest.raises(kind) as caught:
        open_data(document)  # type: ignore[arg-type]
    return str(caught.value)


def camvid(shared: Path, **options: object) -> dict[str, object]:
    return {"name": "camvid", "root": str(shared / "data" / "camvid"), "size": "60x45", **options}


def cityscapes(shared: Path, **options: object) -> dict[str, object]:
    return {"name": "cityscapes", "root": str(shared / "data" / "cityscapes_layout"), "size": "120x90", **options}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"name": "camvit"}, "data.name: unknown data set 'camvit'"),
        ({"name": "camvit"}, "did you mean 'camvid'?"),
        ({}, "data.name: no data set is named"),
        ([], "expected a mapping with a name, got []"),
        ({"name": "synthetic", "trian": 3}, "data.trian: data set 'synthetic' has no option 'trian'"),
        (
            {"name": "synthetic", "trian": 3},
            "it takes: size=160x96, train=240, val=60, seed=0\n  did you mean 'train'?",
        ),
        ({"name": "synthetic", "train": "3"}, "data.train: expected a whole number, got the text '3'"),
        ({"name": "synthetic", "train": True}, "data.train: expected a whole number, got True"),
        ({"name": "synthetic", "val": 0}, "data.val: must be >= 1, got 0"),
        ({"name": "synthetic", "size": 160}, "data.size: expected a size as width x height, got 160"),
        ({"name": "synthetic", "size": "31x64"}, "data.size: scenes are drawn from 32x32 up, got 31x64"),
        ({"name": "synthetic", "root": "/x"}, "data set 'synthetic' has no option 'root'"),
        ({"name": "camvid", "root": 3}, "data.root: expected a folder, got 3"),
        ({"name": "camvid", "root": "x", "split": "holdout"}, "got 'holdout'\n  did you mean 'hold_out'?"),
        ({"name": "camvid", "root": "x", "clip": "0006R0"}, "data.clip: acts only with split: hold_out"),
        ({"name": "camvid", "root": "x", "fold": 0}, "data.fold: acts only with split: leave_one_clip_out"),
        ({"name": "folder", "root": "x", "classes": ["floor"]}, "data.classes: expected 2 to 254 classes, got 1"),
        ({"name": "folder", "root": "x", "classes": ["a", "a"]}, "data.classes: names 'a' twice"),
        ({"name": "folder", "root": "x", "classes": {"a": [1, 2], "b": [1, 2, 3]}}, "expected [red, green, blue]"),
        ({"name": "folder", "root": "x", "images": "../secret"}, "data.images: expected a folder below the data root"),
        (
            {"name": "folder", "root": "x", "classes": {"a": [1, 2, 3], "b": 4}},
            "data.classes.b: expected a list, got 4",
        ),
        ({"name": "folder", "root": "x", "val_share": "1e-1"}, "YAML reads 1e-1 as text; write 1.0e-1"),
        ({"name": "folder", "root": "x", "val_share": 1.5}, "data.val_share: must be < 1.0, got 1.5"),
    ],
)
def test_a_wrong_document_says_where_what_and_what_would_be_right(document: object, words: str) -> None:
    assert words in refusal(document)


def test_the_place_of_a_document_leads_the_message() -> None:
    with pytest.raises(SpecError, match=r"^study\.yaml:4: data\.trian: data set"):
        open_data({"name": "synthetic", "trian": 3}, where="study.yaml:4: data")


def test_a_data_set_on_disk_needs_a_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RDSLAB_DATA", raising=False)
    message = refusal({"name": "camvid"}, DataError)
    assert all(way in message for way in ("--root DIR", "--set data.root=DIR", "RDSLAB_DATA"))


def test_more_than_fits_into_memory_is_refused_before_anything_is_drawn() -> None:
    message = refusal({"name": "synthetic", "size": "99999x99999"}, DataError)
    assert "240 images at 99999x99999 take 9599.8 GB of memory" in message


@pytest.mark.parametrize("name", ["camvid", "cityscapes", "folder"])
def test_a_root_that_is_missing_is_refused_and_not_printed(name: str, tmp_path: Path) -> None:
    message = refusal({"name": name, "root": str(tmp_path / "secret_place")}, DataError)
    assert "the data root does not exist" in message
    assert "secret_place" not in message


def test_the_root_may_come_from_the_environment(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = open_data(cityscapes(shared))
    document = {"name": "cityscapes", "size": "120x90"}
    monkeypatch.setenv("RDSLAB_DATA", str(shared / "data" / "cityscapes_layout"))
    assert open_data(document).identity == given.identity


def test_the_environment_may_name_a_folder_of_roots(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDSLAB_DATA", str(shared / "data"))
    assert len(open_data({"name": "camvid", "size": "32x32"}).train) == 367


def test_the_context_fills_defaults_and_never_holds_the_root() -> None:
    document = {"name": "camvid", "root": "/secret/place", "split": "hold_out"}
    context = data_context(document)
    assert context == {"name": "camvid", "size": "480x360", "split": "hold_out", "clip": None, "fold": None}
    assert "secret" not in json.dumps(context)
    assert data_context({"name": "synthetic", "train": 240}) == data_context({"name": "synthetic"})


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_data_set_has_a_schema_for_editors(name: str) -> None:
    schema = data_options(name).model_json_schema(mode="serialization")
    assert schema["additionalProperties"] is False
    assert schema["properties"]["size"]["type"] == "string"
    Size.parse(schema["properties"]["size"]["default"])


def test_camvid_has_its_published_counts_and_classes(shared: Path) -> None:
    data = open_data(camvid(shared))
    assert (len(data.train), len(data.val), data.split) == (367, 101, "official")
    assert data.classes == CAMVID_CLASSES
    assert data.train.labels.unique().tolist() == [*range(11), IGNORE]
    assert data.train.images.shape == (367, 3, 45, 60)


def test_camvid_at_its_own_size_has_the_published_pixel_shares(shared: Path) -> None:
    data = open_data(camvid(shared, size="480x360"))
    counts = torch.bincount(data.train.labels.flatten(), minlength=256).double()
    shares = counts[:11] / counts[:11].sum()
    known = [0.1754, 0.2421, 0.0102, 0.3296, 0.0467, 0.1012, 0.0122, 0.0117, 0.0611, 0.0067, 0.0030]
    torch.testing.assert_close(shares, torch.tensor(known).double(), atol=6e-5, rtol=0)
    assert abs(float(counts[IGNORE] / counts.sum()) - 0.0395) < 6e-5


def test_holding_out_a_clip_leaves_no_frame_of_it_in_train(shared: Path) -> None:
    data = open_data(camvid(shared, split="hold_out", clip="0006R0"))
    assert (len(data.train), len(data.val), data.split) == (266, 101, "hold out clip 0006R0")
    assert set(data.val.clips) == {"0006R0"}
    assert not set(data.train.clips) & set(data.val.clips)


def test_leaving_one_clip_out_has_a_fold_for_each_clip(shared: Path) -> None:
    folds = [open_data(camvid(shared, split="leave_one_clip_out", fold=i)) for i in range(3)]
    assert [set(fold.val.clips) for fold in folds] == [{"0001TP"}, {"0006R0"}, {"0016E5"}]
    assert sum(len(fold.val) for fold in folds) == 367
    assert folds[1].identity == open_data(camvid(shared, split="hold_out")).identity


def test_a_clip_or_fold_that_is_not_there_is_answered_with_those_that_are(shared: Path) -> None:
    assert "data.clip: train has no clip 'x'\n  train's clips: 0001TP, 0006R0, 0016E5" in refusal(
        camvid(shared, split="hold_out", clip="x")
    )
    assert "data.fold: fold must be 0 to 2, got 3" in refusal(camvid(shared, split="leave_one_clip_out", fold=3))


def test_identity_depends_on_content_size_and_split_not_on_the_place(shared: Path, tmp_path: Path) -> None:
    here = open_data(cityscapes(shared))
    (tmp_path / "elsewhere").symlink_to(shared / "data" / "cityscapes_layout", target_is_directory=True)
    assert open_data(cityscapes(shared, root=str(tmp_path / "elsewhere"))).identity == here.identity
    assert open_data(cityscapes(shared, size="121x90")).identity != here.identity


def test_both_forms_of_cityscapes_labels_give_the_same_labels(shared: Path) -> None:
    ids, train_ids = (open_data(cityscapes(shared, labels=form)) for form in ("labelIds", "labelTrainIds"))
    assert torch.equal(ids.train.labels, train_ids.train.labels)
    assert torch.equal(ids.val.labels, train_ids.val.labels)
    assert ids.identity == open_data(cityscapes(shared)).identity
    assert set(ids.train.labels.unique().tolist()) <= {*range(19), IGNORE}
    assert (len(ids.train), len(ids.val), set(ids.train.clips)) == (4, 2, {"cambridge"})


def test_cityscapes_classes_are_those_of_the_official_scripts() -> None:
    official = pytest.importorskip("cityscapesscripts.helpers.labels")
    classes = DATASETS["cityscapes"](root=Path(), size=Size(32, 32)).classes()
    trained = sorted((label.trainId, label.name, label.color) for label in official.labels if 0 <= label.trainId < 19)
    assert [(i, *row) for i, row in enumerate(zip(classes.names, classes.colours, strict=True))] == trained
