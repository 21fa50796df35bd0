"""One run with its identity: what a table, a JSON file or a check is made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.wire.messages import Inference, Stats, TensorInfo

COUNTER_HEADINGS = {
    CounterUnit.INSTRUCTIONS: "instructions",
    CounterUnit.CYCLES_MODELLED: "cycles (modelled)",
    CounterUnit.CYCLES_MEASURED: "cycles (measured)",
    CounterUnit.NANOSECONDS: "nanoseconds (this PC)",
}

MILLISECOND_HEADINGS = {
    CounterUnit.INSTRUCTIONS: "ms at 1 cycle each",
    CounterUnit.CYCLES_MODELLED: "ms (modelled)",
    CounterUnit.CYCLES_MEASURED: "ms (measured)",
    CounterUnit.NANOSECONDS: "ms (this PC)",
}


@dataclass(frozen=True)
class Record:
    """One inference.

    Attributes:
        target: Where it ran.
        firmware: What ran.
        inference: What came back.
        picture: File name or description of what was classified.
        pixels: What the network saw, uint8, 28x28.
    """

    target: TargetIdentity
    firmware: Stats
    inference: Inference
    picture: str
    pixels: npt.NDArray[np.uint8]

    def milliseconds(self, counter: int) -> float:
        """A counter difference as time: at the core clock, or nanoseconds where the target counts those."""
        if self.target.counter_unit is CounterUnit.NANOSECONDS:
            return counter / 1e6
        return counter / self.firmware.freq_hz * 1e3

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: plain values, units in the names."""
        unit = str(self.target.counter_unit)
        return {
            "class": self.inference.winner,
            "scores": [float(score) for score in self.inference.scores],
            unit: self.inference.counter,
            "layers": [
                {"name": layer.name, "op": layer.op, "macs": layer.macs, unit: layer.counter}
                for layer in self.inference.layers
            ],
            "picture": self.picture,
            "pixels_sha256": hashlib.sha256(self.pixels.tobytes()).hexdigest(),
            "output_tensor_hex": self.inference.tensor.hex(),
            "target": {
                "name": self.target.target,
                "version": self.target.version,
                "counter_unit": unit,
                "deterministic": self.target.deterministic,
            },
            "firmware": firmware_json(self.firmware),
        }


def firmware_json(stats: Stats) -> dict[str, Any]:
    """What the firmware says of itself, as plain values."""
    return {
        name: _tensor_json(value) if isinstance(value, TensorInfo) else value for name, value in vars(stats).items()
    }


def _tensor_json(info: TensorInfo) -> dict[str, Any]:
    return {
        "type": str(info.dtype),
        "shape": list(info.shape),
        "scale": info.scale,
        "zero_point": info.zero_point,
    }
