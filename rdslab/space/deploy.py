"""What figures of a space's nets belong to, and the limits that are set to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rdslab.cost import count
from rdslab.cost.receptive import receptive_field
from rdslab.errors import RdslabError, SpecError, did_you_mean
from rdslab.measure import Profile, load_profile, predict_times
from rdslab.records import Cost, Size
from rdslab.space.documents import BoundDocument, SpaceDeploy
from rdslab.spec import Net
from rdslab.yamlio import Source

LATENCY = "latency_ms."
FIELD = "receptive_field"


@dataclass(frozen=True)
class Deploy:
    """The size, the number of classes and the devices, which predict."""

    size: Size
    classes: int
    profiles: Mapping[str, Profile]

    @property
    def names(self) -> tuple[str, ...]:
        """The figures of a net."""
        return ("macs", "params", FIELD, *(f"{LATENCY}{name}" for name in self.profiles))

    def cost(self, net: Net) -> Cost:
        return count(net, self.size, self.classes)

    def figures(self, net: Net) -> tuple[float, ...]:
        """The net's figures, in the order of `names`; NaN where a profile abstains. Raises SpecError."""
        cost = self.cost(net)
        times = [_predicted(cost, profile) for profile in self.profiles.values()]
        return float(cost.macs), float(cost.params), receptive_field(net, self.classes).side, *times


@dataclass(frozen=True)
class Limit:
    """The least and the most that a figure may be."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a figure is within; one that is not known is not."""
        least, most = self.at_least, self.at_most
        return value == value and (least is None or value >= least) and (most is None or value <= most)

    @property
    def words(self) -> str:
        ends = (("at least", self.at_least), ("at most", self.at_most))
        return f"{self.figure} " + ", ".join(f"{word} {end:g}" for word, end in ends if end is not None)


def _predicted(cost: Cost, profile: Profile) -> float:
    try:
        return predict_times(cost, profile).latency_ms
    except SpecError:
        return float("nan")


def deploy_of(document: SpaceDeploy, source: Source) -> Deploy:
    """Size, classes and profiles. Raises SpecError with file and line."""
    try:
        size = Size.parse(document.size)
    except SpecError as error:
        raise error.at(source.where(("deploy", "size"))) from None
    folder = source.path.parent if source.path else Path()
    profiles = {}
    for index, name in enumerate(document.devices):
        try:
            beside = folder / name
            profiles[name] = load_profile(str(beside if beside.is_file() else name))
        except (RdslabError, OSError, ValueError) as error:
            raise SpecError(str(error), where=source.where(("deploy", "devices", index))) from None
    return Deploy(size, document.classes, profiles)


def limits_of(document: Mapping[str, float | BoundDocument], names: Sequence[str], source: Source) -> tuple[Limit, ...]:
    """The limits of figures. Raises SpecError for one without a name, or ends that leave nothing between them."""
    found = []
    for name, bound in document.items():
        where = source.where(("limits", name))
        if name not in names:
            hint = f"there are: {', '.join(names)}; a device stands under deploy.devices"
            raise SpecError(f"no figure is called {name!r}", hint, did_you_mean(name, names), where=where)
        if isinstance(bound, BoundDocument):
            limit = Limit(name, bound.at_least, bound.at_most)
        else:
            limit = Limit(name, at_least=bound) if name == FIELD else Limit(name, at_most=bound)
        if limit.at_least is None and limit.at_most is None:
            raise SpecError("sets no limit", "write at_least or at_most", where=where)
        if limit.at_least is not None and limit.at_most is not None and limit.at_least > limit.at_most:
            raise SpecError(f"leaves nothing: {limit.words}", where=where)
        found.append(limit)
    return tuple(found)
