"""Does the firmware compute what the PC computes, and where do they part?

Inputs go through the firmware and through a yardstick (`renode_mnist.model.yardstick`); outputs and, as far as they
can be seen, the tensors within are compared in the order of execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.planning import Plan
from renode_mnist.measure.layer_tensors import Observed, Observer, SeenTensor
from renode_mnist.measure.quantisation_error import FloatModel, QuantisationError, QuantisationRow
from renode_mnist.model import difference
from renode_mnist.model.difference import FLOAT_BOUND_ULP, Difference, Verdict
from renode_mnist.model.inputs import Samples, Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.yardstick import LiteRtDefault, Yardstick
from renode_mnist.session.record import Connection

_MOST_CHANNELS_TOLD = 4


@dataclass(frozen=True)
class TensorRow:
    """One tensor of the network.

    Attributes:
        index: In the file.
        spec: Name, type, shape, scale.
        op: The operator of the file that makes it.
        step: The step of the firmware that leaves it; empty where it can't be seen.
        is_output: Whether the network hands it out.
        difference: Over all samples; None where it can't be seen.
        note: Why it can't be seen, or which part of it was compared.
    """

    index: int
    spec: TensorSpec
    op: str
    step: str
    is_output: bool
    difference: Difference | None
    note: str = ""


@dataclass(frozen=True)
class FirstDifference:
    """Where firmware and yardstick part.

    Attributes:
        row: The first tensor in the order of execution that differs, over all samples.
        sample: The first sample in which it does.
        in_sample: The difference there.
        too_far: How many elements there are more than rounding off.
        place: Index of the first element there that is too far off.
        got: What the firmware has there, as a real number.
        expected: What the yardstick has.
        channels: Those that hold elements which are too far off, over the last axis, where they are few.
    """

    row: TensorRow
    sample: str
    in_sample: Difference
    too_far: int
    place: tuple[int, ...]
    got: float
    expected: float
    channels: tuple[int, ...]


@dataclass(frozen=True)
class DefaultRuntime:
    """How far LiteRT's default interpreter is from its own reference kernels, on the same inputs.

    Attributes:
        differing_samples: In how many an output has other bits.
        worst: The output that is furthest off, over all samples.
        output: Its name.
    """

    differing_samples: int
    worst: Difference
    output: str


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        connection: Target and firmware.
        yardstick: What it was held against.
        how: By which means tensors within were read.
        float_bound_ulp: Up to which a distance of floating-point numbers counts as rounding.
        samples: Names.
        notes: On the inputs.
        equal_samples: How many are equal to the bit in all that was compared.
        good_samples: How many are that or within the rounding bound.
        outputs_equal: In how many the outputs are equal to the bit.
        rows: In the order of execution.
        first: Where they part; None where nothing is different.
        default_runtime: None where it was not asked.
        against: The float model's file name; empty without one.
        quantisation: In the order of execution.
    """

    connection: Connection
    yardstick: str
    how: str
    float_bound_ulp: float
    samples: tuple[str, ...]
    notes: tuple[str, ...]
    equal_samples: int
    good_samples: int
    outputs_equal: int
    rows: tuple[TensorRow, ...]
    first: FirstDifference | None
    default_runtime: DefaultRuntime | None = None
    against: str = ""
    quantisation: tuple[QuantisationRow, ...] = ()

    def __repr__(self) -> str:
        """The verdict in one line."""
        where = f", first in '{self.first.row.spec.name}'" if self.first is not None else ""
        bad = len(self.samples) - self.good_samples
        found = f"{self.verdict} in {bad if self.first is not None else self.good_samples}"
        firmware = self.connection.firmware
        return (
            f"<Verification: {found} of {len(self.samples)} samples{where}; {firmware.model_name} by "
            f"{firmware.engine} on {self.connection.target.target} against {self.yardstick}>"
        )

    @property
    def verdict(self) -> Verdict:
        """Of all."""
        if self.first is not None:
            return Verdict.DIFFERENT
        return Verdict.EQUAL if self.equal_samples == len(self.samples) else Verdict.WITHIN

    @property
    def most_units(self) -> float:
        """Largest distance of what was compared."""
        return max((row.difference.most_units for row in self.rows if row.difference), default=0.0)


