"""What an operator is tried on: the language of the declarations that stand beside each operator.

A declaration is a table, read from top to bottom: one ``Sample`` with what most rows share, then a row for each
case worth trying, then what must be refused::

    def _samples() -> Declared:
        image, weights, bias = Flow((1, 7, 8, 3)), Weights((5, 3, 3, 3)), Bias()
        like = Sample("3x3", (image, weights, bias), WINDOW, types=(FLOAT32, INT8, HYBRID))
        return (
            like,
            like.row("same, stride 2", padding="SAME", strideH=2, strideW=2),
            like.row("grouped", inputs=(Flow((1, 5, 5, 4)), Weights((6, 2, 2, 2)), bias)),
            Refused("weights that are no constant", "its weights are not constant",
                    like.row("", inputs=(image, Again()))),
        )

It is a function, so that the command line, which loads every operator, does not make what only tests want.

The tests (``tests/codegen/test_operators.py``) make a small ``.tflite`` network of every sample in each of its types,
with numbers from a seeded generator, and hold each engine to TensorFlow Lite Micro and LiteRT on it. What a table
need not say, because every operator gets it:

- shapes of outputs: LiteRT infers them, and the operator's own rule must agree;
- output scales: those that a converter would choose for the values that the network makes;
- inputs: random ones, all lowest, all highest, all zero point, only extremes; in float32 zeros of both signs,
  denormals, huge numbers, NaN and, without neighbours, infinities;
- for the first sample in int8 the ``EDGES`` below, and uint8 at both ends of the network.

Only data, and nothing imported but the standard library. Named tuples, which Python makes in a quarter of the time
of frozen data classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

FLOAT32 = "FLOAT32"
INT8 = "INT8"
"""Activations and weights."""
INT16 = "INT16"
"""Activations that meet int8 weights; all zero points are 0, also where an entry names another."""
HYBRID = "HYBRID"
"""float32 activations that meet int8 weights ("dynamic range")."""
UINT8 = "UINT8"
"""int8 between two QUANTIZE, so that the model's interface is uint8."""
DECLARED = "DECLARED"
"""The types and scales that the tensors name themselves: for an operator that changes one into another."""


class Flow(NamedTuple):
    """An input of the network.

    Attributes:
        type: Where it is not the sample's own: ``UINT8``, ``BOOL``, ``INT32`` (indices), ...
        scale: Where the sample's should not be drawn at random; likewise ``zero_point``.
        below: Of integers that are no quantised numbers: the least that they may not reach.
    """

    shape: tuple[int, ...]
    type: str = ""
    scale: float | None = None
    zero_point: int | None = None
    below: int = 2


class Again(NamedTuple):
    """The operator's input ``position`` once more, as in x + x."""

    position: int = 0


class Branch(NamedTuple):
    """What another operator made of the first input: the other arm of a residual addition."""


class Weights(NamedTuple):
    """Trained numbers, int8 with a zero point of 0 where they are quantised.

    Attributes:
        axis: The dimension of output channels: as many scales and biases as it is long.
        per_channel: One scale a channel, or one for all.
        type: Where it does not follow from the sample's: ``INT4``, ``FLOAT32``.
    """

    shape: tuple[int, ...]
    axis: int = 0
    per_channel: bool = True
    type: str = ""
    zero_point: int = 0
    scale_axis: int | None = None


class Bias(NamedTuple):
    """One number an output channel of the ``Weights`` before it; int32 where those are quantised with the input.

    With an input of int16 it is int64.

    Attributes:
        channels: Where there should not be as many as the weights have.
        scale: In int8, where it does not follow from the first input and the weights.
    """

    channels: int | None = None
    type: str = ""
    scale: float | None = None


class State(NamedTuple):
    """A variable of the operator, which lives between inferences; all zero point at first.

    Attributes:
        type: Where the sample is not in float32; likewise ``scale`` and ``zero_point``.
    """

    shape: tuple[int, ...]
    type: str = ""
    scale: float | None = None
    zero_point: int = 0


