"""What `verify` found: tables for a terminal and a page, sentences, and plain values."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from renode_mnist.measure.quantisation_error import QuantisationRow
from renode_mnist.measure.verify import DefaultRuntime, FirstDifference, TensorRow, Verification
from renode_mnist.model.difference import Difference, Verdict, units_text
from renode_mnist.model.interface import TensorSpec
from renode_mnist.report.grid import Grid

_NAME_CHARACTERS = 28


def verdict(found: Verification) -> str:
    """The answer, in a sentence or two."""
    count = len(found.samples)
    outputs = f"The outputs are equal to the bit in {found.outputs_equal} of {count}."
    match found.verdict:
        case Verdict.EQUAL:
            return f"Equal to the bit in {count} of {count} samples."
        case Verdict.WITHIN:
            equal = f"equal to the bit in {found.equal_samples} of {count}"
            return (
                f"Within {found.most_units:.3g} ULP in {count} of {count} samples (bound {found.float_bound_ulp:g}), "
                f"{equal}. {outputs}"
            )
        case Verdict.DIFFERENT:
            return f"Different in {count - found.good_samples} of {count} samples. {outputs}"


def first_difference(first: FirstDifference) -> str:
    """Where firmware and yardstick part, how far and where within the tensor."""
    row, found = first.row, first.in_sample
    where = f"step {row.step}" if row.step else f"operator {row.op}"
    if row.step and not row.step.endswith(f" {row.op}"):
        where += f", operator {row.op}"
    share = f"{first.too_far:,} of {found.elements:,} elements ({first.too_far / found.elements:.2%})"
    channels = ""
    if first.channels:
        listed = ", ".join(map(str, first.channels))
        channels = f", all in channel{'s' if len(first.channels) > 1 else ''} {listed} of {row.spec.shape[-1]}"
    return (
        f"First difference in the order of execution: {where}, tensor {row.index} '{row.spec.name}', "
        f"in sample '{first.sample}': up to {units_text(found)} ({found.most_real:.6g}) in {share}{channels}; the "
        f"first at {list(first.place)}: {first.got:.9g}, expected {first.expected:.9g}."
    )


def default_runtime(found: DefaultRuntime, samples: int) -> str:
    """The line for those who compare with LiteRT as it comes."""
    who = "LiteRT's default interpreter (XNNPACK), no yardstick"
    if not found.worst.differing:
        return f"{who}: the same outputs in {samples} of {samples} samples."
    return (
        f"{who}: other outputs than its reference kernels in {found.differing_samples} of {samples} samples, by up "
        f"to {units_text(found.worst)} ({found.worst.most_real:.6g}, '{found.output}')."
    )


def tensors(found: Verification) -> Grid:
    """A row a tensor that was compared; those that were not are in the notes, with why."""
    rows = [_row(row, row.difference) for row in found.rows if row.difference is not None]
    hidden: dict[str, list[str]] = {}
    for row in found.rows:
        if row.difference is None:
            hidden.setdefault(row.note, []).append(f"{row.op} '{short(row.spec.name)}'")
    notes = [f"Tensors within: {found.how}."]
    notes += [f"Not compared ({why}): {', '.join(names)}." for why, names in hidden.items()]
    notes += [f"{row.op} '{short(row.spec.name)}': {row.note}." for row in found.rows if row.difference and row.note]
    if any(row.difference and row.difference.bound_units for row in found.rows):
        notes.append(
            "ULP: units in the last place of a tensor's largest magnitude; up to "
            f"{found.float_bound_ulp:g} of them a float32 difference counts as rounding, and is never called equal."
        )
    return _without_empty(Grid(_HEADINGS, tuple(rows), tuple(notes), labels=2))


_HEADINGS = ("step", "tensor", "differing", "max error", "real value", "SNR dB", "saturated")


def _row(row: TensorRow, found: Difference) -> tuple[str, ...]:
    return (
        f"{row.step.split(' ')[0]} {row.op}".strip(),
        short(row.spec.name) + (" (output)" if row.is_output else ""),
        _percent(found.share) if found.differing else "equal",
        units_text(found) if found.differing else "",
        f"{found.most_real:.4g}" if found.differing else "",
        _decibels(found.snr_db) if found.differing else "",
        _percent(found.saturated_share) if row.spec.is_quantised else "",
    )


def _without_empty(grid: Grid) -> Grid:
    """Without columns that say nothing: where all is equal there are no errors to list."""
    kept = [column for column in range(len(grid.headings)) if any(row[column] for row in grid.rows)]
    return replace(
        grid,
        headings=tuple(grid.headings[column] for column in kept),
        rows=tuple(tuple(row[column] for column in kept) for row in grid.rows),
    )


def quantisation(found: Verification) -> Grid:
    """What quantisation costs, tensor by tensor, against a float model."""
    rows = tuple(_quantisation_row(row, row.difference) for row in found.quantisation if row.difference is not None)
    unmatched = [f"{row.op} '{short(row.spec.name)}'" for row in found.quantisation if row.difference is None]
    notes = ["Both computed on the PC by the yardstick. SNR: of the float model's values to the error."]
    if unmatched:
        listed = ", ".join(unmatched)
        notes.append(f"No tensor of {found.against} matches by name, or by order, operator and shape: {listed}.")
    headings = ("operator", "tensor", "largest value", "max error", "of largest", "SNR dB")
    return Grid(headings, rows, tuple(notes), labels=2, title=f"Error of quantisation against {found.against}")


def _quantisation_row(row: QuantisationRow, found: Difference) -> tuple[str, ...]:
    return (
        row.op,
        short(row.spec.name),
        f"{row.reach:.4g}",
        f"{found.most_real:.4g}",
        _percent(found.most_real / row.reach) if row.reach else "",
        _decibels(found.snr_db),
    )


def short(name: str) -> str:
    """The end of a tensor's name, which is what tells it from others: a converter puts the whole way before it."""
    end = "/".join(name.split(";")[-1].split("/")[-2:])
    return end if len(end) <= _NAME_CHARACTERS else f"…{end[1 - _NAME_CHARACTERS :]}"