@dataclass
class _Tensor:
    """A tensor while samples come in."""

    tensor: Tensor
    spec: TensorSpec
    op: str
    seen: SeenTensor | None
    is_output: bool
    hidden: str
    step: str
    parts: list[Difference] = field(default_factory=list)


def verify(
    graph: Graph,
    plan: Plan,
    observer: Observer,
    connection: Connection,
    yardstick: Yardstick,
    samples: Samples,
    *,
    float_bound_ulp: float = FLOAT_BOUND_ULP,
    default_runtime: LiteRtDefault | None = None,
    against: FloatModel | None = None,
    progress: Callable[[str], None] = lambda sample: None,
) -> Verification:
    """Runs every sample through firmware and yardstick.

    Args:
        graph: Of the file.
        plan: Of the image.
        observer: Runs the firmware and looks into it.
        connection: Who answers there.
        yardstick: Computes the same model on this PC.
        samples: What to ask.
        float_bound_ulp: Up to which a distance of floating-point numbers is rounding, in units in the last place of a
            tensor's largest magnitude.
        default_runtime: To be told as a line of its own.
        against: The float model that this one was quantised from.
        progress: Called with each sample's name before it is run.
    """
    entries = _entries(graph, plan, observer)
    default = _Default(graph, default_runtime) if default_runtime is not None else None
    quantised = QuantisationError(graph, against) if against is not None else None
    first: _Found | None = None
    equal = good = outputs_equal = 0
    for name, inputs in zip(samples.names, samples.sets, strict=True):
        progress(name)
        expected = yardstick.tensors(inputs)
        found = [*_compared(entries, observer.infer(inputs), graph, expected, float_bound_ulp)]
        verdicts = [each.difference.verdict for each in found]
        equal += all(verdict is Verdict.EQUAL for verdict in verdicts)
        good += all(verdict is not Verdict.DIFFERENT for verdict in verdicts)
        outputs_equal += all(each.difference.verdict is Verdict.EQUAL for each in found if each.entry.is_output)
        for each in found:
            if each.difference.verdict is Verdict.DIFFERENT and (
                first is None or each.entry.number < first.entry.number
            ):
                first = replace(each, sample=name)
        if default is not None:
            default.add(inputs, expected)
        if quantised is not None:
            quantised.add(inputs, expected)
    return Verification(
        connection=connection,
        yardstick=yardstick.name,
        how=observer.how,
        float_bound_ulp=float_bound_ulp,
        samples=samples.names,
        notes=samples.notes,
        equal_samples=equal,
        good_samples=good,
        outputs_equal=outputs_equal,
        rows=tuple(map(_row, entries)),
        first=None if first is None else _first(first, float_bound_ulp),
        default_runtime=default.result() if default is not None else None,
        against=against.name if against is not None else "",
        quantisation=quantised.rows() if quantised is not None else (),
    )