class Numbers(NamedTuple):
    """A constant of the sample's type with random values, as what is added to every image.

    Attributes:
        zero: Whether 0 may be among them.
    """

    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int | None = None
    type: str = ""
    zero: bool = True


class Values(NamedTuple):
    """A constant of given values: axes, paddings, a shape.

    Attributes:
        values: Nested tuples; a number is a scalar.
    """

    values: Any
    type: str = "INT32"


Input: TypeAlias = Flow | Again | Branch | Weights | Bias | Numbers | Values | State | None
"""None: an optional input that is left out and has another behind it."""


class Output(NamedTuple):
    """An output of the operator.

    Attributes:
        like_input: Quantised as the first input, as a pool's is.
        scale: Where the operator fixes it, as a softmax does; likewise ``zero_point``.
        type: Where it is not the sample's own.
        shape: Where LiteRT should not be asked: of a sample that is refused.
    """

    like_input: bool = False
    scale: float | None = None
    zero_point: int | None = None
    type: str = ""
    shape: tuple[int, ...] | None = None


_NO_OPTIONS: Mapping[str, Any] = {}


class Neighbour(NamedTuple):
    """An operator before or behind, for what engines fuse; ``inputs`` are those after what flows into it."""

    op: str
    inputs: tuple[Input, ...] = ()
    options: Mapping[str, Any] = _NO_OPTIONS
    output: Output = Output()


class Edge(NamedTuple):
    """Quantisation that a converter seldom chooses. Factors are against what it would choose.

    Attributes:
        input_scale: Factor.
        output_scale: Factor; small ones saturate, large ones leave only the zero point.
        unit: The factor from sums to outputs is this number, whatever the output then is.
        dead: Every other channel is as trained networks have them where nothing arrives: a scale 2^-18 times as
            large, and a bias of 2^30 or -2^30.
        large_bias: These biases, and scales as if there were none.
    """

    name: str
    input_scale: float = 1.0
    output_scale: float = 1.0
    input_zero_point: int | None = None
    output_zero_point: int | None = None
    unit: float | None = None
    dead: bool = False
    large_bias: bool = False


EDGES = (
    Edge("saturating", output_scale=1 / 20),
    Edge("coarse", output_scale=2.0**7),
    Edge("flat", output_scale=2.0**24),
    Edge("fine input", input_scale=1e-5),
    Edge("factor 1", unit=1.0),
    Edge("factor 2/3", unit=2 / 3),
    Edge("lowest zero points", input_zero_point=-128, output_zero_point=-128),
    Edge("highest zero points", input_zero_point=127, output_zero_point=127),
    Edge("dead channels", dead=True),
    Edge("large biases", large_bias=True),
)
"""Every operator's first int8 sample is tried with these; one that changes nothing in it is left out."""


class Differs(NamedTuple):
    """LiteRT's optimised kernels answer otherwise than TensorFlow Lite Micro, which is then followed.

    Attributes:
        where: Pattern (as of file names) for ``<type>/<edge or usual>/<input>``: ``INT8/*``.
        why: For the page of operators.
        most: Largest difference of stored numbers; None for any.
        plain: Whether LiteRT's reference kernels differ too, which TensorFlow Lite Micro usually shares.
    """

    where: str
    why: str
    most: int | None = 1
    plain: bool = False


class Silent(NamedTuple):
    """A runtime does not answer, or ends the process; the other is then followed.

    Attributes:
        where: As in ``Differs``.
        why: For the page of operators.
        runtime: ``tflite-micro`` or ``litert``.
    """

    where: str
    why: str
    runtime: str


class Undefined(NamedTuple):
    """What the runtimes answer is not defined by their own C++, so that nothing is compared.

    Attributes:
        where: As in ``Differs``.
        why: For the page of operators.
        runtime: Where it is only one of them, that one; the other is then followed.
    """

    where: str
    why: str
    runtime: str = ""


