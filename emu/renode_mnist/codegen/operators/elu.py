"""ELU: x, or exp(x) - 1 below zero."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.lookup import Real
from renode_mnist.codegen.operators.rules import activations
from renode_mnist.codegen.operators.samples import Declared, Flow, Sample
from renode_mnist.codegen.program import Step


def _elu(values: Real) -> Real:
    below = lookup.correctly(np.exp)(np.minimum(values, np.float32(0))) - np.float32(1)
    return np.where(values < 0, below, values)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return lookup.lower(lowering, operator, lookup.of_real(_elu))


def _samples() -> Declared:
    like = Sample("image", (Flow((1, 4, 5, 3)),))
    return (
        like,
        like.row("every input", inputs=(Flow((1, 2048), scale=0.05),)),
        like.row("coarse", inputs=(Flow((1, 40), scale=0.9),)),
        like.row("fine", inputs=(Flow((3, 40), scale=1e-3),)),
    )


DEFINITION = Definition(
    names=("ELU",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    fast_in=(Kind.INT8,),
    lower=_lower,
    samples=_samples,
)