@dataclass
class _Entry:
    """A tensor while samples come in; ``hidden`` says why it can't be compared."""

    number: int
    tensor: Tensor
    spec: TensorSpec
    op: str
    step: str
    seen: SeenTensor | None
    is_output: bool
    hidden: str
    parts: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A tensor of one sample, compared."""

    entry: _Entry
    difference: Difference
    got: npt.NDArray[Any]
    expected: npt.NDArray[Any]
    sample: str = ""


def _entries(graph: Graph, plan: Plan, observer: Observer) -> list[_Entry]:
    # A pass may have made tensors of its own, behind the file's.
    seen = {each.tensor.index: each for each in observer.seen if each.tensor.index < len(graph.tensors)}
    seen = {index: each for index, each in seen.items() if each.tensor.shape == graph.tensors[index].shape}
    steps = {part.index: number for number, step in enumerate(plan.steps) for part in step.operators}
    entries: list[_Entry] = []
    for operator in graph.operators:
        for tensor in operator.outputs:
            if tensor.type.dtype is None:
                continue
            number = steps.get(operator.index)
            step = "" if number is None else f"{number} {plan.steps[number].op}"
            is_output = tensor in graph.outputs
            hidden = ""
            if tensor.index not in seen and not is_output:
                hidden = _hidden(plan, number, operator) if seen else "not seen"
            entries.append(
                _Entry(
                    len(entries), tensor, TensorSpec.of(tensor), operator.op, step, seen.get(tensor.index), is_output,
                    hidden,
                )
            )  # fmt: skip
    return entries


def _hidden(plan: Plan, step: int | None, operator: Operator) -> str:
    if step is None:
        return f"{operator.op} costs no step: no copy of its own"
    return f"within step {step}, {plan.steps[step].op}"


def _compared(
    entries: Sequence[_Entry],
    observed: Observed,
    graph: Graph,
    expected: Mapping[int, npt.NDArray[Any]],
    bound: float,
) -> Iterator[_Found]:
    got = dict(observed.tensors)
    got |= {tensor.index: values for tensor, values in zip(graph.outputs, observed.outputs, strict=True)}
    for entry in entries:
        if not entry.hidden and entry.tensor.index not in expected:
            entry.hidden = "the yardstick does not keep it"
        if entry.hidden:
            continue
        mine, theirs = got[entry.tensor.index], expected[entry.tensor.index].reshape(entry.spec.shape)
        if entry.seen is not None and not entry.is_output:
            mine, theirs = entry.seen.part(mine), entry.seen.part(theirs)
        entry.parts.append(difference.compare(entry.spec, mine, theirs, bound))
        yield _Found(entry, entry.parts[-1], mine, theirs)


def _row(entry: _Entry) -> TensorRow:
    note = entry.hidden
    if not note and entry.seen is not None and entry.seen.live is not None:
        rows, columns = entry.seen.live
        height, width = entry.spec.shape[1:3]
        note = f"{rows}x{columns} of {height}x{width} are computed, no more is read"
    return TensorRow(
        index=entry.tensor.index,
        spec=entry.spec,
        op=entry.op,
        step=entry.step,
        is_output=entry.is_output,
        difference=difference.together(entry.parts) if entry.parts else None,
        note=note,
    )


def _first(found: _Found, bound: float) -> FirstDifference:
    spec = found.entry.spec
    wrong = difference.too_far(spec, found.got, found.expected, bound)
    places = np.argwhere(wrong)
    place = tuple(map(int, places[0]))
    channels = np.unique(places[:, -1]) if spec.shape else np.zeros(0, int)
    few = len(channels) <= _MOST_CHANNELS_TOLD and len(channels) < found.got.shape[-1]
    return FirstDifference(
        row=_row(found.entry),
        sample=found.sample,
        in_sample=found.difference,
        too_far=len(places),
        place=place,
        got=float(spec.reals(found.got)[place]),
        expected=float(spec.reals(found.expected)[place]),
        channels=tuple(map(int, channels)) if few else (),
    )


class _Default:
    """LiteRT's default interpreter beside its reference kernels."""

    def __init__(self, graph: Graph, runtime: LiteRtDefault) -> None:
        self._outputs = [(tensor.index, TensorSpec.of(tensor)) for tensor in graph.outputs]
        self._runtime = runtime
        self._parts: list[list[Difference]] = [[] for _ in self._outputs]
        self._samples = 0

    def add(self, inputs: Tensors, expected: Mapping[int, npt.NDArray[Any]]) -> None:
        found = [
            difference.compare(spec, values, expected[index])
            for (index, spec), values in zip(self._outputs, self._runtime.outputs(inputs), strict=True)
        ]
        self._samples += any(each.differing for each in found)
        for parts, each in zip(self._parts, found, strict=True):
            parts.append(each)

    def result(self) -> DefaultRuntime:
        every = [
            (difference.together(parts), spec) for parts, (_, spec) in zip(self._parts, self._outputs, strict=True)
        ]
        worst, spec = max(every, key=lambda each: each[0].most_units)
        return DefaultRuntime(self._samples, worst, spec.name)
