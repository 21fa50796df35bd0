"""FLOOR_DIV and the like: sizes computed of sizes."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import folding
from renode_mnist.codegen.operators.definition import Folded, build_time

_FUNCTIONS = {
    "FLOOR_DIV": np.floor_divide,
}


def _fold(operator: Operator) -> Folded:
    return folding.elementwise(_FUNCTIONS[operator.op])(operator)


DEFINITION = build_time(*_FUNCTIONS, fold=_fold)
