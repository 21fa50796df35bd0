"""CAST: the same numbers in another type."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Folded, build_time


def _fold(operator: Operator) -> Folded:
    values = operator.constant(0)
    if operator.output.type.dtype is None or not np.isfinite(values).all():
        raise ValueError("not at build time")
    return (values.astype(operator.output.type.dtype),)


DEFINITION = build_time("CAST", fold=_fold)
