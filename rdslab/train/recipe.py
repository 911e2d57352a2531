"""How to train, as a document: loss, optimiser, schedule, augmentation, epochs, batch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from rdslab.errors import SpecError, did_you_mean
from rdslab.source import Place
from rdslab.yamlio import Document, Source, read_yaml, validate, with_settings

RECIPES = Path(__file__).parent / "recipes"

Shares = Literal["share", "share_of_all", "over_max"]
Reduction = Literal["mean", "sum"]
Normalise = Literal["none", "imagenet"]
Positive = Annotated[int, Field(ge=1, le=1_000_000)]

# An option that acts only beside another one, and the value of the other under which it does.
ACTS_WITH: Mapping[str, tuple[str, str]] = {
    "momentum": ("optimiser", "sgd"),
    "patience": ("schedule", "stall"),
    "min_lr": ("schedule", "stall"),
}


class ClassWeights(Document):
    """Eq. 11 of the seed paper: a class with the share p of the training pixels weighs 1 / ln(c + p)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    c: Annotated[float, Field(gt=1)] = 1.02
    """Above 1, so that a class without pixels has a weight too."""
    shares: Shares = "share"
    """p: of the labelled pixels, of all pixels with void among them, or the count over that of the largest class."""


class Recipe(Document):
    """How to train a net."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    """How often each training image is seen; with `schedule: stall` and a `min_lr`, at most."""
    batch: Annotated[int, Field(ge=1, le=65_536)]
    """Images a step."""
    lr: Annotated[float, Field(gt=0)]
    """The learning rate, of a schedule the highest."""
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Only with `optimiser: sgd`."""
    schedule: Literal["constant", "stall", "one_cycle", "poly"] = "constant"
    """`stall` halves the rate when the training loss stalls; `one_cycle` is Smith's, a step at a time; `poly` is
    (1 - epoch/epochs) ** 0.9."""
    patience: Positive = 10
    """Only with `schedule: stall`: epochs without a smaller loss after which the rate is halved."""
    min_lr: Annotated[float, Field(ge=0)] = 0.0
    """Only with `schedule: stall`: training ends when the rate has fallen below it."""
    translate: Annotated[int, Field(ge=0, le=64)] = 2
    """Images are shifted by 0 to so many pixels, right and down."""
    flip: bool = True
    """Half of the images are mirrored."""
    normalise: Normalise = "none"
    """`none`: 0..1; `imagenet`: less ImageNet's mean, over its standard deviation, for each channel."""
    class_weights: ClassWeights | None = ClassWeights()
    """Eq. 11, or null for equal weights."""
    reduction: Reduction = "mean"
    """Eq. 10 over all labelled pixels: the mean over their weights, or the sum."""
    auxiliary: Annotated[float, Field(ge=0)] = 0.4
    """What the loss of each auxiliary head counts; acts in nets that have one (Zhao et al. 2017)."""
    void_logit: bool = False
    """One output more, for void: it has no target, and a pixel where it wins counts as class 0."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """bf16 and fp16: mixed precision in training, on CUDA only. Scores are always taken in fp32."""
    channels_last: bool = False
    """Memory order of weights and maps: n h w c, faster on many GPUs."""
    evaluate_every: Positive = 1
    """mIoU after every so many epochs; after the last one always."""

    @model_validator(mode="after")
    def _acts(self) -> Self:
        for option, (other, value) in ACTS_WITH.items():
            changed = getattr(self, option) != type(self).model_fields[option].default
            if changed and getattr(self, other) != value:
                raise ValueError(f"{option!r} acts only with `{other}: {value}`, and {other} is {getattr(self, other)}")
        return self


def recipe_names() -> list[str]:
    """The recipes that come with rdslab."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_recipe(name_or_path: str | Path, settings: Sequence[str] | Mapping[str, Any] = ()) -> Recipe:
    """A recipe by its name or from a YAML file, with changes: `["lr=0.002"]` or `{"lr": 0.002}`.

    Raises SpecError with file and line.
    """
    text, names = str(name_or_path), recipe_names()
    if text not in names and Path(text).suffix not in (".yaml", ".yml") and not Path(text).exists():
        raise SpecError(f"no recipe is called {text!r}", f"there are: {', '.join(names)}", did_you_mean(text, names))
    source = read_yaml(RECIPES / f"{text}.yaml" if text in names else text)
    if isinstance(settings, Mapping):
        return validate(Recipe, _changed(source, settings))
    return validate(Recipe, with_settings(source, settings))


def _changed(source: Source, changes: Mapping[str, Any]) -> Source:
    lines = {place: line for place, line in source.lines.items() if not place or place[0] not in changes}
    places: dict[Place, str] = {(key,): key for key in changes}
    return Source(source.name, {**source.data, **changes}, lines, source.words, places, source.path)
