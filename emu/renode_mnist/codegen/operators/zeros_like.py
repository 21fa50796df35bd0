"""ZEROS_LIKE: a constant whose shape is known when the network is built."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators.definition import Folded, build_time

_TYPES = (ElementType.FLOAT32, ElementType.INT8, ElementType.INT32, ElementType.INT64)


def _fold(operator: Operator) -> Folded:
    if operator.output.type not in _TYPES:
        raise ValueError("not at build time")
    # In int8, too, TensorFlow Lite Micro stores 0, whatever the zero point.
    return (np.zeros(operator.input.shape, operator.output.type.dtype),)


DEFINITION = build_time("ZEROS_LIKE", fold=_fold, folds_shapes=True)
