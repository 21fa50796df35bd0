"""From instructions to cycles on the Cortex-M7.

No emulator knows how long an instruction takes. This library models the in-order, dual-issue pipeline of the
core and turns exact counts of blocks, or better of edges between blocks, into ``cycles_modelled``:

    image = CodeImage(path)
    entry, loop = image.block(0x08000200, 6), image.block(0x08000206, 14)
    cycles = cycles_from_edges(BlockCosts(), {(None, entry): 1, (entry, loop): 1, (loop, loop): 99})

An emulator asks ``LiveCosts`` for the price of each edge when it is first taken, and adds it up as it goes.
"""

import hashlib
from pathlib import Path

from renode_mnist.timing.accuracy import StatedError, stated_error
from renode_mnist.timing.adjusted import AdjustedParameters
from renode_mnist.timing.blocks import (
    Block,
    BlockCosts,
    cycles_from_blocks,
    cycles_from_edges,
)
from renode_mnist.timing.image import CodeImage
from renode_mnist.timing.live import LiveCosts, PipelineCosts
from renode_mnist.timing.memory import MemoryParameters, wait_states
from renode_mnist.timing.parameters import PipelineParameters
from renode_mnist.timing.points import Kind

__all__ = [
    "AdjustedParameters",
    "Block",
    "BlockCosts",
    "CodeImage",
    "Kind",
    "LiveCosts",
    "MemoryParameters",
    "PipelineCosts",
    "PipelineParameters",
    "StatedError",
    "cycles_from_blocks",
    "cycles_from_edges",
    "model_sha256",
    "stated_error",
    "wait_states",
]

_MODEL = ("accesses", "blocks", "decode", "memory", "native", "operation", "parameters", "pipeline")


def model_sha256(parameters: AdjustedParameters | None = None) -> str:
    """Digest of the model's own code: two figures of the same model are comparable, others are not.

    Args:
        parameters: Where these differ from the model's own, it is another model.
    """
    folder = Path(__file__).parent
    parts = [(folder / f"{name}.py").read_bytes() for name in _MODEL]
    if parameters is not None:
        parts.append(parameters.identity.encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()
