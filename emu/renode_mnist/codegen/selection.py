"""Which way each layer of a network is computed: one candidate a layer, over the network as a whole.

Time is made small within what flash and RAM allow. Constants and code of all layers share one flash, and a byte of it
has a price in cycles: each layer takes the candidate with the least sum of time and price, where all of them fit.
Where they do not, this is a multiple-choice knapsack (Kellerer, Pferschy, Pisinger, 2004, "Knapsack Problems", 11):
layer by layer, the choices up to there that no other beats in both flash and cost are kept. Scratch memory is a
layer's own while it runs, so each layer has a cap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.objective import Aim, Objective

_PRICE = {Objective.TIME: 0.1, Objective.RAM: 0.1, Objective.INSTRUCTIONS: 0.5, Objective.FLASH: 20.0}
"""Cycles, or instructions, an inference that a byte of flash must save to be well spent where there is enough of it.
Not 0: half of a kernel's flash for a thousandth of its time is a bad bargain."""

_MOST_KEPT = 4096
"""Choices up to a layer. Where there are more, the cheapest of each 4096th of the flash are kept: what is chosen then
may cost more than the best, by what that much flash a layer buys."""

Choice = tuple[Candidate, ...]
"""A candidate for each layer."""

IntArray = npt.NDArray[np.int64]


def select(layers: Sequence[Sequence[Candidate]], aim: Aim, caps: Sequence[int] | None = None) -> Choice:
    """The best choice.

    Args:
        layers: Of each its candidates, at least one.
        aim: What to make small, and how many bytes of flash all layers may take.
        caps: Bytes of scratch memory that each layer may take; None for any number. Where no candidate of a layer
            takes so few, those with the fewest are left.

    Returns:
        A choice within the limit on flash where there is one, else that with the fewest bytes.
    """
    allowed = layers if caps is None else [_capped(*layer) for layer in zip(layers, caps, strict=True)]
    cost = _cost(aim.objective)

    def at(price: float) -> Choice:
        return tuple(min(candidates, key=lambda c: cost(c) + price * c.image_bytes) for candidates in allowed)

    low = _PRICE[aim.objective]
    choice = at(low)
    if aim.flash_bytes is None or flash_bytes(choice) <= aim.flash_bytes:
        return choice
    least = tuple(min(candidates, key=lambda c: (c.image_bytes, cost(c))) for candidates in allowed)
    if flash_bytes(least) > aim.flash_bytes:
        return least
    return _within(allowed, aim.flash_bytes, lambda c: cost(c) + low * c.image_bytes)


def flash_bytes(choice: Choice) -> int:
    """What constants and code of a choice take."""
    return sum(candidate.image_bytes for candidate in choice)


def faster(candidates: Sequence[Candidate], chosen: Candidate, objective: Objective) -> str:
    """The fastest candidate, and what it would have cost, where another was chosen; else empty."""
    cost = _cost(objective)
    best = min(candidates, key=cost)
    if cost(best) >= cost(chosen):
        return ""
    more = (
        (best.image_bytes - chosen.image_bytes, "flash"),
        (best.scratch_bytes - chosen.scratch_bytes, "scratch memory"),
    )
    wanted = " and ".join(f"{count:,} B more {memory}" for count, memory in more if count > 0)
    saved = 100 * (1 - cost(best) / cost(chosen))
    what = "fewer instructions" if objective is Objective.INSTRUCTIONS else "less time"
    return f"{best.kernel}: {saved:.0f} % {what} by estimate" + (f" for {wanted}" if wanted else "")


def bound(free: Choice, aim: Aim, caps: Sequence[int]) -> tuple[str, ...]:
    """The limits that a choice made without them does not keep, in words."""
    found = []
    if aim.flash_bytes is not None and flash_bytes(free) > aim.flash_bytes:
        found.append(f"{aim.flash_bytes:,} B of flash for constants and kernels")
    if any(way.scratch_bytes > cap for way, cap in zip(free, caps, strict=True)):
        smallest = aim.objective is Objective.RAM
        found.append("the smallest arena" if smallest else "an arena that fast or allowed RAM holds")
    return tuple(found)


def given_up(free: Choice, choice: Choice, aim: Aim, limits: Sequence[str]) -> tuple[str, ...]:
    """What limits cost: ``free`` is the choice without them."""
    cost = _cost(aim.objective)
    lost = sum(map(cost, choice)) - sum(map(cost, free))
    if free == choice or lost <= 0:
        return ()
    changed = sum(1 for one, other in zip(free, choice, strict=True) if one is not other)
    unit = "instructions" if aim.objective is Objective.INSTRUCTIONS else "cycles"
    return (
        f"for {' and '.join(limits)} {changed} of {len(choice)} steps take another kernel than the "
        f"fastest: {lost:,.0f} {unit} more by estimate",
    )


def _cost(objective: Objective) -> Callable[[Candidate], float]:
    if objective is Objective.INSTRUCTIONS:
        return lambda candidate: candidate.instructions
    return lambda candidate: candidate.cycles


def _capped(candidates: Sequence[Candidate], cap: int) -> Sequence[Candidate]:
    most = max(cap, min(candidate.scratch_bytes for candidate in candidates))
    return [candidate for candidate in candidates if candidate.scratch_bytes <= most]


def _within(layers: Sequence[Sequence[Candidate]], limit: int, cost: Callable[[Candidate], float]) -> Choice:
    """The choice with the least cost that takes at most ``limit`` bytes of flash; there is one."""
    # The fewest bytes that the layers behind each take: a choice that leaves less cannot be ended.
    needed = [0]
    for candidates in reversed(layers[1:]):
        needed.append(needed[-1] + min(c.image_bytes for c in candidates))
    flash, costs = np.zeros(1, np.int64), np.zeros(1)
    origins: list[tuple[IntArray, IntArray]] = []
    for candidates, behind in zip(layers, reversed(needed), strict=True):
        sums = flash[:, None] + np.array([c.image_bytes for c in candidates])
        costing = costs[:, None] + np.array([cost(c) for c in candidates])
        kept = _unbeaten(sums.ravel(), costing.ravel(), limit - behind)
        origins.append(np.divmod(kept, len(candidates)))
        flash, costs = sums.ravel()[kept], costing.ravel()[kept]
    place = int(np.argmin(costs))
    choice: list[Candidate] = []
    for candidates, (before, which) in zip(reversed(layers), reversed(origins), strict=True):
        choice.insert(0, candidates[which[place]])
        place = int(before[place])
    return tuple(choice)


def _unbeaten(flash: IntArray, costs: npt.NDArray[np.float64], limit: int) -> IntArray:
    """Which ones fit, and have none beside them that takes no more flash and costs no more."""
    order = np.lexsort((costs, flash))
    order = order[flash[order] <= limit]
    best = np.minimum.accumulate(costs[order])
    order = order[np.concatenate(([True], best[1:] < best[:-1]))]
    if len(order) > _MOST_KEPT:
        # Costs fall as flash grows, so the last of a bucket is its cheapest; the first of all takes the least flash.
        bucket = flash[order] * _MOST_KEPT // (limit + 1)
        last = np.concatenate((bucket[1:] != bucket[:-1], [True]))
        last[0] = True
        order = order[last]
    return order
