"""REDUCE_PROD: how many elements some dimensions have."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators.definition import Folded, build_time


def _fold(operator: Operator) -> Folded:
    if operator.output.type is ElementType.FLOAT32:
        raise ValueError("not at build time")
    axes = tuple(int(axis) for axis in operator.constant(1).reshape(-1))
    product = np.prod(operator.constant(0), axis=axes, dtype=operator.output.type.dtype)
    return (product.reshape(operator.output.shape),)


DEFINITION = build_time("REDUCE_PROD", fold=_fold)
