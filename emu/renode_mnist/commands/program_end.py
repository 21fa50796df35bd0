"""How a command ends with the run of a program of others: the same statuses for ``emulate`` and ``profile``."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.errors import CheckFailed
from renode_mnist.plain_text import one_line

if TYPE_CHECKING:
    from renode_mnist.session.emulation import Over

STRICT = 6
_FAILED = {"text": 0, "time": 1, "wall": 3, "fault": 4, "hang": 5, "rest": 5}
_MOST_STATUS = 255
_MOST_CHARACTERS = 1000
_WHERE = re.compile("[;:] the core ")
"""Behind it the end of a fault tells where the core is, which stands above the error already."""
_REMEDIES = {
    "time": "Give it more time: --for.",
    "wall": "Give it more of this machine's time: --wall.",
    "fault": "Look there with --gdb.",
    "hang": "Look for what should have set that up.",
    "rest": "Look at what it said above.",
}


class _Words(click.ParamType):  # type: ignore[type-arg]
    """A text that is not empty, as that of a variable that is not set would be."""

    name = "text"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str:
        """See ``click.ParamType``."""
        if not value:
            self.fail("it is empty; is it a variable that is not set?", parameter, context)
        return str(value)


words = _Words()


def failed(status: int, what: str, remedy: str) -> CheckFailed:
    """The error that ends a command with a status."""
    error = CheckFailed(what, remedy)
    error.exit_code = status
    return error


def failure(over: Over, until: str | None) -> CheckFailed | None:
    """What a run that ended otherwise than asked ends the command with; None where it ended as asked.

    Args:
        over: The end.
        until: What the program was to say; None: nothing.
    """
    if over.reason == "exit":
        if not over.status and not until:
            return None
        status = over.status if 0 < over.status <= _MOST_STATUS else _MOST_STATUS
        return failed(status if over.status else 1, _missing(over, until) + over.text, "")
    if until is None and over.reason in ("time", "rest"):
        return None
    if status := _FAILED[over.reason]:
        what = _WHERE.split(over.text)[0] if over.reason == "fault" else over.text
        return failed(status, _missing(over, until) + what, _REMEDIES[over.reason])
    return None


def _missing(over: Over, until: str | None) -> str:
    return f"'{until}' was not said: " if until and not over.status else ""


def why(over: Over, until: str | None) -> str:
    """Why the run is over, with what was to be said."""
    if over.reason == "text":
        return f"'{until}' was said"
    return f"{over.text}, and '{until}' was not said" if until else over.text


def mark(line: str, *, err: bool = False) -> None:
    """Prints a line of the command's own, told from the program's by its beginning; a terminal gets it wrapped.

    Args:
        line: Without its beginning.
        err: Whether to print it on the error stream.
    """
    said = f"-- {one_line(line, _MOST_CHARACTERS)}"
    if (sys.stderr if err else sys.stdout).isatty():
        width = max(20, shutil.get_terminal_size().columns)
        said = textwrap.fill(said, width, subsequent_indent="   ", break_on_hyphens=False)
    click.echo(said, err=err)
