"""A chip beside the model, as tables."""

from __future__ import annotations

from itertools import groupby

from renode_mnist.measure.calibration import Calibration, Timing
from renode_mnist.measure.calibration_subjects import speaks_of
from renode_mnist.report.grid import Grid
from renode_mnist.targets.base import CounterUnit

_SMALLEST = 0.01
"""That is shown."""
_UNCERTAIN = 0.25
"""Left over of a whole number that was fitted: more is no rounding."""
_WIDE = 120
"""Characters of a terminal from which what each benchmark speaks of fits beside it."""


def benchmarks(found: Calibration, width: int = _WIDE) -> Grid:
    """A row a microbenchmark: what a unit took on the target and in the model, and of what figures that speaks.

    Args:
        found: What was measured.
        width: Of the terminal; in a narrow one only those that differ tell it, below.
    """
    wide = width >= _WIDE
    rows: list[tuple[str, ...]] = []
    for group, timings in groupby(found.measured.timings, lambda timing: timing.group):
        rows.append((f"{group}:", *[""] * (5 if wide else 4)))
        rows += [_row(found, timing, wide=wide) for timing in timings]
    measured, against = _units(found)
    headings = ("a unit of", measured, "spread", against, "differs")
    return Grid(
        headings + (("speaks of",) if wide else ()),
        tuple(rows),
        (*_notes(found), *(() if wide else _subjects(found))),
        figures=(1, 2, 3, 4),
    )


def _row(found: Calibration, timing: Timing, *, wide: bool) -> tuple[str, ...]:
    figures = (
        f"{timing.cycles:.2f}",
        f"{timing.spread:.2f}",
        f"{found.modelled.cycles[timing.name]:.2f}",
        _signed(timing.cycles - found.modelled.cycles[timing.name]),
    )
    return (f"  {timing.name}", *figures, *((speaks_of(timing.group, timing.name),) if wide else ()))


def _signed(difference: float) -> str:
    return "0" if abs(difference) < _SMALLEST / 2 else f"{difference:+.2f}"


def _units(found: Calibration) -> tuple[str, str]:
    unit = found.measured.target.counter_unit
    if unit is CounterUnit.INSTRUCTIONS:
        return "counted", "embedded"
    return ("measured" if unit is CounterUnit.CYCLES_MEASURED else "emulated"), "model"


def _notes(found: Calibration) -> tuple[str, ...]:
    target = found.measured.target
    differing = sum(found.differs(timing) for timing in found.measured.timings)
    beyond = " and its counter's steps" if target.counter_step > 1 else ""
    whole = f"{differing} of {len(found.measured.timings)} differ by more than rounds do{beyond}."
    how = (
        f"Each is the difference of two routines, the longer with twice as many units: the least of {found.rounds} "
        "rounds of either; spread is what the rounds differ by."
    )
    if target.counter_unit is CounterUnit.INSTRUCTIONS:
        return (
            "In instructions: this target's counter counts no cycles, so that there is no timing to hold the "
            "model against. Compared are instructions with the embedded target's, and no parameter follows.",
            how,
            whole,
        )
    if target.counter_unit is CounterUnit.CYCLES_MODELLED:
        return ("In cycles of an emulator: they are those of a model, and say nothing of silicon.", how, whole)
    return ("In cycles.", how, whole)


def _subjects(found: Calibration) -> list[str]:
    by_subject: dict[str, list[str]] = {}
    for timing in found.measured.timings:
        if found.differs(timing):
            by_subject.setdefault(speaks_of(timing.group, timing.name), []).append(timing.name)
    return [f"{'; '.join(names)}: speaks of {subject}." for subject, names in by_subject.items()]


def parameters(found: Calibration) -> Grid:
    """A row a parameter: the model's own, and what the measurement says."""
    rows = tuple(
        (
            each.fit.parameter,
            str(each.own),
            str(each.value),
            f"{each.left:+.2f}" + (" ?" if abs(each.left) > _UNCERTAIN else ""),
            each.fit.benchmark,
        )
        for each in found.fitted
    )
    uncertain = any(abs(each.left) > _UNCERTAIN for each in found.fitted)
    notes = ("?: no whole number explains the measurement; the model lacks something there.",) if uncertain else ()
    return Grid(
        ("parameter", "own", "fitted", "left", "by"),
        rows,
        (
            "Fitted are only parameters that a benchmark determines by itself: own is the model's figure, left what "
            "is measured beyond the fitted one, in cycles.",
            *notes,
        ),
        figures=(1, 2, 3),
    )


def identity(found: Calibration) -> list[tuple[str, str]]:
    """What was measured, label and text."""
    target, firmware, chip = found.measured.target, found.measured.firmware, found.measured.chip
    return [
        ("target", f"{target.target} ({target.version})"),
        *([("model of M7", target.cycle_parameters)] if target.cycle_parameters else []),
        (
            "chip",
            f"IDCODE {chip.idcode}, CPUID {chip.cpuid}, unique ID {chip.unique_id}, {chip.flash_kib} KiB of flash",
        ),
        ("clock", f"{chip.clock_hz / 1e6:g} MHz, {chip.wait_states} wait states"),
        ("firmware", f"commit {firmware.commit}, build {firmware.build_id}"),
        ("compiler", f"{firmware.compiler}; {firmware.flags}"),
    ]
