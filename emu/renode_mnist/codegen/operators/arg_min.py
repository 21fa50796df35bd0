"""ARG_MIN; see ``arg_max``."""

from __future__ import annotations

from renode_mnist.codegen.operators.arg_max import ARG_MIN

DEFINITION = ARG_MIN
