"""Which fault a number stands for: drawn from seed and number alone, so that any one can be drawn again by itself."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from renode_mnist.measure.faults import image_map
from renode_mnist.measure.faults.fault import Fault, Place, rotation
from renode_mnist.measure.faults.image_map import ImageMap, Stretch
from renode_mnist.measure.faults.registers import REGISTERS
from renode_mnist.stm32f746.clock import PICOSECONDS

LINE_KINDS = ("flip", "drop", "duplicate", "burst")
REQUEST_KINDS = (*LINE_KINDS, "overrun")
"""An overrun is of the chip's receiver; at the other end of the line it is a byte that is dropped."""
OSCILLATORS = ("HSE", "PLL")
"""HSI is what the chip begins with."""

_LONGEST_BURST = 16
_LATE_DECADES = (-5.0, 1.0)
"""Of seconds that an oscillator is late by, evenly over their logarithm: 10 us to 10 s."""


@dataclass(frozen=True)
class Subject:
    """What faults are drawn over: one faultless inference on one input.

    Attributes:
        requests: Each request's name with the bytes of its frame, in order; of the whole talk.
        replies: Likewise.
        instructions: From the request to run on.
        reply_window_ps: First and last moment of the replies to it, since the request.
        stack: As much of it as is used.
    """

    requests: tuple[tuple[str, int], ...]
    replies: tuple[tuple[str, int], ...]
    instructions: int
    reply_window_ps: tuple[int, int]
    stack: Stretch


@dataclass(frozen=True)
class Draw:
    """Draws faults.

    Args:
        seed: Of the campaign.
        places: That take part.
        image: What stands where.
        subjects: One an input.
    """

    seed: int
    places: tuple[Place, ...]
    image: ImageMap
    subjects: tuple[Subject, ...]

    def fault(self, number: int) -> Fault:
        """The fault of that number, from 0 on."""
        turns = rotation(self.places)
        place = turns[number % len(turns)]
        random = np.random.default_rng([self.seed, number])
        sample = int(random.integers(len(self.subjects)))
        subject = self.subjects[sample]
        match place:
            case Place.REQUEST:
                return _on_line(number, place, sample, subject.requests, REQUEST_KINDS, random)
            case Place.REPLY:
                return _on_line(number, place, sample, subject.replies, LINE_KINDS, random)
            case Place.ARENA | Place.SESSION | Place.WIRE:
                return _in_memory(number, place, sample, self.image.ram[place], subject, random)
            case Place.STACK:
                return _in_memory(number, place, sample, (subject.stack,), subject, random)
            case Place.WEIGHTS:
                return self._in_weights(number, sample, random)
            case Place.CODE:
                at = self.image.code.address + int(random.integers(self.image.code.size_bytes))
                part = self.image.function_at(at) or "between functions"
                return Fault(number, place, "flip", part, sample, 0, at, int(random.integers(8)))
            case Place.REGISTERS:
                register = REGISTERS[int(random.integers(len(REGISTERS)))]
                at, bit = int(random.integers(subject.instructions)), register.bit(int(random.integers(32)))
                return Fault(number, place, "flip", register.name, sample, at, bit=bit)
            case Place.RESET:
                return Fault(number, place, "reset", "NRST", sample, int(random.integers(subject.instructions)))
            case Place.SUPPLY:
                at = int(random.integers(*subject.reply_window_ps, endpoint=True))
                return Fault(number, place, "dip", "VDD", sample, at, salt=int(random.integers(1 << 31)))
            case Place.CLOCK:
                oscillator = OSCILLATORS[int(random.integers(len(OSCILLATORS)))]
                if random.integers(2):
                    return Fault(number, place, "never", oscillator, sample, 0)
                late_ps = round(10 ** float(random.uniform(*_LATE_DECADES)) * PICOSECONDS)
                return Fault(number, place, "late", oscillator, sample, late_ps)

    def _in_weights(self, number: int, sample: int, random: np.random.Generator) -> Fault:
        """Layers take turns, whatever their size, so that each is known equally well."""
        layers = _by_layer(self.image.weights)
        arrays = layers[int(random.integers(len(layers)))]
        array, address = image_map.at(arrays, int(random.integers(image_map.total_bytes(arrays))))
        return Fault(number, Place.WEIGHTS, "flip", array.name, sample, 0, address, int(random.integers(8)))


def places_of(image: ImageMap) -> tuple[Place, ...]:
    """Those that an image has: buffers of DMA only where its lines are driven so."""
    return tuple(place for place in Place if place is not Place.WIRE or Place.WIRE in image.ram)


def _by_layer(arrays: Sequence[Stretch]) -> list[list[Stretch]]:
    layers: dict[str, list[Stretch]] = {}
    for array in arrays:
        layers.setdefault(array.group, []).append(array)
    return list(layers.values())


def _on_line(
    number: int,
    place: Place,
    sample: int,
    frames: Sequence[tuple[str, int]],
    kinds: Sequence[str],
    random: np.random.Generator,
) -> Fault:
    kind = kinds[int(random.integers(len(kinds)))]
    at = int(random.integers(sum(size for _, size in frames)))
    ends = list(accumulate(size for _, size in frames))
    part, _ = frames[bisect_right(ends, at)]
    length = int(random.integers(2, _LONGEST_BURST, endpoint=True)) if kind == "burst" else 0
    bit, salt = int(random.integers(8)), int(random.integers(1 << 31))
    return Fault(number, place, kind, part, sample, at, bit=bit, length=length, salt=salt)


def _in_memory(
    number: int,
    place: Place,
    sample: int,
    stretches: Sequence[Stretch],
    subject: Subject,
    random: np.random.Generator,
) -> Fault:
    stretch, address = image_map.at(stretches, int(random.integers(image_map.total_bytes(stretches))))
    at, bit = int(random.integers(subject.instructions)), int(random.integers(8))
    return Fault(number, place, "flip", stretch.name, sample, at, address, bit)
