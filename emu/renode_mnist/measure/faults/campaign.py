"""The result of a campaign, as plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from renode_mnist.measure.faults.fault import Fault, Finding, Outcome, Place
from renode_mnist.measure.faults.image_map import Stretch
from renode_mnist.measure.faults.tally import Tally, tallies, tally
from renode_mnist.session.record import Connection


@dataclass(frozen=True)
class Campaign:
    """What many faults came to; the same however many workers tried them.

    Attributes:
        connection: Who was asked.
        seed: Of the campaign.
        places: That took part.
        samples: Names of the inputs.
        notes: How these came to be.
        weights: Arrays of the model's constants, by address.
        patience_seconds: How long the client waited for an answer.
        findings: By number.
    """

    connection: Connection
    seed: int
    places: tuple[Place, ...]
    samples: tuple[str, ...]
    notes: tuple[str, ...]
    weights: tuple[Stretch, ...]
    patience_seconds: float
    findings: tuple[Finding, ...]

    def at(self, place: Place) -> list[Finding]:
        """Those of one place."""
        return [each for each in self.findings if each.fault.place is place]

    @property
    def total(self) -> Tally:
        """Of all."""
        return tally("all", self.findings)

    def by_place(self) -> list[Tally]:
        """A row a place."""
        found = {each.name: each for each in tallies(self.findings, lambda each: str(each.fault.place))}
        return [found[place] for place in self.places if place in found]

    def by_layer(self) -> list[Tally]:
        """Of the weights, a row a layer in the order of the model."""
        layers = {array.name: array.group for array in self.arrays}
        found = {each.name: each for each in tallies(self.at(Place.WEIGHTS), lambda each: layers[each.fault.part])}
        return [found[layer] for layer in dict.fromkeys(layers.values()) if layer in found]

    def by_part(self, place: Place) -> list[Tally]:
        """Of one place, a row a part of it: a function, a register, an array."""
        return sorted(
            tallies(self.at(place), lambda each: each.fault.part), key=lambda each: (-each.faults, each.name)
        )

    @property
    def arrays(self) -> list[Stretch]:
        """The arrays of weights in the order of the model, whose operators' numbers end the layers' names."""
        return sorted(self.weights, key=lambda each: (_number(each.group), each.address))

    @property
    def silent(self) -> list[Finding]:
        """The silently wrong."""
        return [each for each in self.findings if each.outcome is Outcome.SILENT]


def _number(layer: str) -> int:
    digits = re.search(r"\d+$", layer)
    return int(digits[0]) if digits else 0


@dataclass(frozen=True)
class Retold:
    """One fault, tried again by itself, with what was seen on the way.

    Attributes:
        finding: What came of it.
        fault: What it was.
        expected: Each output's bytes without it.
        answer: With it; empty where there was none.
        frames: What went over the line: virtual seconds, direction, bytes.
        log: What the chip had to say.
    """

    finding: Finding
    expected: tuple[bytes, ...]
    answer: tuple[bytes, ...]
    frames: tuple[tuple[float, str, bytes], ...]
    log: str

    @property
    def fault(self) -> Fault:
        """What was put in."""
        return self.finding.fault
