"""Device profiles: the numbers that predict a latency, how they came about, and how far they may be trusted."""

from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import yaml
from pydantic import Field, field_validator, model_validator

from rdslab.errors import SpecError, did_you_mean
from rdslab.files import write_whole
from rdslab.measure.terms import COLUMNS, NUMBER_BYTES, Array, Mask
from rdslab.records import Size
from rdslab.yamlio import Document, read_yaml, validate

DEVICES = Path(__file__).parent / "devices"
KernelKind = Literal[
    "conv", "dilated", "dwconv", "gconv", "deconv", "mm", "bn", "act", "pool", "up", "cat", "elt", "copy"
]
Combine = Literal["sum", "launch_bound"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]
Form = Literal["eager", "deployed"]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0)]
BOUND = 4  # how sharp the passage from one bound to the other is: T^4 = launches^4 + work^4


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
    """Mean of |predicted / measured - 1| over points that the fit had not seen; None where the data cannot tell."""

    leave_one_network_out: Share | None  # None: all data are of one network
    leave_one_resolution_out: Share | None = None  # None: no network was measured at two sizes


class Profile(Document):
    """A device whose latency is predicted from launches L = kernels x launch and work W = FLOPs / rate + bytes / rate.

    T = L + W, or where the host launches ahead of the device, T = (L^4 + W^4)^(1/4): the slower of the two bounds.
    """

    name: str
    board: str
    framework: str
    precision: Precision
    form: Form  # eager: every kernel is counted; deployed: batch norms, activations and joins are part of others
    combine: Combine = "sum"
    launch_us: Share  # of each kernel
    flops_per_s: Positive  # 1 MAC is 2 FLOPs
    bytes_per_s: Positive
    flops_per_s_apart: dict[KernelKind, Positive] = Field(default_factory=dict)  # kinds with a rate of their own
    fitted_on: FittedOn
    source: str
    kinds: Annotated[tuple[KernelKind, ...], Field(min_length=1)]  # of kernels that the fit has seen
    errors: Errors
    interval: Interval  # for a new network at a size between the fitted ones
    interval_outside: Interval  # for a size outside them
    disputed: str = ""  # said wherever the profile's times are shown
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _apart_is_seen(self) -> "Profile":
        for kind in self.flops_per_s_apart:
            if kind not in self.kinds:
                raise ValueError(f"flops_per_s_apart names {kind!r}, which `kinds` does not")
        return self

    @cached_property
    def pixels(self) -> tuple[int, int]:
        """The least and the most pixels of an image that the fit has seen."""
        areas = [size.width * size.height for size in map(Size.parse, self.fitted_on.sizes)]
        return min(areas), max(areas)

    @cached_property
    def costs_ms(self) -> Array:
        """Milliseconds of a launch, a FLOP, and a number read or written, by kind: COLUMNS x 3."""
        rates = dict.fromkeys(COLUMNS, self.flops_per_s) | self.flops_per_s_apart
        number = 1e3 * NUMBER_BYTES[self.precision] / self.bytes_per_s
        return np.array([[1e-3 * self.launch_us, 1e3 / rates[kind], number] for kind in COLUMNS])

    @cached_property
    def seen(self) -> Mask:
        """Which of COLUMNS the fit has seen."""
        return np.array([kind in self.kinds for kind in COLUMNS])

    def together(self, launches_ms: float, work_ms: float) -> float:
        """The latency from both parts, in ms."""
        if self.combine == "sum":
            return launches_ms + work_ms
        return float((launches_ms**BOUND + work_ms**BOUND) ** (1 / BOUND))

    def __copy__(self) -> Self:
        """A copy that derives anew: `model_copy(update=...)` changes what is derived."""
        copied = super().__copy__()
        for derived in ("pixels", "costs_ms", "seen"):
            copied.__dict__.pop(derived, None)
        return copied

    @property
    def headline(self) -> str:
        """One line: what it is, and its error."""
        network, size = self.errors.leave_one_network_out, self.errors.leave_one_resolution_out
        new = "unknown" if network is None else f"{100 * network:.1f} %"
        unseen = "resolution error unknown" if size is None else f"{100 * size:.1f} % for a new size"
        return (
            f"{self.board}, {self.framework}, {self.precision}, {self.form}; "
            f"mean error {new} for a new network, {unseen}{'; disputed' if self.disputed else ''}"
        )

    def text(self) -> str:
        """The profile as YAML that `load_profile` reads."""
        document = self.model_dump(mode="json")
        document = {key: value for key, value in document.items() if value not in ({}, "", [])}
        return yaml.dump(
            document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
        )

    def save(self, path: Path) -> None:
        """Write the YAML, whole. Raises RunError where the disk refuses."""
        write_whole(path, self.text())


class _Dumper(yaml.SafeDumper):
    """Large numbers as 3.6e+11, which YAML 1.1 reads as numbers only with a point and a sign."""


def _number(dumper: _Dumper, value: float) -> yaml.Node:
    mantissa, _, exponent = f"{value:.6e}".partition("e")
    text = f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"
    text = text if "." in text else text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text if abs(value) >= 1e6 else repr(value))


_Dumper.add_representer(float, _number)


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
