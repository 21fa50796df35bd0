"""Keeps Renode's core from sleeping where a chip's does not: part of `renode_worker`."""

from __future__ import annotations

from typing import Any

_FP_AND_XPSR = 25
"""Number of xPSR among the core's registers (Renode's GDB description of an M profile core)."""
_BRANCH_TO_ITSELF = b"\xfe\xe7"


class HandlersWoken:
    """From now on no handler sleeps before its first instruction; to be kept as long as the machine.

    Renode's core (1.16.1) looks for interrupts between two straight pieces of code. Where one becomes pending in the
    piece that a WFI ends, the core enters the handler and is asleep there, until another interrupt comes. The hook
    calls Python on the thread that the worker runs the emulation on: not for an emulation that runs freely.

    Args:
        machine: pyrenode3's.
    """

    def __init__(self, machine: Any) -> None:
        from System import Action, Boolean
        from System.Reflection import BindingFlags

        self._bus = machine.sysbus.internal
        self._core = machine.sysbus.cpu.internal
        kind = self._core.GetType()
        while kind is not None and kind.Name != "TranslationCPU":
            kind = kind.BaseType
        field = kind and kind.GetField("TlibCleanWfiProcState", BindingFlags.Instance | BindingFlags.NonPublic)
        if field is None:
            return  # another Renode
        self._wake = field.GetValue(self._core)
        self._hook = Action[Boolean](self._look)  # .NET holds it by a weak handle
        self._core.AddHookAtWfiStateChange(self._hook)

    def _look(self, falls_asleep: bool) -> None:
        if falls_asleep and self._at_a_handlers_start():
            self._wake()

    def _at_a_handlers_start(self) -> bool:
        exception = int(self._core.GetRegister(_FP_AND_XPSR).RawValue) & 0x1FF
        if not exception:
            return False
        pc = int(self._core.PC.RawValue)
        vector = self._peek(int(self._core.VectorTableOffset) + 4 * exception, 4)
        starts = vector is not None and int.from_bytes(vector, "little") & ~1 == pc
        # This one, which Renode takes for a WFI, may stand there.
        return starts and self._peek(pc, 2) != _BRANCH_TO_ITSELF

    def _peek(self, address: int, size_bytes: int) -> bytes | None:
        from System import UInt64

        if not self._bus.IsMemory(UInt64(address)):
            return None
        return bytes(self._bus.ReadBytes(UInt64(address), size_bytes, True))
