"""Costs, audits and formulas as documents and as tables."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rdslab.cli.output import print_table, say
from rdslab.cost import count
from rdslab.cost.audit import audit as audit_net
from rdslab.cost.formulas import RATIOS, Verified, in_words
from rdslab.network import ids
from rdslab.records import Cost, Size
from rdslab.spec import Net


def document(
    net: Net, size: Size, classes: int, *, per_node: bool, audit: bool, training: bool = False
) -> dict[str, Any]:
    """One net's cost as plain data: the figures, its ids, and on request its nodes and the audit."""
    cost = count(net, size, classes, training=training)
    net_id, canonical_id = ids(net)
    found = cost.document() | {"training": training, "id": net_id, "canonical_id": canonical_id}
    if per_node:
        found["nodes"] = nodes(cost)
    if audit:
        found["audit"] = audit_net(net, size, classes, training=training).document()
    return found


def nodes(cost: Cost) -> list[dict[str, Any]]:
    """A row a node; kernels as their number."""
    return [{**asdict(part), "kernels": len(part.kernels)} for part in cost.nodes]


def show(documents: list[dict[str, Any]], size: Size, classes: int, *, training: bool = False) -> None:
    """The tables of `rdslab cost`."""
    figures = ("params", "macs", "activations", "elements", "bytes")
    rows = [[d["name"], *[f"{d[f]:,}" for f in figures]] for d in documents]
    form = "with the heads that only training has" if training else "of the inference form"
    print_table(["net", *[f">{f}" for f in figures]], rows, f"Cost {form} at {size}, {classes} classes")
    for d in documents:
        if "nodes" in d:
            shown = [
                [
                    n["id"],
                    n["block"],
                    f"{n['channels']} x {n['width']}x{n['height']}",
                    *[f"{n[f]:,}" for f in figures],
                    n["kernels"],
                ]
                for n in d["nodes"]
            ]
            print_table(["node", "block", "output", *[f">{f}" for f in figures], ">kernels"], shown, d["name"])
        if "audit" in d:
            show_audit(d["name"], d["audit"])


def show_audit(name: str, audit: dict[str, Any]) -> None:
    """One row an operator kind, then every difference by name."""
    columns = list(audit["rows"][0])
    rows = [[f"{value:,}" if isinstance(value, int) else value for value in row.values()] for row in audit["rows"]]
    print_table([c if c == "kind" else f">{c}" for c in columns], rows, f"{name}: MACs by three counters")
    parts = [[d["counter"], d["operator"], d["calls"], f"{d['amount']:+,}", d["why"]] for d in audit["differences"]]
    print_table(["counter", "operator", ">calls", ">MACs beyond ours", "why"], parts, "What parts them")
    say(audit["verdict"])
    if audit["fvcore_off_percent"] is not None:
        say(f"fvcore's own total is {audit['fvcore_total']:,}, {audit['fvcore_off_percent']:+.2f} % off")


def show_formulas(rows: Sequence[Verified]) -> None:
    """The paper's equations beside what was counted: absolute MACs first, then the ratios."""
    columns = ("formula", "ours", "fvcore", "fvcore_total", "params", "params_norm", "params_norm_bias")
    for title, ratios in (("Equations 2 to 5, 7, 8: multiply-adds", False), ("Equations 6 and 9: ratios", True)):
        shown = []
        for row in rows:
            if (row.equation in RATIOS) == ratios:
                values = [getattr(row, name) for name in columns]
                cells = [f"{float(v):.7f}" if ratios else f"{int(v):,}" for v in values]
                shown.append([row.equation, row.about, row.channels, *cells, "yes" if row.exact else "no"])
        print_table([">eq.", "of", ">N", *[f">{name}" for name in columns], "exact"], shown, title)
    for sentence in in_words(rows):
        say(sentence)
