"""Engine ``reference``: one plain kernel call an operator, tensors as the model has them."""

from __future__ import annotations

from renode_mnist.codegen.engine import REFERENCE, AheadOfTime

ENGINE = AheadOfTime(name=REFERENCE, package=__package__, passes=("shapes_in_place",))
