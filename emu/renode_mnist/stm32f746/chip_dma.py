"""`Dma` with its state in the chip in C: see `chip`."""

from __future__ import annotations

from renode_mnist.stm32f746.chip import Chip
from renode_mnist.stm32f746.dma import Dma, channels
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.wiring import USARTS


class ChipDma(Dma):
    """`Dma` in C, but for what it says."""

    def __init__(self, chip: Chip, index: int, name: str, log: EventLog) -> None:
        self._native = chip.native
        self._index = index
        self._log = log
        self._requests = channels(name)
        self.is_modelled = lambda request: request.peripheral in USARTS
        Peripheral.__init__(self, name)

    def clock_switched(self, clocked: bool) -> None:
        """Whether it has a clock may have changed."""
        self._native.dma_clock(self._index, clocked)

    def reset(self) -> None:
        """See `Dma`."""
        self._native.dma_reset(self._index)

    def read(self, offset: int) -> int:
        """See `Dma`."""
        return int(self._native.dma_read(self._index, offset))

    def write(self, offset: int, value: int) -> None:
        """See `Dma`."""
        self._native.dma_write(self._index, offset, value)
