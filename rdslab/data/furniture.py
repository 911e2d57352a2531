"""What stands along the kerb: poles, signs, traffic lights, bollards, trees, hedges, and what has no class."""

from rdslab.data.canvas import POLE, SIGN, TREE, VOID, Canvas, Colour, Dice, shade

LEAVES: tuple[Colour, ...] = ((62, 84, 44), (86, 104, 58), (48, 66, 42), (120, 110, 60), (104, 78, 50))
FACES: tuple[tuple[Colour, Colour], ...] = (  # border and field of a sign
    ((186, 36, 40), (232, 230, 226)),
    ((186, 36, 40), (50, 80, 170)),
    ((40, 80, 170), (60, 100, 190)),
    ((226, 226, 222), (226, 226, 222)),
    ((40, 40, 40), (226, 190, 50)),
    ((120, 120, 122), (104, 106, 108)),  # seen from behind
    ((30, 100, 60), (40, 120, 80)),
)


def _post(canvas: Canvas, dice: Dice, x: float, z: float, height: float, wide: float) -> Colour:
    """An upright pole of `wide` metres, at least one pixel of the image; its colour."""
    colour = dice.pick((dice.grey(40, 90), dice.grey(90, 170), dice.near((96.0, 104.0, 92.0), 14)))
    least = 2.0 * z / canvas.camera.focal  # two canvas pixels, in metres
    half = max(wide, least) / 2
    canvas.wall((x - half, x + half), (0, height), (z, z), colour, POLE)
    if wide > 2 * least:
        canvas.wall((x, x + half), (0, height), (z, z), shade(colour, 0.75), None)
    return colour


def lamp(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A street lamp or a mast, 5 to 9 m high."""
    height = dice.between(5, 9)
    colour = _post(canvas, dice, x, z, height, dice.between(0.1, 0.24))
    at = canvas.camera.at
    if dice.chance(0.7):
        tip = x + dice.between(0.6, 1.8) * (-1 if x > 0 else 1)
        canvas.line((at(x, height, z), at(tip, height + 0.2, z)), max(2, canvas.camera.focal * 0.1 / z), colour, POLE)


def sign(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A round, three- or four-cornered traffic sign on its post."""
    height, radius = dice.between(1.9, 2.8), dice.between(0.28, 0.55)
    _post(canvas, dice, x, z, height + radius, 0.08)
    border, field = dice.pick(FACES)
    centre = canvas.camera.at(x, height + radius, z)
    pixels = max(2.0, canvas.camera.focal * radius / z)
    shape = dice.pick((0, 0, 3, 4))
    for size, colour in ((1.0, dice.near(border, 20)), (0.65, dice.near(field, 20))):
        r = pixels * size
        if shape == 0:
            canvas.ellipse(centre, r, r, colour, SIGN)
        elif shape == 3:
            triangle = ((0, -r), (r * 0.9, r * 0.7), (-r * 0.9, r * 0.7))
            canvas.polygon([(centre[0] + dx, centre[1] + dy) for dx, dy in triangle], colour, SIGN)
        else:
            corners = ((-r, -r * 0.8), (r, -r * 0.8), (r, r * 0.8), (-r, r * 0.8))
            canvas.polygon([(centre[0] + dx, centre[1] + dy) for dx, dy in corners], colour, SIGN)


def traffic_light(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A dark box with three lamps, one of them lit, on a post. The box is a sign, as in CamVid's 11 classes."""
    _post(canvas, dice, x, z, 3.2, 0.12)
    canvas.wall((x - 0.22, x + 0.22), (2.2, 3.4), (z, z), dice.grey(20, 60), SIGN)
    lit = dice.whole(0, 2)
    radius = canvas.camera.focal * 0.11 / z
    for i, colour in enumerate(((230.0, 60.0, 50.0), (230.0, 170.0, 50.0), (80.0, 220.0, 140.0))):
        bright = colour if i == lit else shade(colour, 0.25)
        canvas.ellipse(canvas.camera.at(x, 3.1 - 0.3 * i, z), radius, radius, bright, None)


def bollard(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A short, thick pole."""
    _post(canvas, dice, x, z, dice.between(0.8, 1.2), dice.between(0.15, 0.3))


def tree(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A trunk, which resembles a pole, and a crown of many clumps, or bare branches."""
    at, focal = canvas.camera.at, canvas.camera.focal
    trunk, radius = dice.between(1.8, 3.2), dice.between(1.0, 2.4)
    bark = dice.near((84.0, 70.0, 58.0), 18)
    half = max(dice.between(0.1, 0.25), 1.2 * z / focal)
    canvas.wall((x - half, x + half), (0, trunk + radius), (z, z), bark, TREE)
    centre, pixels = at(x, trunk + radius, z), focal * radius / z
    if dice.chance(0.12):
        for _ in range(9):
            tip = (centre[0] + pixels * dice.between(-1, 1), centre[1] + pixels * dice.between(-1.2, 0.3))
            canvas.line((at(x, trunk, z), tip), max(2, focal * 0.05 / z), bark, TREE)
        return
    if dice.chance(0.3):  # nobody can say where this one ends
        canvas.ellipse(centre, pixels * 1.05, pixels, None, VOID)
    leaf = dice.near(dice.pick(LEAVES), 14)
    for i in range(16):
        spot = (centre[0] + pixels * dice.between(-0.75, 0.75), centre[1] + pixels * dice.between(-0.8, 0.6))
        clump = pixels * dice.between(0.2, 0.5)
        canvas.ellipse(spot, clump, clump * 0.85, dice.near(shade(leaf, 0.75 + i / 30), 10), TREE)


def hedge(canvas: Canvas, dice: Dice, x: float, z: tuple[float, float], low: float, high: float) -> None:
    """A wall of leaves between two distances, `low` to `high` metres tall."""
    leaf, height = dice.near(dice.pick(LEAVES), 14), dice.between(low, high)
    canvas.wall((x, x), (0, height), z, shade(leaf, 0.8), TREE)
    wide = 6 if x > 0 else -6
    canvas.wall((x, x + wide), (0, height), (z[0], z[0]), shade(leaf, 0.7), TREE)
    for i in range(14):
        near = z[0] * (z[1] / z[0]) ** dice.between(0, 1)
        clump = canvas.camera.focal * height * dice.between(0.1, 0.25) / near
        level = dice.between(0.15, 1) * height
        canvas.ellipse(
            canvas.camera.at(x, level, near), clump, clump * 0.8, dice.near(shade(leaf, 0.7 + i / 25), 10), TREE
        )


def litter(canvas: Canvas, dice: Dice, x: float, z: float) -> None:
    """A bin, a box, a bag or a dog: void, as CamVid's unlabelled things."""
    half, height = dice.between(0.15, 0.45), dice.between(0.3, 1.1)
    colour = dice.near(
        dice.pick(((40.0, 70.0, 50.0), (120.0, 96.0, 70.0), (50.0, 50.0, 56.0), (150.0, 60.0, 40.0))), 20
    )
    canvas.wall((x - half, x + half), (0, height), (z, z), colour, VOID)
    canvas.wall((x - half, x + half), (height * 0.85, height), (z, z), shade(colour, 1.3), None)
