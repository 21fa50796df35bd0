"""QUANTIZE: float32 to 8 or 16 bits, or from one scale and type to another."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, kind_of_ends, same_shape
from renode_mnist.codegen.operators.rules import INTERFACE_TYPES, quantised, require
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    ONE_STEP,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Silent,
    Undefined,
)
from renode_mnist.codegen.program import Step

_PAIRS = (
    (ElementType.FLOAT32, ElementType.INT8),
    (ElementType.FLOAT32, ElementType.UINT8),
    (ElementType.FLOAT32, ElementType.INT16),
    (ElementType.INT8, ElementType.INT8),
    (ElementType.INT8, ElementType.UINT8),
    (ElementType.UINT8, ElementType.INT8),
    (ElementType.INT16, ElementType.INT8),
    (ElementType.INT8, ElementType.INT16),
    (ElementType.INT16, ElementType.INT16),
)


def _inputs(operator: Operator) -> None:
    for tensor in (operator.input, operator.output):
        known = tensor.type in INTERFACE_TYPES
        require(operator, known, f"{tensor} is not float32, int8, uint8 or int16")


def _rule(operator: Operator) -> None:
    pair = (operator.input.type, operator.output.type)
    require(operator, pair in _PAIRS, f"from {operator.input} to {operator.output}")
    for tensor in (operator.input, operator.output):
        if tensor.type is not ElementType.FLOAT32:
            quantised(tensor, operator)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    source, count = call.source(), str(operator.output.element_count)
    if operator.input.type is ElementType.FLOAT32:
        return call.of("quantize", [call.affine(operator.output), count, source])
    before, after = quantise.quantisation(operator.input), quantise.quantisation(operator.output)
    multiplier = quantise.multiplier(before.scale / after.scale)
    if ElementType.INT16 not in (operator.input.type, operator.output.type):
        values = lookup.rescaled(operator, multiplier, *quantise.limits(operator.output.type))
        return lookup.of_values(call, values)
    rescale = call.rescale(multiplier, *quantise.limits(operator.output.type))
    in_place = operator.input.type.byte_count == operator.output.type.byte_count
    return call.of("quantize", [rescale, count, source], in_place=in_place)


def _samples() -> Declared:
    float32, int8 = Flow((1, 4, 5, 3), "FLOAT32"), Flow((1, 200), "INT8", 0.1, 5)
    uint8 = Flow((2, 200), "UINT8", 0.1, 128)

    def to(type_name: str, scale: float, zero_point: int) -> tuple[Output, ...]:
        return (Output(scale=scale, zero_point=zero_point, type=type_name),)

    beyond = tuple(
        Undefined(f"*/{what}", "a float beyond what int32 holds has no defined result")
        for what in ("huge", "*infinite", "not a number")
    )
    only_int8 = Silent("*", "TensorFlow Lite Micro quantises float32 to int8 only", "tflite-micro")
    like = Sample("float32 to int8", (float32,), outputs=to("INT8", 0.02, -3), types=(DECLARED,), exempt=beyond)
    stored = like.row("", inputs=(int8,), exempt=())
    return (
        like,
        like.row("float32 to uint8", outputs=to("UINT8", 0.02, 131), exempt=(*beyond, only_int8)),
        like.row("float32 to int16", outputs=to("INT16", 0.0003, 0)),
        stored.row("int8 to int8", outputs=to("INT8", 0.07, -9)),
        stored.row("int8 to int8, 50 times finer", outputs=to("INT8", 0.002, 127)),
        stored.row("int8 to int8, 2^26 times coarser", outputs=to("INT8", 0.1 * 2**26, -128)),
        stored.row("int8 to uint8", outputs=to("UINT8", 0.1, 133)),
        stored.row("int8 to uint8, another scale", outputs=to("UINT8", 0.04, 0)),
        stored.row("uint8 to int8", inputs=(uint8,), outputs=to("INT8", 0.1, 0)),
        stored.row("uint8 to int8, another scale", inputs=(uint8._replace(zero_point=255),),
                   outputs=to("INT8", 0.3, 100), exempt=(ONE_STEP._replace(where="*"),)),
        Refused("other pairs of types, such as uint8 to uint8", "from 't0' (uint8 2x200) to",
                stored.row("", inputs=(uint8,), outputs=to("UINT8", 0.2, 0))),
        stored.row("int16 to int8", inputs=(Flow((1, 200), "INT16", 0.001, 0),), outputs=to("INT8", 0.2, -9)),
        stored.row("int8 to int16", outputs=to("INT16", 0.0007, 0)),
        stored.row("int16 to int16", inputs=(Flow((1, 200), "INT16", 0.001, 0),), outputs=to("INT16", 0.0007, 0)),
        Refused("int32", "is not float32, int8, uint8 or int16",
                stored.row("", inputs=(Flow((1, 4), "INT32", 0.1),))),
        Refused("a zero point beyond the type", "a zero point of 0 to 255",
                like.row("", outputs=to("UINT8", 0.1, -1))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("QUANTIZE",),
    kinds=(Kind.INT8, Kind.INT16),
    fast_in=(Kind.INT8,),
    inputs=_inputs,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    remark="between float32, int8 and uint8, to and from int16",
    kind=kind_of_ends,
    samples=_samples,
)
