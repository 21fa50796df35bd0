"""The verdict on a benchmark's budgets, for a terminal and for a step summary of GitHub."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from renode_mnist.measure.budget_check import Growth, Verdict
from renode_mnist.report import grid
from renode_mnist.report.fitted import Fitted
from renode_mnist.report.grid import Grid

_HEADINGS = ("case", "what", "layer", "function", "written", "allowed", "now", "growth")
_LABELS = 4


def terminal(verdict: Verdict, file: str) -> Group:
    """For rich: a table of what grew, then a sentence for all else."""
    parts: list[Fitted | str] = []
    if verdict.grown:
        bounds = f"instructions and fallbacks by any amount, the rest by more than {verdict.tolerance_percent:g} %"
        table = Table(title=f"Grew past {file}: {bounds}", title_justify="left")
        table.add_column("what, and where", overflow="fold")
        for heading in ("written", "now", "growth"):
            table.add_column(heading, justify="right", no_wrap=True)
        for growth in verdict.grown:
            if not growth.layer and not growth.function and table.rows:
                table.add_section()
            table.add_row(_place(growth), f"{growth.written:,}", f"{growth.now:,}", growth.difference)
        parts.append(Fitted(table))
    parts += _sentences(verdict, file)
    return Group(*parts)


def _place(growth: Growth) -> Padding:
    """The case and what grew; below it the layers where, and below those their functions."""
    if growth.function:
        return Padding(Text(growth.function), (0, 0, 0, 4 if growth.layer else 2))
    if growth.layer:
        return Padding(Text(f"layer {growth.layer}"), (0, 0, 0, 2))
    return Padding(Text(f"{growth.case} {_what(growth)}", style="bold"))


def markdown(verdict: Verdict, file: str) -> str:
    """The same; names in code spans, so that their brackets and asterisks stand."""
    heading = f"### Budgets: {_in_short(verdict)}\n\n"
    sentences = tuple(_sentences(verdict, file))
    if not verdict.grown:
        return heading + "".join(f"- {sentence}\n" for sentence in sentences)
    return heading + grid.markdown(Grid(_HEADINGS, tuple(map(_cells, verdict.grown)), sentences, labels=_LABELS))


def _in_short(verdict: Verdict) -> str:
    if verdict.grown or verdict.unmeasured:
        return "not kept"
    if verdict.unjudged:
        return "not judged in part" if verdict.checked else "not judged"
    return "kept"


def _sentences(verdict: Verdict, file: str) -> Iterator[str]:
    kept = [case for case in verdict.checked if case not in {growth.case for growth in verdict.grown}]
    if kept:
        yield f"Within {file}: {', '.join(kept)}."
    if verdict.unnamed:
        yield (
            f"{file} does not say for which compiler its budgets are, and was taken to mean this one: "
            "`renode-mnist bench --update` writes its name."
        )
    for told in dict.fromkeys((each.what, each.reason, each.remedy) for each in verdict.unjudged):
        cases = ", ".join(each.case for each in verdict.unjudged if (each.what, each.reason, each.remedy) == told)
        what, reason, remedy = told
        yield f"Not judged{f', {_label(what)}' if what else ''}: {cases}. {reason}. {remedy}"
    for refusal in verdict.unmeasured:
        yield f"{refusal.case} has a budget but could not be measured: {refusal.reason}"
    yield from verdict.notes
    for saving in verdict.savings:
        yield (
            f"{saving.case} needs {saving.instructions:,} instructions fewer than it may take: "
            "`renode-mnist bench --update` keeps it so."
        )


def _cells(growth: Growth) -> tuple[str, ...]:
    figures = (growth.written, growth.allowed, growth.now)
    where = (_code(growth.case), _what(growth), growth.layer, _code(growth.function))
    return *where, *(f"{figure:,}" for figure in figures), growth.difference


def _what(growth: Growth) -> str:
    return _label(growth.what)


def _label(what: str) -> str:
    return what.removesuffix("_bytes").replace("_", " ")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""
