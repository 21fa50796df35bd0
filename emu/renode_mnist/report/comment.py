"""A report as the comment of a pull request: verdict, what changed, the rest folded.

It is made from data that a fork may have written. Every text of theirs stands in a code span, where neither GitHub
nor GitLab makes markup, links, mentions or references of it; what could end a span or a table's cell is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from renode_mnist.measure.change_report import CaseChange, LayerChange, Report, changes, percent
from renode_mnist.measure.judged import NO_LIMITS
from renode_mnist.measure.measurement import CaseCost, Commit
from renode_mnist.plain_text import MOST_CHARACTERS

MOST_BYTES = 65_000
"""GitHub takes 65,536 characters; counted in bytes, no way of counting them makes it more."""

_MOST_ROWS = 30
"""Of a table that is not folded."""
_MOST_REASONS = 20
_MOST_CHARACTERS = 60
"""Of a name. With the numbers above, what is not folded is at most half of a comment."""
_SAID = 4
"""Cases whose compilers and models of cycles are told: they have the same."""
_MARKS = {"passed": "✅", "failed": "❌", "unjudged": "⚪"}
_SIGN = {"passed": "passed", "failed": "failed", "unjudged": "not judged"}
_LAYER_HEADINGS = """\
| layer | instructions | modelled cycles |
| --- | ---: | ---: |"""
_SPACE = "\u00a0"
"""At which no line of a cell breaks."""
_FRAME_BYTES = 300
"""Of what stands around the folded layers."""
_SHARE = 0.001
"""Of the inference that a layer's change must make to be shown first: a few cycles more of a softmax are no news."""
_CYCLES_SHARE = 0.02
"""Of the inference that a layer must be, where its cycles alone changed: they follow where the image's code and data
came to lie, and a file of another name moves those."""
_SMALL_PERCENT = 0.05
"""Below it a change is told by its count."""
_REPLACED = str.maketrans({"`": "´", "|": "¦"})


def marker(name: str) -> str:
    """The first line of the comment, by which it is found again; a page does not show it."""
    return f"<!-- renode-mnist ci: {name} -->"


def body(report: Report, name: str, page: str = "", unverified: bool = False) -> str:
    """The comment.

    Args:
        report: Of whatever origin.
        name: Of this comment among others of the pull request; of letters, digits, ``_`` and ``-``.
        page: Where all figures and reports are, from a trusted source; empty for nowhere.
        unverified: Whether the figures are what a fork's job says.

    Returns:
        Markdown of at most ``MOST_BYTES``; what does not fit is left out, and said to be.
    """
    compared = changes(report)
    head = [marker(name), f"### {_MARKS[report.verdict]} Firmware: {_headline(report)}", ""]
    head += [*_reasons(report), *_cases(compared), "", *_layers(report, compared)]
    foot = ["", *_about(report, page, unverified), ""]
    room = MOST_BYTES - len("\n".join([*head, *foot]).encode()) - _FRAME_BYTES
    kept: list[str] = []
    for part in (_all_layers(change) for change in compared if change.after.layers):
        room -= len(part.encode()) + 1
        if room < 0:
            kept.append("The layers of more cases do not fit here.\n")
            break
        kept.append(part)
    if kept:
        kept = [f"<details><summary>All layers of {_number(len(compared), 'case')}</summary>\n", *kept, "</details>"]
    return "\n".join([*head, *kept, *foot])


