"""Example images of a page: what is there, what trained nets see, and where they are wrong. h w: rows and columns."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rdslab.report.chosen import WHICH, on_fronts
from rdslab.report.frame import Results
from rdslab.report.variants import variants_frame
from rdslab.report.words import percent, plural, some

MOST_NETS = 12  # whose pictures a page holds: some 30 kB an image each
SHOWN = 5  # of them beside the ground truth at once, the others on demand
WIDEST = 480  # pixels of a picture
IGNORED = 255
WRONG = (213, 94, 0)
RANKED = "The hardest of the validation images for these nets together, the easiest, and evenly by rank between them."
SPREAD = "Taken evenly from the validation images: what each gives to the scores was not stored."
Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Seen:
    """What trained nets see in images of a validation split.

    `classes`: name and colour by class index. `photos` (h w 3) and `truth` (h w: class index, 255 where ignored) by
    image. `labels` (h w) by variant and image; `seeds` by variant; `without`: by variant why it has no labels.
    `ranked`: whether the images were chosen by how hard they are. `why`: why there is no image at all.
    """

    data: str = ""
    classes: Sequence[tuple[str, Sequence[int]]] = ()
    photos: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    truth: Mapping[str, Labels] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, Labels]] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    ranked: bool = False
    why: str = ""


def example_trials(results: Results) -> dict[str, Mapping[str, Any]]:
    """The trial by variant whose net is shown, its first that is done; of many variants those that are WHICH."""
    rows = variants_frame(results).sort_values("miou", ascending=False, kind="stable", na_position="last")
    best, members = [str(name) for name in rows["variant"]], set(on_fronts(results))
    wanted = [*results.bases, *(name for name in best if name in members), *best]
    found: dict[str, Mapping[str, Any]] = {}
    for variant in dict.fromkeys(wanted):
        done = [trial for trial in results.slots if trial["variant"] == variant and trial.get("score")]
        found |= {variant: done[0]} if done else {}
    return dict([*found.items()][:MOST_NETS])


def example_images(results: Results, trials: Mapping[str, Mapping[str, Any]], most: int) -> list[int]:
    """The places in the validation split of at most `most` images, from the hardest to the easiest, evenly by rank: by
    the share of labelled pixels that those trials' nets have right. None where that was not stored."""
    counts = [results.counts[trial["slot"]] for trial in trials.values() if trial["slot"] in results.counts]
    if not counts:
        return []
    right, labelled = (np.sum([np.sum(one[key], axis=1) for one in counts], axis=0) for key in ("right", "labelled"))
    share = np.where(labelled > 0, right / np.maximum(labelled, 1), np.inf)
    order = [int(i) for i in np.argsort(share, kind="stable") if np.isfinite(share[i])]
    return [order[i] for i in evenly(len(order), most)]


def evenly(there: int, most: int) -> list[int]:
    """At most `most` of the places 0 to `there` - 1, both ends among them; the middle where it is one."""
    if most == 1 and there:
        return [(there - 1) // 2]
    return sorted({round(i) for i in np.linspace(0, there - 1, min(there, most))})


def examples_part(seen: Seen) -> dict[str, Any]:
    """What the template shows: photos as styles, images with their pictures, the legend, and sentences."""
    images = [_image(seen, number, name) for number, name in enumerate(seen.photos)]
    labels = [*seen.truth.values(), *(one for own in seen.labels.values() for one in own.values())]
    present = {int(i) for one in labels for i in np.unique(one)}
    return {
        "chosen": RANKED if seen.ranked else SPREAD,
        "photos": [photo_uri(photo) for photo in seen.photos.values()],
        "images": images,
        "legend": [(name, _hex(colour)) for i, (name, colour) in enumerate(seen.classes) if i in present],
        "wrong": _hex(WRONG),
        "why": seen.why,
        "notes": _notes(seen),
    }


def _image(seen: Seen, number: int, name: str) -> dict[str, Any]:
    truth = seen.truth[name]
    counted = truth != IGNORED
    nets = []
    for variant, labels in seen.labels.items():
        wrong = (labels[name] != truth) & counted
        share = 1 - wrong.sum() / counted.sum() if counted.any() else None
        nets.append(
            {
                "variant": variant,
                "seed": seen.seeds[variant],
                "right": percent(share),
                "labels": labels_uri(labels[name], seen.classes),
                "errors": errors_uri(wrong),
            }
        )
    height, width = truth.shape
    shape = {"number": number, "name": name, "width": width, "height": height}
    return {**shape, "truth": labels_uri(truth, seen.classes), "nets": nets, "shown": SHOWN}


def _notes(seen: Seen) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for variant, reason in seen.without.items():
        by_reason.setdefault(reason, []).append(variant)
    notes = [f"No picture of {some(variants)}: {reason}." for reason, variants in by_reason.items()]
    if seen.photos:
        nets = plural(len(seen.labels), "net")
        notes += [f"{nets}, the first seed of each; of more than {MOST_NETS}, {WHICH}."]
        notes += [f"The images are those of the data set {seen.data}; its terms hold for copies of this page too."]
    return notes


def photo_uri(photo: NDArray[np.uint8]) -> str:
    """An image (h w 3) as JPEG in a data URI."""
    return _uri(Image.fromarray(photo), "jpeg", Image.Resampling.BILINEAR, quality=82)


def labels_uri(labels: Labels, classes: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Labels (h w) in the classes' colours, ignored ones transparent, as PNG in a data URI."""
    palette = bytes(value for _, colour in classes for value in colour)
    picture = Image.fromarray(labels)
    picture.putpalette(palette.ljust(3 * (IGNORED + 1), b"\0"))  # makes it one of a palette, of 8 bits to hold 255
    return _uri(picture, "png", Image.Resampling.NEAREST, transparency=IGNORED)


def errors_uri(wrong: NDArray[np.bool_]) -> str:
    """What is wrong (h w) in one colour, the rest transparent, as PNG in a data URI."""
    picture = Image.fromarray(wrong.astype(np.uint8))
    picture.putpalette([0, 0, 0, *WRONG])
    return _uri(picture, "png", Image.Resampling.NEAREST, bits=1, transparency=0)


def _uri(picture: Image.Image, kind: str, how: Image.Resampling, **options: Any) -> str:
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), how)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{value:02x}" for value in colour)
