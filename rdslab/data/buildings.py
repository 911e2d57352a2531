"""What closes a street: houses with windows and shops, fences and railings, the skyline."""

from rdslab.data.canvas import BUILDING, FENCE, TREE, VOID, Canvas, Colour, Dice, shade

WALLS: tuple[Colour, ...] = (
    (150, 110, 90),
    (176, 150, 118),
    (196, 188, 170),
    (128, 124, 122),
    (112, 84, 72),
    (208, 204, 200),
    (146, 132, 108),
    (98, 100, 106),
)
BOARDS: tuple[Colour, ...] = (
    (170, 40, 40),
    (40, 70, 150),
    (40, 110, 70),
    (220, 190, 60),
    (60, 60, 60),
    (230, 230, 226),
)
FENCES: tuple[Colour, ...] = ((60, 62, 66), (120, 90, 64), (190, 186, 180), (92, 110, 84), (140, 124, 112))


def building(canvas: Canvas, dice: Dice, side: int, x: float, z: tuple[float, float]) -> None:
    """A house along the street from z[0] to z[1], its front at x, its end wall towards the camera."""
    height, colour = dice.between(4.5, 14), dice.near(dice.pick(WALLS), 16)
    deep = x + side * 9
    end_wall = shade(colour, dice.between(0.6, 1.1))
    if dice.chance(0.6):  # roof, with chimneys that look like poles against the sky
        roof = dice.near((92.0, 78.0, 74.0), 18)
        at, ridge = canvas.camera.at, height + dice.between(1, 3)
        back = x + side * 3
        slope = (at(x, height, z[0]), at(x, height, z[1]), at(back, ridge, z[1]), at(back, ridge, z[0]))
        canvas.polygon(slope, roof, BUILDING)
        gable = at(x, height, z[0]), at(back, ridge, z[0]), at(x + side * 6, height, z[0])
        canvas.polygon(gable, end_wall, BUILDING)
        for _ in range(dice.whole(0, 2)):
            near = dice.between(*z)
            canvas.wall((back, back + 0.9), (ridge - 1, ridge + dice.between(0.6, 1.5)), (near, near), colour, BUILDING)
    canvas.wall((x, deep), (0, height), (z[0], z[0]), end_wall, BUILDING)
    canvas.wall((x, x), (0, height), z, colour, BUILDING)
    _windows(canvas, dice, x, z, height, colour)
    if dice.chance(0.6):
        _shop(canvas, dice, x, z)
    else:
        _doors(canvas, dice, x, z)
    for _ in range(dice.whole(0, 2)):  # drainpipes
        near = dice.between(*z)
        canvas.wall((x, x), (0, height), (near, near + 0.18), dice.grey(50, 150), None)


def _windows(canvas: Canvas, dice: Dice, x: float, z: tuple[float, float], height: float, wall: Colour) -> None:
    """Storeys of glass, cut into windows by strips of wall: few shapes for many windows."""
    glass = dice.near(dice.pick(((60.0, 66.0, 76.0), (40.0, 40.0, 44.0), (150.0, 165.0, 180.0))), 14)
    storey, tall = dice.between(2.7, 3.4), dice.between(1.2, 1.9)
    pitch, wide = dice.between(1.8, 3.6), dice.between(0.35, 0.6)
    first = 3.6
    if canvas.camera.focal * tall / z[0] < 3:
        return
    while first + tall < height:
        canvas.wall((x, x), (first, first + tall), z, glass, None)
        if dice.chance(0.35):
            canvas.wall((x, x), (first - 0.15, first), z, shade(wall, 1.2), None)
        first += storey
    near = z[0]
    while near < z[1]:
        canvas.wall((x, x), (3.5, height), (near, min(z[1], near + pitch * (1 - wide))), wall, None)
        near += pitch


def _shop(canvas: Canvas, dice: Dice, x: float, z: tuple[float, float]) -> None:
    """A dark shop window, its board above, sometimes an awning."""
    glass, board = dice.grey(30, 90), dice.near(dice.pick(BOARDS), 20)
    canvas.wall((x, x), (0.5, 2.6), z, glass, None)
    canvas.wall((x, x), (2.6, 3.3), z, board, None)
    near = z[0]
    while near < z[1]:
        canvas.wall((x, x), (0, 2.6), (near, near + 0.3), shade(board, 0.8), None)
        letters = near + dice.between(0.5, 1)
        canvas.wall((x, x), (2.75, 3.1), (letters, letters + 1), dice.grey(170, 250), None)
        near += dice.between(2, 4)
    if dice.chance(0.3):
        mark = dice.between(*z)  # a small board that stands out from the wall like a traffic sign
        canvas.wall((x, x + 0.8 * (-1 if x > 0 else 1)), (2.7, 3.4), (mark, mark), dice.pick(BOARDS), BUILDING)


def _doors(canvas: Canvas, dice: Dice, x: float, z: tuple[float, float]) -> None:
    """Doors and ground-floor windows: dark upright shapes as large as people."""
    near = z[0] + dice.between(0.3, 1)
    while near < z[1] - 1:
        if dice.chance(0.5):
            canvas.wall((x, x), (0, 2.1), (near, near + 0.9), dice.near(dice.pick(BOARDS), 20), None)
        else:
            canvas.wall((x, x), (0.9, 2.2), (near, near + 1.2), dice.grey(40, 110), None)
        near += dice.between(1.8, 3.5)


def railing(canvas: Canvas, dice: Dice, x: float, z: tuple[float, float]) -> None:
    """A fence along the street: boards, or bars through which one sees; the label is filled in both."""
    height, colour = dice.between(0.8, 1.9), dice.near(dice.pick(FENCES), 14)
    solid = dice.chance(0.5)
    canvas.wall((x, x), (0, height), z, colour if solid else None, FENCE)
    at = canvas.camera.at
    pitch = dice.between(0.25, 0.6) if not solid else dice.between(0.6, 2)
    near = z[0]
    while near < min(z[1], 45):
        stroke = max(1.0, canvas.camera.focal * 0.03 / near)
        ink = colour if not solid else shade(colour, 0.75)
        canvas.line((at(x, 0, near), at(x, height, near)), stroke, ink, None)
        near += pitch * max(1.0, near / 12)
    for level in (height, 0.15) if not solid else (height,):
        canvas.line(
            (at(x, level, z[0]), at(x, level, z[1])), canvas.camera.focal * 0.05 / z[0], shade(colour, 0.9), FENCE
        )


def skyline(canvas: Canvas, dice: Dice) -> None:
    """Trees, houses and haze where the street ends."""
    horizon, column = canvas.camera.horizon, 0.0
    high = canvas.height * dice.between(0.02, 0.12)
    while column < canvas.width:
        wide, tall = canvas.width * dice.between(0.04, 0.2), high * dice.between(0.4, 1.3)
        kind = dice.pick((TREE, TREE, TREE, BUILDING, BUILDING, BUILDING, VOID))
        if kind == TREE:
            colour = dice.near((88.0, 100.0, 74.0), 18)
            canvas.ellipse((column + wide / 2, horizon), wide * 0.7, tall, colour, kind)
        else:
            colour = dice.near(dice.pick(WALLS), 10)
            hazy = tuple(0.6 * c + 0.4 * 190 for c in colour)
            box = (
                (column, horizon),
                (column, horizon - tall),
                (column + wide, horizon - tall),
                (column + wide, horizon),
            )
            canvas.polygon(box, (hazy[0], hazy[1], hazy[2]), kind)
        column += wide * 0.8
