"""A street laid out and drawn from far to near."""

from collections.abc import Callable
from functools import partial

import numpy as np

from rdslab.data.buildings import building, railing, skyline
from rdslab.data.canvas import PAVEMENT, ROAD, SKY, VOID, Bytes, Camera, Canvas, Dice, shade
from rdslab.data.furniture import bollard, hedge, lamp, litter, sign, traffic_light, tree
from rdslab.data.traffic import bicyclist, car, pedestrian
from rdslab.records import Size

FAR, NEAR = 90.0, 2.2  # metres
Thing = tuple[float, Callable[[], None]]  # distance in metres, and what draws it


def draw_street(size: Size, generator: np.random.Generator) -> tuple[Bytes, Bytes]:
    """One scene: image (h w 3) in plain colours, and label (h w)."""
    dice = Dice(generator)
    canvas = Canvas(size, _camera(size, dice))
    left, right = -dice.between(3.0, 6.0), dice.between(3.0, 6.0)
    walks = dice.between(1.6, 5.5), dice.between(1.6, 5.5)
    _sky(canvas, dice)
    skyline(canvas, dice)
    _ground(canvas, dice, left, right)
    things = _sides(canvas, dice, left, right, walks) + _street_furniture(canvas, dice, left, right, walks)
    things += _traffic(canvas, dice, left, right, walks)
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()
    if dice.chance(0.3):
        _bonnet(canvas, dice)
    return canvas.finished()


def _camera(size: Size, dice: Dice) -> Camera:
    width, height = 2 * size.width, 2 * size.height
    return Camera(
        focal=dice.between(0.75, 1.1) * (width * height * 4 / 3) ** 0.5,
        middle=width * dice.between(0.35, 0.65),
        horizon=height * dice.between(0.36, 0.52),
        height=dice.between(1.2, 1.9),
        bend=dice.between(-1, 1) ** 3 * 0.006,
    )


def _sky(canvas: Canvas, dice: Dice) -> None:
    low = dice.pick(((225.0, 228.0, 232.0), (200.0, 208.0, 214.0), (190.0, 212.0, 236.0), (236.0, 222.0, 200.0)))
    high = dice.near(dice.pick((low, (120.0, 160.0, 215.0), (170.0, 178.0, 190.0))), 12)
    bottom = canvas.camera.horizon + canvas.height * 0.05
    bands = 20
    for i in range(bands):
        share = i / (bands - 1)
        colour = tuple(a + (b - a) * share for a, b in zip(high, low, strict=True))
        top = bottom * i / bands
        box = ((0, top), (canvas.width, top), (canvas.width, bottom), (0, bottom))
        canvas.polygon(box, (colour[0], colour[1], colour[2]), SKY if i == 0 else None)


def _ground(canvas: Canvas, dice: Dice, left: float, right: float) -> None:
    """Pavement everywhere, the road on it with its kerbs, marks, patches and drains."""
    road = dice.near(dice.pick(((96.0, 96.0, 100.0), (122.0, 120.0, 118.0), (78.0, 80.0, 86.0))), 10)
    walk = dice.near(dice.pick((shade(road, 1.12), (150.0, 146.0, 140.0), (158.0, 138.0, 124.0))), 10)
    row = canvas.camera.horizon
    box = ((0, row), (canvas.width, row), (canvas.width, canvas.height), (0, canvas.height))
    canvas.polygon(box, walk, PAVEMENT)
    kerb = dice.between(0.12, 0.3)
    canvas.ground(left - kerb, right + kerb, (NEAR / 2, FAR * 4), shade(walk, dice.between(0.8, 1.25)), None, 8)
    canvas.ground(left, right, (NEAR / 2, FAR * 4), road, ROAD, 8)
    for _ in range(dice.whole(1, 5)):  # repaired tarmac
        z, x = dice.between(3, 30), dice.between(left, right - 1)
        canvas.ground(
            x,
            min(right, x + dice.between(0.4, 3)),
            (z, z + dice.between(1, 9)),
            shade(road, dice.between(0.8, 1.2)),
            None,
        )
    _marks(canvas, dice, left, right)


def _marks(canvas: Canvas, dice: Dice, left: float, right: float) -> None:
    white = dice.grey(165, 235)
    middle = dice.between(left * 0.3, right * 0.3)
    length, gap = dice.between(1.5, 4), dice.between(2, 6)
    start = dice.between(1.2, 5)
    while start < 60 and dice.chance(0.97):
        canvas.ground(middle - 0.07, middle + 0.07, (start, start + length), white, None)
        start += length + gap
    if dice.chance(0.5):
        yellow = dice.near((200.0, 170.0, 70.0), 20)
        for x in (left + 0.3, right - 0.3):
            canvas.ground(x - 0.06, x + 0.06, (NEAR / 2, 80), yellow, None, 6)
    if dice.chance(0.2):  # zebra crossing
        z = dice.between(6, 22)
        x = left + 0.2
        while x < right - 0.5:
            canvas.ground(x, x + 0.5, (z, z + 2.6), white, None)
            x += 1.1


