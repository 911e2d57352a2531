"""Where a scene is drawn: image and label at once, seen through a camera. Metres in the world, pixels on the canvas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rdslab.data.samples import IGNORE
from rdslab.records import Size

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)
VOID = IGNORE
Colour = tuple[float, float, float]
Point = tuple[float, float]
Bytes = NDArray[np.uint8]
FINE = 2  # the canvas is finer than the image by this factor: edges mix colours as a camera does
T = TypeVar("T")


class Dice:
    """Random numbers of one scene, fetched by the thousand: one by one they would take a fifth of the time."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._left: list[float] = []

    def _roll(self) -> float:
        if not self._left:
            self._left = self._generator.random(1024).tolist()
        return self._left.pop()

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._roll()

    def chance(self, share: float) -> bool:
        return self._roll() < share

    def whole(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + int(self._roll() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._roll() * len(choices))]

    def near(self, colour: Colour, spread: float) -> Colour:
        """A colour like that one: brighter or darker as a whole, and a little off in hue."""
        light, hue = self.between(-spread, spread), spread / 3
        return (
            colour[0] + light + self.between(-hue, hue),
            colour[1] + light + self.between(-hue, hue),
            colour[2] + light + self.between(-hue, hue),
        )

    def grey(self, low: float, high: float) -> Colour:
        return self.near((self.between(low, high),) * 3, 8)


def shade(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


@dataclass(frozen=True)
class Camera:
    """A pinhole at `height` metres above a flat ground, in canvas pixels. The street bends by `bend` z² metres."""

    focal: float
    middle: float  # column of the vanishing point
    horizon: float  # row of the horizon
    height: float
    bend: float

    def at(self, x: float, y: float, z: float) -> Point:
        """The canvas point of what is x metres right of the street's middle, y above ground and z ahead."""
        scale = self.focal / z
        return self.middle + scale * (x + self.bend * z * z), self.horizon + scale * (self.height - y)


class Canvas:
    """An image and its label, drawn at twice their size. A class of None leaves the label as it is."""

    def __init__(self, size: Size, camera: Camera) -> None:
        self.size, self.camera = size, camera
        self.width, self.height = size.width * FINE, size.height * FINE
        self.image = Image.new("RGB", (self.width, self.height))
        self.label = Image.new("L", (self.width, self.height), SKY)
        self._paint, self._mark = ImageDraw.Draw(self.image), ImageDraw.Draw(self.label)

    def polygon(self, points: Sequence[Point], colour: Colour | None, kind: int | None) -> None:
        """A filled polygon of canvas points; no colour leaves the image as it is."""
        if colour is not None:
            self._paint.polygon(points, fill=_ink(colour))
        if kind is not None:
            self._mark.polygon(points, fill=kind)

    def ellipse(self, centre: Point, rx: float, ry: float, colour: Colour | None, kind: int | None) -> None:
        """A filled ellipse with the given half axes in canvas pixels."""
        box = (centre[0] - rx, centre[1] - ry, centre[0] + rx, centre[1] + ry)
        if colour is not None:
            self._paint.ellipse(box, fill=_ink(colour))
        if kind is not None:
            self._mark.ellipse(box, fill=kind)

    def line(self, points: Sequence[Point], width: float, colour: Colour, kind: int | None) -> None:
        """A line of `width` canvas pixels, at least one."""
        pixels = max(1, round(width))
        self._paint.line(points, fill=_ink(colour), width=pixels)
        if kind is not None:
            self._mark.line(points, fill=kind, width=pixels)

    def ring(self, centre: Point, radius: float, width: float, colour: Colour) -> None:
        """A circle's outline, in the image only."""
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        self._paint.ellipse(box, outline=_ink(colour), width=max(1, round(width)))

    def wall(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        colour: Colour | None,
        kind: int | None,
    ) -> None:
        """An upright face from (x[0], z[0]) to (x[1], z[1]) between the heights y, metres."""
        at = self.camera.at
        points = (at(x[0], y[0], z[0]), at(x[0], y[1], z[0]), at(x[1], y[1], z[1]), at(x[1], y[0], z[1]))
        self.polygon(points, colour, kind)

    def ground(
        self, left: float, right: float, z: tuple[float, float], colour: Colour, kind: int | None, steps: int = 1
    ) -> None:
        """A strip of ground between x = left and right; more steps follow a bend."""
        at = self.camera.at
        ratio = z[1] / z[0]
        depths = [z[0] * ratio ** (i / steps) for i in range(steps + 1)]
        near_to_far = [at(left, 0, d) for d in depths]
        self.polygon([*near_to_far, *(at(right, 0, d) for d in reversed(depths))], colour, kind)

    def finished(self) -> tuple[Bytes, Bytes]:
        """Image (h w 3), each pixel the mean of its canvas pixels, and label (h w), the upper left of them."""
        image = np.asarray(self.image.reduce(FINE))
        return image, np.ascontiguousarray(np.asarray(self.label)[::FINE, ::FINE])


def _ink(colour: Colour) -> int:
    """The colour as Pillow's number for an RGB image, which it takes faster than three."""
    red, green, blue = (0 if c < 0 else 255 if c > 255 else int(c) for c in colour)
    return red | green << 8 | blue << 16
