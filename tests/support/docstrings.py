"""Google-style docstrings, taken apart."""

from __future__ import annotations

import inspect
import re

_ENTRY = re.compile(r"^    (\*{0,2}\w+): (.*)$")


def attributes(kind: type) -> dict[str, str]:
    """What a class says of its fields, a text each; of those that stand in its ``Attributes``."""
    _, found, rest = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    told: dict[str, str] = {}
    if not found:
        return told
    name = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        if entry := _ENTRY.match(line):
            name = entry[1]
            told[name] = entry[2]
        elif name:
            told[name] = f"{told[name]} {line.strip()}".strip()
    return told
