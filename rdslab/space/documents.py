"""A space's YAML: which keys it takes. What they mean is said here, what they mean together is checked in `genes`.

    base: rdsnet
    set: {width: 0.5}                                    # of every net
    genes:
      enc3.block: {choice: [rds, residual, {block: rds, options: {dilate: both}}]}
      enc3.repeat: {whole: [2, 8], step: 2}
      enc*.options.dropout: {choice: [0.0, 0.1]}         # one gene, several nodes
      enc3.options.shuffle: {choice: [0, 4], when: {enc3.options.groups: [2, 4]}}
      width of stage 3: {tied: {down3.channels: [96, 128], enc3.channels: [96, 128]}}
    deploy: {size: 640x360, classes: 19, devices: [jetson-tx1]}
    limits: {macs: 8.0e+9, latency_ms.jetson-tx1: 50, receptive_field: 300}

A gene is called by its place, or, where several places are tied, by any name: its k-th choice sets the k-th value
everywhere. The first choices together are the space's base. `when` names a gene and those of its choices under which
this one acts; a tied gene's choices are known by the values of its first place, a mapping's by its block.
"""

from typing import Annotated, Any

from pydantic import Field

from rdslab.yamlio import Document

Choices = Annotated[tuple[Any, ...], Field(min_length=2)]
Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]


class GeneDocument(Document):
    """What may vary, and how: one of `choice`, `whole` and `tied`."""

    choice: Choices | None = None
    whole: Annotated[tuple[int, ...], Field(min_length=2)] | None = None  # the least and the most, both included
    step: Annotated[int, Field(ge=1)] | None = None
    tied: Annotated[dict[Text, Choices], Field(min_length=1)] | None = None  # place -> its value for each choice
    when: dict[Text, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)


class BoundDocument(Document):
    """Both ends of what is allowed; one of them may be left out."""

    at_least: Positive | None = None
    at_most: Positive | None = None


class SpaceDeploy(Document):
    """What costs, predicted times and limits belong to."""

    size: str = "640x360"
    classes: Annotated[int, Field(ge=2, le=254)] = 19
    devices: tuple[str, ...] = ("jetson-tx1",)  # profiles that predict


class SpaceDocument(Document):
    """A base net, genes, and limits. A number is the most of a cost, and the least of a receptive field."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    title: str = ""
    base: str
    set: dict[str, Any] = Field(default_factory=dict)
    genes: Annotated[dict[Text, GeneDocument], Field(min_length=1)]
    deploy: SpaceDeploy = SpaceDeploy()
    limits: dict[Text, Positive | BoundDocument] = Field(default_factory=dict)
