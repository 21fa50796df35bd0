"""The instrumentation trace macrocell (DDI 0403E C1.7): stimulus ports whose bytes a probe would read from SWO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.trace_lock import TraceLock

TER, TPR, TCR = 0xE00, 0xE40, 0xE80
_PORTS_END = 0x80
_TCR_ITMENA = 1 << 0
_FIFO_READY = 1
TEXT_PORT = 0
"""The one that CMSIS' ITM_SendChar writes characters to."""


class Itm(Peripheral):
    """Ports that are always ready: what is written to an enabled one is out at once, whatever TPIU and SWO say.

    Args:
        log: Where it is told that other ports than the text's send.
        lock: Of its registers.
        trace_enabled: Tells DEMCR.TRCENA.

    Attributes:
        sent: Called with the bytes of each write to the text's port.
    """

    lacks = "time stamps, ports but 0"
    steady = True
    takes_narrow_writes = True

    def __init__(self, log: EventLog, lock: TraceLock, trace_enabled: Callable[[], bool]) -> None:
        super().__init__("ITM", {})
        self._log = log
        self._lock = lock
        self._trace_enabled = trace_enabled
        self.sent: Callable[[bytes], None] = lambda _data: None

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._lock.reset()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "locked": self._lock.locked}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._lock.locked = state["locked"]

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset < _PORTS_END:
            return _FIFO_READY
        if (status := self._lock.read(offset)) is not None:
            return status
        return super().read(offset)

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """See `Peripheral.write_narrow`: a port sends as many bytes as are written."""
        if offset < _PORTS_END:
            self._send(offset // 4, value.to_bytes(4, "little")[:size_bytes])
        else:
            self.write(offset & ~3, value)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset < _PORTS_END:
            self._send(offset // 4, value.to_bytes(4, "little"))
        elif not self._lock.takes(offset, value):
            super().write(offset, value)

    def _send(self, port: int, data: bytes) -> None:
        on = self.registers[TCR] & _TCR_ITMENA and self.registers[TER] >> port & 1 and self._trace_enabled()
        if not on:
            return
        if port == TEXT_PORT:
            self.sent(data)
        else:
            self._log.once(f"ITM's stimulus port {port} sends; only the text of port {TEXT_PORT} is shown")
