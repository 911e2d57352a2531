"""What a user is told when something is wrong: *where: what is wrong / what would be right / did you mean*."""

from difflib import get_close_matches
from typing import Iterable, Tuple, Type  # a board with Python 3.6 reads this file too


class RdslabError(Exception):
    """A request that cannot be answered, in words for the person who made it.

    The first line says where and what; each hint is a line of its own, indented by two.
    """

    exit_status = 2

    def __init__(self, what: str, *hints: str, where: str = "") -> None:
        self.what, self.hints, self.where = what, tuple(h for h in hints if h), where
        super().__init__(what)

    def __str__(self) -> str:
        first = f"{self.where}: {self.what}" if self.where else self.what
        return "\n  ".join([first, *self.hints])

    def at(self, where: str) -> "RdslabError":
        """The same error, with its place put in front of the place it has."""
        return type(self)(self.what, *self.hints, where=f"{where}: {self.where}" if self.where else where)

    def __reduce__(self) -> Tuple[object, ...]:  # errors cross process borders
        return _rebuild, (type(self), self.what, self.hints, self.where)


def _rebuild(kind: Type[RdslabError], what: str, hints: Tuple[str, ...], where: str) -> RdslabError:
    return kind(what, *hints, where=where)


class SpecError(RdslabError):
    """A document (net, study, recipe, profile) says what cannot be."""


class UnknownName(SpecError):
    """A name that nothing is registered under."""


class DataError(RdslabError):
    """Images or labels are missing, unreadable, or not what the data set promises."""


class RunError(RdslabError):
    """The request was right, but the work failed: NaN, out of memory, a full disk, an unstable time."""

    exit_status = 1


class UnstableTime(RunError):
    """A time whose spread says that it is no measurement."""


class ConnectionLost(RunError):
    """A machine that cannot be reached, or no longer: the same request may succeed later."""


def did_you_mean(name: object, candidates: Iterable[str]) -> str:
    """The hint that names the nearest candidate, or an empty string."""
    near = get_close_matches(str(name), list(candidates), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
