"""An evaluation as tables for a terminal and a page, as sentences, and as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.measure.evaluation.evaluation import Evaluation
from renode_mnist.measure.evaluation.scores import Against, Classes, answers_sha256
from renode_mnist.report.grid import Grid
from renode_mnist.session.record import COUNTER_HEADINGS

MATRIX_COLUMNS = 80
_LISTED = 8
_NAME_CHARACTERS = 24


@dataclass(frozen=True)
class Sentence:
    """A label and what is said under it."""

    label: str
    said: str


def score(found: Evaluation) -> str:
    """The result, in a sentence."""
    name = found.data.name
    if found.numbers is not None:
        what = "of the input that it gives again" if found.numbers.is_reconstruction else "of the targets"
        return f"Mean absolute error {found.numbers.mean_absolute_error:.6g} {what}, over {found.count:,} of {name}."
    return f"{found.score[0].upper()}{found.score[1:]} ({name})."


def sentences(found: Evaluation) -> list[Sentence]:
    """What is to be said beside the score and the classes."""
    said = []
    if (numbers := found.numbers) is not None:
        more = "" if numbers.r_squared is None else f", R² {numbers.r_squared:.4f}"
        said.append(Sentence("error", f"root mean square {numbers.root_mean_square_error:.6g}{more}"))
        worst = found.data.sample_name(numbers.worst)
        said.append(Sentence("largest error", f"{numbers.largest_error:.6g} in {worst}"))
    said.append(Sentence("reference", reference(found)))
    unit = COUNTER_HEADINGS[found.connection.target.counter_unit]
    costs = found.costs
    said.append(Sentence("an inference", f"{costs.mean:,.0f} {unit} in the mean"))
    for label, (position, count) in (("fastest", costs.fastest), ("slowest", costs.slowest)):
        said.append(Sentence(label, f"{count:,} {unit}: {found.data.sample_name(position)}"))
    if found.aside:
        names = ", ".join(f"{each.name} ({each.why})" for each in found.aside[:_LISTED])
        more = f" and {len(found.aside) - _LISTED:,} others" if len(found.aside) > _LISTED else ""
        said.append(Sentence("set aside", f"{len(found.aside):,} without an answer: {names}{more}"))
    return said


def reference(found: Evaluation) -> str:
    """How far answers are from the PC's, in a sentence."""
    against = found.against
    if against is None:
        return f"none: {found.no_reference}"
    judged = against.equal + against.within + len(against.different)
    text = f"{against.yardstick}: "
    if against.equal == judged:
        text += f"equal to the bit in {judged:,} of {judged:,}"
    else:
        text += f"equal to the bit in {against.equal:,} of {judged:,}"
        if against.within:
            text += f", within rounding in {against.within:,}"
        text += f", different in {len(against.different):,}{_different(found, against)}"
    return text + (f"; {against.note}" if against.note else "")


def _different(found: Evaluation, against: Against) -> str:
    if not against.different:
        return f" (by up to {against.most_units:.3g} units in the last place)"
    names = ", ".join(found.data.sample_name(position) for position in against.different[:_LISTED])
    more = " …" if len(against.different) > _LISTED else ""
    return f" (by up to {against.most_units:.3g} units in the last place: {names}{more})"


def confusion(classes: Classes) -> Grid:
    """Answers by class, a row what samples are; recall and precision of that class at the right, in per cent."""
    count = len(classes.confusion)
    rows = tuple(
        (
            _short(classes.name(label)),
            *(str(times) if times else "·" for times in row.tolist()),
            _percent(classes.recall(label)),
            _percent(classes.precision(label)),
        )
        for label, row in enumerate(classes.confusion)
    )
    return Grid(("is", *(_short(classes.name(answer)) for answer in range(count)), "rec. %", "prec. %"), rows)


def by_class(classes: Classes) -> Grid:
    """A row a class, for more classes than a matrix has room for."""
    rows = []
    for label, row in enumerate(classes.confusion):
        others = row.copy()
        others[label] = 0
        taken = int(others.argmax())
        mostly = f"{_short(classes.name(taken))} ({others[taken]:,})" if others[taken] else ""
        recall, precision = _percent(classes.recall(label)), _percent(classes.precision(label))
        rows.append((_short(classes.name(label)), f"{row.sum():,}", recall, precision, mostly))
    return Grid(("class", "samples", "recall %", "precision %", "taken for"), tuple(rows), figures=(1, 2, 3))


def table(classes: Classes, columns: int = MATRIX_COLUMNS) -> Grid:
    """The matrix where it fits so many columns of a terminal, else a row a class."""
    matrix = confusion(classes)
    widths = [
        max(len(row[column]) for row in (matrix.headings, *matrix.rows)) for column in range(len(matrix.headings))
    ]
    return matrix if sum(widths) + 2 * (len(widths) - 1) <= columns else by_class(classes)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def to_json(found: Evaluation) -> dict[str, Any]:
    """Plain values, units in the names; the same bytes however many workers answered."""
    data, unit = found.data, str(found.connection.target.counter_unit)
    return {
        "data": data.name,
        "data_sha256": found.data_sha256,
        "notes": list(data.notes),
        "inputs": len(data),
        "answered": found.count,
        "output": {"name": found.question.spec.name, "kind": found.question.kind},
        **_score_json(found),
        "reference": _reference_json(found),
        unit: {
            "mean": found.costs.mean,
            **{
                which: {"input": data.sample_name(position), "position": position, unit: count}
                for which, (position, count) in (("fastest", found.costs.fastest), ("slowest", found.costs.slowest))
            },
        },
        "set_aside": [{"input": each.name, "position": each.position, "why": each.why} for each in found.aside],
        "answers_sha256": answers_sha256(found.answers),
        **found.connection.to_json(),
    }


def _score_json(found: Evaluation) -> dict[str, Any]:
    if (classes := found.classes) is not None:
        return {
            "accuracy": classes.accuracy,
            "correct": classes.correct,
            "confusion": classes.confusion.tolist(),
            "classes": [
                {"name": classes.name(index), "precision": classes.precision(index), "recall": classes.recall(index)}
                for index in range(len(classes.confusion))
            ],
            "wrong": [
                {
                    "input": each.name,
                    "position": each.position,
                    "is": classes.name(each.label),
                    "answer": classes.name(each.answer),
                    "score": each.score,
                }
                for each in classes.wrong
            ],
        }
    if (numbers := found.numbers) is not None:
        return {
            "mean_absolute_error": numbers.mean_absolute_error,
            "root_mean_square_error": numbers.root_mean_square_error,
            "largest_error": numbers.largest_error,
            "largest_error_input": found.data.sample_name(numbers.worst),
            "r_squared": numbers.r_squared,
            "reconstruction": numbers.is_reconstruction,
        }
    return {} if found.area is None else {"area_under_curve": found.area}


def _reference_json(found: Evaluation) -> dict[str, Any] | None:
    against = found.against
    if against is None:
        return None
    return {
        "yardstick": against.yardstick,
        "equal": against.equal,
        "within_rounding": against.within,
        "different": [found.data.sample_name(position) for position in against.different],
        "most_units_in_the_last_place": against.most_units if against.most_units < float("inf") else None,
        "note": against.note,
    }
