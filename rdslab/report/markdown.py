"""report.md: the findings as Markdown for a pull request, its figures beside it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rdslab.report.cells import Table
from rdslab.report.chosen import left_out, worth_showing
from rdslab.report.frame import Results
from rdslab.report.notes import absent_times, compared, failures, to_repeat
from rdslab.report.page import findings, summary_table
from rdslab.report.searched import search_sentences
from rdslab.report.style import Plot
from rdslab.report.verdicts import evidence_words
from rdslab.report.words import plural

MOST_ROWS = 40


def report_md(results: Results, plots: Sequence[Plot], command: str, verdicts: Sequence[Mapping[str, Any]]) -> str:
    """The same claims, findings and table as the page's, cut to what a reviewer reads."""
    parts = [f"# {plain(str(results.study.get('title') or results.name))}", plain(compared(results))]
    if verdicts:
        heads = ("Claim", "Answer", "Why")
        rows = [[plain(str(v["name"])), f"**{v['answer']}**", plain(evidence_words(v))] for v in verdicts]
        parts.append(_table(heads, rows, numbers=()))
    parts.append("\n".join(f"- {plain(sentence)}" for sentence in (*search_sentences(results), *findings(results))))
    parts += [f"![{plain(plot.title)}]({plot.name}.png)" for plot in plots if plot.name.startswith(("front_", "diff"))]
    parts += _summary(results)
    parts += _missing(results)
    parts.append("All of it: [report.html](report.html), which opens offline; [trials.csv](trials.csv).")
    commands = to_repeat(results.study, command)
    if commands:
        parts.append("How to repeat it:\n\n" + "\n".join(f"    {' '.join(line.split())}" for line in commands))
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Words that Markdown shows as they are, on one line: a variant may be called `a|b*c*<d>`."""
    return re.sub(r"([\\`*_\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def _summary(results: Results) -> list[str]:
    table = summary_table(results)
    names = worth_showing(results, MOST_ROWS)
    rows = [row for row in table.rows if (row[0].key or row[0].text) in set(names)]
    if not rows:
        return []
    text = _written(Table(table.heads, rows, table.texts))
    return [text, f"mIoU: mean over n seeds with Student's 95 % interval.{left_out(names, results.variants)}"]


def _written(table: Table) -> str:
    rows = [[plain(cell.text) for cell in row] for row in table.rows]
    return _table(table.heads, rows, numbers=[head for head in table.heads if head not in table.texts])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str]) -> str:
    lines = [[plain(head) for head in heads], ["--:" if head in numbers else ":--" for head in heads], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _missing(results: Results) -> list[str]:
    said = []
    if failed := failures(results):
        said.append(f"{plural(len(failed), 'trial')} without a score; the page says why.")
    if absent := absent_times(results):
        said.append(f"{plural(len(absent), 'time')} missing; the page says why.")
    return [" ".join(said)] if said else []
