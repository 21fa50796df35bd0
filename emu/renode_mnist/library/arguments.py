"""Calls whose keyword arguments are a data class: signature, documentation and type check come from its fields."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, get_type_hints

from renode_mnist.option import Face, Option, alternatives, options_of

P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")

_WIDTH = 114


def takes(form: Callable[P, S]) -> Callable[[Callable[[S], R]], Callable[P, R]]:
    """Makes a function of one data class a function of that class's fields.

    To mypy and to who reads ``help()`` the arguments are those of the class; the function gets an instance. The
    arguments' documentation is put before the function's ``Returns:`` or ``Raises:``.

    Args:
        form: The data class, whose fields are declared by ``option``.
    """
    assert isinstance(form, type)
    # What the library declares is what the call is about: it stands before what every image and target takes.
    here = (kind for kind in form.__mro__ if kind.__module__ == form.__module__)
    own = {name for kind in here for name in kind.__annotations__}
    options = sorted(options_of(form, Face.LIBRARY), key=lambda each: (not each.positional, each.name not in own))
    every = inspect.signature(form).parameters
    signature = inspect.Signature([every[each.name] for each in options])
    arguments = "\n".join(["Args:", *map(_documented, options)])

    def decorate(function: Callable[[S], R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:  # as if the function itself had them
                raise TypeError(f"{function.__name__}() {error}") from None
            return function(form(*args, **kwargs))

        written = inspect.getdoc(function) or ""
        sections = [at for at in (written.find("Returns:\n"), written.find("Raises:\n")) if at >= 0]
        at = min(sections, default=len(written))
        call.__doc__ = f"{written[:at]}{arguments}\n\n{written[at:]}"
        given_back = function.__annotations__["return"]
        kinds = get_type_hints(form)
        call.__annotations__ = {**{each.name: kinds[each.name] for each in options}, "return": given_back}
        # inspect prefers it to the signature of what is wrapped.
        call.__signature__ = signature.replace(return_annotation=given_back)  # type: ignore[attr-defined]
        return call

    return decorate


def _documented(argument: Option) -> str:
    said = argument.words.for_face(Face.LIBRARY)
    if argument.choices and Face.LIBRARY not in argument.words.wording and not _names_all(said, argument):
        said = f"{said.removesuffix('.')}: {alternatives(argument.choices)}."
    return textwrap.fill(
        f"{argument.name}: {said}", _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8, break_on_hyphens=False
    )


def _names_all(said: str, argument: Option) -> bool:
    return all(f"``{choice}``" in said for choice in argument.choices)
