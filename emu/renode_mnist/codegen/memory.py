"""Packs buffers that are alive at different times into one arena.

The problem (dynamic storage allocation) is NP-hard; networks have tens of buffers, so first fit in a few good
orders, improved by a short seeded search that stops at the lower bound, is in practice optimal.
"""

from __future__ import annotations

import random
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_ROUNDS = 400
_SEARCH_PAIRS = 2_000_000
"""A round places each buffer beside those before it: a thousand of an unrolled recurrent network have two rounds."""


@dataclass(frozen=True)
class Lifetime:
    """How long a buffer holds something, in step numbers, both ends included."""

    first: int
    last: int
    byte_count: int
    alignment: int = 8

    def overlaps(self, other: Lifetime) -> bool:
        """Whether both are alive in some step."""
        return self.first <= other.last and other.first <= self.last


def pack(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Finds an offset for each buffer so that no two overlap in time and in space.

    Returns:
        Offsets in the order of ``lifetimes``, and the arena's size, both in bytes. The same input gives the
        same answer everywhere.
    """
    if not lifetimes:
        return [], 0
    indices = range(len(lifetimes))
    bound = lower_bound(lifetimes)
    orders = [
        sorted(indices, key=lambda i: (-lifetimes[i].byte_count, lifetimes[i].first)),
        sorted(indices, key=lambda i: (lifetimes[i].first, -lifetimes[i].byte_count)),
        sorted(indices, key=lambda i: (-lifetimes[i].last, -lifetimes[i].byte_count)),
        sorted(indices, key=lambda i: -lifetimes[i].byte_count * (1 + lifetimes[i].last - lifetimes[i].first)),
    ]
    best = min((first_fit(lifetimes, order) for order in orders), key=lambda result: result[1])
    order = orders[0]
    chance = random.Random(len(lifetimes))
    rounds = min(_MOST_ROUNDS, _SEARCH_PAIRS // len(lifetimes) ** 2) if len(lifetimes) > 2 else 0
    for _ in range(rounds):
        if best[1] <= bound:
            break
        candidate = list(order)
        i, j = chance.sample(indices, 2)
        candidate[i], candidate[j] = candidate[j], candidate[i]
        result = first_fit(lifetimes, candidate)
        if result[1] <= best[1]:
            best, order = result, candidate
    return best


def lower_bound(lifetimes: Sequence[Lifetime]) -> int:
    """Most bytes alive in one step: no arena can be smaller."""
    steps = {lifetime.first for lifetime in lifetimes}
    return max((sum(x.byte_count for x in lifetimes if x.first <= step <= x.last) for step in steps), default=0)


def first_fit(lifetimes: Sequence[Lifetime], order: Sequence[int]) -> tuple[list[int], int]:
    """Places buffers one after the other at the lowest offset that is free throughout their life."""
    offsets = [0] * len(lifetimes)
    placed: list[tuple[int, int]] = []  # offset and index, by offset
    for index in order:
        buffer = lifetimes[index]
        first, last, offset = buffer.first, buffer.last, 0
        for start, position in placed:
            other = lifetimes[position]
            if other.last < first or last < other.first:
                continue
            if offset + buffer.byte_count <= start:
                break
            offset = max(offset, _align(start + other.byte_count, buffer.alignment))
        offsets[index] = offset
        insort(placed, (offset, index))
    return offsets, max(o + x.byte_count for o, x in zip(offsets, lifetimes, strict=True))


def _align(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
