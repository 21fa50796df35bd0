"""What the worker that holds Renode does for a program that knows nothing of this project: part of `renode_worker`.

Semihosting is served by hooks on its BKPT instructions, by the same code as on the embedded target. Hooks are called
between two instructions, on the thread that the worker runs the emulation on; with a debugger that is one of Renode's
own, which must not call Python, so that there are none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from renode_mnist.stm32f746.semihosting import Semihosting

_FP_AND_XPSR = 25
"""Number of xPSR among the core's registers (Renode's GDB description of an M profile core)."""
_LONGEST_READ = 1 << 16
_BRANCH_TO_ITSELF = b"\xfe\xe7"
_IDR = 0x10
"""Of a GPIO port (RM0385 6.4.5)."""
_FLASH_STARTS = (0x0800_0000, 0x0020_0000)
"""The same by two buses; the platform starts from the second."""


class Program:
    """Semihosting, ITM and breakpoints of one machine.

    Args:
        machine: pyrenode3's.
        options: ``vector_table`` (its address, from which the core starts), ``calls`` (addresses of BKPT 0xAB),
            ``files`` (a folder, or empty), ``trace_locked``.
        hooks: Whether hooks may call Python.
    """

    def __init__(self, machine: Any, options: dict[str, Any], *, hooks: bool) -> None:
        self._bus = machine.sysbus.internal
        self._core = machine.sysbus.cpu.internal
        self._itm = machine.sysbus.itm.internal
        self._machine = machine
        self._said = bytearray()
        self._notes: list[str] = []
        self._hooks: list[Any] = []
        self._stop_address: int | None = None
        self._passed_at = -1
        self.function_entered = False
        folder = Path(options["files"]) if options["files"] else None
        self._semihosting = Semihosting(self._said.extend, folder)
        self._semihosting.attach(self, self._now_seconds, self._notes.append)
        if options["vector_table"] not in _FLASH_STARTS:
            from System import UInt32

            self._core.VectorTableOffset = UInt32(options["vector_table"])
        if options["trace_locked"]:
            for unit in (machine.sysbus.dwt.internal, self._itm):
                unit.ControlWrite(1, 1)
        if hooks:
            for address in options["calls"]:
                self._hook(address, self._serve_call)
            self._wake_handlers()

    # Semihosting

    def peek(self, address: int, size_bytes: int) -> bytes | None:
        """See `ProgramMemory`."""
        from System import UInt64

        if not size_bytes:
            return b""
        ends = (UInt64(address), UInt64(address + size_bytes - 1))
        if size_bytes > _LONGEST_READ or not all(self._bus.IsMemory(end) for end in ends):
            return None
        return bytes(self._bus.ReadBytes(UInt64(address), size_bytes, True))

    def poke(self, address: int, data: bytes) -> None:
        """See `ProgramMemory`."""
        from System import Array, Byte, UInt64

        if data:
            self._bus.WriteBytes(Array[Byte](data), UInt64(address), True)

    def _now_seconds(self) -> float:
        self._core.SyncTime()
        return float(self._machine.internal.ElapsedVirtualTime.TimeElapsed.TotalSeconds)

    def _serve_call(self, _core: Any, address: int) -> None:
        if self._semihosting.exit_status is not None:
            self._core.IsHalted = True
            return
        answer = self._semihosting.call(self._register(0), self._register(1))
        self._set_register(0, answer)
        if self._semihosting.exit_status is not None:
            self._core.IsHalted = True
        else:
            self._set_register(15, int(address) + 2)

    # Breakpoints

    def stop_at(self, address: int | None) -> None:
        """From now on the core halts before the instruction at ``address``; None: nowhere."""
        self._stop_address = address
        if address is not None:
            self._hook(address, self._stop)

    def go_on(self) -> None:
        """To be called before each run."""
        if self.function_entered:
            self.function_entered = False
            self._core.IsHalted = False

    def _stop(self, _core: Any, address: int) -> None:
        executed = int(self._core.ExecutedInstructions)
        if int(address) != self._stop_address or executed == self._passed_at:
            return
        self._passed_at = executed
        self.function_entered = True
        self._core.IsHalted = True

    def _hook(self, address: int, act: Any) -> None:
        from Antmicro.Renode.Peripherals.CPU import CpuAddressHook
        from System import UInt64

        hook = CpuAddressHook(act)
        self._hooks.append(hook)  # .NET holds it by a weak handle
        self._core.AddHook(UInt64(address), hook)

    # Pins

    def drive(self, port: str, pin: int, high: bool) -> None:
        """Gives a pin a level from outside."""
        self._port(port).OnGPIO(pin, high)

    def is_high(self, port: str, pin: int) -> bool:
        """What the program gives a pin that it drives, else what `drive` gave it: IDR has both."""
        return bool(int(self._port(port).ReadDoubleWord(_IDR)) >> pin & 1)

    def _port(self, letter: str) -> Any:
        return getattr(self._machine.sysbus, f"gpioPort{letter}").internal

    # Sleep

    def _wake_handlers(self) -> None:
        """From now on no handler sleeps before its first instruction.

        Renode's core (1.16.1) looks for interrupts between two straight pieces of code. Where one becomes pending in
        the piece that a WFI ends, the core enters the handler and is asleep there, until another interrupt comes.
        """
        from System import Action, Boolean
        from System.Reflection import BindingFlags

        kind = self._core.GetType()
        while kind is not None and kind.Name != "TranslationCPU":
            kind = kind.BaseType
        field = kind and kind.GetField("TlibCleanWfiProcState", BindingFlags.Instance | BindingFlags.NonPublic)
        if field is None:
            return  # another Renode
        wake = field.GetValue(self._core)

        def look(falls_asleep: bool) -> None:
            if falls_asleep and self._at_a_handlers_start():
                wake()

        self._hooks.append(Action[Boolean](look))
        self._core.AddHookAtWfiStateChange(self._hooks[-1])

    def _at_a_handlers_start(self) -> bool:
        exception = self._register(_FP_AND_XPSR) & 0x1FF
        if not exception:
            return False
        pc = int(self._core.PC.RawValue)
        vector = self.peek(int(self._core.VectorTableOffset) + 4 * exception, 4)
        starts = vector is not None and int.from_bytes(vector, "little") & ~1 == pc
        # This one, which Renode takes for a WFI, may stand there.
        return starts and self.peek(pc, 2) != _BRANCH_TO_ITSELF

    # What there is to see

    def _register(self, number: int) -> int:
        return int(self._core.GetRegister(number).RawValue)

    def _set_register(self, number: int, value: int) -> None:
        from Antmicro.Renode.Peripherals.CPU import RegisterValue
        from System import UInt32, UInt64

        self._core.SetRegister(number, RegisterValue.Create(UInt64(value), UInt32(32)))

    @property
    def stopped(self) -> bool:
        """Whether the run is over before its time."""
        return self.function_entered or self._semihosting.exit_status is not None

    def state(self) -> dict[str, Any]:
        """What every answer carries of it."""
        said, notes = self._said.hex(), list(self._notes)
        self._said.clear()
        self._notes.clear()
        return {
            "semihosting": said,
            "itm": bytes(self._from_itm()).hex(),
            "notes": notes,
            "exit_status": self._semihosting.exit_status,
            "function_entered": self.function_entered,
            "pc": int(self._core.PC.RawValue),
            "lr": self._register(14),
            "sp": self._register(13),
            "exception": self._register(_FP_AND_XPSR) & 0x1FF,
        }

    def _from_itm(self) -> list[int]:
        found = []
        while (byte := int(self._itm.ControlRead(0, 0))) != 0:
            found.append(byte - 1)
        return found
