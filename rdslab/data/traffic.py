"""What moves: cars, people on foot, people on bicycles."""

from dataclasses import dataclass

from rdslab.data.canvas import BICYCLIST, CAR, PEDESTRIAN, Canvas, Colour, Dice, shade

PAINTS: tuple[Colour, ...] = (
    (150, 150, 154),
    (60, 62, 68),
    (210, 210, 208),
    (130, 30, 34),
    (40, 60, 110),
    (90, 92, 96),
    (50, 80, 66),
    (196, 180, 60),
)
CLOTHES: tuple[Colour, ...] = (
    (40, 42, 50),
    (70, 66, 64),
    (120, 40, 44),
    (50, 66, 110),
    (190, 186, 180),
    (110, 96, 80),
    (60, 84, 64),
    (200, 160, 60),
)
SKIN: tuple[Colour, ...] = ((214, 170, 146), (170, 124, 98), (96, 68, 54))


@dataclass(frozen=True)
class Body:
    """A vehicle's measures in metres: half its width, full height, length, the height of the waist, how far the cabin
    narrows upwards, and how far behind the end towards the camera it begins."""

    half: float
    height: float
    length: float
    waist: float = 1.1
    inset: float = 0.05
    hood: float = 0.0


def car(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A car, van or lorry whose end towards the camera is at distance z; x is its middle."""
    kind = dice.pick(("car", "car", "car", "car", "van", "lorry"))
    if kind == "car":
        hood = dice.between(0.1, 0.9)
        body = Body(dice.between(0.8, 0.9), dice.between(1.4, 1.7), dice.between(3.6, 4.6), 0.92, 0.14, hood)
    elif kind == "van":
        body = Body(0.95, dice.between(1.9, 2.4), 5.2)
    else:
        body = Body(1.2, dice.between(2.8, 3.6), dice.between(6, 10))
    paint = dice.near(dice.pick(PAINTS), 14)
    glass = dice.grey(30, 90)
    shadow = z - 0.2, z + body.length
    canvas.ground(x - body.half - 0.15, x + body.half + 0.15, shadow, (34, 34, 38), None)
    dark = shade(paint, dice.between(0.7, 0.9))
    _side(canvas, x, z, body, dark, dark if kind == "lorry" else glass)
    _end(canvas, dice, x, z, body, paint, paint if kind == "lorry" else glass)


def _side(canvas: Canvas, x: float, z: float, body: Body, paint: Colour, glass: Colour) -> None:
    """The long side that one sees, with its wheels."""
    at, far = canvas.camera.at, z + body.length
    on_right = x + canvas.camera.bend * z * z > 0
    side, top = (x - body.half, x - body.half + body.inset) if on_right else (x + body.half, x + body.half - body.inset)
    canvas.wall((side, side), (0.25, body.waist), (z, far), paint, CAR)
    for wheel in (z + 0.75, far - 0.8):
        radius = canvas.camera.focal * 0.33 / wheel
        canvas.ellipse(at(side, 0.33, wheel), radius * 0.5, radius, (24, 24, 26), CAR)
    lean, back = (0.3, far - 1.0) if body.hood else (0.0, far)
    cabin = (
        at(side, body.waist, z + body.hood),
        at(top, body.height, z + body.hood + lean),
        at(top, body.height, back - lean),
        at(side, body.waist, back),
    )
    canvas.polygon(cabin, glass, CAR)


def _end(canvas: Canvas, dice: Dice, x: float, z: float, body: Body, paint: Colour, glass: Colour) -> None:
    """The end towards the camera: window, lamps, number plate, tyres."""
    at, roof = canvas.camera.at, z + body.hood
    for low, high, less, colour in ((0.0, 0.0, 0.0, paint), (0.05, 0.12, 0.04, glass)):
        bottom, top = body.half - 2.5 * less, body.half - body.inset - less
        pane = (
            at(x - bottom, body.waist + low, z),
            at(x + bottom, body.waist + low, z),
            at(x + top, body.height - high, roof),
            at(x - top, body.height - high, roof),
        )
        canvas.polygon(pane, colour, CAR)
    canvas.wall((x - body.half, x + body.half), (0.28, body.waist), (z, z), paint, CAR)
    lamps = dice.pick(((170.0, 30.0, 30.0), (240.0, 240.0, 230.0), (120.0, 30.0, 30.0)))
    for left in (x - body.half + 0.03, x + body.half - 0.33):
        canvas.wall((left, left + 0.3), (0.62, 0.85), (z, z), lamps, None)
        canvas.wall((left, left + 0.22), (0, 0.3), (z, z), (22, 22, 24), CAR)
    plate = dice.pick(((220.0, 220.0, 214.0), (220.0, 190.0, 60.0)))
    canvas.wall((x - 0.26, x + 0.26), (0.42, 0.56), (z, z), plate, None)


def _person(
    canvas: Canvas, dice: Dice, x: float, z: float, feet: float, height: float, kind: int, stride: float
) -> None:
    """Legs, trunk, arms and head of somebody `height` metres tall whose feet are at height `feet`."""
    coat, trousers = dice.near(dice.pick(CLOTHES), 16), dice.near(dice.pick(CLOTHES[:3] + CLOTHES[5:6]), 14)
    hip, neck = feet + height * 0.5, feet + height * 0.83
    wide = height * dice.between(0.115, 0.16)
    at = canvas.camera.at
    for foot in (-stride, stride):
        leg = (
            at(x - wide * 0.6, hip, z),
            at(x + wide * 0.6, hip, z),
            at(x + foot + 0.08, feet, z),
            at(x + foot - 0.08, feet, z),
        )
        canvas.polygon(leg, trousers, kind)
    canvas.polygon(
        (
            at(x - wide, neck, z),
            at(x + wide, neck, z),
            at(x + wide * 0.8, hip - 0.05, z),
            at(x - wide * 0.8, hip - 0.05, z),
        ),
        coat,
        kind,
    )
    for arm in (-1, 1):
        stroke = max(2.0, canvas.camera.focal * 0.1 / z)
        hand = x + arm * wide * dice.between(1.1, 1.6)
        canvas.line((at(x + arm * wide, neck - 0.06, z), at(hand, hip + 0.02, z)), stroke, shade(coat, 0.85), kind)
    head = canvas.camera.focal * height * 0.075 / z
    centre = at(x, feet + height * 0.92, z)
    canvas.ellipse(centre, head * 0.85, head, dice.near(dice.pick(SKIN), 10), kind)
    canvas.ellipse(
        (centre[0], centre[1] - head * 0.4), head * 0.85, head * 0.65, dice.near((60.0, 48.0, 40.0), 20), None
    )


def pedestrian(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """Somebody on foot, 1.1 to 1.9 m tall."""
    height = dice.between(1.1, 1.4) if dice.chance(0.15) else dice.between(1.55, 1.9)
    canvas.ground(x - 0.3, x + 0.3, (z - 0.12, z + 0.12), (60, 60, 62), None)
    _person(canvas, dice, x, z, 0.0, height, PEDESTRIAN, dice.between(0.03, 0.28))


def bicyclist(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """Somebody on a bicycle, seen from the side or from behind; the label fills the wheels."""
    at, focal = canvas.camera.at, canvas.camera.focal
    frame, radius = dice.near(dice.pick(PAINTS), 20), focal * 0.34 / z
    stroke = max(1.5, focal * 0.045 / z)
    if dice.chance(0.5):
        for wheel in (x - 0.52, x + 0.52):
            canvas.ellipse(at(wheel, 0.34, z), radius, radius, None, BICYCLIST)
            canvas.ring(at(wheel, 0.34, z), radius, stroke, (30, 30, 32))
        seat, handle = at(x - 0.2, 0.95, z), at(x + 0.42, 1.0, z)
        pedal = at(x, 0.32, z)
        for a, b in (
            (at(x - 0.52, 0.34, z), seat),
            (pedal, seat),
            (pedal, handle),
            (handle, at(x + 0.52, 0.34, z)),
            (seat, handle),
        ):
            canvas.line((a, b), stroke, frame, BICYCLIST)
    else:
        canvas.ellipse(at(x, 0.34, z), max(2.0, radius * 0.22), radius, (30, 30, 32), BICYCLIST)
        canvas.line((at(x - 0.28, 1.0, z), at(x + 0.28, 1.0, z)), stroke, frame, BICYCLIST)
    _person(canvas, dice, x, z, 0.35, dice.between(1.35, 1.55), BICYCLIST, dice.between(0.04, 0.16))