def code(text: str, most: int = _MOST_CHARACTERS) -> str:
    """A text in a code span, for a table too; cut where it is longer."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f"`{shown.translate(_REPLACED)}`" if shown.strip() else "–"


def _headline(report: Report) -> str:
    cases = report.head.cases
    counts = [f"{n} {_SIGN[verdict]}" for verdict in _SIGN if (n := sum(c.verdict == verdict for c in cases))]
    if report.verdict == "passed":
        return f"{_number(len(cases), 'case')} within limits"
    if _without_limits(report):
        return f"{_number(len(cases), 'case')} measured, no limits given"
    return ", ".join(counts) + (f", {len(report.problems)} not measured" if report.problems else "")


def _without_limits(report: Report) -> bool:
    """Whether nothing was asked of any case, which the headline says for all of them."""
    return report.verdict == "unjudged" and all(
        cost.verdict == "unjudged" and (not cost.reasons or NO_LIMITS in cost.reasons) for cost in report.head.cases
    )


def _reasons(report: Report) -> Iterator[str]:
    told = {NO_LIMITS} if _without_limits(report) else set()
    said = [
        f"- {code(cost.case)} {code(reason, MOST_CHARACTERS)}"
        for cost in report.head.cases
        for reason in cost.reasons
        if reason not in told
    ]
    said += [f"- {code(problem, MOST_CHARACTERS)}" for problem in report.problems]
    if len(said) > _MOST_REASONS:
        said[_MOST_REASONS:] = [f"- and {len(said) - _MOST_REASONS} more"]
    if said:
        yield from (*said, "")


def _cases(compared: Sequence[CaseChange]) -> Iterator[str]:
    accuracy = any(change.after.accuracy is not None for change in compared)
    yield "| case | modelled time | instructions | flash | RAM |" + (" accuracy |" if accuracy else "")
    yield "| --- | ---: | ---: | ---: | ---: |" + (" ---: |" if accuracy else "")
    for change in compared[:_MOST_ROWS]:
        after, before = change.after, change.before
        cells = [
            f"{_MARKS[after.verdict]}{_SPACE}{code(after.case)}",
            _time(after) + _growth(change, "cycles_modelled"),
            _count(after.instructions) + _growth(change, "instructions"),
            _count(after.flash_bytes, " B") + _growth(change, "flash_bytes"),
            _count(after.ram_bytes, " B") + _growth(change, "ram_bytes"),
        ]
        if accuracy:
            cells.append(_accuracy(after, before))
        yield f"| {' | '.join(cells)} |"
    if len(compared) > _MOST_ROWS:
        yield ""
        yield f"and {len(compared) - _MOST_ROWS} more cases."


def _layers(report: Report, compared: Sequence[CaseChange]) -> Iterator[str]:
    threshold = f"{report.threshold_percent:g} %"
    in_base = {cost.case for cost in report.base.cases}
    for change in compared[:_MOST_ROWS]:
        if change.why_not and report.base.kind != "none":
            missing = report.base.kind == "budgets" and change.after.case not in in_base
            why = "not in the budgets for this compiler" if missing else change.why_not
            yield f"{code(change.after.case)} is not compared: {why}.\n"
        if change.other_network and change.before is not None:
            layers = f"{len(change.before.layers)} layers before, {len(change.after.layers)} now"
            yield f"{code(change.after.case)} is another network: {layers}.\n"
    beyond = [
        (change, layer)
        for change in compared
        if change.before is not None and not change.other_network
        for layer in change.layers
        if _matters(change.after, layer, report.threshold_percent)
    ]
    if not beyond:
        if any(change.before is not None for change in compared):
            yield f"No layer changed by {threshold} or more.\n"
        return
    most = sorted(range(len(beyond)), key=lambda place: -beyond[place][1].percent)[:_MOST_ROWS]
    shown = [beyond[place] for place in sorted(most)]
    yield f"**{_number(len(beyond), 'layer')} changed by {threshold} or more**"
    yield ""
    yield _LAYER_HEADINGS
    last = ""
    for change, layer in shown:
        if change.after.case != last:
            last = change.after.case
            yield f"| {code(last)} | | |"
        yield f"| {_layer_name(layer)} | {' | '.join(_layer_cells(layer))} |"
    if len(beyond) > len(shown):
        yield ""
        yield f"and {len(beyond) - len(shown)} more."
    yield ""


def _matters(whole: CaseCost, layer: LayerChange, threshold_percent: float) -> bool:
    """Whether a layer's instructions or cycles changed by so much; of a threshold of 0, at all."""
    if layer.before is None or layer.after is None:
        return False
    for unit in ("instructions", "cycles_modelled"):
        before, after, total = getattr(layer.before, unit), getattr(layer.after, unit), getattr(whole, unit)
        if before is None or after is None or before == after:
            continue
        least = _SHARE * (total or 0) if threshold_percent else 0
        same_work = layer.before.instructions is not None and layer.before.instructions == layer.after.instructions
        if unit == "cycles_modelled" and threshold_percent and same_work and after <= _CYCLES_SHARE * (total or 0):
            continue
        if abs(percent(before, after)) >= threshold_percent and abs(after - before) >= least:
            return True
    return False


