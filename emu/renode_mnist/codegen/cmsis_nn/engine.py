"""Engine ``cmsis-nn``: one step an operator; the aim makes no difference here."""

from __future__ import annotations

from renode_mnist.codegen import operators
from renode_mnist.codegen.engine import AheadOfTime
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import Kind
from renode_mnist.errors import ModelError


def _rule(operator: Operator) -> None:
    if operators.kind(operator) in (Kind.FLOAT32, Kind.HYBRID) and not operators.definition(operator).free:
        raise ModelError(
            f"Engine cmsis-nn cannot compute {operator}: CMSIS-NN has no float kernels that are of use on a "
            "Cortex-M7, which is why it made no difference to a float model in TensorFlow Lite Micro either",
            "Choose engine m7 for this model, or export it as int8",
        )


ENGINE = AheadOfTime(name="cmsis-nn", package=__package__, passes=("unpacked_weights", "shapes_in_place"), rule=_rule)
