"""SHAPE and RANK: known when the network is built."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Folded, build_time


def _fold(operator: Operator) -> Folded:
    shape = operator.input.shape
    return (np.array(shape if operator.op == "SHAPE" else len(shape), operator.output.type.dtype),)


DEFINITION = build_time("SHAPE", "RANK", fold=_fold, folds_shapes=True)
