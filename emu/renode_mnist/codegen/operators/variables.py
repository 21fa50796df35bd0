"""What operators on resource variables share.

``passes.resource_variables`` gives READ_VARIABLE and ASSIGN_VARIABLE the variable itself as input and output, in the
place of a handle; where it cannot, it says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Kind
from renode_mnist.codegen.operators.rules import EXPORT_AGAIN, refusal
from renode_mnist.errors import ModelError


@dataclass(frozen=True)
class NotKnown:
    """In the place of an operator's options: why it cannot be computed.

    Attributes:
        why: Follows "is not supported: ".
        remedy: What to do.
    """

    why: str
    remedy: str


def not_known(operator: Operator) -> ModelError:
    """The refusal of an operator that the pass left as it was."""
    if isinstance(operator.options, NotKnown):
        return refusal(operator, operator.options.why, operator.options.remedy)
    return refusal(operator, "its variable is not known when the network is built", EXPORT_AGAIN)


def no_arithmetic(operator: Operator) -> Kind:
    """Of operators that compute nothing: no engine lacks kernels for that."""
    return Kind.INT8
