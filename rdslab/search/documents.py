"""A study's YAML: which keys it takes. What they mean together is checked in `plan`. Nothing here knows torch."""

from typing import Annotated, Any, Literal

from pydantic import Field

from rdslab.yamlio import Document

Values = Annotated[tuple[Any, ...], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
Milliseconds = Annotated[float, Field(gt=0)]
Form = Literal["eager", "deployed"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]
Measured = Literal["fp32", "fp16", "bf16"]  # int8 takes a set of real images, which a study of times has not
HERE = "here"
FEWEST = 3  # times that a model can be fitted to
TRAINING = ("data", "recipe", "seeds")  # a study has all of them, or trains nothing and has none


def is_measured(device: str) -> bool:
    """Whether times on the device are measured: on this machine, or on a board. The others are profiles."""
    return device == HERE or device.startswith("ssh:")


class VariantDocument(Document):
    """One variant: the base with some places set, or another net."""

    name: Text
    net: str | None = None
    against: str | None = None  # the variant that it is compared with, if that is not the base
    set: dict[str, Any] = Field(default_factory=dict)


class DesignDocument(Document):
    """Factors with their levels, and which combinations of them are run. What they mean is said in `designs`."""

    kind: Literal["one_at_a_time", "leave_one_out", "factorial", "fractional", "pairs"]
    # A factor is one place with its values, or levels by name with what each sets.
    factors: Annotated[
        dict[Text, Annotated[dict[Text, tuple[Any, ...] | dict[str, Any]], Field(min_length=1)]], Field(min_length=1)
    ]
    resolution: Annotated[int, Field(ge=3, le=15)] | None = None
    generators: dict[Text, Annotated[tuple[Text, ...], Field(min_length=2)]] = Field(default_factory=dict)
    runs: Annotated[int, Field(ge=2)] | None = None
    interactions: bool = False


class DeployDocument(Document):
    """What costs and times belong to. Several sizes and forms are for studies that train nothing."""

    size: str = ""
    sizes: Annotated[tuple[str, ...], Field(min_length=1)] = ()
    classes: Annotated[int, Field(ge=2, le=254)] = 19
    devices: tuple[str, ...] = ()  # here, ssh://USER@HOST, and profiles
    # Of what is measured; a profile predicts for its own.
    forms: Annotated[tuple[Form, ...], Field(min_length=1)] = ("eager",)
    precision: Measured = "fp32"
    backend: Literal["auto", "torch", "compile", "cuda_graph", "onnxruntime", "tensorrt"] = "auto"
    layout: Literal["channels_first", "channels_last"] = "channels_first"
    inside: Literal["network", "labels", "copies"] = "network"


class PointDocument(Document):
    """One of the published times: a variant at a size."""

    net: str
    size: str


class FitDocument(Document):
    """How a column without a profile is predicted: from few of its times, the rest held against the prediction."""

    given: Annotated[int, Field(ge=FEWEST)] | Annotated[tuple[PointDocument, ...], Field(min_length=FEWEST)]
    board: str = ""  # its shipped profiles are not asked for what few times leave open; default: the device's name
    framework: str = "unknown"
    precision: Precision = "fp32"
    form: Form = "eager"


class ColumnDocument(Document):
    """Published times of one device: in the study under `ms`, or in a CSV file with net,size,latency_ms."""

    device: Text  # a profile that predicts them, or any name with `fit`
    source: Text
    ms: dict[str, dict[str, Milliseconds]] = Field(default_factory=dict)  # variant -> size -> milliseconds
    file: str | None = None
    fit: FitDocument | None = None


class RatioDocument(Document):
    """A line of the table of ratios: `over / under`, each a variant or the difference of two, [MORE, LESS]."""

    name: Text
    over: str | Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
    under: str | Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]


class ClaimDocument(Document):
    """A sentence that the report answers; its grammar is in `claims`."""

    name: Text
    says: Text
    study: str | None = None  # the study's file beside this one whose facts answer it, if that is another
    form: Form = "eager"  # of measured times
    source: str = ""  # who claims it


class PruningDocument(Document):
    """When a training of a search ends before its last epoch. What the kinds do is said in `pruning`."""

    kind: Literal["dominated", "rungs", "none"] = "dominated"
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95  # dominated: of the optimistic end of a forecast
    finished: Annotated[int, Field(ge=4)] = 8  # dominated: trainings that a forecast is fitted to at least
    epochs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (2, 4)  # rungs: where they stand
    keep: Annotated[float, Field(gt=0.0, lt=1.0)] = 1 / 3  # rungs: the share that goes on


class SearchDocument(Document):
    """A space, what is wanted of its nets, and how many of them may be trained."""

    space: Text
    objectives: Annotated[tuple[Text, ...], Field(min_length=1)] | dict[Text, Literal["maximise", "minimise"]]
    limits: dict[Text, Any] = Field(default_factory=dict)  # beside the space's own, in their place
    sampler: Text = "known_cost"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    trials: Annotated[int, Field(ge=1, le=1_000_000)]  # nets that are trained, in whole or in part
    hours: Annotated[float, Field(gt=0)] | None = None  # of all workers together, the finals with it
    pruning: PruningDocument = PruningDocument()


class StudyDocument(Document):
    """A base net, variants of it, and how each is trained and judged; or, without a training, what each takes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    title: str = ""
    base: str
    set: dict[str, Any] = Field(default_factory=dict)  # changes every variant, the base too
    variants: tuple[VariantDocument, ...] = ()
    one_at_a_time: dict[str, Values] = Field(default_factory=dict)
    grid: dict[str, Values] = Field(default_factory=dict)
    design: DesignDocument | None = None
    search: SearchDocument | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    recipe: str | dict[str, Any] = ""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...], Field(min_length=1)] = ()
    deploy: DeployDocument
    published: tuple[ColumnDocument, ...] = ()
    ratios: tuple[RatioDocument, ...] = ()
    claims: tuple[ClaimDocument, ...] = ()
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
