"""A network in the making: tensors with random numbers, shapes and scales that LiteRT is asked for, the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.operators.samples import (
    DECLARED,
    FLOAT32,
    HYBRID,
    INT8,
    INT16,
    UINT8,
    Again,
    Bias,
    Branch,
    Edge,
    Flow,
    Input,
    Neighbour,
    Numbers,
    Output,
    State,
    Values,
    Weights,
)
from runtimes import Tensors, litert_interpreter
from tflite_builder import ModelBuilder, options_table

_RUNS = 4  # that scales and shapes are taken from
_RANGES = {"INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-32768, 32767)}


@dataclass(eq=False)
class Tensor:
    """A tensor in the making.

    Attributes:
        stored: Values of a constant as the file has them.
        real: The same as real numbers, for the twin in float32.
        like: Whose quantisation it takes.
        channels: Of weights: how many outputs they make.
        variable: Whether it lives between inferences.
    """

    type: str
    shape: tuple[int, ...] | None = None
    scales: list[float] = field(default_factory=list)
    zero_point: int = 0
    axis: int = 0
    stored: npt.NDArray[Any] | None = None
    real: npt.NDArray[Any] | None = None
    source: Flow | None = None
    fixed: Output | None = None
    like: Tensor | None = None
    channels: int = 0
    variable: bool = False

    @property
    def quantised(self) -> bool:
        return self.type in _RANGES


@dataclass(frozen=True)
class Node:
    op: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, Any]


class Draft:
    """A network in the making: tensors and operators, and the numbers in them."""

    def __init__(self, kind: str, seed: str) -> None:
        self.kind = kind
        self.tensors: list[Tensor] = []
        self.nodes: list[Node] = []
        self.later: list[tuple[Tensor, Tensor, Tensor]] = []  # biases, with what they are scaled by
        self.random = np.random.default_rng(list(hashlib.sha256(seed.encode()).digest()))
        self.int8 = kind in (INT8, UINT8)
        self.wide = kind == INT16
        self.stored = {INT8: "INT8", UINT8: "INT8", INT16: "INT16"}.get(kind, "")

    def add(self, tensor: Tensor) -> Tensor:
        self.tensors.append(tensor)
        return tensor

    def _activation(self, type_name: str, shape: tuple[int, ...] | None, **more: Any) -> Tensor:
        return Tensor(type_name or self.stored or "FLOAT32", shape, **more)

    def _scale(self, low: float, high: float) -> float:
        return float(np.float32(np.exp(self.random.uniform(np.log(low), np.log(high)))))

    def _finer(self, scale: float) -> float:
        """The scale with which int16 spans what int8 does with this one."""
        return scale / 256 if self.wide else scale

    # Inputs of an operator

    def input(self, entry: Input, before: Sequence[Tensor | None], edge: Edge) -> Tensor | None:
        match entry:
            case Flow():
                return self._flow(entry, edge)
            case Again(position):
                return before[position]
            case Branch():
                return self._branch(before[0])
            case Weights():
                return self._weights(entry, before[0], edge)
            case Bias():
                return self._bias(entry, before, edge)
            case Numbers():
                return self._numbers(entry)
            case State():
                scales = [] if entry.scale is None else [entry.scale]
                how = {"scales": scales, "zero_point": entry.zero_point, "variable": True}
                return self.add(self._activation(entry.type, entry.shape, **how))
            case Values(values, type_name):
                stored = np.array(values, type_name.lower())
                return self.add(Tensor(type_name, stored.shape, stored=stored))
            case None:
                return None

    def _flow(self, entry: Flow, edge: Edge) -> Tensor:
        tensor = self._activation(entry.type, entry.shape, source=entry)
        scale, zero_point = self._scale(0.01, 0.2), int(self.random.integers(-60, 60))
        if tensor.quantised:
            scale = float(np.float32(self._finer(scale) * edge.input_scale)) if entry.scale is None else entry.scale
            tensor.scales = [scale] if scale else []
            if self.wide:
                zero_point = 0
            elif entry.zero_point is not None:
                zero_point = entry.zero_point
            elif edge.input_zero_point is not None:
                zero_point = edge.input_zero_point
            tensor.zero_point = zero_point
        return self.add(tensor)

    def _branch(self, first: Tensor | None) -> Tensor:
        """Another activation of the first input's shape."""
        assert first is not None
        if self.stored:
            other = Output()
            if first.scales:
                zero_point = 0 if self.wide else 11 - first.zero_point // 2
                other = Output(scale=float(np.float32(first.scales[0] * 1.7)), zero_point=zero_point)
            return self.operator("QUANTIZE", [first], (other,), {})
        addend = np.array([self.random.normal()], np.float32)
        constant = self.add(Tensor("FLOAT32", addend.shape, stored=addend, real=addend))
        return self.operator("ADD", [first, constant], (Output(),), {})

    def _weights(self, entry: Weights, source: Tensor | None, edge: Edge) -> Tensor:
        channels = entry.shape[entry.axis]
        depth = int(np.prod(entry.shape)) // channels
        most, deviation = (7, 4.3) if entry.type == "INT4" else (127, 73)
        stored = self.random.integers(-most, most + 1, entry.shape).astype(np.int8)
        if edge.unit is not None:  # few and small ones, so that not every sum is beyond the output's range
            stored = np.sign(stored) * (self.random.random(entry.shape) < 2 / depth)
            stored = stored.astype(np.int8)
        base = 1 / (deviation * depth**0.5)
        scales = np.array([self._scale(base / 2, base * 2) for _ in range(channels if entry.per_channel else 1)])
        if edge.dead and entry.per_channel:
            scales[::2] *= 2.0**-18
        scales = scales.astype(np.float32)
        along = [-1 if axis == entry.axis else 1 for axis in range(stored.ndim)]
        real = (stored * scales.reshape(along if entry.per_channel else [1] * stored.ndim)).astype(np.float32)
        type_name = entry.type or ("FLOAT32" if self.kind == FLOAT32 else "INT8")
        axis = entry.axis if entry.scale_axis is None else entry.scale_axis
        return self.add(
            Tensor(
                type_name, entry.shape, scales.tolist() if type_name != "FLOAT32" else [], entry.zero_point, axis,
                stored if type_name != "FLOAT32" else real, real, channels=channels,
            )
        )  # fmt: skip

    def _bias(self, entry: Bias, before: Sequence[Tensor | None], edge: Edge) -> Tensor:
        given = [tensor for tensor in before if tensor is not None]
        source = next((tensor for tensor in given if tensor.stored is None), given[0])
        weights = next((tensor for tensor in given if tensor.channels), given[-1])
        assert weights.shape is not None
        channels = weights.channels if entry.channels is None else entry.channels
        type_name = entry.type or {"INT8": "INT32", "INT16": "INT64"}.get(self.stored, "FLOAT32")
        if type_name == "FLOAT32":
            values = self.random.normal(0, 0.3, channels).astype(np.float32)
            return self.add(Tensor(type_name, values.shape, stored=values, real=values))
        if entry.scale is not None:
            real = self.random.normal(0, 0.3, channels).astype(np.float32)
            stored = np.round(real / entry.scale).astype(np.int32)
            return self.add(Tensor(type_name, real.shape, [entry.scale], stored=stored, real=real))
        if source.quantised and not source.scales:  # of a tensor whose scale is found only later
            real = self.random.normal(0, 0.5, channels).astype(np.float32)
            bias = self.add(Tensor(type_name, real.shape, stored=np.zeros(channels, type_name.lower()), real=real))
            self.later.append((bias, source, weights))
            return bias
        depth = int(np.prod(weights.shape)) // weights.channels
        deviation = 30 if edge.unit is not None else 30 * 73 * depth**0.5 * (256 if self.wide else 1)
        stored = self.random.normal(0, deviation, channels).astype(type_name.lower())
        usual = stored.copy()
        if edge.dead or edge.large_bias:
            stored[::4] = 1 << 30
            stored[2::4] = -(1 << 30)
        scales = [(source.scales or [1.0])[0] * scale for scale in weights.scales]
        # The output's scale is as if large biases were not there, so that they saturate it.
        real = (usual if edge.large_bias else stored) * np.array(scales) if len(scales) in (1, channels) else None
        real = None if real is None else real.astype(np.float32)
        return self.add(Tensor(type_name, stored.shape, scales, 0, 0, stored, real))

    def _numbers(self, entry: Numbers) -> Tensor:
        type_name = entry.type or self.stored or "FLOAT32"
        if type_name not in _RANGES:
            values = self.random.normal(0, 1, entry.shape).astype(np.float32)
            return self.add(Tensor(type_name, values.shape, stored=values, real=values))
        low, high = _RANGES[type_name]
        stored = self.random.integers(low, high + 1, entry.shape).astype(type_name.lower())
        scale, zero_point = self._finer(self._scale(0.01, 0.2)), int(self.random.integers(-60, 60))
        scale = scale if entry.scale is None else entry.scale
        zero_point = zero_point if entry.zero_point is None else entry.zero_point
        zero_point = 0 if self.wide else zero_point
        if not entry.zero:
            stored = np.where(stored == zero_point, zero_point + 1, stored).astype(stored.dtype)
        real = ((stored.astype(np.float64) - zero_point) * scale).astype(np.float32)
        return self.add(Tensor(type_name, entry.shape, [scale], zero_point, 0, stored, real))

    def operator(self, op: str, inputs: Sequence[Tensor | None], outputs: Sequence[Output], options: Any) -> Tensor:
        """Appends an operator; returns its first output."""
        first = next(tensor for tensor in inputs if tensor is not None)
        flowing = next((tensor for tensor in inputs if tensor is not None and tensor.stored is None), first)
        made = []
        for output in outputs:
            tensor = self.add(self._activation(output.type, output.shape, fixed=output))
            tensor.like = flowing if output.like_input else None
            if output.scale is not None:
                tensor.scales, tensor.zero_point = [output.scale], 0 if self.wide else output.zero_point or 0
            made.append(tensor)
        self.nodes.append(Node(op, tuple(inputs), tuple(made), dict(options)))
        return made[0]

    def neighbour(self, what: Neighbour, source: Tensor, edge: Edge) -> Tensor:
        inputs: list[Tensor | None] = [source]
        for entry in what.inputs:
            inputs.append(self.input(entry, inputs, edge))
        return self.operator(what.op, inputs, (what.output,), what.options)

    # Shapes and scales of what is computed

    def sources(self) -> list[Tensor]:
        return [tensor for tensor in self.tensors if tensor.source is not None]

    def results(self) -> list[Tensor]:
        return [tensor for node in self.nodes for tensor in node.outputs]

    def run(self) -> dict[int, list[npt.NDArray[Any]]]:
        """What LiteRT makes of random inputs in a twin in float32: results of each tensor, by its identity."""
        twin = self.kind != DECLARED
        content, numbers = self._emit(twin=twin)
        interpreter = litert_interpreter(content, experimental_preserve_all_tensors=True)
        details = interpreter.get_input_details()
        found: dict[int, list[npt.NDArray[Any]]] = {key: [] for key in numbers}
        for _ in range(_RUNS):
            for detail, tensor in zip(details, self.sources(), strict=True):
                interpreter.set_tensor(detail["index"], self._random_input(tensor, twin=twin))
            interpreter.invoke()
            for key, number in numbers.items():
                found[key].append(interpreter.get_tensor(number))
        return found

    def infer(self, edge: Edge) -> None:
        """Takes the outputs' shapes and scales from a run."""
        found = self.run()
        for tensor in self.results():
            if tensor.shape is None:
                tensor.shape = tuple(int(n) for n in found[id(tensor)][0].shape)
        for node in self.nodes:
            for tensor in node.outputs:
                self._quantise(node, tensor, found[id(tensor)], edge)
        for bias, source, weights in self.later:
            assert bias.real is not None
            bias.scales = [source.scales[0] * scale for scale in weights.scales]
            bias.stored = np.round(bias.real / np.array(bias.scales)).astype(bias.type.lower())

    def _quantise(self, node: Node, tensor: Tensor, found: list[npt.NDArray[Any]], edge: Edge) -> None:
        if not tensor.quantised:
            return
        assert tensor.fixed is not None
        if tensor.like is not None:
            tensor.scales, tensor.zero_point = tensor.like.scales, tensor.like.zero_point
        elif tensor.fixed.scale is None:
            low = min(0.0, *(float(values.min()) for values in found))
            high = max(0.0, *(float(values.max()) for values in found))
            if self.wide:
                scale, zero_point = max(-low, high) / 32767 or 1.0, 0
            else:
                scale = (high - low) / 255 or 1.0
                zero_point = int(np.clip(round(-128 - low / scale), -128, 127))
            if edge.unit is not None:
                factor = 1.0
                for entry in node.inputs:
                    if entry is not None and entry.scales and (entry.stored is None or entry.channels):
                        factor *= entry.scales[0]
                scale = factor / edge.unit
            if edge.output_zero_point is not None and not self.wide:
                zero_point = edge.output_zero_point
            tensor.scales, tensor.zero_point = [float(np.float32(scale * edge.output_scale))], zero_point

    def _random_input(self, tensor: Tensor, *, twin: bool) -> npt.NDArray[Any]:
        assert tensor.source is not None
        assert tensor.shape is not None
        values = _random(self.random, tensor, tensor.source)
        if twin and tensor.quantised:
            return ((values.astype(np.float64) - tensor.zero_point) * tensor.scales[0]).astype(np.float32)
        return values

    # The file

    def write(self) -> bytes:
        return self._emit(twin=False)[0]

    def _emit(self, *, twin: bool) -> tuple[bytes, dict[int, int]]:
        """The file, and the numbers of computed tensors in it by their identity."""
        b = ModelBuilder()
        numbers: dict[int, int] = {}
        ends: dict[int, int] = {}
        for tensor in self.tensors:
            numbers[id(tensor)] = self._emit_tensor(b, tensor, twin=twin)
        if self.kind == UINT8 and not twin:
            for tensor in self.sources():
                if tensor.type == "INT8":
                    ends[id(tensor)] = self._interface(b, tensor)
                    b.operator("QUANTIZE", (ends[id(tensor)],), (numbers[id(tensor)],), "QuantizeOptions")
        for node in self.nodes:
            if twin and node.op in _CONVERSIONS:
                assert node.inputs[0] is not None
                numbers[id(node.outputs[0])] = numbers[id(node.inputs[0])]
                continue
            inputs = [None if tensor is None else numbers[id(tensor)] for tensor in node.inputs]
            if twin and node.op in _BIASED and len(inputs) == 2:
                assert node.inputs[1] is not None  # LiteRT wants a bias in float32
                inputs.append(b.constant(np.zeros(node.inputs[1].channels, np.float32)))
            outputs = [numbers[id(tensor)] for tensor in node.outputs]
            b.operator(node.op, inputs, outputs, options_table(node.op), **_options(node))
        read = {id(tensor) for node in self.nodes for tensor in node.inputs}
        last = [tensor for tensor in self.results() if id(tensor) not in read]
        for tensor in last:
            if self.kind == UINT8 and not twin and tensor.type == "INT8":
                ends[id(tensor)] = self._interface(b, tensor)
                b.operator("QUANTIZE", (numbers[id(tensor)],), (ends[id(tensor)],), "QuantizeOptions")
        ends = numbers | ends
        content = b.finish_with(
            [ends[id(tensor)] for tensor in self.sources()], [ends[id(tensor)] for tensor in last]
        )
        return content, {id(tensor): numbers[id(tensor)] for tensor in self.results()}

    def _emit_tensor(self, b: ModelBuilder, tensor: Tensor, *, twin: bool) -> int:
        plain = twin and (tensor.quantised or tensor.real is not None)
        if tensor.stored is not None:
            if plain:
                assert tensor.real is not None
                return b.constant(tensor.real)
            how = {"scales": tensor.scales, "zero_point": tensor.zero_point, "axis": tensor.axis}
            return b.constant(tensor.stored, packed=tensor.type == "INT4", **how)
        scale = tensor.scales[0] if tensor.scales and not plain else 0.0
        type_name = "FLOAT32" if plain else tensor.type
        shape = (1,) if tensor.shape is None else tensor.shape
        add = b.variable if tensor.variable else b.activation
        return add(shape, type_name, scale=scale, zero_point=tensor.zero_point)

    def _interface(self, b: ModelBuilder, tensor: Tensor) -> int:
        assert tensor.shape is not None
        return b.activation(tensor.shape, "UINT8", scale=tensor.scales[0], zero_point=tensor.zero_point + 128)

    # Values for its inputs

    def inputs(self) -> Iterator[tuple[str, Tensors]]:
        sources = self.sources()
        if self.kind == UINT8:
            sources = [
                replace(tensor, type="UINT8", zero_point=tensor.zero_point + 128) if tensor.type == "INT8" else tensor
                for tensor in sources
            ]
        for name in ("random", "random again"):
            yield name, tuple(_random(self.random, tensor, _source(tensor)) for tensor in sources)
        first = sources[0]
        rest = tuple(_random(self.random, tensor, _source(tensor)) for tensor in sources[1:])
        for name, values in _edges(self.random, first, finite=self.kind == HYBRID):
            yield name, (values, *rest)


