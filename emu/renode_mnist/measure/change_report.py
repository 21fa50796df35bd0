"""What a pull request changes: its measurement, what that is held against, and the verdict, in one file.

It travels from a job without rights, which a fork may have changed at will, to one that comments. So it holds figures
and short texts only, as ``measurement`` limits them, and the comment is made from it where it is posted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from renode_mnist.measure.budgets import UNNAMED, Bounds, Budgets
from renode_mnist.measure.measurement import (
    MOST_BYTES,
    MOST_CASES,
    MOST_REASONS,
    CaseCost,
    Commit,
    Layer,
    Measurement,
    MeasurementError,
    Table,
    Text,
    first_refusal,
    read_limited,
)

SCHEMA: Final = "renode-mnist/report/1"

Verdict = Literal["passed", "failed", "unjudged"]


class Baseline(Table):
    """What the head is held against.

    Attributes:
        kind: A measurement that was kept, one that was made of the base commit now, the budget file, or nothing.
        commit: Of the first two.
        wanted: The base commit where ``commit`` is an older one; empty where it is that one, or nobody said.
        cases: What they cost there.
    """

    kind: Literal["kept", "built", "budgets", "none"]
    commit: Commit | None
    wanted: Text
    cases: Annotated[list[CaseCost], Field(max_length=MOST_CASES)]


class Report(Table):
    """All that a comment is made from.

    Attributes:
        schema_: ``schema`` in the file.
        verdict: Of all cases.
        head: What the pull request costs.
        base: What it is held against.
        problems: A sentence for each that is no case's: one that could not be measured.
        threshold_percent: From which on a change of a layer is shown first.
    """

    schema_: Literal["renode-mnist/report/1"] = Field(alias="schema")
    verdict: Verdict
    head: Measurement
    base: Baseline
    problems: Annotated[list[Text], Field(max_length=MOST_REASONS)]
    threshold_percent: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]


def load(file: Path) -> Report:
    """Reads a report of whatever origin.

    Raises:
        MeasurementError: It cannot be read, is too large, or is none; the message names the field.
    """
    content = read_limited(file)
    if len(content) > MOST_BYTES:
        raise _none(file, f"it has more than {MOST_BYTES:,} bytes")
    try:
        report = Report.model_validate_json(content)
    except ValidationError as error:
        raise _none(file, first_refusal(error)) from error
    for cases in (report.head.cases, report.base.cases):
        names = [cost.case for cost in cases]
        if len(set(names)) < len(names):
            raise _none(file, "it has a case more than once")
    failed = any(cost.verdict == "failed" for cost in report.head.cases) or bool(report.problems)
    if failed and report.verdict != "failed":
        raise _none(file, "its verdict is not that of its cases")
    return report


def _none(file: Path, why: str) -> MeasurementError:
    return MeasurementError(f"{file} is no report: {why}", "Name a file made by `renode-mnist ci report`.")


def save(file: Path, report: Report) -> None:
    """Writes a report.

    Raises:
        MeasurementError: The file cannot be written, or would be too large to be read.
    """
    content = report.model_dump_json(indent=1) + "\n"
    if len(content.encode()) > MOST_BYTES:
        raise MeasurementError(f"the report has more than {MOST_BYTES:,} bytes", "Measure fewer cases at once.")
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise MeasurementError(f"cannot write {file}: {error.strerror}", "Name another folder.") from error


def verdict_of(cases: Sequence[CaseCost], problems: Sequence[str]) -> Verdict:
    """Of all: one that fails fails it; nothing judged is no pass."""
    verdicts = {cost.verdict for cost in cases}
    if problems or "failed" in verdicts:
        return "failed"
    return "passed" if verdicts == {"passed"} else "unjudged"


def of_budgets(budgets: Budgets, head: Sequence[CaseCost]) -> list[CaseCost]:
    """What a budget file allows, in the place of a measurement; cases that it has for their compiler only."""
    return list(_allowed(budgets, head))


def _allowed(budgets: Budgets, head: Sequence[CaseCost]) -> Iterator[CaseCost]:
    for cost in head:
        for name, bounds in budgets.cases.get(cost.case, {}).items():
            if name == UNNAMED or budgets.toolchains[name].compiler == cost.compiler:
                yield _bounded(cost, bounds)
                break


def _bounded(cost: CaseCost, bounds: Bounds) -> CaseCost:
    """A case as its budget has it."""
    same_model = bool(cost.cycle_model) and bounds.cycle_model == cost.cycle_model[: len(bounds.cycle_model or "")]
    modelled = bounds.cycles_modelled if same_model else None
    layers: list[Layer] = []
    if bounds.layers is not None and len(bounds.layers) == len(cost.layers):
        cycles: Sequence[int | None] = [None] * len(cost.layers)
        if modelled is not None and len(bounds.cycles_modelled_layers or ()) == len(cost.layers):
            cycles = bounds.cycles_modelled_layers or ()
        layers = [
            Layer(op=layer.op, instructions=instructions, cycles_modelled=cycle)
            for layer, instructions, cycle in zip(cost.layers, bounds.layers, cycles, strict=True)
        ]
    return cost.model_copy(
        update={
            "instructions": bounds.instructions,
            "cycles_modelled": modelled,
            "flash_bytes": bounds.flash_bytes,
            "ram_bytes": bounds.ram_bytes,
            "accuracy": None,
            "verdict": "passed",
            "reasons": [],
            "layers": layers,
        }
    )


@dataclass(frozen=True)
class LayerChange:
    """A layer on both sides.

    Attributes:
        number: From 0.
        op: What it computes.
        before: None for a layer that is new.
        after: None for one that has gone.
    """

    number: int
    op: str
    before: Layer | None
    after: Layer | None

    @property
    def percent(self) -> float:
        """The greatest change of a count either way; infinite where one side has none."""
        if self.before is None or self.after is None:
            return float("inf")
        pairs = (
            (self.before.instructions, self.after.instructions),
            (self.before.cycles_modelled, self.after.cycles_modelled),
        )
        found = [abs(percent(*pair)) for pair in pairs if None not in pair]  # type: ignore[arg-type]
        return max(found, default=0.0)


@dataclass(frozen=True)
class CaseChange:
    """A case beside what it was.

    Attributes:
        after: Of the head.
        before: None where the base does not have it, or it cannot be compared.
        why_not: In that case.
        layers: Of both sides, where they have the same steps; else those of the head alone.
        other_network: Whether the steps differ.
    """

    after: CaseCost
    before: CaseCost | None
    why_not: str
    layers: tuple[LayerChange, ...]
    other_network: bool = False


def percent(before: int, after: int) -> float:
    """Growth; infinite where there was nothing before."""
    if before == after:
        return 0.0
    return (after / before - 1) * 100 if before else float("inf")


def changes(report: Report) -> list[CaseChange]:
    """Each case of the head beside the base's."""
    base = {cost.case: cost for cost in report.base.cases}
    return [_change(cost, base.get(cost.case)) for cost in report.head.cases]


def _change(after: CaseCost, before: CaseCost | None) -> CaseChange:
    alone = tuple(LayerChange(number, layer.op, None, layer) for number, layer in enumerate(after.layers))
    if before is None:
        return CaseChange(after, None, "the base does not have it", alone)
    for what, mine, theirs in (
        ("target", after.target, before.target),
        ("compiler", after.compiler, before.compiler),
        ("clock", after.clock_mhz, before.clock_mhz),
    ):
        if mine != theirs:
            return CaseChange(after, None, f"the base was measured with another {what}", alone)
    if after.cycle_model != before.cycle_model:
        before = _without_cycles(before)
    if [layer.op for layer in after.layers] != [layer.op for layer in before.layers]:
        return CaseChange(after, before, "", alone, other_network=bool(before.layers and after.layers))
    pairs = zip(before.layers, after.layers, strict=True)
    both = tuple(LayerChange(number, new.op, old, new) for number, (old, new) in enumerate(pairs))
    return CaseChange(after, before, "", both)


def _without_cycles(cost: CaseCost) -> CaseCost:
    layers = [layer.model_copy(update={"cycles_modelled": None}) for layer in cost.layers]
    return cost.model_copy(update={"cycles_modelled": None, "layers": layers})
