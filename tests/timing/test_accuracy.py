"""The stated errors are those of the published points, and the page shows them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

import accuracy_page
from renode_mnist.timing import Kind, stated_error
from renode_mnist.timing.points import Point, PointSet, programs


def test_the_page_of_accuracy_is_up_to_date() -> None:
    assert accuracy_page.file().read_text() == accuracy_page.page(), "make accuracy"


@pytest.mark.parametrize("kind", list(Kind))
def test_a_stated_error_is_that_of_the_points_of_its_kind(kind: Kind) -> None:
    points = [point for program in programs() if program.kind is kind for point in program.points]
    errors = [point.error_percent for point in points if not point.uncounted]
    judged = [point.error_percent for point in points if not point.uncounted and point.set is PointSet.JUDGED]
    stated = stated_error(kind)
    assert stated.points == len(judged) > 0
    assert stated.fitted_points == len(errors) - len(judged)
    assert stated.mean_percent == pytest.approx(sum(map(abs, judged)) / len(judged), abs=0.05)
    assert stated.bias_percent == pytest.approx(sum(judged) / len(judged), abs=0.05)
    assert (stated.lowest_percent, stated.highest_percent) == pytest.approx((min(errors), max(errors)), abs=0.05)
    assert stated.worst_percent == max(abs(stated.lowest_percent), abs(stated.highest_percent))
    assert f"{stated.lowest_percent:+.1f} to {stated.highest_percent:+.1f} %" in str(stated)


def test_what_was_fitted_names_its_parameter() -> None:
    fitted = [point for program in programs() for point in program.points if point.set is PointSet.FITTED]
    assert fitted
    assert all(point.note for point in fitted)


@pytest.mark.parametrize(
    ("measured", "modelled", "unit", "percent", "uncounted"),
    [
        ("100", 110.0, "ms", 10.0, ""),
        ("100.0", 110.0, "iterations/s", -100 / 11, ""),
        ("0.03", 0.03, "ms", 0.0, "coarse"),
        ("0.56", 0.56, "ms", 0.0, ""),
        ("1.000", 1.01, "ratio of times", 1.0, "ratio"),
    ],
)
def test_an_error_is_of_the_time(measured: str, modelled: float, unit: str, percent: float, uncounted: str) -> None:
    point = Point("", Decimal(measured), modelled, PointSet.JUDGED, unit, "")
    assert point.error_percent == pytest.approx(percent)
    assert point.uncounted == uncounted
    assert replace(point, was_read=False).uncounted == "unread"


def test_every_program_names_its_source() -> None:
    for program in programs():
        assert program.source.startswith("https://"), program.name
        assert program.points, program.name
        assert len(program.model_sha256) == 64, program.name
