"""Which part of a firmware a function belongs to: the folder that its source stands in."""

from __future__ import annotations

from pathlib import PurePosixPath

from renode_mnist.profile.profile import Profile

UNKNOWN = "without source"
"""Of a function that has no line of its own: what an exception began, what has no line table."""

_FIRMWARE = "firmware"
_MADE = {"build/generated": "model", "build/schema": "messages", "flatc": "messages"}
"""Folders of the build, as its file names are mapped: code made of the network and of the schema."""


def of_functions(profile: Profile) -> dict[str, str]:
    """The room of each function that has lines, by its name."""
    found: dict[str, str] = {}
    for line, _ in profile.lines:  # the hottest first: a function of a header keeps that
        found.setdefault(line.function, of_file(line.file))
    return found


def of_file(file: str) -> str:
    """``board``, ``app``, ``engine m7`` of this project's firmware; the folder's name of another's."""
    for start, room in _MADE.items():
        if file.startswith(f"{start}/"):
            return room
    parts = PurePosixPath(file).parts[:-1]
    if parts[:1] == (_FIRMWARE,):
        return " ".join(parts[1:3]) or _FIRMWARE
    if "newlib" in parts or parts[:2] == ("/", "usr"):
        return "libraries"
    return parts[-1] if parts else UNKNOWN
