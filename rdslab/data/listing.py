"""What lies in the folders of a data set, before a file is opened."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rdslab.data.pairs import IMAGE_ENDINGS, Pair, Problem
from rdslab.errors import DataError


def need_folder(root: Path) -> None:
    """Raises DataError where the data root is no folder. The root itself is not printed."""
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise DataError(f"the data root {what}", "see --root, data.root or the environment variable RDSLAB_DATA")


def image_files(
    root: Path, folder: str, *, endings: Sequence[str] = IMAGE_ENDINGS, tail: str = ""
) -> tuple[dict[str, Path], list[Problem]]:
    """Images below `root/folder`, in order: name without ending, relative to the folder -> file; and what is wrong.

    With a `tail` only names that end with it count, and it is cut off. Passed over are names that begin with a dot
    and files that are no images by their endings.
    """
    top = root / folder
    if not top.is_dir():
        return {}, [Problem(folder, "the folder is missing")]
    files: dict[str, Path] = {}
    problems = []
    for path in sorted(top.rglob("*")):
        inside = path.relative_to(top)
        if path.suffix.lower() not in endings or any(part.startswith(".") for part in inside.parts) or path.is_dir():
            continue
        name = inside.with_suffix("").as_posix()
        if not name.endswith(tail):
            continue
        name = name.removesuffix(tail)
        if name in files:
            what = f"has the name of {files[name].relative_to(root).as_posix()}"
            problems.append(Problem(path.relative_to(root).as_posix(), what))
        files.setdefault(name, path)
    return files, problems


def paired(
    names: Iterable[str],
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    folders: tuple[str, str],
    tails: tuple[str, str] = ("", ""),
) -> tuple[list[Pair], list[Problem]]:
    """The pairs of those names, and a problem for each image or label that is missing from its folder."""
    pairs, problems = [], []
    for name in names:
        if name not in images:
            problems.append(Problem(f"{folders[0]}/{name}{tails[0]}", "the image is missing"))
        if name not in labels:
            problems.append(Problem(f"{folders[1]}/{name}{tails[1]}", "the label is missing"))
        if name in images and name in labels:
            pairs.append(Pair(name, clip_of(name), images[name], labels[name]))
    return pairs, problems


def clip_of(name: str) -> str:
    """The clip of a frame: its folder, or what stands before the first `_` of its name."""
    folder, _, frame = name.rpartition("/")
    return folder or frame.partition("_")[0]
