"""The target for those who named none: Renode where it is installed, else the emulator that pip brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import locate


@dataclass(frozen=True)
class Choice:
    """A target and why it was taken; ``reason`` stands after it, as in ``embedded: Renode is not installed``."""

    target: Literal["renode", "embedded"]
    reason: str


def choose() -> Choice:
    """Looks for Renode without loading it."""
    try:
        renode = locate.find()
    except EnvironmentProblem as problem:
        return Choice("embedded", problem.what)
    return Choice("renode", f"Renode is at {renode.path} (found by {renode.found_by})")
