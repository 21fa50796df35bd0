"""What an emulator remarks on a program, fit to be read: faults with their source line, and repeated lines once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

_FAULT_AT = re.compile(r"\b((?:HARD_FAULT|MEM_MANAGE|BUS_FAULT|USAGE_FAULT|lockup) at )(0x[0-9a-f]{8})(?=: )")
"""As the embedded emulator's log has them; Renode remarks no fault."""


def faults_among(remarks: Iterable[str]) -> int:
    """How many faults the remarks tell of."""
    return sum(1 for remark in remarks if _FAULT_AT.match(remark))


def folded(remarks: Iterable[str]) -> tuple[str, ...]:
    """Each remark once, where it stood first, with how often it was made."""
    times = Counter(remarks)
    return tuple(f"{remark} ({count} times)" if count > 1 else remark for remark, count in times.items())


def placed(text: str, place_of: Callable[[int], object]) -> str:
    """With function and line behind the address of each fault.

    Args:
        text: A remark, or why a run ended.
        place_of: What an address is called, itself included.
    """
    return _FAULT_AT.sub(lambda found: f"{found[1]}{place_of(int(found[2], 16))}", text)


def without_repeat(text: str) -> str:
    """Why a run ended, where its end names the fault that it begins with once more."""
    fault, semicolon, _ = text.partition("; the core ")
    again = f"; this is the handler of {fault}"
    return text.removesuffix(again) + "; this is its handler" if semicolon and text.endswith(again) else text
