"""The zoo as the table that a paper prints, and as flat records, both from the rows of `rdslab list nets --json`."""

from collections.abc import Sequence
from typing import Any

from rdslab.cli.formats import Rows, Table


class Notes:
    """The notes below a table, each with its number, none twice."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}

    def mark(self, texts: Sequence[str]) -> str:
        """What refers to the texts: ` [1] [3]`, or nothing for none."""
        return "".join(f" [{self.texts.setdefault(text, len(self.texts) + 1)}]" for text in texts)


def table(rows: Rows, dash: str = "-") -> Table:
    """A line a net: size, cost, predicted latency with its 90 % interval, and mIoU as published, one column a split.

    `dash` stands between the ends of an interval.
    """
    notes = Notes()
    profiles, splits = _profiles(rows), _splits(rows)
    shared = {name: _shared(rows, name) for name in profiles}
    about = [f"{name}: {'; '.join(shared[name])}" for name in profiles]
    columns = ["net", "paper", ">params\n(M)", ">MACs\n(G)"]
    for name, said in zip(profiles, about, strict=True):
        columns.append(f">{name}{notes.mark([said])}\npredicted ms\n(90 % interval)")
    columns += [">mIoU (%)\n" + split.replace(" ", "\n") for split in splits]
    lines = []
    for row in rows:
        line = [row["name"], _cited(row), _scaled(row["params"], 1e6, ""), ""]
        line[-1] = _scaled(row["macs"], 1e9, notes.mark(row["notes"]).strip())
        line += [_latency(row["latency_ms"][name], shared[name], notes, dash) for name in profiles]
        line += [_published(row, split, notes) for split in splits]
        lines.append(line)
    at = f"{rows[0]['size']}, {rows[0]['classes']} classes"
    title = f"Networks at {at}, inference form; 1 MAC = 2 FLOPs; mIoU as published"
    return Table(columns, lines, title, tuple(notes.texts))


def flat(rows: Rows) -> Rows:
    """A record a net without anything nested; mIoU as a share of 1."""
    profiles, splits = _profiles(rows), _splits(rows)
    records = []
    for row in rows:
        record = {name: row[name] for name in ("name", "year", "paper", "size", "classes", "params", "macs")}
        for name in profiles:
            times = row["latency_ms"][name]
            for end, key in (("predicted", "latency_ms"), ("predicted_low", "low_ms"), ("predicted_high", "high_ms")):
                record[f"latency_ms.{name}.{end}"] = times[key]
        for split in splits:
            record |= _figures(row, split, max(len(_on(other, split)) for other in rows))
        said = [note for name in profiles for note in row["latency_ms"][name]["notes"]]
        record["notes"] = "; ".join(dict.fromkeys([*row["notes"], *said]))
        records.append(record)
    return records


def _profiles(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row["latency_ms"]))


def _splits(rows: Rows) -> list[str]:
    """Data and splits that somebody published on, the most usual first."""
    named = [on for row in rows for on in dict.fromkeys(line["on"] for line in row["published"])]
    return sorted(set(named), key=lambda on: (-named.count(on), on))


def _shared(rows: Rows, profile: str) -> list[str]:
    """What is said of every prediction of a profile."""
    said = [row["latency_ms"][profile] for row in rows]
    known = [times["notes"] for times in said if times["latency_ms"] is not None]
    return [note for note in known[0] if all(note in notes for notes in known)] if known else ["predicts none of these"]


def _cited(row: dict[str, Any]) -> str:
    """`Paszke et al. 2016`: the authors, who stand before the paper's colon, and the year."""
    authors, colon, _ = row["paper"].partition(":")
    return " ".join(word for word in (authors if colon else "", str(row["year"] or "")) if word)


def _scaled(value: int | None, unit: float, otherwise: str) -> str:
    return otherwise if value is None else f"{value / unit:.{1 if value >= 100 * unit else 2}f}"


def _latency(times: dict[str, Any], shared: Sequence[str], notes: Notes, dash: str) -> str:
    mark = notes.mark([note for note in times["notes"] if note not in shared])
    if times["latency_ms"] is None:
        return mark.strip()
    return f"{_ms(times['latency_ms'])} ({_ms(times['low_ms'])}{dash}{_ms(times['high_ms'])}){mark}"


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _published(row: dict[str, Any], split: str, notes: Notes) -> str:
    return "\n".join(f"{100 * line['miou']:.1f}{notes.mark([line['source']])}" for line in _on(row, split))


def _figures(row: dict[str, Any], split: str, most: int) -> dict[str, Any]:
    """A column for the first publication on a split, `.2` for the second, as many as any net has."""
    lines = [*_on(row, split), *[dict.fromkeys(("miou", "source"))] * most]
    figures: dict[str, Any] = {}
    for number, line in enumerate(lines[:most], 1):
        name = split if number == 1 else f"{split}.{number}"
        figures |= {f"published_miou.{name}": line["miou"], f"source.{name}": line["source"]}
    return figures


def _on(row: dict[str, Any], split: str) -> list[dict[str, Any]]:
    return [line for line in row["published"] if line["on"] == split]
