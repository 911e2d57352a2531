"""CamVid in the SegNet tutorial's layout (Brostow et al. 2008; Badrinarayanan et al. 2015): 11 classes and void."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rdslab.data.catalogue import DATASETS
from rdslab.data.listing import image_files, need_folder, paired
from rdslab.data.pairs import Content, LabelTable, Pair, Problem, Progress, read_content
from rdslab.data.samples import IGNORE, Classes
from rdslab.data.texts import FolderText, SizeText
from rdslab.errors import SpecError
from rdslab.records import Size

CAMVID_CLASSES = Classes(
    names=tuple("Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist".split()),
    colours=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (0, 0, 192),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
)
VOID = 11
NATIVE = Size(480, 360)


@DATASETS.register("camvid", acts_with={"clip": {"split": "hold_out"}, "fold": {"split": "leave_one_clip_out"}})
class CamVid:
    """Streets of Cambridge: `{train,val}/NAME.png|jpg` with `{train,val}annot/NAME.png`, and `{train,val}.txt` or none.

    split: `official` is train against val, which is one clip filmed seconds after train frames, so it cannot rank nets;
    `hold_out` is train without a clip against that clip (0006R0); `leave_one_clip_out` does so with clip number `fold`
    (0) of train's clips in alphabetical order. A clip is what stands before the first `_` of a frame's name.
    """

    def __init__(
        self,
        *,
        root: FolderText,
        size: SizeText = NATIVE,
        split: Literal["official", "hold_out", "leave_one_clip_out"] = "official",
        clip: str | None = None,
        fold: int | None = None,
    ) -> None:
        for option, value, needs in (("clip", clip, "hold_out"), ("fold", fold, "leave_one_clip_out")):
            if value is not None and split != needs:
                raise SpecError(f"acts only with split: {needs}, here split is {split}", where=option)
        self.root, self.size, self.split = root, size, split
        self.clip, self.fold = clip or "0006R0", fold or 0

    def classes(self) -> Classes:
        return CAMVID_CLASSES

    def read(self, progress: Progress | None = None) -> Content:
        need_folder(self.root)
        pairs, problems = _listed(self.root, "train")
        if self.split == "official":
            val, others = _listed(self.root, "val")
            split, parts, problems = "official", (pairs, val), [*problems, *others]
        else:
            split, parts = self._by_clip(pairs)
        table = LabelTable({**{i: i for i in range(len(CAMVID_CLASSES))}, VOID: IGNORE})
        return read_content(
            parts, root=self.root, size=self.size, table=table, split=split, problems=problems, progress=progress
        )

    def _by_clip(self, pairs: Sequence[Pair]) -> tuple[str, tuple[list[Pair], list[Pair]]]:
        clips = sorted({pair.clip for pair in pairs})
        held = self.clip
        if not clips:  # nothing to hold out: the problems say why
            return "", ([], [])
        if self.split == "leave_one_clip_out":
            if not 0 <= self.fold < len(clips):
                what = f"fold must be 0 to {len(clips) - 1}, got {self.fold}"
                raise SpecError(what, f"train's clips: {', '.join(clips)}", where="fold")
            held = clips[self.fold]
        elif held not in clips:
            raise SpecError(f"train has no clip {held!r}", f"train's clips: {', '.join(clips)}", where="clip")
        kept = [pair for pair in pairs if pair.clip != held]
        return f"hold out clip {held}", (kept, [pair for pair in pairs if pair.clip == held])


def _listed(root: FolderText, part: str) -> tuple[list[Pair], list[Problem]]:
    """The pairs of one split in the order of its list, or by name where it has none, and what is missing."""
    folders = part, f"{part}annot"
    images, problems = image_files(root, folders[0])
    labels, others = image_files(root, folders[1], endings=(".png",))
    if (others and not labels) or (problems and not images):  # a folder is missing: say so once, not for each name
        return [], [*problems, *others]
    names = _names(root / f"{part}.txt") or sorted({*images, *labels})
    twice = [Problem(f"{part}.txt", f"names {name!r} twice") for name in sorted(set(names)) if names.count(name) > 1]
    pairs, missing = paired(dict.fromkeys(names), images, labels, folders)
    return pairs, [*problems, *others, *twice, *missing]


def _names(path: Path) -> list[str]:
    """Names of a list file: a name a line, or as in SegNet's files the image's path and the label's path."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [Path(line.split()[0]).stem for line in lines if line.strip()]
