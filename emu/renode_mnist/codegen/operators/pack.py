"""PACK: tensors of one shape along a new dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import folding
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, build_time


@dataclass(frozen=True)
class PackOptions:
    """Of PACK; the axis is one of the output's, also counted from the end."""

    axis: int


def _read(table: Any) -> PackOptions:
    return PackOptions(axis=table.Axis())


def _fold(operator: Operator) -> Folded:
    folding.unchanged(operator)
    values = [operator.constant(i) for i in range(len(operator.inputs))]
    return (np.stack(values, operator.options_as(PackOptions).axis),)


DEFINITION = build_time("PACK", fold=_fold, options=OptionsTable("PackOptions", _read))
