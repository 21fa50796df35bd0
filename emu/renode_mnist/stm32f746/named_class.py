"""Classes of a user's own, found by ``module:Class``, and what is said where one fails."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from renode_mnist.errors import TargetError
from renode_mnist.plain_text import one_line

T = TypeVar("T")


def named(reference: str, kind: type[T], protocol: str) -> type[T]:
    """The class that ``module:Class`` names; the module may lie in the current folder.

    Args:
        reference: As a user wrote it.
        kind: What it has to be derived from.
        protocol: How such a class has to be, as a sentence.

    Raises:
        TargetError: There is no such module or class, the module fails, or the class is something else.
    """
    _, where, found = _found(reference, "class")
    if not isinstance(found, type) or not issubclass(found, kind):
        raise TargetError(f"{reference.partition(':')[2]} of {where} is no {kind.__name__}", protocol)
    return found


def named_function(reference: str) -> Callable[..., object]:
    """The function that ``module:function`` names.

    Raises:
        TargetError: There is no such module or function, the module fails, or that is no function.
    """
    _, where, found = _found(reference, "function")
    if not callable(found):
        raise TargetError(f"{reference.partition(':')[2]} of {where} is no function", "Name one.")
    return found


def _found(reference: str, what: str) -> tuple[str, str, object]:
    """The module's name, where it is, and what it has under that name."""
    module_name, colon, name = reference.partition(":")
    if not module_name or not colon or not name:
        raise TargetError(f"'{reference}' names no {what}", f"Write it as module:{what.capitalize()}.")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)  # behind all else, so that a file there hides no module of this package's needs
        importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise _broken(module_name, error) from error
        raise TargetError(
            f"there is no module {module_name}", f"It has to lie in {folder}, or on PYTHONPATH, or be installed."
        ) from None
    except (Exception, SystemExit) as error:
        raise _broken(module_name, error) from error
    where = f"{module_name} ({getattr(module, '__file__', None) or 'built in'})"
    if (found := getattr(module, name, None)) is None:
        raise TargetError(f"{where} has no {what} {name}", "Look at its spelling.")
    return module_name, where, found


def _broken(module_name: str, error: BaseException) -> TargetError:
    return TargetError(
        f"the module {module_name} cannot be imported: {_said(error)}{_line(error, None)}", "Mend it there."
    )


def made_by(found: type[T], *, has: str = "") -> Callable[[], T]:
    """What makes one of a user's class, or tells how that failed.

    Args:
        found: The class.
        has: An attribute that the base class gives it in its ``__init__``, which a user's may forget to call.
    """

    def make() -> T:
        try:
            made = found()
        except (Exception, SystemExit) as error:
            raise TargetError(
                f"{found.__name__} cannot be made: {_said(error)}{_line(error, found)}",
                "It is called without arguments.",
            ) from error
        if has and not hasattr(made, has):
            raise TargetError(
                f"{found.__name__} has no {has}", 'Its __init__ has to call super().__init__("NAME") first.'
            )
        return made

    return make


def failure(of: object, method: str, error: BaseException) -> TargetError:
    """What is said where a method of a user's class has raised.

    Args:
        of: The object.
        method: Its method's name.
        error: What it raised; a ``SystemExit`` too, which else would end the command without a word.
    """
    kind = type(of)
    return TargetError(
        f"{kind.__name__}.{method} of {kind.__module__} failed: {_said(error)}{_line(error, kind)}",
        "That is a class of your own: mend it there.",
    )


def function_failure(function: Callable[..., object], error: BaseException) -> TargetError:
    """Likewise of a function."""
    name, module = getattr(function, "__name__", "a function"), getattr(function, "__module__", "")
    return TargetError(
        f"{name} of {module} failed: {_said(error)}{_line(error, function)}",
        "That is a function of your own: mend it there.",
    )


def _said(error: BaseException) -> str:
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line(error: BaseException, kind: object | None) -> str:
    """Where it was raised: the last line of the class's own file, or of all."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name} line {error.lineno})"
    own = getattr(sys.modules.get(getattr(kind, "__module__", "")), "__file__", None)
    frames_there = [frame for frame in frames if frame.filename == own] or frames
    if not frames_there or (kind is None and "importlib" in frames_there[-1].filename):
        return ""
    return f" ({Path(frames_there[-1].filename).name} line {frames_there[-1].lineno})"
