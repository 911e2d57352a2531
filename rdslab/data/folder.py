"""Image and label folders of one's own."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rdslab.data.catalogue import DATASETS
from rdslab.data.listing import image_files, need_folder, paired
from rdslab.data.pairs import Content, LabelTable, Pair, Problem, Progress, read_content
from rdslab.data.samples import IGNORE, Classes
from rdslab.data.texts import FolderText, SizeText
from rdslab.errors import DataError, SpecError
from rdslab.records import Size

CLASS_FILE = "classes.txt"
VAL_SHARE = 0.2
DEFAULT_SIZE = Size(480, 360)
Label = Annotated[int, Field(ge=0, le=255)]
Share = Annotated[float, Field(gt=0, lt=1)]


@DATASETS.register("folder")
class Folder:
    """`ROOT/images/NAME.png|jpg|...` with `ROOT/labels/NAME.png`, whose pixels are class indices (grey or palette).

    classes: names in the order of the indices, or a mapping name -> [red, green, blue]; without it `ROOT/classes.txt`,
    a class a line, `name` or `name, red, green, blue`. ignore: label values that are void. Folders `train` and `val` in
    both are the split where they exist; otherwise `val_share` of the images (0.2) are for validation, chosen by `seed`
    and the images' names. A clip is an image's folder, or what stands before the first `_` of its name.
    """

    def __init__(
        self,
        *,
        root: FolderText,
        size: SizeText = DEFAULT_SIZE,
        images: str = "images",
        labels: str = "labels",
        classes: list[str] | dict[str, list[Label]] | None = None,
        ignore: list[Label] = [255],  # noqa: B006  the schema shows it; nobody changes it
        val_share: Share | None = None,
        seed: int = 0,
    ) -> None:
        for option, folder in (("images", images), ("labels", labels)):
            if Path(folder).is_absolute() or ".." in Path(folder).parts:
                raise SpecError(f"expected a folder below the data root, got {folder!r}", where=option)
        self.root, self.size, self.folders, self.ignore = root, size, (images, labels), ignore
        self.val_share, self.seed = val_share, seed
        self._classes = None if classes is None else _class_list(classes)

    def classes(self) -> Classes:
        """The option's class list, or the file's. Raises DataError where there is none."""
        if self._classes is not None:
            return self._classes
        need_folder(self.root)
        path = self.root / CLASS_FILE
        if not path.is_file():
            advice = f"name them with `classes: [floor, wall, ...]`, or write a class a line into {CLASS_FILE}"
            raise DataError("there is no class list", advice, where=CLASS_FILE)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [[field.strip() for field in line.split(",")] for line in lines if line.strip()]
        for number, row in enumerate(rows, 1):
            if len(row) not in (1, 4) or not all(re.fullmatch(r"\d{1,3}", field) for field in row[1:]):
                what = f"class {number}: expected `name` or `name, red, green, blue`, got {', '.join(row)!r}"
                raise DataError(what, where=CLASS_FILE)
        try:
            if all(len(row) == 4 for row in rows) and len({row[0] for row in rows}) == len(rows):
                return _class_list({row[0]: [int(field) for field in row[1:]] for row in rows})
            return _class_list([row[0] for row in rows])
        except SpecError as error:
            raise DataError(error.what, *error.hints, where=CLASS_FILE) from None

    def read(self, progress: Progress | None = None) -> Content:
        need_folder(self.root)
        table = LabelTable({**{i: i for i in range(len(self.classes()))}, **dict.fromkeys(self.ignore, IGNORE)})
        split, parts, problems = self._split()
        return read_content(
            parts, root=self.root, size=self.size, table=table, split=split, problems=problems, progress=progress
        )

    def _split(self) -> tuple[str, tuple[Sequence[Pair], Sequence[Pair]], list[Problem]]:
        images, labels = self.folders
        if (self.root / images / "train").is_dir() and (self.root / images / "val").is_dir():
            if self.val_share is not None:
                raise SpecError(
                    "acts only where there are no folders train and val, and here they are", where="val_share"
                )
            train, problems = _listed(self.root, f"{images}/train", f"{labels}/train")
            val, others = _listed(self.root, f"{images}/val", f"{labels}/val")
            return "train against val", (train, val), [*problems, *others]
        pairs, problems = _listed(self.root, images, labels)
        share = VAL_SHARE if self.val_share is None else self.val_share
        held = _held_out([pair.name for pair in pairs], share, self.seed)
        parts = [p for p in pairs if p.name not in held], [p for p in pairs if p.name in held]
        return f"{share:g} of the images held out, seed {self.seed}", parts, problems


def _listed(root: FolderText, images: str, labels: str) -> tuple[list[Pair], list[Problem]]:
    found, problems = image_files(root, images)
    partners, others = image_files(root, labels, endings=(".png",))
    if (problems and not found) or (others and not partners):
        return [], [*problems, *others]
    pairs, missing = paired(sorted({*found, *partners}), found, partners, (images, labels))
    return pairs, [*problems, *others, *missing]


def _held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """That share of the names, at least one and never all, by their hashes: new images hardly move the old ones."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    return set(ranked[: min(max(1, round(share * len(names))), max(0, len(names) - 1))])


def _class_list(given: Sequence[str] | dict[str, list[int]]) -> Classes:
    """Names and colours. Raises SpecError for too few or many classes, a name twice, a colour that is none."""
    names = tuple(given)
    if not 2 <= len(names) < IGNORE:
        raise SpecError(f"expected 2 to {IGNORE - 1} classes, got {len(names)}", where="classes")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"names {twice[0]!r} twice", where="classes")
    if not isinstance(given, dict):
        return Classes(names, tuple(_colour(i) for i in range(len(names))))
    for name, colour in given.items():
        if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
            raise SpecError(f"expected [red, green, blue] of 0 to 255, got {colour}", where=f"classes.{name}")
    return Classes(names, tuple((c[0], c[1], c[2]) for c in given.values()))


def _colour(index: int) -> tuple[int, int, int]:
    """Colours that differ early and strongly: the bits of index + 1 dealt to the three channels (PASCAL VOC's rule)."""
    bits = index + 1
    red, green, blue = (sum((bits >> (3 * k + channel) & 1) << (7 - k) for k in range(3)) for channel in range(3))
    return red, green, blue
