"""The factors of a design, read from its YAML: what is varied, by which levels, and what each level sets in a net."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rdslab.errors import SpecError
from rdslab.source import Place
from rdslab.yamlio import Source

FACTORS = ("design", "factors")


@dataclass(frozen=True)
class Level:
    """One of the values of a factor, and what it sets in the net, in order."""

    name: str
    settings: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Factor:
    """What is varied, and its levels; the first is the base's."""

    name: str
    levels: tuple[Level, ...]


def factors_of(document: Mapping[str, Mapping[str, Any]], source: Source) -> tuple[Factor, ...]:
    """The factors. Raises SpecError with file and line for levels that are one, or places that two factors set."""
    factors = tuple(_factor(name, lines, source) for name, lines in document.items())
    owner: dict[str, str] = {}
    for factor in factors:
        for path in dict.fromkeys(path for level in factor.levels for path, _ in level.settings):
            if path in owner:
                what = f"factors {owner[path]!r} and {factor.name!r} both set {path!r}: the second undoes the first"
                raise SpecError(what, where=source.where((*FACTORS, factor.name)))
            owner[path] = factor.name
    return factors


def need_two_levels(factors: Sequence[Factor], why: str, source: Source, *hints: str) -> None:
    """Raises SpecError that begins with `why` where a factor has more levels than two."""
    for factor in factors:
        if len(factor.levels) != 2:
            what = f"{why}; factor {factor.name!r} has {len(factor.levels)} levels"
            raise SpecError(what, *hints, where=source.where((*FACTORS, factor.name)))


def shown(value: Any) -> str:
    """A value as it stands in a variant's name: `4`, `1-2-4`, the name of a block."""
    plain = value.get("block", value) if isinstance(value, Mapping) else value
    return "-".join(map(str, plain)) if isinstance(plain, (list, tuple)) else str(plain)


def _factor(name: str, lines: Mapping[str, Any], source: Source) -> Factor:
    place: Place = (*FACTORS, name)
    where = source.where(place)
    lists = [key for key, value in lines.items() if not isinstance(value, Mapping)]
    if lists and len(lines) > 1:
        what = f"factor {name!r} has a list of values for {lists[0]!r} and more beside it"
        raise SpecError(what, "one place takes a list; several are levels by name: {NAME: {PLACE: VALUE}}", where=where)
    if lists:
        (path,) = lists
        words = {True: "on", False: "off"}
        levels = tuple(
            Level(words[value] if isinstance(value, bool) else shown(value), ((path, value),)) for value in lines[path]
        )
    else:
        levels = tuple(Level(level, tuple(settings.items())) for level, settings in lines.items())
    if len(levels) < 2:
        hint = "write {PLACE: [VALUE, VALUE]}, or levels by name: {NAME: {PLACE: VALUE}, NAME: {}}"
        has = f"one level, {levels[0].name!r}" if levels else "no level"
        raise SpecError(f"factor {name!r} has {has}; it needs two", hint, where=where)
    names = [level.name for level in levels]
    for level in names:
        if names.count(level) > 1:
            hint = "every level once; where values look alike, give levels names: {NAME: {PLACE: VALUE}}"
            raise SpecError(f"two levels of factor {name!r} are called {level!r}", hint, where=where)
    return Factor(name, levels)
