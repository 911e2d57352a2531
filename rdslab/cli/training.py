"""train, evaluate, predict."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdslab.cli.data import data_document
from rdslab.cli.options import Json, OneNet, Root, Set, app
from rdslab.cli.output import note, print_json, print_table, progress, say
from rdslab.errors import SpecError

if TYPE_CHECKING:
    from rdslab.records import Score
    from rdslab.train import Start

Data = Annotated[str, typer.Option("--data", help="The data set's name: synthetic, camvid, cityscapes, folder.")]
SizeOption = Annotated[str | None, typer.Option("--size", help="Size the images are brought to.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", help="CPU threads; results hold for one number of threads.")
]
By = Annotated[
    str, typer.Option("--by", metavar="[name|order]", help="Pair weights by name, or by the order they run in.")
]
Skip = Annotated[
    list[str], typer.Option("--skip", metavar="PATTERN", help="Names in the checkpoint to leave out, as in 'aux*'.")
]
Partial = Annotated[bool, typer.Option("--partial", help="By name: load what fits, leave the rest as drawn.")]
TrainedFile = Annotated[
    Path, typer.Argument(metavar="WEIGHTS|ONNX", help="A weights file, or an ONNX file that `rdslab export` wrote.")
]
PARTS = ("data", "net", "recipe")


def settings_of(settings: list[str], part: str) -> list[str]:
    """The `--set` values that begin with `data.`, `net.` or `recipe.`, without that word."""
    for setting in settings:
        if setting.partition(".")[0] not in PARTS:
            raise SpecError(
                f"{setting!r} sets nothing here",
                "begin with data., net. or recipe., as in --set recipe.epochs=4",
                where="--set",
            )
    return [setting.partition(".")[2] for setting in settings if setting.startswith(f"{part}.")]


@app.command()
def train(
    net: OneNet,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for checkpoint and weights.")],
    data: Data = "synthetic",
    root: Root = None,
    size: SizeOption = None,
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe's name or YAML file.")] = "one_cycle",
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Start from these.")] = None,
    by: By = "name",
    partial: Partial = False,
    skip: Skip = [],  # noqa: B006
    threads: ThreadsOption = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Train one net and measure its mIoU. Goes on from the last epoch where it was stopped."""
    from rdslab.cli.nets import loaded
    from rdslab.data import open_data
    from rdslab.train import load_recipe
    from rdslab.train import train as train_net

    spec = loaded(net, settings_of(set_, "net"))
    how = load_recipe(recipe, settings_of(set_, "recipe"))
    start = _start(weights, by, partial, skip)
    dataset = open_data(data_document(data, root, set_, size), where="--data")
    with _bar(spec.name, how.epochs) as advance:
        score = train_net(spec, dataset, how, seed=seed, folder=out, start=start, threads=threads, progress=advance)
    _show(score, json, {"name": spec.name, "seed": seed, "weights": str(out / "weights.safetensors")})
    if not json:
        say(f"weights: {out / 'weights.safetensors'}")


def _start(weights: Path | None, by: str, partial: bool, skip: list[str]) -> "Start | None":
    from rdslab.train import Start
    from rdslab.train.transfer import pairing

    if weights is not None:
        return Start(weights, pairing(by), partial, tuple(skip))
    if by != "name" or partial or skip:
        raise SpecError("--by, --partial and --skip say how --weights are loaded", "give --weights FILE")
    return None


@contextmanager
def _bar(name: str, epochs: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A bar that a training moves."""
    with progress() as bars:
        bar = bars.add_task(f"training {name}", total=epochs)

        def advance(event: Mapping[str, Any]) -> None:
            loss = f", loss {event['loss']:.3f}" if isinstance(event.get("loss"), float) else ""
            done = event["epoch"] - 1 + event["step"] / event["steps"] if "step" in event else event["epoch"]
            bars.update(bar, completed=done, total=event["epochs"], description=f"training {name}{loss}")

        yield advance


@app.command()
def evaluate(
    file: TrainedFile,
    data: Data = "synthetic",
    root: Root = None,
    size: Annotated[
        str | None, typer.Option("--size", help="Size the images are brought to; by default that of the file.")
    ] = None,
    set_: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Measure the mIoU of trained weights, or of an ONNX file made from them, on a data set's validation split."""
    from rdslab.data import open_data
    from rdslab.files import sha256_of
    from rdslab.stats.images import over_images
    from rdslab.train import open_trained

    trained = open_trained(file)
    dataset = open_data(data_document(data, root, set_, size, str(trained.seeing.size)), where="--data")
    about = {"name": trained.name, "weights": str(file), "sha256": sha256_of(file)}
    score, counts = trained.judged(dataset)
    own = over_images([counts])
    over = {"miou_low": own.low, "miou_high": own.high, "drawn_images": own.units}
    _show(score, json, {**about, "data": dataset.name, "size": str(dataset.size), **over})
    if not json:
        if own.low is not None and own.high is not None:
            say(f"mIoU, 95 % interval over {own.units}: from {100 * own.low:.2f} to {100 * own.high:.2f} %")
        else:
            say(f"mIoU, no interval over images: {own.why}")


@app.command()
def predict(
    file: TrainedFile,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR")],
    json: Json = False,
) -> None:
    """Write coloured overlays with a legend."""
    from rdslab.train import predict as predict_images

    written = predict_images(file, images, out)
    if json:
        print_json([str(path) for path in written])
    for path in written if not json else ():
        note(f"wrote {path}")


def _show(score: "Score", json: bool, about: dict[str, Any]) -> None:
    if json:
        print_json(about | score.document())
        return
    figures = ("miou", "accuracy", "mean_accuracy", "fw_iou")
    rows = [[name, f"{100 * getattr(score, name):.2f} %"] for name in figures]
    rows += [
        [f"IoU {name}", "absent" if value is None else f"{100 * value:.2f} %"] for name, value in score.iou.items()
    ]
    at = f" at {about['size']}" if "size" in about else ""
    print_table(["figure", ">value"], rows, f"{score.images} images{at}, {score.split}")
