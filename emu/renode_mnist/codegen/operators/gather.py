"""GATHER: those elements of a dimension that indices name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, build_time


@dataclass(frozen=True)
class GatherOptions:
    """Of GATHER."""

    axis: int
    batch_dims: int


def _read(table: Any) -> GatherOptions:
    return GatherOptions(axis=table.Axis(), batch_dims=table.BatchDims())


def _fold(operator: Operator) -> Folded:
    found = operator.options_as(GatherOptions)
    if found.batch_dims or operator.input.quantisation != operator.output.quantisation:
        raise ValueError("not at build time")
    return (np.take(operator.constant(0), operator.constant(1), found.axis),)


DEFINITION = build_time("GATHER", fold=_fold, options=OptionsTable("GatherOptions", _read))
