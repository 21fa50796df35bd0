"""One run with its identity, as plain data: what a table, a page, a JSON file or a check is made from."""

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
        picture: File name or description of what went in.
        pixels: What the network saw, uint8, 28x28; of size 0 where its tensors were given.
        inputs: One array for each input of the model, in its type and shape; empty where a picture was given, which
            the firmware brings into the model's form.
    """

    target: TargetIdentity
    firmware: Stats
    inference: Inference
    picture: str
    pixels: npt.NDArray[np.uint8]
    inputs: tuple[npt.NDArray[Any], ...] = ()

    @property
    def outputs(self) -> tuple[npt.NDArray[Any], ...]:
        """One array for each output of the model, in its type and shape."""
        pairs = zip(self.firmware.outputs, self.inference.tensors, strict=True)
        return tuple(info.array(content) for info, content in pairs)

    @property
    def reals(self) -> tuple[npt.NDArray[np.float32], ...]:
        """The outputs as real numbers, in their shapes."""
        pairs = zip(self.firmware.outputs, self.inference.tensors, strict=True)
        return tuple(info.reals(content) for info, content in pairs)

    @property
    def winner(self) -> int:
        """The class with the highest score."""
        return self.inference.winner

    @property
    def score(self) -> float:
        """The winner's score: of a classifier 0..1."""
        return float(self.inference.scores[self.inference.winner])

    @property
    def macs(self) -> int:
        """Multiply-accumulates that the model asks for."""
        return sum(layer.macs for layer in self.inference.layers)

    def __repr__(self) -> str:
        """Answer, cost and identity in one line."""
        unit, count = self.target.counter_unit, self.inference.counter
        cost = f"{count:,} {COUNTER_HEADINGS[unit]}"
        if unit is not CounterUnit.NANOSECONDS:
            cost += f", {self.milliseconds(count):.3f} {MILLISECOND_HEADINGS[unit]}"
        return (
            f"<Record: class {self.winner}, score {self.score:.4f}, {cost}; {_in_short(self.target, self.firmware)}>"
        )

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
            **self._given_json(),
            "output_tensor_hex": self.inference.tensor.hex(),
            "output_tensors_hex": [content.hex() for content in self.inference.tensors],
            "target": target_json(self.target),
            "firmware": firmware_json(self.firmware),
        }

    def _given_json(self) -> dict[str, Any]:
        """What went in, as digests."""
        if self.inputs:
            return {"inputs_sha256": [hashlib.sha256(array.tobytes()).hexdigest() for array in self.inputs]}
        return {"pixels_sha256": hashlib.sha256(self.pixels.tobytes()).hexdigest()}


@dataclass(frozen=True)
class Connection:
    """A target whose firmware answers.

    Attributes:
        target: Where it runs.
        firmware: What the firmware says of itself.
    """

    target: TargetIdentity
    firmware: Stats

    def __repr__(self) -> str:
        """Who answers, in one line."""
        return f"<Connection: {_in_short(self.target, self.firmware)}>"

    def to_json(self) -> dict[str, Any]:
        """Plain values, units in the names."""
        return {"target": target_json(self.target), "firmware": firmware_json(self.firmware)}


def _in_short(target: TargetIdentity, firmware: Stats) -> str:
    """What runs where, as short as it can be told."""
    cycles = f", {target.cycle_parameters}" if target.cycle_parameters else ""
    return (
        f"{firmware.model_name} by {firmware.engine} on {target.target} ({target.version}), commit {firmware.commit}"
        f"{cycles}"
    )


def identity_lines(target: TargetIdentity, firmware: Stats) -> dict[str, str]:
    """Who answers, a line each by its title: what heads a report whose figures are of no single inference."""
    return {
        "Target": f"{target.target} ({target.version})",
        **({"Modelled cycles": f"by {target.cycle_parameters}"} if target.cycle_parameters else {}),
        "Firmware": f"commit {firmware.commit}, engine {firmware.engine}, {firmware.clock}, "
        f"build {firmware.build_id}",
        "Model": f"{firmware.model_name} (SHA-256 {firmware.model_sha256})",
        "Compiler": f"{firmware.compiler}; {firmware.flags}",
    }


def target_json(target: TargetIdentity) -> dict[str, Any]:
    """A target's identity as plain values."""
    return {
        "name": target.target,
        "version": target.version,
        "counter_unit": str(target.counter_unit),
        "deterministic": target.deterministic,
        **({"cycle_parameters": target.cycle_parameters} if target.cycle_parameters else {}),
    }


def firmware_json(stats: Stats) -> dict[str, Any]:
    """What the firmware says of itself, as plain values."""
    return {**{name: _plain(value) for name, value in vars(stats).items()}, "ram_bytes": stats.ram_bytes}


def _plain(value: Any) -> Any:
    if isinstance(value, TensorInfo):
        return _tensor_json(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _tensor_json(info: TensorInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "type": str(info.dtype),
        "shape": list(info.shape),
        "scale": info.scale,
        "zero_point": info.zero_point,
    }
