"""What a test of a suite leaves beside its verdict: what its last inference cost, and of a failed one its line.

Kept as JSON lines, a test a line: several processes write files of their own, which are then one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from renode_mnist.session.record import COUNTER_HEADINGS, MILLISECOND_HEADINGS, Record
from renode_mnist.wire.client import Direction
from renode_mnist.wire.said import frame_said

MOST_FRAMES = 200
"""Kept of a failed test's line: the last ones. A recording (``--record``) has all."""
_MOST_BYTES = 64
"""Shown of a frame; pixels and tensors are longer, and tell a reader nothing."""


@dataclass(frozen=True)
class Step:
    """A layer, or what stands around them; in the unit of its inference."""

    name: str
    macs: int
    counter: int
    milliseconds: float


@dataclass(frozen=True)
class Cost:
    """One inference.

    Attributes:
        asked: What went in.
        winner: The class with the highest score.
        score: Of it, as a real number.
        unit: What the counter counts, in words.
        time: What the milliseconds are, in words.
        steps: In order.
        total: Of the whole inference.
    """

    asked: str
    winner: int
    score: float
    unit: str
    time: str
    steps: tuple[Step, ...]
    total: Step

    @classmethod
    def of(cls, record: Record) -> Cost:
        """Of an inference."""
        unit, inference = record.target.counter_unit, record.inference

        def step(name: str, macs: int, counter: int) -> Step:
            return Step(name, macs, counter, record.milliseconds(counter))

        steps = [step(layer.op, layer.macs, layer.counter) for layer in inference.layers]
        if around := inference.counter - sum(each.counter for each in steps):
            steps.append(step("around the layers", 0, around))
        return cls(
            asked=record.picture,
            winner=record.winner,
            score=record.score,
            unit=COUNTER_HEADINGS[unit],
            time=MILLISECOND_HEADINGS[unit],
            steps=tuple(steps),
            total=step("total", record.macs, inference.counter),
        )


@dataclass(frozen=True)
class Frame:
    """One frame on the line, or a reset.

    Attributes:
        seconds: The target's time.
        direction: See `Direction`.
        count: Its bytes, delimiter included.
        said: In words.
        beginning: Its first bytes as hexadecimal.
    """

    seconds: float
    direction: str
    count: int
    said: str
    beginning: str

    @classmethod
    def of(cls, direction: Direction, data: bytes, seconds: float) -> Frame:
        """Of what an observer of a client is told."""
        rest = "" if len(data) <= _MOST_BYTES else " …"
        said = frame_said(direction, data)
        return cls(seconds, direction, len(data), said, data[:_MOST_BYTES].hex(" ") + rest)


@dataclass(frozen=True)
class Evidence:
    """Of one test.

    Attributes:
        test: Its name behind those of its suites, without the root's.
        inferences: How many there were.
        last: The last of them.
        frames: On the line; of a failed test only.
        left_out: How many were there before these.
        unfinished: The beginning of a reply that did not end, as hexadecimal.
        console: What the console said that nobody has read.
        target: What the target has to say of itself.
    """

    test: tuple[str, ...]
    inferences: int
    last: Cost | None
    frames: tuple[Frame, ...] = ()
    left_out: int = 0
    unfinished: str = ""
    console: str = ""
    target: str = ""

    def append_to(self, file: Path) -> None:
        """Writes it behind what is there."""
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(self)) + "\n")

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Evidence:
        """Of a line that `append_to` wrote."""
        last = line["last"]
        return cls(
            **{
                **line,
                "test": tuple(line["test"]),
                "frames": tuple(Frame(**each) for each in line["frames"]),
                "last": last and Cost(**{**last, "steps": _steps(last["steps"]), "total": Step(**last["total"])}),
            }
        )


def _steps(lines: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(**line) for line in lines)


def read(files: Iterable[Path]) -> dict[tuple[str, ...], Evidence]:
    """By test; of one that was run again the last."""
    found: dict[tuple[str, ...], Evidence] = {}
    for file in files:
        *lines, _ = file.read_text(encoding="utf-8").split("\n")  # by a process that was ended in mid-line
        for line in lines:
            one = Evidence.from_json(json.loads(line))
            found[one.test] = one
    return found
