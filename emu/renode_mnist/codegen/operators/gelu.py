"""GELU: x times the share of a normal distribution that lies below x, or a hyperbolic tangent near it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, same_shape
from renode_mnist.codegen.operators.lookup import Real
from renode_mnist.codegen.operators.rules import activations
from renode_mnist.codegen.operators.samples import Declared, Flow, Sample, Silent
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class GeluOptions:
    """Of GELU."""

    approximate: bool


def _read(table: Any) -> GeluOptions:
    return GeluOptions(approximate=bool(table.Approximate()))


def _exact(values: Real) -> Real:
    """0.5 x erfc(-x / sqrt 2), as lite/kernels/internal/reference/gelu.h."""
    erfc = np.vectorize(math.erfc, otypes=[np.float64])
    scaled = values * np.float32(-1 / math.sqrt(2))
    return np.float32(0.5) * values * lookup.correctly(erfc)(scaled)


def _approximate(values: Real) -> Real:
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (values + np.float32(0.044715) * values * values * values)
    return np.float32(0.5) * values * (np.float32(1) + lookup.correctly(np.tanh)(inner))


def _lower(lowering: Lowering, operator: Operator) -> Step:
    approximate = operator.options_as(GeluOptions).approximate
    table = lookup.of_real(_approximate if approximate else _exact)
    return lookup.lower(lowering, operator, table, {"approximate": approximate})


def _samples() -> Declared:
    lacking = Silent("*", "TensorFlow Lite Micro has no GELU", "tflite-micro")
    like = Sample("image", (Flow((1, 4, 5, 3)),), {"approximate": False}, exempt=(lacking,),
                  refused_by={"tflm": "has no GELU"})  # fmt: skip
    return (
        like,
        like.row("by a hyperbolic tangent", approximate=True),
        like.row("every input", inputs=(Flow((1, 2048), scale=0.03),)),
        like.row("every input, by a hyperbolic tangent", inputs=(Flow((1, 2048), scale=0.03),), approximate=True),
    )


DEFINITION = Definition(
    names=("GELU",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    fast_in=(Kind.INT8,),
    lower=_lower,
    options=OptionsTable("GeluOptions", _read),
    samples=_samples,
)
