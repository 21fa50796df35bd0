"""PADV2; see ``pad``."""

from __future__ import annotations

from renode_mnist.codegen.operators.pad import PADV2

DEFINITION = PADV2
