"""Makes networks of samples (`renode_mnist.codegen.operators.samples`): files and inputs, the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from network_draft import Draft, Node, Tensor
from renode_mnist.codegen.operators.samples import (
    EDGES,
    FLOAT32,
    INT8,
    INT16,
    UINT8,
    Bias,
    Edge,
    Flow,
    Neighbour,
    Output,
    Sample,
    Values,
    Weights,
)
from runtimes import Tensors

USUAL = Edge("usual")


@dataclass(frozen=True, eq=False)
class Case:
    """A network of a sample.

    Attributes:
        inputs: By what they are: a set of tensors each.
    """

    operator: str
    sample: Sample
    type: str
    edge: str
    content: bytes
    inputs: dict[str, Tensors]

    def where(self, pattern: str) -> str:
        """What `Differs.where` is matched with."""
        return f"{self.type}/{self.edge}/{pattern}"

    def __str__(self) -> str:
        return f"{self.operator} '{self.sample.name}' {self.type}/{self.edge}"


def cases(operator: str, samples: Sequence[Sample]) -> Iterator[Case]:
    """Every network of an operator's samples; the first in int8 also with all that every operator is tried with."""
    first = next((sample for sample in samples if INT8 in sample.types), None)
    for sample in samples:
        for kind in (*sample.types, *((UINT8,) if sample is first and UINT8 not in sample.types else ())):
            yield case(operator, sample, kind)
            if kind in (INT8, INT16):
                for edge in (*(EDGES if sample is first and kind == INT8 else ()), *sample.edges):
                    if _touches(sample, edge):
                        yield case(operator, sample, kind, edge)


def _touches(sample: Sample, edge: Edge) -> bool:
    """Whether an edge changes anything in a sample."""
    source = next((entry for entry in sample.inputs if isinstance(entry, Flow)), None)
    free_input = source is not None and source.scale is None
    free_output = any(output.scale is None and not output.like_input for output in sample.outputs)
    channels = any(isinstance(entry, Weights) and entry.per_channel for entry in sample.inputs)
    biased = any(isinstance(entry, Bias) for entry in sample.inputs)
    return (
        (free_input and (edge.input_scale != 1 or edge.input_zero_point is not None))
        or (free_output and (edge.output_scale != 1 or edge.unit is not None or edge.output_zero_point is not None))
        or (edge.dead and biased and channels)
        or (edge.large_bias and biased)
    )


def case(operator: str, sample: Sample, kind: str, edge: Edge = USUAL) -> Case:
    """The network of a sample in one type."""
    draft = _draft(operator, sample, kind, edge)
    draft.infer(edge)
    inputs = dict(draft.inputs())
    if sample.before or sample.behind:
        inputs = {name: values for name, values in inputs.items() if not name.endswith("infinite")}
    return Case(operator, sample, kind, edge.name, draft.write(), inputs)


def chain(entries: Sequence[tuple[str, Sample]], kind: str) -> Case:
    """One network of many samples, dense layers between them, so that one image can run them all.

    A sample of another type than `kind` may only be the last.
    """
    entries = sorted(entries, key=lambda entry: (entry[1].outputs[0].type or kind) != kind)
    draft = Draft(kind, f"{kind} {[(operator, sample.name) for operator, sample in entries]}")
    flow: Tensor | None = None
    for operator, sample in entries:
        alone = _draft(operator, sample, kind, USUAL)
        alone.infer(USUAL)
        flow = _append(draft, operator, sample, USUAL, flow)
        for mine, theirs in zip(reversed(draft.results()), reversed(alone.results()), strict=False):
            mine.shape = theirs.shape
    draft.infer(USUAL)
    name = f"{len(entries)} samples"
    inputs = {key: values for key, values in draft.inputs() if np.isfinite(values[0]).all() and key != "huge"}
    return Case("chain", Sample(name, ()), kind, USUAL.name, draft.write(), inputs)


def unchecked(operator: str, sample: Sample) -> bytes:
    """The network of a sample that is to be refused: outputs as declared, else shaped as the first input."""
    draft = _draft(operator, sample, sample.types[0], USUAL)
    if not draft.sources():  # a model has an input, though it may not matter
        draft.input(Flow((1, 1)), (), USUAL)
    for tensor in draft.results():
        if tensor.shape is None:
            tensor.shape = draft.tensors[0].shape
        if tensor.quantised and not tensor.scales:
            tensor.scales = [0.1]
    return draft.write()


def _draft(operator: str, sample: Sample, kind: str, edge: Edge) -> Draft:
    draft = Draft(kind, f"{operator}/{sample.name}")
    _append(draft, operator, sample, edge)
    return draft


def _append(draft: Draft, operator: str, sample: Sample, edge: Edge, source: Tensor | None = None) -> Tensor:
    """A sample's operators, reading `source` instead of an input of the network if it is given; their last output."""
    inputs: list[Tensor | None] = []
    for entry in sample.inputs:
        if source is not None and isinstance(entry, Flow):
            inputs.append(_adapt(draft, source, entry))
            source = None
        else:
            inputs.append(draft.input(entry, inputs, edge))
        if len(inputs) == 1:
            for neighbour in sample.before:
                assert inputs[0] is not None
                inputs[0] = draft.neighbour(neighbour, inputs[0], USUAL)
    tensor = draft.operator(operator, inputs, sample.outputs, sample.options)
    for neighbour in sample.behind:
        tensor = draft.neighbour(neighbour, tensor, USUAL)
    return tensor


_ADAPTER_WIDTH = 12


def _adapt(draft: Draft, source: Tensor, wanted: Flow) -> Tensor:
    """What a sample's input is made of behind another sample: all of it, by two dense layers."""
    assert source.shape is not None
    size = int(np.prod(wanted.shape))
    wide = (int(np.prod(source.shape)), _ADAPTER_WIDTH, size)
    tensor = draft.neighbour(_reshape((1, wide[0])), source, USUAL)
    for before, after in pairwise(wide):
        output = Output(scale=wanted.scale, zero_point=wanted.zero_point) if after == size else Output()
        weights = Weights((after, before), per_channel=False)
        tensor = draft.neighbour(Neighbour("FULLY_CONNECTED", (weights, Bias()), output=output), tensor, USUAL)
        _spread(draft, draft.nodes[-1], 40 * wanted.scale if wanted.scale and after == size else 1.0)
    tensor.shape = (1, size)
    return draft.neighbour(_reshape(wanted.shape), tensor, USUAL)


def _spread(draft: Draft, dense: Node, deviation: float) -> None:
    """Makes a dense layer's outputs vary around 0, or what differs from input to input would soon be lost."""
    source, weights, bias = dense.inputs
    values = np.array(draft.run()[id(dense.outputs[0])])
    assert weights is not None
    assert bias is not None
    mean = values.mean(axis=0)
    factor = np.float32(deviation / (float((values - mean).std()) or 1.0))
    weights.real *= factor
    bias.real = (bias.real - mean.reshape(-1)) * factor
    weights.scales = [float(scale * factor) for scale in weights.scales]
    if bias.scales and source is not None and source.scales:  # else they are found with the source's
        bias.scales = [source.scales[0] * scale for scale in weights.scales]
        bias.stored = np.round(bias.real / np.array(bias.scales)).astype(bias.type.lower())
    if draft.kind == FLOAT32:
        weights.stored, bias.stored = weights.real, bias.real


def _reshape(shape: tuple[int, ...]) -> Neighbour:
    return Neighbour("RESHAPE", (Values(shape),), {"newShape": list(shape)}, Output(like_input=True))
