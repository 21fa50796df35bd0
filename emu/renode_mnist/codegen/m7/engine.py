"""Engine ``m7``; see ``selection.select`` for what the objective means."""

from __future__ import annotations

from renode_mnist.codegen import passes
from renode_mnist.codegen.engine import AheadOfTime

ENGINE = AheadOfTime(name="m7", package=__package__, passes=tuple(passes.ORDER))
