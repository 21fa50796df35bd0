"""How often faults came to what, with how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from renode_mnist.measure.faults.fault import Finding, Outcome

_Z = 1.959963984540054
"""Of the normal distribution, for 95 %."""


@dataclass(frozen=True)
class Share:
    """A share of faults.

    Attributes:
        count: That are so.
        of: Of so many.
    """

    count: int
    of: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval, 95 % (E. B. Wilson 1927): within 0 to 1, also where nothing or all is so."""
        if not self.of:
            return 0.0, 1.0
        spread = _Z * _Z / self.of
        middle = (self.share + spread / 2) / (1 + spread)
        reach = math.sqrt(spread * (self.share * (1 - self.share) + spread / 4)) / (1 + spread)
        low = 0.0 if self.count == 0 else max(0.0, middle - reach)
        return low, 1.0 if self.count == self.of else min(1.0, middle + reach)


@dataclass(frozen=True)
class Tally:
    """What faults of one kind came to.

    Attributes:
        name: Of the kind.
        faults: How many.
        outcomes: How many of them came to what.
        other_class: Of the silently wrong, how many have another class.
        found_by_check: Of the silently wrong, how many a check of the image would have told.
    """

    name: str
    faults: int
    outcomes: dict[Outcome, int]
    other_class: int
    found_by_check: int

    def share(self, outcome: Outcome) -> Share:
        """Of all of them."""
        return Share(self.outcomes.get(outcome, 0), self.faults)

    @property
    def harmful(self) -> Share:
        """Those that were not masked."""
        return Share(self.faults - self.outcomes.get(Outcome.MASKED, 0), self.faults)


def tally(name: str, findings: Iterable[Finding]) -> Tally:
    """Counts them."""
    found = list(findings)
    return Tally(
        name,
        len(found),
        dict(Counter(each.outcome for each in found)),
        sum(each.class_differs is True for each in found),
        sum(each.found_by_check is True for each in found),
    )


def tallies(findings: Iterable[Finding], key: Callable[[Finding], str]) -> list[Tally]:
    """One for each ``key``, in the order of its first fault."""
    groups: dict[str, list[Finding]] = {}
    for each in findings:
        groups.setdefault(key(each), []).append(each)
    return [tally(name, group) for name, group in groups.items()]
