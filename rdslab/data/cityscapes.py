"""Cityscapes (Cordts et al. 2016): the 19 classes that are trained, from either of its two label forms."""

from typing import Literal

from rdslab.data.catalogue import DATASETS
from rdslab.data.listing import image_files, need_folder, paired
from rdslab.data.pairs import Content, LabelTable, Pair, Problem, Progress, read_content
from rdslab.data.samples import IGNORE, Classes
from rdslab.data.texts import FolderText, SizeText
from rdslab.records import Size

# trainId: (id, name, colour), as in the data set's own labels.py
TRAINED: tuple[tuple[int, str, tuple[int, int, int]], ...] = (
    (7, "road", (128, 64, 128)),
    (8, "sidewalk", (244, 35, 232)),
    (11, "building", (70, 70, 70)),
    (12, "wall", (102, 102, 156)),
    (13, "fence", (190, 153, 153)),
    (17, "pole", (153, 153, 153)),
    (19, "traffic light", (250, 170, 30)),
    (20, "traffic sign", (220, 220, 0)),
    (21, "vegetation", (107, 142, 35)),
    (22, "terrain", (152, 251, 152)),
    (23, "sky", (70, 130, 180)),
    (24, "person", (220, 20, 60)),
    (25, "rider", (255, 0, 0)),
    (26, "car", (0, 0, 142)),
    (27, "truck", (0, 0, 70)),
    (28, "bus", (0, 60, 100)),
    (31, "train", (0, 80, 100)),
    (32, "motorcycle", (0, 0, 230)),
    (33, "bicycle", (119, 11, 32)),
)
CITYSCAPES_CLASSES = Classes(tuple(name for _, name, _ in TRAINED), tuple(colour for _, _, colour in TRAINED))
IDS = 34  # ids are 0 to 33; those without a train id are void
TABLES = {
    "labelIds": LabelTable(
        {**dict.fromkeys((*range(IDS), IGNORE), IGNORE), **{row[0]: i for i, row in enumerate(TRAINED)}}
    ),
    "labelTrainIds": LabelTable({**{i: i for i in range(len(TRAINED))}, IGNORE: IGNORE}),
}
IMAGE_TAIL = "_leftImg8bit"
HALF = Size(1024, 512)  # of the camera's 2048x1024


@DATASETS.register("cityscapes")
class Cityscapes:
    """`leftImg8bit/{train,val}/CITY/*_leftImg8bit.png` with `gtFine/{train,val}/CITY/*_gtFine_{labelIds,...}.png`.

    labels: `auto` takes labelTrainIds where every image has one, and labelIds otherwise. A clip is a city.
    """

    def __init__(
        self,
        *,
        root: FolderText,
        size: SizeText = HALF,
        labels: Literal["auto", "labelIds", "labelTrainIds"] = "auto",
    ) -> None:
        self.root, self.size, self.labels = root, size, labels

    def classes(self) -> Classes:
        return CITYSCAPES_CLASSES

    def read(self, progress: Progress | None = None) -> Content:
        need_folder(self.root)
        forms = ["labelTrainIds", "labelIds"] if self.labels == "auto" else [self.labels]
        listed = {form: [_listed(self.root, part, form) for part in ("train", "val")] for form in forms}
        form = next((form for form in forms if not _problems(listed[form])), forms[-1])
        (train, _), (val, _) = listed[form]
        return read_content(
            (train, val),
            root=self.root,
            size=self.size,
            table=TABLES[form],
            split="train against val",
            problems=_problems(listed[form]),
            progress=progress,
        )


Listed = tuple[list[Pair], list[Problem]]


def _problems(listed: list[Listed]) -> list[Problem]:
    return [problem for _, problems in listed for problem in problems]


def _listed(root: FolderText, part: str, form: str) -> Listed:
    """The pairs of one split, by city and name, and what is missing."""
    folders = f"leftImg8bit/{part}", f"gtFine/{part}"
    label_tail = f"_gtFine_{form}"
    images, problems = image_files(root, folders[0], endings=(".png",), tail=IMAGE_TAIL)
    labels, others = image_files(root, folders[1], endings=(".png",), tail=label_tail)
    if problems or others:
        return [], [*problems, *others]
    return paired(sorted({*images, *labels}), images, labels, folders, tails=(IMAGE_TAIL, label_tail))