class Deviates(NamedTuple):
    """An engine does not follow TensorFlow Lite Micro, and is not meant to."""

    engine: str
    where: str
    why: str


Exemption: TypeAlias = Differs | Silent | Undefined | Deviates
"""All are held to be so: one that no longer meets anything fails the test."""


class Sample(NamedTuple):
    """An operator on tensors of given shapes.

    Attributes:
        name: Unique among the operator's.
        options: By the names of TensorFlow Lite's schema; enumerations by the name of their value.
        outputs: Without shapes, unless LiteRT can't say them.
        types: ``FLOAT32``, ``INT8``, ``INT16``, ``HYBRID``, ``UINT8`` or ``DECLARED``; a network each.
        before: Neighbours, in the order of execution; likewise ``behind``.
        edges: Further quantisations.
        refused_by: By engine: a piece of what it says when it refuses the sample.
        exempt: Where not all runtimes and engines give the same answer.
        only: Of a family, the operators that it is for; empty for all.
    """

    name: str
    inputs: tuple[Input, ...]
    options: Mapping[str, Any] = _NO_OPTIONS
    outputs: tuple[Output, ...] = (Output(),)
    types: tuple[str, ...] = (FLOAT32, INT8)
    before: tuple[Neighbour, ...] = ()
    behind: tuple[Neighbour, ...] = ()
    edges: tuple[Edge, ...] = ()
    refused_by: Mapping[str, str] = _NO_OPTIONS
    exempt: tuple[Exemption, ...] = ()
    only: tuple[str, ...] = ()

    def row(self, name: str, **changes: Any) -> Sample:
        """The same but for what ``changes`` names: attributes of a sample, else single options."""
        own = {key: value for key, value in changes.items() if key in _ATTRIBUTES}
        options = {key: value for key, value in changes.items() if key not in _ATTRIBUTES}
        merged = {**own.pop("options", self.options), **options}
        return self._replace(name=name, options=merged, **own)


_ATTRIBUTES = frozenset(Sample._fields)


class Refused(NamedTuple):
    """What must be refused before anything is built.

    Attributes:
        what: For the page of operators, in a few words.
        says: A piece of the message.
        sample: In the first of its types.
    """

    what: str
    says: str
    sample: Sample


Inputs: TypeAlias = tuple[Input, ...]
Declared: TypeAlias = tuple[Sample | Refused, ...]
"""What the file of an operator declares."""

# What many tables share

CLAMPS = ("RELU", "RELU_N1_TO_1", "RELU6")
"""Fused activations that clamp."""

WINDOW: Mapping[str, Any] = {
    "padding": "VALID", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1,
}  # fmt: skip
"""Options of a convolution."""

LIKE_INPUT = (Output(like_input=True),)
"""Outputs of an operator that leaves quantisation alone."""

MAX_POOL = Neighbour(
    "MAX_POOL_2D",
    options={"padding": "VALID", "strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2},
    output=LIKE_INPUT[0],
)

DENORMAL = Differs("FLOAT32/*/denormal", "LiteRT's optimised kernels take denormal numbers for 0", None)


def reshaped(*shape: int) -> Neighbour:
    """Before and behind what has more dimensions than a model's ends may have."""
    return Neighbour("RESHAPE", (Values(shape),), {"newShape": list(shape)}, LIKE_INPUT[0])


ONE_STEP = Differs("*INT8/*", "LiteRT's optimised kernels round a few results to the neighbouring step")
ROUNDS_ONCE = ONE_STEP._replace(
    why="LiteRT's optimised kernels (ruy, apply_multiplier.cc) round a sum's product with the output's factor once, "
    "halves upwards, TensorFlow Lite Micro twice, halves away from zero: a few results are a step apart"
)
SPREADS = (
    Deviates("m7", "FLOAT32/*/*infinite", "a fast convolution carries infinities to neighbouring outputs"),
    Deviates("m7", "FLOAT32/*/not a number", "a fast convolution carries NaN to neighbouring outputs, or clamps it"),
)
"""Of convolutions in float32."""
