"""The tensors at a model's edge, and how real numbers become what they store.

Real numbers are quantised as by TensorFlow Lite's QUANTIZE (lite/kernels/internal/reference/quantize.h): divided by
the scale in float32, rounded half away from zero, the zero point added, clamped to the type.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import Graph, Tensor
from renode_mnist.errors import ModelError
from renode_mnist.wire.messages import TensorInfo


@dataclass(frozen=True)
class TensorSpec:
    """A tensor at the model's edge, or one within it.

    Attributes:
        name: In the file.
        dtype: Of one element as stored.
        shape: Batch first, channels last; empty for a scalar.
        scale: real = scale * (stored - zero_point); 0 where stored numbers are the real ones.
        zero_point: See ``scale``.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    scale: float = 0.0
    zero_point: int = 0

    @classmethod
    def of(cls, tensor: Tensor) -> Self:
        """A tensor of a ``.tflite`` file.

        Raises:
            ModelError: NumPy has no such type.
        """
        dtype = tensor.type.dtype
        if dtype is None:
            raise ModelError(
                f"the elements of {tensor} have no whole number of bytes", "Export the model with another type there."
            )
        quantisation = tensor.quantisation
        if quantisation is None or dtype.kind == "f" or quantisation.per_channel:
            return cls(tensor.name, dtype, tensor.shape)
        return cls(tensor.name, dtype, tensor.shape, quantisation.scale, quantisation.zero_point)

    @classmethod
    def of_firmware(cls, info: TensorInfo) -> Self:
        """A tensor as a firmware describes it; its name may be cut."""
        return cls(info.name, info.dtype, info.shape, info.scale, info.zero_point)

    @property
    def element_count(self) -> int:
        """Product of the shape."""
        return math.prod(self.shape)

    @property
    def byte_count(self) -> int:
        """Of one sample."""
        return self.element_count * self.dtype.itemsize

    @property
    def is_quantised(self) -> bool:
        """Whether stored numbers stand for others."""
        return self.scale != 0

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and greatest stored number; infinities for floating point."""
        if self.dtype.kind == "f":
            return -math.inf, math.inf
        if self.dtype.kind == "b":
            return 0, 1
        return np.iinfo(self.dtype).min, np.iinfo(self.dtype).max

    def quantise(self, reals: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Real numbers, which are finite, as the tensor stores them."""
        if not self.is_quantised:
            plain: npt.NDArray[Any] = reals.astype(self.dtype)
            return plain
        quotient = reals.astype(np.float32) / np.float32(self.scale)
        # np.round goes to even; a float32 of half is exact, so that adding it in float64 rounds once.
        away = np.copysign(np.floor(np.abs(quotient.astype(np.float64)) + 0.5), quotient)
        stored: npt.NDArray[Any] = (away + self.zero_point).clip(*self.limits).astype(self.dtype)
        return stored

    def reals(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """What stored numbers stand for, as float64."""
        values = stored.astype(np.float64)
        return (values - self.zero_point) * self.scale if self.is_quantised else values

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        step = f", scale {self.scale:.6g}, zero point {self.zero_point}" if self.is_quantised else ""
        return f"'{self.name}' ({self.dtype.name} {shape}{step})"


def inputs(graph: Graph) -> tuple[TensorSpec, ...]:
    """What a network takes."""
    return tuple(map(TensorSpec.of, graph.inputs))


def outputs(graph: Graph) -> tuple[TensorSpec, ...]:
    """What it answers."""
    return tuple(map(TensorSpec.of, graph.outputs))
