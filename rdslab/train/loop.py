"""train: from a net on paper to weights and a score."""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from rdslab.data import DataSet
from rdslab.errors import DataError, RunError, SpecError
from rdslab.measure import tune_malloc
from rdslab.network import check_size
from rdslab.records import Score
from rdslab.spec import Net
from rdslab.train.checkpoint import (
    Identity,
    check_same,
    identity_of,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
)
from rdslab.train.counts import save_counts
from rdslab.train.inference import the_device
from rdslab.train.limits import check_batch
from rdslab.train.metrics import image_counts, score_of
from rdslab.train.recipe import Recipe
from rdslab.train.state import Progress, Training
from rdslab.train.transfer import Start
from rdslab.train.weights import WEIGHTS, describe, read_metadata, save_weights

CPU_IS_FULL = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def train(
    net: Net,
    data: DataSet,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    start: Start | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Score:
    """Train a net and score it on `data.val` after the last epoch.

    In `folder` are left weights.safetensors, and val_images.json with what each image gives to the score.

    On a CPU the same arguments give the same bits. A training that was stopped goes on from its last whole epoch to
    the same result; one that is finished is not done again. `progress` is given a mapping after each step (epoch,
    epochs, step, steps, loss) and each epoch (epoch, epochs, loss, lr, miou, seconds); epochs and steps count from 1.
    One that goes on begins with its last epoch once more, and the rows of all of them as `resumed`. In the history
    `seconds` is the one value that another run does not repeat.
    `start`: the first weights, where they are not drawn from the seed; another file is another training.
    Where memory does not hold a batch, it is taken in parts whose gradients are added up, and `at_once` in the history
    says of how many images. Batch norm then sees those of one part.

    Raises SpecError and DataError before the first step: net, weights and images that do not fit, a batch too small for
    batch norm, a folder with another training; RunError when the loss is no number or memory runs out.
    """
    device, folder = the_device(), Path(folder)
    with repeatable(threads, device), memory_told(recipe, data, device):
        check_beforehand(net, data, recipe, device)
        identity = identity_of(net, data, recipe, seed, device, start)
        score = finished(folder, identity)
        if score is None:
            run = _run_to_the_end(lambda: Training(net, data, recipe, seed, device, start), folder, identity, progress)
            assert run.matrices is not None
            score = score_of(run.matrices, data.classes.names, data.split, run.history)
            save_counts(folder, image_counts(run.matrices, data.val))
            save_weights(folder / WEIGHTS, run.network, describe(net, data, recipe, seed, identity, score))
    remove_checkpoint(folder)
    return score


def _run_to_the_end(
    begin: Callable[[], Training], folder: Path, identity: Identity, progress: Progress | None
) -> Training:
    """Every epoch that is left, with a checkpoint after each. Where memory runs out in one, that epoch begins anew with
    half as many images at once."""
    at_once: int | None = None
    while True:
        run = begin()
        if state := load_checkpoint(folder, identity):
            run.restore(state)
            if progress is not None and at_once is None:
                progress({"epochs": run.recipe.epochs, **run.history[-1], "resumed": list(run.history)})
        run.at_once = at_once or run.at_once
        try:
            while not run.done:
                run.run_epoch(progress)
                save_checkpoint(folder, identity, run.state())
                if progress is not None:
                    progress({"epochs": run.recipe.epochs, **run.history[-1]})
            return run
        except (MemoryError, RuntimeError) as error:
            before = run.at_once or run.recipe.batch
            at_once = math.ceil(before / 2)
            if not is_out_of_memory(error) or at_once == before or not _bears(run, at_once):
                raise
        del run  # frees what it holds before the next one is built
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _bears(run: Training, at_once: int) -> bool:
    """Whether the net can be trained on so few images at once: batch norm cannot on one value a channel."""
    network, data = run.network, run.data
    try:
        check_batch(network.net, network.classes, run.recipe.batch, data.size, len(data.train), at_once)
    except SpecError:
        return False
    return True


def finished(folder: Path, identity: Identity) -> Score | None:
    """The score of a training that has ended in this folder. Raises SpecError when it was another one."""
    path = folder / WEIGHTS
    if not path.exists():
        return None
    metadata = read_metadata(path)
    check_same(metadata.get("identity") or {}, identity, path)
    score = metadata["score"]
    return Score(**{**score, "history": tuple(score["history"])})


def check_beforehand(net: Net, data: DataSet, recipe: Recipe, device: torch.device) -> None:
    """Raises SpecError or DataError for what could not be trained or scored."""
    check_size(net, data.size)
    if recipe.precision != "fp32" and device.type != "cuda":
        what = f"precision {recipe.precision} needs a CUDA GPU, and this machine trains on its CPU"
        raise SpecError(what, "write `precision: fp32`", where="recipe.precision")
    for part, samples in (("train", data.train), ("val", data.val)):
        if not len(samples):
            raise DataError(f"has no {part} images", where=f"data set {data.name!r}")
    check_batch(net, len(data.classes) + recipe.void_logit, recipe.batch, data.size, len(data.train))


@contextmanager
def repeatable(threads: int | None, device: torch.device) -> Iterator[None]:
    """Torch set so that a CPU repeats itself to the last bit, and set back afterwards, generators included."""
    before, filled = torch.get_num_threads(), torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    strict, warn_only = torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode() == 1
    gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus), warnings.catch_warnings():
        # Unpooling has no variant that is called deterministic, and needs none where windows do not overlap.
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*")
        if device.type == "cpu":
            tune_malloc()  # a tenth less time a step
        if threads is not None:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(device.type == "cpu", warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        try:
            yield
        finally:
            torch.set_num_threads(before)
            torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)


@contextmanager
def memory_told(recipe: Recipe, data: DataSet, device: torch.device) -> Iterator[None]:
    """Out of memory, on GPU or CPU, becomes a RunError with batch and size."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        what = f"out of memory on the {device.type.upper()} with a batch of {recipe.batch} images of {data.size}"
        parted = ", in as small parts as the net bears" if recipe.batch > 1 else ""
        raise RunError(what + parted, "try a smaller size or a narrower net") from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch or Python says that memory is full, on GPU or CPU."""
    full = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return full or any(words in str(error).lower() for words in CPU_IS_FULL)
