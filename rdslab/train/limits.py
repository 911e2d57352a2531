"""What a net cannot be trained with: found on paper, before the first step."""

import torch

from rdslab.errors import SpecError
from rdslab.network import Network, build
from rdslab.records import Size
from rdslab.resolve import Unit
from rdslab.spec import Net
from rdslab.train.state import epoch_batches, parts_of

TOO_FEW = "Expected more than 1"  # how torch begins to say that one value has no variance


def check_batch(
    net: Net, classes: int, batch: int, size: Size, images: int | None = None, at_once: int | None = None
) -> None:
    """Raises SpecError where a normalisation would see one value a channel, as batch norm over a 1x1 map of one image.

    `classes`: outputs of the net, `images`: those to train on, where they are known; the smallest batch of an epoch
    decides, or the smallest part where `at_once` images of it are taken. One forward pass in training mode on `meta`
    tensors finds out, whatever the net is made of.
    """
    sizes = [batch] if images is None else map(len, epoch_batches(images, batch, 0, 0))
    least = min(one // parts_of(one, at_once) for one in sizes)
    with torch.device("meta"):
        network = build(net, classes).train()
    unit = _too_narrow(network, least, size)
    if unit is None:
        return
    more, larger = max(2, least), Size(2 * size.width, 2 * size.height)
    hints = []
    if images == 1:
        hints.append("there is only 1 training image")
    elif _too_narrow(network, more, size) is None:
        hints.append(f"write `batch: {more}` or more")
    if _too_narrow(network, least, larger) is None:
        hints.append(f"images of {larger} would do" if not hints else f"or larger images: {larger} would do")
    what = f"node {unit.name!r} (block {unit.entry.name!r}) of net {net.name!r} normalises one value a channel"
    raise SpecError(f"{what} with a batch of {least} at {size}", *hints, where="recipe.batch")


def _too_narrow(network: Network, batch: int, size: Size) -> Unit | None:
    """The unit that refuses its input because there is one value a channel, or None where training can begin."""
    running: list[Unit] = []
    hooks = [
        network.module_of(unit).register_forward_pre_hook(lambda *_, unit=unit: running.append(unit))
        for unit in network.units
    ]
    try:
        with torch.no_grad():
            network.train_outputs(torch.zeros(batch, 3, size.height, size.width, device="meta"))
    except Exception as error:  # a user's block may not run without values; what else is wrong, its first step tells
        return running[-1] if running and str(error).startswith(TOO_FEW) else None
    finally:
        for hook in hooks:
            hook.remove()
    return None
