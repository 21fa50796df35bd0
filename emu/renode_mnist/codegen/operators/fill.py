"""FILL: a constant of a shape that is known when the network is built, such as an LSTM's first state."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Folded, build_time


def _fold(operator: Operator) -> Folded:
    return (np.full(tuple(operator.constant(0)), operator.constant(1), operator.output.type.dtype),)


DEFINITION = build_time("FILL", fold=_fold)
