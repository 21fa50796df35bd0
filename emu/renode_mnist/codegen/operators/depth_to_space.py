"""DEPTH_TO_SPACE; see ``space_to_depth``."""

from __future__ import annotations

from renode_mnist.codegen.operators.space_to_depth import DEPTH_TO_SPACE

DEFINITION = DEPTH_TO_SPACE
