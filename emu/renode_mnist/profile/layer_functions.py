"""Which functions ran in which layer, from what had run at each read of the firmware's cycle counter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from renode_mnist.program.symbols import Symbols

_LONGEST_NAME = 60
_INNERMOST_ARGUMENTS = re.compile(r"<[^<>]*>")


def layer_functions(reads: Sequence[Mapping[int, int]], symbols: Symbols, layers: int) -> list[dict[str, int]]:
    """Instructions of each layer by function, most first; what is inlined counts for the function that holds it.

    Args:
        reads: Of one inference: its stopwatch reads at the start, behind each layer, and at the end.
        symbols: Of the image that ran.
        layers: How many there are.

    Returns:
        A mapping for each layer whose sum is the layer's count; none at all where the reads are not the stopwatch's.
    """
    if len(reads) != layers + 2:
        return []
    return [_functions(before, after, symbols) for before, after in pairwise(reads[:-1])]


def _functions(before: Mapping[int, int], after: Mapping[int, int], symbols: Symbols) -> dict[str, int]:
    spent: dict[str, int] = {}
    for address, executed in after.items():
        if passed := executed - before.get(address, 0):
            function = symbols.at(address)
            name = short_name(function.name) if function else f"0x{address:08x}"
            spent[name] = spent.get(name, 0) + passed
    return dict(sorted(spent.items(), key=lambda item: (-item[1], item[0])))


def short_name(name: str) -> str:
    """A C++ name that fits a line: where it does not, without the arguments of its templates."""
    name = name.replace("(anonymous namespace)::", "").replace("(anonymous)::", "")
    if len(name) <= _LONGEST_NAME:
        return name
    while (shorter := _INNERMOST_ARGUMENTS.sub("\0", name)) != name:
        name = shorter
    return re.sub("\0+", "<…>", name)