def _percent(share: float) -> str:
    return "0 %" if not share else "<0.01 %" if share < 0.0001 else f"{100 * share:.2f} %"


def _decibels(value: float) -> str:
    return "∞" if value == math.inf else "-∞" if value == -math.inf else f"{value:.1f}"


def to_json(found: Verification) -> dict[str, Any]:
    """For ``--json``: plain values, units in the names; an infinite figure is null."""
    first, default = found.first, found.default_runtime
    return {
        "verdict": str(found.verdict),
        "samples": list(found.samples),
        "equal_samples": found.equal_samples,
        "good_samples": found.good_samples,
        "samples_with_equal_outputs": found.outputs_equal,
        "most_units_in_the_last_place": _finite(found.most_units),
        "float_bound_units_in_the_last_place": found.float_bound_ulp,
        "yardstick": found.yardstick,
        "tensors_within": found.how,
        "notes": list(found.notes),
        "first_difference": None
        if first is None
        else {
            "tensor_index": first.row.index,
            "tensor": first.row.spec.name,
            "operator": first.row.op,
            "step": first.row.step,
            "sample": first.sample,
            "elements_too_far": first.too_far,
            "place": list(first.place),
            "got": _finite(first.got),
            "expected": _finite(first.expected),
            "channels": list(first.channels),
            **_difference_json(first.in_sample),
        },
        "tensors": [
            {
                "index": row.index,
                **_spec_json(row.spec),
                "operator": row.op,
                "step": row.step,
                "output": row.is_output,
                "note": row.note,
                **(_difference_json(row.difference) if row.difference else {}),
            }
            for row in found.rows
        ],
        "litert_default": None
        if default is None
        else {
            "differing_samples": default.differing_samples,
            "output": default.output,
            **_difference_json(default.worst),
        },
        "against": found.against or None,
        "quantisation": [
            {
                **_spec_json(row.spec),
                "operator": row.op,
                "partner": row.partner or None,
                **(
                    {
                        "most_real": _finite(row.difference.most_real),
                        "snr_db": _finite(row.difference.snr_db),
                        "largest_value": row.reach,
                    }
                    if row.difference
                    else {}
                ),
            }
            for row in found.quantisation
        ],
        **found.connection.to_json(),
    }


def _difference_json(found: Difference) -> dict[str, Any]:
    return {
        "verdict": str(found.verdict),
        "elements": found.elements,
        "differing": found.differing,
        "most_units_in_the_last_place": _finite(found.most_units),
        "most_real": _finite(found.most_real),
        "snr_db": _finite(found.snr_db),
        "saturated_share": found.saturated_share,
    }


def _spec_json(spec: TensorSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.dtype.name,
        "shape": list(spec.shape),
        "scale": spec.scale,
        "zero_point": spec.zero_point,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
