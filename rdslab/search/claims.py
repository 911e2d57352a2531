"""Claims: sentences of a study that its report answers. Nothing here knows torch.

    macs of rds / residual = 0.5 within 2 %          ratio; also of a line of `ratios`: macs of alone = 2 within 2 %
    miou: shuffle 4 > shuffle 0 by 0.5 points        order, `by` may be left out; also <
    miou: rds >= residual - 1.0 points               no worse than; of what should be small: A <= B + 5 %
    latency_ms.jetson-tx1 of rds at 640x360 <= 50    limit; also >=; without `of` it is the base's
    rdsnet is on the front with enet, espnet         front of mIoU and latency; `on the front of macs with ...`

Quantities: miou, accuracy, mean_accuracy, fw_iou, iou.CLASS (shares of 1; differences in points, limits in %), hours of
a training, params, macs, activations, elements, bytes, latency_ms.DEVICE and fps.DEVICE. A name may stand in double
quotes; it has to where the sentence could be read in two ways.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rdslab.errors import SpecError, did_you_mean
from rdslab.search.documents import ClaimDocument
from rdslab.search.plan import Study, load_study

Kind = Literal["ratio", "order", "no_worse", "limit", "front"]
SCORES = ("miou", "accuracy", "mean_accuracy", "fw_iou")
HOURS = "hours"
COSTS = ("params", "macs", "activations", "elements", "bytes")
TIMED = ("latency_ms", "fps")
QUANTITIES = (*SCORES, "iou.CLASS", HOURS, *COSTS, "latency_ms.DEVICE", "fps.DEVICE")
HUNDRED = 100.0
SHOWN = 12

_NUMBER = r"(?P<{}>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_SIZE = r"(?: at (?P<size>\d+x\d+))?"
_UNIT = r" ?(?P<unit>points|ms|h|%)?"
_QUANTITY = r"(?P<quantity>iou\.[^:<>=]+?|[\w.:/@\[\]-]+?)"
_VALUE = _NUMBER.format("value") + _UNIT
_NEAR = rf"{_NUMBER.format('value')} within {_NUMBER.format('within')} ?%"
GRAMMAR: dict[Kind, str] = {  # NAME stands for what matches a variant's name
    "front": rf"(?P<a>NAME) is on the front(?: of {_QUANTITY})? with (?P<others>.+)",
    "ratio": rf"{_QUANTITY} of (?P<a>NAME)(?: / (?P<b>NAME))?{_SIZE} = {_NEAR}",
    "no_worse": rf"{_QUANTITY}: (?P<a>NAME) (?P<relation>>=|<=) (?P<b>NAME) (?P<sign>[+-]) {_VALUE}{_SIZE}",
    "order": rf"{_QUANTITY}: (?P<a>NAME) (?P<relation>[<>]) (?P<b>NAME)(?: by {_VALUE})?{_SIZE}",
    "limit": rf"{_QUANTITY}(?: of (?P<a>NAME))?{_SIZE} (?P<relation><=|>=) {_VALUE}",
}
EXAMPLES = tuple(line.strip().partition("  ")[0] for line in (__doc__ or "").splitlines()[2:7])
HINTS = (  # what nearly says something
    (r"\S+: .+ [<>]=", "no worse than needs a margin, `miou: A >= B - 1.0 points`; better than is `miou: A > B`"),
    (r"\S+ of .+ = (?!.* within )", "how near is near enough? add `within 2 %`"),
    (r"\S+ of .+ = .+ within ", "a ratio is near enough `within 2 %`"),
    (r"\S+( of .+)? [<>] ", "a limit is written with <= or >=, and what is compared with a colon: `miou: A > B`"),
)


@dataclass(frozen=True)
class Claim:
    """A claim that was read: what about which variants. Margins and limits of scores are shares of 1."""

    name: str
    says: str
    kind: Kind
    study: Study  # whose facts answer it
    quantity: str
    a: str
    b: str = ""  # "" where there is one variant, or a line of `ratios`
    others: tuple[str, ...] = ()
    relation: str = "="
    value: float = 0.0  # ratio, margin or limit
    relative: bool = False  # whether a margin is a share of b's value
    within: float = 0.0  # of a ratio, a share of it
    size: str = ""  # "": the study's own
    form: str = "eager"
    source: str = ""


def is_score(quantity: str) -> bool:
    """Whether a quantity is a share of 1 that training finds."""
    return quantity in SCORES or quantity.startswith("iou.")


def is_seeded(quantity: str) -> bool:
    """Whether each seed gives another value of it."""
    return quantity == HOURS or is_score(quantity)


def claims_of(study: Study, other: Callable[[str], Study] | None = None) -> tuple[Claim, ...]:
    """The study's claims. Raises SpecError with file and line for one that says nothing, or of what is not there.

    `other` gives the study that a claim names, by default that of a file beside this one.
    """
    named = other or (lambda file: load_study(study.folder / file))
    found: list[Claim] = []
    for index, document in enumerate(study.document.claims):
        part = "says"
        try:
            if document.name in (claim.name for claim in found):
                part = "name"
                raise SpecError("two claims have this name", "every claim needs a name of its own")
            part = "study" if document.study is not None else part
            about = study if document.study is None else named(document.study)
            part = "says"
            found.append(_claim(document, about))
        except SpecError as error:
            raise error.at(f"{study.source.where(('claims', index, part))}: claim {document.name!r}") from None
    return tuple(found)


def _claim(document: ClaimDocument, study: Study) -> Claim:
    says, variants = document.says.strip(), [variant.name for variant in study.variants]
    for kind, text in GRAMMAR.items():
        names = [*variants, *(line.name for line in study.document.ratios)] if kind == "ratio" else variants
        match = re.fullmatch(text.replace("NAME", _any_of(names)), says)
        if match:
            return _read(document, kind, {key: value or "" for key, value in match.groupdict().items()}, study)
    hint = next((hint for pattern, hint in HINTS if re.match(pattern, says)), "")
    raise SpecError(f"cannot be read: {says!r}", hint, "write it like one of these:", *EXAMPLES)


def _any_of(names: Sequence[str]) -> str:
    """Matches a known name, the longest that fits first; else what stands there, so that it can be complained of."""
    known = [re.escape(name) for name in sorted(names, key=len, reverse=True)]
    return "|".join([*known, '"[^"]+"', ".+?"])


def _read(document: ClaimDocument, kind: Kind, words: dict[str, str], study: Study) -> Claim:
    quantity = words["quantity"] or (f"latency_ms.{_first_device(study)}" if kind == "front" else "")
    _check_quantity(quantity, kind, study)
    names = [variant.name for variant in study.variants]
    lines = [line.name for line in study.document.ratios]
    one_line = kind == "ratio" and not words["b"]  # so that `a` is no variant
    a = _known(words["a"], lines if one_line else names, study, one_line) if words["a"] else study.base
    b = _known(words["b"], names, study) if words.get("b") else ""
    others = tuple(_known(word, names, study) for word in _listed(words.get("others", ""), names))
    held = [name for name in (a, b, *others) if name]
    if twice := next((name for name in held if held.count(name) > 1), None):
        raise SpecError(f"{twice!r} is held against itself")
    value, relative = _value(words, kind, quantity)
    return Claim(
        document.name,
        document.says,
        kind,
        study,
        quantity,
        a,
        b,
        others,
        words.get("relation") or "=",
        value,
        relative,
        float(words.get("within") or 0.0) / HUNDRED,
        _size(words.get("size", ""), study),
        document.form,
        document.source,
    )


def _listed(text: str, names: Sequence[str]) -> list[str]:
    """The names between commas; a name may hold a comma."""
    if not text:
        return []
    found = re.fullmatch(rf"\s*(?P<name>{_any_of(names)})\s*(?:,\s*(?P<rest>.+))?", text)
    assert found is not None  # anything matches the last of what may be a name
    return [found["name"], *_listed(found["rest"] or "", names)]


def _known(word: str, names: Sequence[str], study: Study, one_line: bool = False) -> str:
    name = word.strip().strip('"')
    if name in names:
        return name
    if one_line and name in [variant.name for variant in study.variants]:
        raise SpecError(
            f"a ratio is of two variants, got {name!r} alone", "write it like `macs of A / B = 1 within 2 %`"
        )
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    there = f"there are: {', '.join(names[:SHOWN])}{more}" if names else "it has no `ratios`"
    what = "line of `ratios`" if one_line else "variant"
    raise SpecError(f"study {study.name!r} has no {what} {name!r}", there, did_you_mean(name, names))


def _check_quantity(quantity: str, kind: Kind, study: Study) -> None:
    first, _, rest = quantity.partition(".")
    if quantity not in (*SCORES, *COSTS, HOURS) and not (first in ("iou", *TIMED) and rest):
        known = f"there are: {', '.join(QUANTITIES)}"
        raise SpecError(f"there is no quantity {quantity!r}", known, did_you_mean(first, QUANTITIES))
    if kind == "front" and (is_seeded(quantity) or first == "fps"):
        raise SpecError(f"a front is of mIoU and a latency or a cost, got {quantity}", "write `on the front of macs`")
    if kind == "ratio" and is_seeded(quantity):
        raise SpecError(f"a ratio is of costs or times, got {quantity}", "write `miou: A >= B - 1.0 points`")
    if (is_seeded(quantity) or kind == "front") and not study.trains:
        raise SpecError(f"study {study.name!r} trains nothing, so it has no {'miou' if kind == 'front' else quantity}")
    devices = study.document.deploy.devices
    if first in TIMED and rest not in devices:
        there = f"its devices are: {', '.join(devices) or 'none'}"
        raise SpecError(f"study {study.name!r} has no times of {rest!r}", there, did_you_mean(rest, devices))


def _first_device(study: Study) -> str:
    if not study.document.deploy.devices:
        raise SpecError(f"study {study.name!r} has no device, and a front needs a latency", "or say `of macs`")
    return study.document.deploy.devices[0]


def _value(words: dict[str, str], kind: Kind, quantity: str) -> tuple[float, bool]:
    """Ratio, margin or limit; and whether a margin is a share of the other's value."""
    if not words.get("value"):
        return 0.0, False
    value, unit = float(words["value"]), words.get("unit", "")
    score, margin = is_score(quantity), kind in ("order", "no_worse")
    if kind == "no_worse" and ((words["relation"], words["sign"]) not in ((">=", "-"), ("<=", "+")) or not value):
        raise SpecError("no worse than is `A >= B - margin`, or `A <= B + margin` of what should be small")
    own = "ms" if quantity.startswith("latency_ms") else "h" if quantity == HOURS else ""
    shares = ("%",) if margin and quantity != HOURS else ()
    wanted = ("points",) if score and margin else ("%",) if score else tuple(dict.fromkeys(("", own, *shares)))
    if kind != "ratio" and unit not in wanted:
        units = " or ".join(word or "its own unit" for word in wanted)
        what = f"a {'margin on' if margin else 'limit of'} {quantity} is in {units}"
        half = "0.5 points are 0.005 of mIoU" if score and margin else ""
        raise SpecError(f"{what}, got {words['value']} {unit}".rstrip(), half)
    return value / HUNDRED if unit in ("%", "points") else value, margin and unit == "%"


def _size(size: str, study: Study) -> str:
    sizes = [str(one) for one in study.sizes]
    if size and size not in sizes:
        raise SpecError(f"study {study.name!r} knows nothing at {size}", f"its sizes are: {', '.join(sizes)}")
    return size or sizes[0]
