"""The variables by which a suite is told what to run: one for each option that a suite takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from renode_mnist.option import Face, Option, options_of

T = TypeVar("T")


def read(declared: type[T], variable: Callable[[str], object]) -> T:
    """The options as a suite's variables say; what is not given or empty has its default.

    Args:
        declared: A data class, as ``SuiteOptions``.
        variable: A variable's value by its name in capitals; None where there is none.

    Raises:
        ValueError: A variable should be a number and is none.
    """
    assert isinstance(declared, type)
    given = {each.name: variable(each.name.upper()) for each in options_of(declared, Face.SUITE)}
    values = {each.name: each.value(str(given[each.name])) for each in options_of(declared) if given.get(each.name)}
    return declared(**values)


def table(declared: type) -> str:
    """What there is to choose, as a table of Robot's documentation."""
    rows = [("= variable =", "= meaning =", "= default =")]
    rows += [
        (f"``{each.name.upper()}``", _meaning(each), _default(each)) for each in options_of(declared, Face.SUITE)
    ]
    return "\n".join("".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in rows)


def _meaning(declared: Option) -> str:
    said = declared.words.for_face(Face.SUITE)
    return f"{said[0].lower()}{said[1:].removesuffix('.')}" if Face.SUITE not in declared.words.wording else said


def _default(declared: Option) -> str:
    if declared.words.suite_default:
        return declared.words.suite_default
    if declared.default is None:
        return declared.words.unset
    return f"``{declared.default}``" if isinstance(declared.default, str) else str(declared.default)
