"""Whether two times may stand side by side: which fields decide it, and in which of them two differ. No torch here."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

PROTOCOL = (
    "size",
    "classes",
    "batch",
    "precision",
    "backend",
    "threads",
    "layout",
    "inside",
    "form",
    "allocator",
    "warm_up",
    "runs",
)
HOST = ("cpu", "cores", "gpu", "system")  # memory changes no time, as long as there is enough
FACTS = ("board", "driver", "cuda", "tensorrt", "jetpack", "power_mode", "jetson_clocks", "clocks_locked")
UNKNOWN: tuple[Any, ...] = (None, "", {}, [], ())


class Difference(NamedTuple):
    """A field in which two times differ, and its two values."""

    field: str
    a: Any
    b: Any

    def __str__(self) -> str:
        return f"{self.field} is {_plain(self.a)} in one and {_plain(self.b)} in the other"


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """The fields in which two documents of times differ that must agree before they are compared; none: they compare.

    A document is what `Times.document()` gives and `rdslab time --json` prints. What neither says is no difference;
    what only one says is. Of predictions the profile and its protocol count, of measurements the protocol, the
    machine, its settings, its versions, and whether its certificate holds.
    """
    return between(circumstances(a), circumstances(b))


def circumstances(times: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a document of times that decide with which others it may be compared; those not known left out."""
    return {name: value for name, value in _fields(times) if value not in UNKNOWN}


def between(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """The differences between two circumstances."""
    names = dict.fromkeys([*a, *b])
    return [Difference(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]


def _fields(times: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    predicted = bool(times.get("predicted"))
    yield "kind", "predicted" if predicted else "measured"
    protocol = times.get("protocol") or {}
    for name in PROTOCOL:
        yield name, protocol.get(name)
    if predicted:
        yield "device", times.get("device")
        return
    host, certificate = times.get("host") or {}, times.get("certificate") or {}
    facts = certificate.get("facts") or {}
    for name in HOST:
        yield f"host.{name}", host.get(name)
    for name in FACTS:
        yield f"host.{name}", facts.get(name)
    for name, version in sorted({**(facts.get("versions") or {}), **(host.get("versions") or {})}.items()):
        yield f"host.versions.{name}", version
    yield "certified", certificate.get("certified")


def _plain(value: Any) -> str:
    return "not known" if value in UNKNOWN else str(value)
