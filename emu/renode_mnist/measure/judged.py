"""The verdict on each case of a measurement: budgets, suites and accuracy together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from renode_mnist.measure import budgets as budget_file
from renode_mnist.measure.bench import Refused, Row
from renode_mnist.measure.budget_check import Growth, Verdict, check
from renode_mnist.measure.budget_choice import Maker, toolchain_of
from renode_mnist.measure.budgets import FALLBACKS, UNNAMED, BudgetError, Budgets
from renode_mnist.measure.findings import Finding, Workspace, finding
from renode_mnist.measure.measurement import MOST_REASONS
from renode_mnist.plain_text import one_line

NO_LIMITS = "no budgets, suites or least accuracy were given"


@dataclass
class CaseVerdict:
    """Of one case.

    Attributes:
        judged: Whether anything was held against it.
        limits: Whether something was to be, though it may have been impossible.
        failed: Why it fails.
        unjudged: Why something was not judged.
    """

    judged: bool = False
    limits: bool = False
    failed: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Literal["passed", "failed", "unjudged"]:
        """In a word; what was judged in part only is not passed."""
        if self.failed:
            return "failed"
        return "passed" if self.judged and not self.unjudged else "unjudged"

    @property
    def reasons(self) -> list[str]:
        """What failed, then what was not judged, and why there is no verdict."""
        without = [] if self.judged or self.failed or self.limits else [NO_LIMITS]
        return [one_line(each) for each in (*self.failed, *self.unjudged, *without)][:MOST_REASONS]


@dataclass
class Judgement:
    """Of all cases.

    Attributes:
        cases: By name.
        findings: See ``findings``.
        cannot: Why a check that was asked for could not be made: status 2, where nothing failed.
    """

    cases: dict[str, CaseVerdict]
    findings: list[Finding] = field(default_factory=list)
    cannot: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """What a command that asks for it ends with."""
        if self.failed or any(case.failed for case in self.cases.values()):
            return 1
        return 2 if self.cannot else 0

    def fail(self, case: str, why: str) -> None:
        """A check of a case that is neither a budget nor can be mended in one file."""
        self.cases[case].judged = True
        self.cases[case].failed.append(why)
        self.findings.append(finding("error", case, why, case=case))

    def passed(self, case: str) -> None:
        """A check of a case that it has passed."""
        self.cases[case].judged = True


def judge(
    rows: Sequence[Row],
    refused: Sequence[Refused],
    file: Path | None,
    workspace: Workspace,
    others: Sequence[str] = (),
) -> Judgement:
    """Holds rows to a budget file.

    Args:
        rows: What was measured, each case once.
        refused: What could not be.
        file: The budgets; None where nobody asked.
        workspace: That findings name files in.
        others: Cases without a row.

    Raises:
        BudgetError: The file cannot be used.
    """
    result = Judgement(
        {case: CaseVerdict(limits=file is not None) for case in (*(row.case for row in rows), *others)}
    )
    for refusal in refused:
        result.findings.append(finding("warning", f"{refusal.case} was not measured", refusal.reason))
    if file is None:
        return result
    written = _of_these(budget_file.load(file), {*result.cases, *(refusal.case for refusal in refused)})
    budgeted = [row for row in rows if row.case in written.cases]
    for case in result.cases.keys() - written.cases.keys():
        why = f"not in the budgets: {file.name} has no case {case}, `renode-mnist bench --update` writes it"
        result.cases[case].unjudged.append(why)
        result.cannot.append(why)
        result.findings.append(finding("warning", case, why, workspace.relative(file), 1))
    for case in set(others) & written.cases.keys():
        why = "not judged: what a program of others takes is held by `renode-mnist bench PROGRAM --check`"
        result.cases[case].unjudged.append(why)
        result.cannot.append(f"{case}: {why}")
        result.findings.append(finding("warning", case, why, workspace.relative(file), 1))
    verdict = check(written, budgeted, file, refused)
    for case in verdict.checked:
        result.passed(case)
    _add_growths(result, verdict, written, file, {row.case: row for row in rows}, workspace)
    for unjudged in verdict.unjudged:
        what = f"{unjudged.what.replace('_', ' ')}: " if unjudged.what else ""
        why = f"not judged, {what}{unjudged.reason}. {unjudged.remedy}"
        result.cases[unjudged.case].unjudged.append(why)
        result.cannot.append(f"{unjudged.case}: {why}")
        result.findings.append(finding("warning", f"{unjudged.case} was not judged", why))
    for refusal in verdict.unmeasured:
        why = f"{refusal.case} has a budget and could not be measured: {refusal.reason}"
        (result.cannot if refusal.for_want_of_tools else result.failed).append(why)
        line = budget_file.line_of(file, refusal.case, "", refusal.case)
        result.findings.append(finding("error", refusal.case, why, workspace.relative(file), line, refusal.case))
    return result


def _of_these(written: Budgets, cases: set[str]) -> Budgets:
    """Without cases that are not measured here: a file may serve several jobs, each with its models."""
    return written.model_copy(
        update={"cases": {name: table for name, table in written.cases.items() if name in cases}}
    )


def _add_growths(
    result: Judgement, verdict: Verdict, written: Budgets, file: Path, rows: dict[str, Row], workspace: Workspace
) -> None:
    for growth in verdict.grown:
        if growth.layer:
            continue
        what = growth.what.removesuffix("_bytes").replace("_", " ")
        room = "" if growth.allowed == growth.written else f" ({growth.written:,} written)"
        why = f"{what}: {growth.now:,} now, {growth.allowed:,} allowed{room}, {growth.difference}"
        if growth.what == FALLBACKS:
            why += f": {_fallbacks(rows[growth.case])}"
        result.cases[growth.case].failed.append(why)
        if layers := _where(verdict, growth):
            why += f"; {layers}"
        line = _line(written, file, rows[growth.case], growth)
        title = f"{growth.case} grew past {file.name}"
        result.findings.append(finding("error", title, why, workspace.relative(file), line, growth.case))


def _fallbacks(row: Row) -> str:
    return ", ".join(f"layer {number} {layer.op}" for number, layer in enumerate(row.layers) if layer.fallback)


def _where(verdict: Verdict, growth: Growth) -> str:
    layers = [
        f"layer {each.layer} {each.difference}"
        for each in verdict.grown
        if (each.case, each.what) == (growth.case, growth.what) and each.layer and not each.function
    ]
    return ", ".join(layers)


def _line(written: Budgets, file: Path, row: Row, growth: Growth) -> int:
    try:
        maker = Maker.of(row.firmware)
        unnamed = UNNAMED in written.cases[growth.case]
        toolchain = UNNAMED if unnamed else toolchain_of(written, maker) or UNNAMED
        return budget_file.line_of(file, growth.case, toolchain, growth.what)
    except BudgetError:  # gone since it was read
        return 1