_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")  # in the twin, which is in float32 throughout, their input itself
_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _options(node: Node) -> dict[str, Any]:
    """Options with what follows from shapes."""
    shapes = [tensor.shape for tensor in node.inputs[:2] if tensor is not None]
    if node.op == "DEPTHWISE_CONV_2D" and "depthMultiplier" not in node.options and all(shapes):
        source, weights = (shape or () for shape in shapes)
        return {**node.options, "depthMultiplier": weights[-1] // source[-1]}
    return node.options


def _source(tensor: Tensor) -> Flow:
    assert tensor.source is not None
    return tensor.source


def _random(random: np.random.Generator, tensor: Tensor, source: Flow) -> npt.NDArray[Any]:
    """Any value that the type has; float32 around 0 with a deviation of 1."""
    if tensor.type == "FLOAT32":
        return random.normal(0, 1, source.shape).astype(np.float32)
    if tensor.type in _RANGES:
        low, high = _RANGES[tensor.type]
        return random.integers(low, high + 1, source.shape).astype(tensor.type.lower())
    return random.integers(0, source.below, source.shape).astype(tensor.type.lower())


def _edges(random: np.random.Generator, tensor: Tensor, *, finite: bool) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Inputs that few test sets hold. Not `finite`: float32 beyond what 8 bits with a scale can follow, too."""
    assert tensor.shape is not None
    shape = tensor.shape
    if tensor.type in _RANGES:
        low, high = _RANGES[tensor.type]
        dtype = tensor.type.lower()
        yield "lowest", np.full(shape, low, dtype)
        yield "highest", np.full(shape, high, dtype)
        yield "zero point", np.full(shape, tensor.zero_point, dtype)
        yield "extremes", np.where(random.random(shape) < 0.5, low, high).astype(dtype)
    elif tensor.type == "FLOAT32":
        usual = random.normal(0, 1, shape).astype(np.float32)
        yield "zeros", np.zeros(shape, np.float32)
        yield "negative zeros", np.full(shape, -0.0, np.float32)
        if finite:
            return
        yield "denormal", (usual * np.float32(1e-40)).astype(np.float32)
        yield "huge", (usual * np.float32(1e30)).astype(np.float32)
        for name, value in (("infinite", np.inf), ("minus infinite", -np.inf), ("not a number", np.nan)):
            values = usual.copy()
            values.reshape(-1)[values.size // 2] = value
            yield name, values
