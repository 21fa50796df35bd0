"""The MPU's regions as rights of the core: what it is kept from, and what was the reason afterwards."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.access import Access, Piece
from renode_mnist.stm32f746.bus import Bus
from renode_mnist.stm32f746.chip import Chip
from renode_mnist.stm32f746.core import Core
from renode_mnist.stm32f746.mpu import Mpu
from renode_mnist.stm32f746.nvic import Nvic, SystemException
from renode_mnist.stm32f746.scs import FaultStatus
from renode_mnist.stm32f746.stop import Stop, StopKind
from renode_mnist.stm32f746.watchpoints import Watchpoint, Watchpoints

_IGNORE_MPU = {SystemException.HARD_FAULT, SystemException.NMI}


class Protection:
    """Which accesses go ahead.

    Args:
        core: Is held to it.
        mpu: Says what is allowed.
        nvic: Says whether an exception is active that the MPU does not concern.
        bus: Says where something answers.
        chip: Is told of changes, if there is one in C.
        flash_is_open: Says whether a store to the flash comes to its controller.

    Attributes:
        watchpoints: To be changed by `watch`.
        stale: The MPU was written and `follow` not yet called: what is enforced is what was allowed before.
    """

    def __init__(
        self,
        core: Core,
        mpu: Mpu,
        nvic: Nvic,
        bus: Bus,
        chip: Chip | None = None,
        flash_is_open: Callable[[], bool] = lambda: False,
    ) -> None:
        self._core = core
        self._mpu = mpu
        self._nvic = nvic
        self._bus = bus
        self._chip = chip
        self.watchpoints = Watchpoints()
        self._flash_is_open = flash_is_open
        self.stale = False
        self._active = False
        self._unwritable: list[Piece] = []

    def changed(self) -> None:
        """To be called when the MPU was written: the run ends, so that `follow` can be called."""
        self.stale = True
        if self._chip:
            self._chip.rights_changed(stale=True)
        self._core.counter.request_stop()

    def watch(self, point: Watchpoint, *, wanted: bool) -> bool:
        """Sets a watchpoint, or takes it away; only between runs.

        Returns:
            Whether that can be watched: RAM and peripherals can, memories that code is in cannot.
        """
        memory = memory_map.memory_at(point.begin)
        if memory is None:
            possible = self._bus.answers(point.begin, 4, False)
        else:
            possible = memory.base >= memory_map.DTCM.base and point.end <= memory_map.SRAM2.end
        if possible:
            self.watchpoints.put(point, wanted=wanted)
            self._watchpoints_changed()
        return possible

    def forget_watchpoints(self) -> None:
        """Takes all away; only between runs."""
        if self.watchpoints:
            self.watchpoints.clear()
            self._watchpoints_changed()

    def _watchpoints_changed(self) -> None:
        if self._chip:
            self._chip.ask_each_access(bool(self.watchpoints))
        self.stale = True
        self.follow()

    def follow(self) -> None:
        """Brings Unicorn's map in line with the MPU; only between runs."""
        active = self._mpu.active(not self._nvic.active.isdisjoint(_IGNORE_MPU))
        if not self.stale and active == self._active:
            return
        self.stale = False
        self._active = active
        self._unwritable = []
        borders = {*(self._mpu.borders() if active else ()), *self.watchpoints.borders()}
        for memory in memory_map.MEMORIES:
            marks = sorted({memory.base, memory.end, *(at for at in borders if memory.holds(at))})
            rights = [
                Piece(
                    begin,
                    end,
                    self.watchpoints.rights(begin, self._mpu.access(begin) if active else Access.ALL),
                )
                for begin, end in pairwise(marks)
            ]
            self._core.memory.set_rights(memory, rights)
            self._unwritable += [piece for piece in rights if not piece.access & Access.WRITE]
        if self._chip:
            self._chip.rights_changed(stale=False)
            self._chip.set_unwritable((piece.begin, piece.end) for piece in self._unwritable)

    def may_access(self, address: int, size_bytes: int, store: bool) -> bool:
        """Whether an access that the core has to ask about is allowed and answered."""
        if self._active and not self._mpu.access(address) & (Access.WRITE if store else Access.READ):
            return False
        if self.watchpoints and self.watchpoints.sees(address, size_bytes, store):
            return False
        memory = memory_map.memory_at(address)
        if store and memory is not None and not memory.writable:
            return memory is memory_map.FLASH and self._flash_is_open()
        return self._core.memory.is_guarded(address) or self._bus.answers(address, size_bytes, store)

    def forbids(self, stop: Stop) -> bool:
        """Whether a refused access was refused by the MPU."""
        if not self._active:
            return False
        wanted = {StopKind.BAD_LOAD: Access.READ, StopKind.BAD_STORE: Access.WRITE}.get(stop.kind, Access.EXECUTE)
        return not self._mpu.access(stop.address) & wanted

    def stack_refusal(self, address: int, size_bytes: int) -> int:
        """Why an exception cannot stack there: 0, or the `FaultStatus` bit (``STKERR``, ``MSTKERR``)."""
        for at in (address, address + size_bytes - 4):
            memory = memory_map.memory_at(at)
            if memory is None or not memory.writable:
                return FaultStatus.STKERR
        end = address + size_bytes
        forbidden = any(address < piece.end and piece.begin < end for piece in self._unwritable)
        return FaultStatus.MSTKERR if forbidden else 0