def _sides(canvas: Canvas, dice: Dice, left: float, right: float, walks: tuple[float, float]) -> list[Thing]:
    """What closes the street on both sides: houses, gardens with trees behind a fence, gaps."""
    things: list[Thing] = []
    leafy = dice.between(0.05, 0.6)
    for side, edge in ((-1, left - walks[0]), (1, right + walks[1])):
        z = dice.between(1.5, 5)
        while z < FAR:
            end = z + dice.between(6, 22) * (1 + z / 60)
            front = edge + side * (dice.between(0, 1) if dice.chance(0.7) else dice.between(2, 7))
            if dice.chance(leafy):
                things += _garden(canvas, dice, side, edge, (z, end))
            else:
                things.append((end, partial(building, canvas, dice, side, front, (z, end))))
            if dice.chance(0.35 if abs(front) > abs(edge) + 1 else 0.15):
                things.append((end - 0.01, partial(railing, canvas, dice, edge, (z, end))))
            z = end + (dice.between(1, 8) if dice.chance(0.3) else 0)
    return things


def _garden(canvas: Canvas, dice: Dice, side: int, edge: float, z: tuple[float, float]) -> list[Thing]:
    things: list[Thing] = [(z[1] + 0.9, partial(hedge, canvas, dice, edge + side * dice.between(3, 8), z, 3, 7))]
    for _ in range(dice.whole(1, 3)):
        distance = dice.between(*z)
        things.append(
            (z[1] + 0.5 + distance / 1000, partial(tree, canvas, dice, edge + side * dice.between(1, 5), distance))
        )
    if dice.chance(0.6):
        things.append((z[1] + 0.1, partial(railing, canvas, dice, edge + side * 0.1, z)))
    elif dice.chance(0.6):
        things.append((z[1] + 0.1, partial(hedge, canvas, dice, edge + side * 0.3, z, 0.8, 1.8)))
    return things


def _street_furniture(canvas: Canvas, dice: Dice, left: float, right: float, walks: tuple[float, float]) -> list[Thing]:
    """Lamps, signs, lights, bollards, street trees and rubbish along the kerbs."""
    things: list[Thing] = []
    kinds = (lamp, lamp, lamp, sign, sign, sign, sign, sign, traffic_light, traffic_light, bollard, tree, litter)
    for side, kerb, walk in ((-1, left, walks[0]), (1, right, walks[1])):
        z = dice.between(4, 10)
        while z < 60:
            x = kerb + side * (dice.between(0.3, 0.7) if dice.chance(0.7) else dice.between(0.6, 1) * walk)
            things.append((z, partial(dice.pick(kinds), canvas, dice, x, z)))
            z *= dice.between(1.12, 1.8)
    return things


def _traffic(canvas: Canvas, dice: Dice, left: float, right: float, walks: tuple[float, float]) -> list[Thing]:
    things: list[Thing] = []
    for side, kerb in ((-1, left), (1, right)):
        parked = dice.between(0.05, 0.75)
        z = dice.between(5, 14)
        while z < 70:
            if dice.chance(parked):
                things.append((z, partial(car, canvas, dice, kerb - side * dice.between(1.0, 1.3), z)))
            z += dice.between(5.2, 8)
    for _ in range(dice.whole(0, 3)):
        z = dice.between(6, 50)
        things.append((z, partial(car, canvas, dice, dice.pick((left, right)) * dice.between(0.3, 0.5), z)))
    for _ in range(dice.whole(0, 5)):
        z = dice.between(5, 32)
        x = left - walks[0] * dice.between(0.2, 0.9) if dice.chance(0.5) else right + walks[1] * dice.between(0.2, 0.9)
        x = dice.between(left, right) if dice.chance(0.12) else x
        things += [(z, partial(pedestrian, canvas, dice, x + i * 0.6, z)) for i in range(dice.whole(1, 2))]
    for _ in range(dice.whole(0, 2)):
        z = dice.between(5, 24)
        x = dice.pick((left, right)) * dice.between(0.4, 0.85)
        things.append((z, partial(bicyclist, canvas, dice, x, z)))
    return things


def _bonnet(canvas: Canvas, dice: Dice) -> None:
    """The own car at the lower border: void."""
    colour = dice.near(dice.pick(((40.0, 42.0, 48.0), (150.0, 150.0, 155.0), (90.0, 30.0, 30.0))), 15)
    centre = (canvas.width * dice.between(0.4, 0.6), canvas.height * 1.12)
    rise = dice.between(0.15, 0.22)
    canvas.ellipse(centre, canvas.width * dice.between(0.5, 0.8), canvas.height * rise, colour, VOID)
    lit = (centre[0], centre[1] + canvas.height * 0.03)
    canvas.ellipse(lit, canvas.width * 0.45, canvas.height * rise, shade(colour, 1.25), None)
