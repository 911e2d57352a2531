"""What a net sees in an image, drawn over it, with a legend."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rdslab.data import Classes

LEAST_WIDTH, LEAST_HEIGHT = 640, 360  # smaller images are enlarged to one of them, so that the legend can be read
OPACITY = 0.5
BACKGROUND, INK, EDGE = (255, 255, 255), (30, 30, 30), (120, 120, 120)


def draw_overlay(image: Image.Image, labels: NDArray[np.integer], classes: Classes) -> Image.Image:
    """The image under the colours of its labels (h w, any size), and beside it the classes present, largest first."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(classes)] = classes.colours
    size = enlarged(image.size)
    below = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    above = Image.fromarray(colours[labels]).resize(size, Image.Resampling.NEAREST)
    legend = draw_legend(shares_of(labels, classes), size[1])
    canvas = Image.new("RGB", (size[0] + legend.width, max(size[1], legend.height)), BACKGROUND)
    canvas.paste(Image.blend(below, above, OPACITY), (0, 0))
    canvas.paste(legend, (size[0], 0))
    return canvas


def enlarged(size: tuple[int, int]) -> tuple[int, int]:
    """The size itself, or its least whole multiple that is large enough for a legend beside it."""
    factor = min(-(-LEAST_WIDTH // size[0]), -(-LEAST_HEIGHT // size[1]))
    return size[0] * max(1, factor), size[1] * max(1, factor)


def shares_of(labels: NDArray[np.integer], classes: Classes) -> list[tuple[str, tuple[int, int, int], float]]:
    """Name, colour and share of the pixels of each class that is present, largest first."""
    counts = np.bincount(labels.ravel(), minlength=len(classes))[: len(classes)]
    order = sorted((i for i in range(len(classes)) if counts[i]), key=lambda i: -counts[i])
    return [(classes.names[i], classes.colours[i], float(counts[i] / labels.size)) for i in order]


def draw_legend(rows: Sequence[tuple[str, tuple[int, int, int], float]], height: int) -> Image.Image:
    """One line a class: its colour, its name, its share of the pixels; `height` is that of the image beside it."""
    letters = max(13, min(48, height // 28))
    font = ImageFont.load_default(size=letters)
    line, pad = round(letters * 1.7), letters
    texts = [(name, f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %") for name, _, share in rows]
    left = max((round(font.getlength(name)) for name, _ in texts), default=0)
    right = max((round(font.getlength(share)) for _, share in texts), default=0)
    panel = Image.new("RGB", (letters * 2 + left + right + 3 * pad, line * len(rows) + pad), BACKGROUND)
    draw = ImageDraw.Draw(panel)
    for row, ((name, share), (_, colour, _)) in enumerate(zip(texts, rows, strict=True)):
        top = pad // 2 + row * line
        draw.rectangle((pad, top + line // 6, pad + letters, top + line // 6 + letters), fill=colour, outline=EDGE)
        middle = top + line // 6 + letters / 2
        draw.text((2 * pad + letters, middle), name, INK, font, anchor="lm")
        draw.text((panel.width - pad, middle), share, INK, font, anchor="rm")
    return panel
