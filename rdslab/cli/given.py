"""Names on the command line as what is to be timed: nets, and files, which bring their size and classes with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rdslab.cli.nets import loaded
from rdslab.errors import SpecError
from rdslab.records import Size

if TYPE_CHECKING:
    from rdslab.measure.given import Given
    from rdslab.spec import Net

T = TypeVar("T")
SIZE, CLASSES = "640x360", 19
ONNX, WEIGHTS = ".onnx", ".safetensors"


@dataclass(frozen=True)
class Named:
    """What was named, by names of its own, at one size and with one number of classes."""

    given: "dict[str, Given]"
    size: Size
    classes: int

    @property
    def has_files(self) -> bool:
        """Whether one of them is an ONNX file."""
        from rdslab.spec import Net

        return not all(isinstance(one, Net) for one in self.given.values())

    @property
    def nets(self) -> "dict[str, Net]":
        """All as nets; of a file the one that it was made from. Raises DataError for a file that does not say."""
        from rdslab.spec import Net

        return {name: one if isinstance(one, Net) else one.net for name, one in self.given.items()}


def named(names: Sequence[str], settings: list[str], size: str | None, classes: int | None) -> Named:
    """What stands under each name. Size and classes are those asked for, else those of the files, else the usual.

    Raises SpecError where files disagree, or where something is to be set in a file.
    """
    if settings and any(Path(name).suffix.lower() in (ONNX, WEIGHTS) for name in names):
        raise SpecError("a file is timed as it is", "leave --set out, or name the net", where="--set")
    given: dict[str, Given] = {}
    sizes: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name in names:
        one, own = _one(name, settings)
        if own is not None:
            sizes[name], counts[name] = own
        given[one.name if one.name not in given else name] = one
    at = Size.parse(size) if size else Size.parse(_agreed(sizes, "--size") or SIZE)
    return Named(given, at, classes if classes is not None else _agreed(counts, "--classes") or CLASSES)


def _one(name: str, settings: list[str]) -> "tuple[Given, tuple[str, int] | None]":
    """What a name stands for; of a file its size and classes too."""
    suffix = Path(name).suffix.lower()
    if suffix == ONNX:
        from rdslab.measure.given import read_onnx

        file = read_onnx(Path(name))
        return file, (str(file.size), file.classes)
    if suffix == WEIGHTS:
        from rdslab.train import load_trained

        network, about = load_trained(Path(name))
        return network.net, (about["size"], network.classes)
    return loaded(name, settings), None


def _agreed(own: Mapping[str, T], option: str) -> T | None:
    """What all files say; None without files. Raises SpecError where they differ."""
    if len(set(own.values())) > 1:
        said = ", ".join(f"{name} {value}" for name, value in own.items())
        raise SpecError(f"the files differ: {said}", "time them one by one", where=option)
    return next(iter(own.values()), None)
