"""From plain colours to a photograph: texture, light, shadow, blur and noise."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from rdslab.data.canvas import BUILDING, PAVEMENT, ROAD, SKY, TREE, Bytes

Floats = NDArray[np.float32]
# How strongly a class is mottled: by patches a third, a tenth and a fortieth of the image high.
MOTTLED = np.full((256, 3), (6.0, 7.0, 8.0), np.float32)
MOTTLED[SKY] = (14.0, 5.0, 1.0)
MOTTLED[TREE] = (8.0, 14.0, 22.0)
MOTTLED[BUILDING] = (7.0, 8.0, 9.0)
MOTTLED[[ROAD, PAVEMENT]] = (8.0, 7.0, 9.0)


def photographed(image: Bytes, label: Bytes, dice: np.random.Generator) -> Bytes:
    """The image (h w 3) as a camera might have taken it on some day; the label says what is mottled how much."""
    height, width = label.shape
    pixels = image.astype(np.float32)
    strength = MOTTLED * dice.uniform(0.4, 1.3)
    mottle = sum(strength[:, i][label] * _patches(dice, height, width, cells) for i, cells in enumerate((3, 10, 40)))
    pixels += np.asarray(mottle)[:, :, None]
    pixels *= _light(dice, height, width, label)[:, :, None]
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * np.float32(dice.uniform(0.4, 1.1))
    pixels *= dice.uniform(0.93, 1.07, 3).astype(np.float32)
    contrast, middle = np.float32(dice.uniform(0.75, 1.2)), np.float32(dice.uniform(95, 145))
    pixels = (pixels - 120) * contrast + middle
    pixels = _blurred(pixels, dice)
    sigma = np.float32(dice.uniform(1, 6.5))
    pixels += sigma * dice.standard_normal((height, width, 1), np.float32)
    pixels += sigma * np.float32(0.5) * dice.standard_normal(pixels.shape, np.float32)
    clipped: Bytes = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
    return clipped


def _patches(dice: np.random.Generator, height: int, width: int, cells: int) -> Floats:
    """Smooth random patches in -1..1, `cells` of them to the image's height."""
    across = max(2, round(cells * width / height))
    small = Image.fromarray(dice.integers(0, 256, (max(2, cells), across), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), np.float32) / np.float32(
        127.5
    ) - np.float32(1)


def _light(dice: np.random.Generator, height: int, width: int, label: Bytes) -> Floats:
    """Brightness of each pixel (h w): a slope over the image, darker corners, and shadows on all but the sky."""
    row = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    column = np.linspace(-1, 1, width, dtype=np.float32)[None]
    light = 1 + np.float32(dice.uniform(-0.12, 0.12)) * row + np.float32(dice.uniform(-0.15, 0.15)) * column
    light = light * (1 - np.float32(dice.uniform(0, 0.12)) * (row * row + column * column))
    light *= np.float32(dice.uniform(0.75, 1.2))
    if dice.random() < 0.7:
        depth = np.float32(dice.uniform(0.1, 0.5))
        light *= 1 - depth * _shadow(dice, height, width) * (label != SKY)
    return light.astype(np.float32)


def _shadow(dice: np.random.Generator, height: int, width: int) -> Floats:
    """Where it is dark (h w, 0..1): slanting bands across the street, and one side of it."""
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for _ in range(int(dice.integers(1, 5))):
        left, wide, slant = dice.uniform(-0.3, 1.1), dice.uniform(0.02, 0.5), dice.uniform(-0.6, 0.6)
        top, low = dice.uniform(0.3, 0.8), dice.uniform(0.6, 1.2)
        corners = ((left, top), (left + wide * 0.6, top), (left + wide + slant, low), (left + slant, low))
        draw.polygon([(x * width, y * height) for x, y in corners], fill=int(dice.integers(120, 256)))
    soft = mask.filter(ImageFilter.BoxBlur(max(1, height // 60)))
    return np.asarray(soft, np.float32) / np.float32(255)


def _blurred(pixels: Floats, dice: np.random.Generator) -> Floats:
    """A lens a little out of focus: each pixel mixed with its neighbours."""
    share = np.float32(dice.uniform(0, 0.33))
    for axis in (0, 1):
        kept = pixels
        pixels = pixels * (1 - share)
        pixels += share / 2 * (np.roll(kept, 1, axis) + np.roll(kept, -1, axis))
    return pixels
