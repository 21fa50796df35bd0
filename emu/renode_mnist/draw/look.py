"""A closer look at one drawing: the tensors between the layers, and the count that the target does not have.

On the embedded emulator both come of a second session on the same image: it counts modelled cycles where the first
counts instructions and the other way, and the arena is read from its memory at the layer marks, so that the answers
while one draws stay as fast as they are. Elsewhere an image that was built with ``--trace`` sends its tensors.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from renode_mnist import codegen
from renode_mnist.codegen.planning import Plan
from renode_mnist.draw import case, view
from renode_mnist.draw.choice import Job
from renode_mnist.images import aim
from renode_mnist.measure import layer_tensors
from renode_mnist.measure.layer_tensors import Observer, OutputsOnly, SeenTensor
from renode_mnist.model.interface import TensorSpec
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import COUNTER_HEADINGS, MILLISECOND_HEADINGS, Record
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import ClockModel

EMULATED = "embedded"
"""The target that can be had a second time."""

MOST_BYTES = 200_000
"""Of grey levels in one answer, beyond which maps are left out: a line of it has twice as many hexadecimal digits."""

_HOW_TO_SEE = " To see activations here: --trace on the command line, or the target embedded."


@dataclass(frozen=True)
class Looker:
    """Looks at drawings.

    Attributes:
        session: Which it asks.
        plan: Of the image.
        observer: Sees its tensors.
        counts: Whether the session counts what the first does not.
    """

    session: Session
    plan: Plan
    observer: Observer
    counts: bool

    @classmethod
    def opened(cls, stack: ExitStack, job: Job, elf: Path, first: Session) -> Looker | str:
        """One for this job, or why there is none.

        Args:
            stack: Closes what it opens.
            job: What runs.
            elf: Its image.
            first: Its session.
        """
        if job.elf is not None:
            return "Of an image that was given as a file the plan of its memory is not known here."
        if job.options.gdb_port is not None:
            return "A debugger holds the target."
        session = first
        if job.target == EMULATED:
            other: ClockModel = "instructions" if job.options.clock_model == "m7" else "m7"
            session = stack.enter_context(open_session(EMULATED, elf, replace(job.options, clock_model=other)))
        plan = codegen.plan(codegen.load(job.config.model), job.config.engine, aim(job.config))
        return cls(session, plan, layer_tensors.observer(session, plan, elf), session is not first)

    def look(self, pixels: bytes) -> dict[str, Any]:
        """What is seen of one drawing, as plain values.

        Args:
            pixels: 28x28, white ink on black, row by row.
        """
        how = f"{self.observer.how[0].upper()}{self.observer.how[1:]}."
        if isinstance(self.observer, OutputsOnly) and not self.counts:
            return nothing(how + _HOW_TO_SEE)
        seen = self.observer.infer(case.tensors(self.plan.graph, pixels))
        record = Record(
            self.session.identity(), self.session.firmware, seen.inference, "", np.zeros((0, 0), np.uint8)
        )
        return {"how": how, "counts": _counts(record) if self.counts else None, "maps": self._maps(seen.tensors)}

    def _maps(self, tensors: Any) -> list[dict[str, Any]]:
        left = MOST_BYTES
        found = []
        for each in self.observer.seen:
            picture = _pictures(each, each.part(tensors[each.tensor.index]), left)
            left -= len(picture["pixels"]) // 2
            found.append({"step": each.step, "op": self.plan.steps[each.step].op, **picture})
        return found


def nothing(why: str) -> dict[str, Any]:
    """The answer where nothing is seen."""
    return {"how": why, "counts": None, "maps": []}


def _counts(record: Record) -> dict[str, Any]:
    unit = record.target.counter_unit
    return {
        "counter": record.inference.counter,
        "milliseconds": record.milliseconds(record.inference.counter),
        "counter_heading": COUNTER_HEADINGS[unit],
        "milliseconds_heading": MILLISECOND_HEADINGS[unit],
        "note": view.note(record.target, record.firmware.freq_hz / 1e6),
        "layers": [
            {"counter": layer.counter, "milliseconds": record.milliseconds(layer.counter)}
            for layer in record.inference.layers
        ],
    }


def _pictures(seen: SeenTensor, values: np.ndarray, room: int) -> dict[str, Any]:
    """A tensor as grey pictures, a channel a picture; what is no image is one picture of a single row.

    The smallest number of the tensor is black and the greatest white.
    """
    reals = np.nan_to_num(TensorSpec.of(seen.tensor).reals(values))
    low, high = float(reals.min()), float(reals.max())
    grey = np.round((reals - low) / ((high - low) or 1) * 255).astype(np.uint8)
    shape = grey.shape[1:] if grey.ndim > 1 else grey.shape
    maps = grey[0].transpose(2, 0, 1) if grey.ndim == 4 else grey.reshape(1, 1, -1)
    count, height, width = maps.shape
    shown = min(count, room // (height * width))
    return {
        "shape": "×".join(map(str, shape)),
        "height": height,
        "width": width,
        "count": count,
        "shown": shown,
        "low": low,
        "high": high,
        "pixels": maps[:shown].tobytes().hex(),
    }
