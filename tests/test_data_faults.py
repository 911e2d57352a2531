"""Planted faults: each is found by the file's name, all at once, before anything is trained."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rdslab.data import check_data, open_data
from rdslab.errors import DataError, SpecError

CLASSES = [f"class{i}" for i in range(11)]


def write(root: Path, name: str, *, label: int = 3, size: tuple[int, int] = (40, 30), folders: str = "") -> None:
    """An image and its label of one value."""
    rng = np.random.default_rng(sum(name.encode()))
    pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    for kind, picture in (("images", Image.fromarray(pixels)), ("labels", Image.new("L", size, label))):
        path = root / kind / folders / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i in range(10):
        write(tmp_path, f"drive_{i}", label=i)
    return tmp_path


def document(root: Path, **options: object) -> dict[str, object]:
    return {"name": "folder", "root": str(root), "size": "20x16", "classes": CLASSES, **options}


def told(root: Path, **options: object) -> list[str]:
    return [str(problem) for problem in check_data(document(root, **options))]


def test_a_sound_folder_has_no_problems_and_opens(root: Path) -> None:
    assert told(root) == []
    data = open_data(document(root))
    assert (len(data.train), len(data.val)) == (8, 2)
    assert data.train.images.shape == (8, 3, 16, 20)
    assert set(data.train.clips) == {"drive"}


def test_a_label_outside_the_class_list_is_named_with_what_is_allowed(root: Path) -> None:
    write(root, "drive_3", label=200)
    assert told(root) == ["labels/drive_3.png: label values 200 are not in the class list; allowed are 0-10, 255"]


def test_a_value_may_be_declared_void(root: Path) -> None:
    write(root, "drive_3", label=200)
    assert told(root, ignore=[200, 255]) == []


@pytest.mark.parametrize(("gone", "said"), [("images", "image"), ("labels", "label")])
def test_a_missing_partner_is_named(root: Path, gone: str, said: str) -> None:
    (root / gone / "drive_4.png").unlink()
    assert told(root) == [f"{gone}/drive_4: the {said} is missing"]


def test_a_label_of_another_size_than_its_image_is_named(root: Path) -> None:
    Image.new("L", (41, 30)).save(root / "labels" / "drive_5.png")
    assert told(root) == ["labels/drive_5.png: the label is 41x30, but its image images/drive_5.png is 40x30"]


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_a_truncated_png_is_named(root: Path, folder: str) -> None:
    path = root / folder / "drive_6.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (problem,) = told(root)
    assert problem.startswith(f"{folder}/drive_6.png: cannot be read: ")
    assert str(root) not in problem


@pytest.mark.parametrize("content", [b"", b"this is text", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_image_is_named(root: Path, content: bytes) -> None:
    (root / "images" / "drive_7.png").write_bytes(content)
    (problem,) = told(root)
    assert problem.startswith("images/drive_7.png: cannot be read: ")
    assert str(root) not in problem


def test_a_label_of_colours_is_refused_rather_than_guessed(root: Path) -> None:
    Image.new("RGB", (40, 30)).save(root / "labels" / "drive_8.png")
    (problem,) = told(root)
    assert problem.startswith("labels/drive_8.png: a label holds class indices (grey or palette)")


def test_sixteen_bit_labels_are_read_and_their_values_checked(root: Path) -> None:
    Image.fromarray(np.full((30, 40), 4, np.uint16)).save(root / "labels" / "drive_4.png")
    assert told(root) == []
    Image.fromarray(np.full((30, 40), 1000, np.uint16)).save(root / "labels" / "drive_4.png")
    assert "label values 1000 are not in the class list" in told(root)[0]


def test_palette_labels_are_read_as_indices_not_as_colours(root: Path) -> None:
    label = Image.new("P", (40, 30), 7)
    label.putpalette([9, 9, 9] * 256)
    label.save(root / "labels" / "drive_0.png")
    data = open_data(document(root))
    both = dict(zip(data.train.names + data.val.names, [*data.train.labels, *data.val.labels], strict=True))
    assert both["drive_0"].unique().tolist() == [7]


def test_a_missing_folder_is_named(root: Path) -> None:
    (root / "labels").rename(root / "elsewhere")
    assert "labels: the folder is missing" in told(root)


def test_an_empty_data_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    assert told(tmp_path) == ["train set: is empty", "val set: is empty"]


def test_all_problems_are_found_and_opening_names_the_first_and_counts_the_rest(root: Path) -> None:
    (root / "labels" / "drive_1.png").unlink()
    write(root, "drive_3", label=200)
    (root / "images" / "drive_6.png").write_bytes(b"")
    found = told(root)
    assert {line.split(":")[0] for line in found} == {"labels/drive_1", "labels/drive_3.png", "images/drive_6.png"}
    with pytest.raises(DataError) as caught:
        open_data(document(root))
    assert str(caught.value).startswith("data: labels/drive_1: the label is missing")
    assert "and 2 more; `rdslab data check` lists all" in str(caught.value)


def test_folders_train_and_val_are_the_split_where_they_exist(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"a_{i}", folders="train")
    write(tmp_path, "b_0", folders="val/night")
    data = open_data(document(tmp_path))
    assert (data.train.names, data.val.names) == (("a_0", "a_1", "a_2"), ("night/b_0",))
    assert (data.split, data.val.clips) == ("train against val", ("night",))
    with pytest.raises(SpecError, match=r"data\.val_share: acts only where there are no folders train and val"):
        open_data(document(tmp_path, val_share=0.5))


def test_the_share_held_out_follows_seed_and_names_only(root: Path) -> None:
    one = open_data(document(root, val_share=0.4))
    assert len(one.val) == 4
    assert open_data(document(root, val_share=0.4)).val.names == one.val.names
    assert open_data(document(root, val_share=0.4, seed=1)).val.names != one.val.names
    write(root, "later_0")
    assert len(set(open_data(document(root, val_share=0.4)).val.names) & set(one.val.names)) >= 3


def test_classes_may_stand_in_a_file_of_the_data_set(root: Path) -> None:
    given = document(root)
    del given["classes"]
    with pytest.raises(DataError, match=r"classes\.txt: there is no class list"):
        open_data(given)
    (root / "classes.txt").write_text("\n".join(f"class {i}, {i}, 0, {20 * i}" for i in range(11)))
    classes = open_data(given).classes
    assert (classes.names[3], classes.colours[3]) == ("class 3", (3, 0, 60))
    (root / "classes.txt").write_text("floor, red\nwall")
    with pytest.raises(DataError, match=r"classes\.txt: class 1: expected `name` or `name, red, green, blue`"):
        open_data(given)


def test_an_order_of_classes_and_a_pixel_change_the_identity(root: Path) -> None:
    before = open_data(document(root)).identity
    assert open_data(document(root, classes=CLASSES[::-1])).identity != before
    write(root, "drive_3", label=4)
    assert open_data(document(root)).identity != before


def test_camvid_lists_rule_over_folders_and_are_checked(tmp_path: Path) -> None:
    for i in range(3):
        for part, annot in (("train", "trainannot"), ("val", "valannot")):
            (tmp_path / part).mkdir(exist_ok=True)
            (tmp_path / annot).mkdir(exist_ok=True)
            Image.new("RGB", (40, 30), (i, 0, 0)).save(tmp_path / part / f"c_{i}.jpg")
            Image.new("L", (40, 30), i).save(tmp_path / annot / f"c_{i}.png")
    given = {"name": "camvid", "root": str(tmp_path), "size": "40x30"}
    assert open_data(given).train.names == ("c_0", "c_1", "c_2")
    (tmp_path / "train.txt").write_text("/SegNet/CamVid/train/c_2.png /SegNet/CamVid/trainannot/c_2.png\nc_0\n")
    assert open_data(given).train.names == ("c_2", "c_0")
    (tmp_path / "train.txt").write_text("c_0\nc_0\nc_9\n")
    assert [str(problem) for problem in check_data(given)] == [
        "train.txt: names 'c_0' twice",
        "train/c_9: the image is missing",
        "trainannot/c_9: the label is missing",
    ]
