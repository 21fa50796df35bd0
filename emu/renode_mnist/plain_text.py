"""Texts of outside (names, files, other programs) made fit for a line of a log that a CI system reads commands in."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 200

_COMMAND = re.compile(r"^(?=[^\S\n]*::)|##\[", re.MULTILINE)
"""How GitHub's runner knows a command in what a job prints: by a line's first colons, or the older sign anywhere."""


def one_line(text: str, most: int = MOST_CHARACTERS) -> str:
    """Printable, in one line, cut where it is too long.

    Args:
        text: Whatever came.
        most: Characters.
    """
    printable = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return printable if len(printable) <= most else printable[: most - 1] + "…"


def harmless(text: str) -> str:
    """In as many lines as it has, none of which a CI system takes for a command, or a terminal for one of its own."""
    lines = ("".join(each if _stays(each) else " " for each in line) for line in re.split(r"\r\n|[\r\n]", text))
    return _COMMAND.sub(lambda found: "| " if not found[0] else "## [", "\n".join(lines))


def _stays(character: str) -> bool:
    """Printable, a blank of any width, or a byte of a file's name that is no UTF-8, which Python has as these."""
    return (
        character.isprintable()
        or character == "\t"
        or unicodedata.category(character) == "Zs"
        or "\udc80" <= character <= "\udcff"
    )
