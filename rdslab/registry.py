"""Names for classes: what a YAML file may call by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rdslab.errors import UnknownName, did_you_mean

T = TypeVar("T")
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered class and what is known of it beyond its signature."""

    name: str
    value: type[T]
    origin: str  # "" for ours, a content hash for a user's file: part of a net's identity
    file: str  # "" for ours, a user's file
    acts_with: Mapping[str, Options] = field(default_factory=dict)


class Registry(Generic[T]):
    """A table name -> class with messages that help on a miss."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.version = 0  # grows with every change, so that what was remembered can be forgotten
        self.origin = self.file = ""  # set while a user's file is read
        self._entries: dict[str, Entry[T]] = {}

    def register(self, name: str, *, acts_with: Mapping[str, Options] | None = None) -> Callable[[type[T]], type[T]]:
        """Class decorator. `acts_with`: for an option that acts only with another, the setting under which it does.

        Raises ValueError when another class already has the name; the same file read again replaces its own.
        """

        def enter(value: type[T]) -> type[T]:
            held = self._entries.get(name)
            if held is not None and (held.value.__module__, held.value.__qualname__) != (
                value.__module__,
                value.__qualname__,
            ):
                by = held.file or held.value.__module__
                raise ValueError(f"{self.kind} {name!r} is already registered by {by}; choose another name")
            self._entries[name] = Entry(name, value, self.origin, self.file, dict(acts_with or {}))
            self.version += 1
            return value

        return enter

    def remove(self, name: str) -> None:
        """Forget an entry."""
        del self._entries[name]
        self.version += 1

    @contextmanager
    def reading(self, file: str, origin: str) -> Iterator[None]:
        """While a user's file is run: what it registered before is forgotten; if it fails, all is as it was."""
        before = self._entries
        self._entries = {name: entry for name, entry in before.items() if entry.file != file}
        self.file, self.origin = file, origin
        try:
            yield
        except BaseException:
            self._entries = before
            raise
        finally:
            self.file = self.origin = ""
            self.version += 1

    def entry(self, name: str) -> Entry[T]:
        """The entry of that name; raises UnknownName with what there is and the nearest."""
        try:
            return self._entries[name]
        except KeyError:
            taken = ", ".join(self.names())
            raise UnknownName(
                f"unknown {self.kind} {name!r}", f"there are: {taken}", did_you_mean(name, self._entries)
            ) from None

    def __getitem__(self, name: str) -> type[T]:
        return self.entry(name).value

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def names(self) -> list[str]:
        return sorted(self._entries)