def _layer_name(layer: LayerChange) -> str:
    return f"{layer.number}{_SPACE}{code(layer.op)}"


def _layer_cells(layer: LayerChange) -> Iterator[str]:
    """A count where it stayed, or where there is no other; else both."""
    assert layer.after is not None
    for unit in ("instructions", "cycles_modelled"):
        before = None if layer.before is None else getattr(layer.before, unit)
        after = getattr(layer.after, unit)
        yield (f"{before:,} → " if before not in (None, after) else "") + _count(after) + _percent(before, after)


def _all_layers(change: CaseChange) -> str:
    lines = [f"{code(change.after.case)}:\n", _LAYER_HEADINGS]
    lines += [f"| {_layer_name(layer)} | {' | '.join(_layer_cells(layer))} |" for layer in change.layers]
    return "\n".join([*lines, ""])


def _about(report: Report, page: str, unverified: bool) -> Iterator[str]:
    yield "<details><summary>What this is held against, and how it was measured</summary>"
    yield ""
    yield f"- {_baseline(report)}"
    yield f"- Measured: {_commit(report.head.commit)}, by renode-mnist {code(report.head.package)}."
    for compiler in dict.fromkeys(cost.compiler for cost in report.head.cases[:_SAID] if cost.compiler):
        yield f"- Compiler: {code(compiler)}."
    for digest in dict.fromkeys(cost.cycle_model for cost in report.head.cases[:_SAID] if cost.cycle_model):
        yield f"- Instructions are exact. Modelled cycles are an estimate, of model {code(digest[:12])}."
    if any(cost.target for cost in report.head.cases):
        yield "- Flash and RAM are of the whole image, RAM with the stack as deep as it was."
    for cost in [cost for cost in report.head.cases if not cost.target][:_SAID]:
        sections = "flash and RAM are of its sections, without a stack or heap that none reserves"
        yield f"- {code(cost.case)} was not run: {sections}."
    if unverified:
        yield "- The figures are what the job of a fork says: its workflow may have been changed."
    yield ""
    yield "</details>"
    if page:
        yield ""
        yield f"[All figures, pages and test reports]({page})"


def _baseline(report: Report) -> str:
    base = report.base
    commit = "" if base.commit is None else f" {_commit(base.commit)}"
    if base.kind == "kept":
        older = f", the newest that was kept; the base is {code(base.wanted[:12])}" if base.wanted else ""
        return f"Baseline: what was kept of{commit}{older}."
    if base.kind == "built":
        return f"Baseline:{commit}, built and measured in the same job."
    if base.kind == "budgets" and base.cases:
        return "Baseline: the budget file, for there is no measurement of the base commit."
    if base.kind == "budgets":
        return (
            "There is no baseline: neither a measurement of the base commit nor figures of these cases, for their "
            "compiler, in the budget file."
        )
    return "There is no baseline: neither a measurement of the base commit nor budgets."


def _commit(commit: Commit) -> str:
    return f"commit {code(commit.id[:12])} {code(commit.message)}" if commit.id else "a folder without a commit"


def _time(cost: CaseCost) -> str:
    return "–" if cost.milliseconds is None else f"{cost.milliseconds:,.3f} ms"


def _count(count: int | None, unit: str = "") -> str:
    return "–" if count is None else f"{count:,}{unit}"


def _accuracy(after: CaseCost, before: CaseCost | None) -> str:
    if after.accuracy is None:
        return "–"
    was = after.accuracy if before is None or before.accuracy is None else before.accuracy
    change = f" ({(after.accuracy - was) * 100:+.2f} points)" if was != after.accuracy else ""
    return f"{after.accuracy:.2%}{change}"


def _growth(change: CaseChange, what: str) -> str:
    return _percent(None if change.before is None else getattr(change.before, what), getattr(change.after, what))


def _percent(before: int | None, after: int | None) -> str:
    if before is None or after is None or before == after:
        return ""
    if not before:
        return " (new)"
    change = percent(before, after)
    return f" ({change:+.3g}{_SPACE}%)" if abs(change) >= _SMALL_PERCENT else f" ({after - before:+,})"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
