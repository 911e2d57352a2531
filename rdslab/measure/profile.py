"""Device profiles: the numbers that predict a latency, how they came about, and how far they may be trusted."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from rdslab.errors import SpecError, did_you_mean
from rdslab.records import Size
from rdslab.yamlio import Document, read_yaml, validate

DEVICES = Path(__file__).parent / "devices"
KernelKind = Literal["conv", "dwconv", "gconv", "deconv", "mm", "bn", "act", "pool", "up", "cat", "elt", "copy"]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0)]


class Interval(Document):
    """What a prediction is multiplied by for the ends of its 90 % interval."""

    low: Annotated[float, Field(gt=0, le=1)]
    high: Annotated[float, Field(ge=1)]


class FittedOn(Document):
    """The measured times that the numbers were fitted to."""

    networks: Annotated[tuple[str, ...], Field(min_length=1)]
    sizes: Annotated[tuple[str, ...], Field(min_length=1)]
    points: Annotated[int, Field(ge=1)]
    command: str  # that prints the numbers, errors and intervals

    @field_validator("sizes")
    @classmethod
    def _are_sizes(cls, sizes: tuple[str, ...]) -> tuple[str, ...]:
        for size in sizes:
            try:
                Size.parse(size)
            except SpecError as error:
                raise ValueError(str(error)) from None
        return sizes


class Errors(Document):
    """Mean of |predicted / measured - 1| over points that the fit had not seen."""

    leave_one_network_out: Share
    leave_one_resolution_out: Share | None = None  # None: not known, all data have one size


class Profile(Document):
    """A device whose latency is predicted: T = sum over kernels of launch + flops / rate + bytes / bandwidth."""

    name: str
    board: str
    framework: str
    precision: Literal["fp32", "fp16", "bf16", "int8"]
    form: Literal["eager"]  # eager: every kernel is counted, batch norm and activations too
    launch_us: Share  # of each kernel
    flops_per_s: Positive  # 1 MAC is 2 FLOPs
    bytes_per_s: Positive
    fitted_on: FittedOn
    source: str
    kinds: Annotated[tuple[KernelKind, ...], Field(min_length=1)]  # of kernels that the fit has seen
    errors: Errors
    interval: Interval  # for a new network at a size between the fitted ones
    interval_outside: Interval  # for a size outside them
    disputed: str = ""  # said wherever the profile's times are shown
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> tuple[int, int]:
        """The least and the most pixels of an image that the fit has seen."""
        areas = [size.width * size.height for size in map(Size.parse, self.fitted_on.sizes)]
        return min(areas), max(areas)

    @property
    def headline(self) -> str:
        """One line: what it is, and its error."""
        resolution = self.errors.leave_one_resolution_out
        unseen = "unknown" if resolution is None else f"{100 * resolution:.1f} %"
        return (
            f"{self.board}, {self.framework}, {self.precision}, {self.form}; "
            f"mean error {100 * self.errors.leave_one_network_out:.1f} % for a new network, {unseen} for a new size"
            f"{'; disputed' if self.disputed else ''}"
        )


def profile_names() -> list[str]:
    """The profiles that come with rdslab."""
    return sorted(path.stem for path in DEVICES.glob("*.yaml"))


def load_profile(name_or_path: str | Path) -> Profile:
    """A shipped profile by its name, or one from a YAML file. Raises SpecError with file and line."""
    text, names = str(name_or_path), profile_names()
    if text in names:
        return _shipped(text)
    if Path(text).suffix not in (".yaml", ".yml") and not Path(text).exists():
        hint = f"there are: {', '.join(names)}; or the path of a YAML file"
        raise SpecError(f"no device profile is called {text!r}", hint, did_you_mean(text, names))
    return validate(Profile, read_yaml(text))


@cache
def _shipped(name: str) -> Profile:
    return validate(Profile, read_yaml(DEVICES / f"{name}.yaml"))
