"""RANGE: numbers in steps, known when the network is built."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators.definition import Folded, build_time


def _fold(operator: Operator) -> Folded:
    if operator.output.type not in (ElementType.INT32, ElementType.INT64):
        raise ValueError("not at build time")
    start, limit, step = (int(operator.constant(i)) for i in range(3))
    return (np.arange(start, limit, step).astype(operator.output.type.dtype),)


DEFINITION = build_time("RANGE", fold=_fold)
