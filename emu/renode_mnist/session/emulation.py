"""A program of others on an emulator: what it says line by line, how far it runs, what its functions cost."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.stack_room import StackRoom, stack_room
from renode_mnist.session import deadline, emulation_remarks
from renode_mnist.session.emulation_text import Text
from renode_mnist.stm32f746 import elf as elf_module
from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.pads import pin_of
from renode_mnist.targets.any_elf import AnyElf, Count, End, EndKind, Heard, Stopped

_LONGEST_WALL_SECONDS = 600.0
"""Of this machine's time that a call waits for a line or a function: nothing else would end it where the emulated
core has gone astray and virtual time hardly goes on."""
_SLICE_SECONDS = 0.01
"""Virtual time between two looks at the wall's clock and at whether more can come."""
_GRACE_SECONDS = 2.0
"""Of this machine's time behind its end, in which a slice is to be over; a loop in a user's class never is."""
_ICSR = 0xE000ED04
"""Its VECTACTIVE (bits 8:0) is the exception whose handler runs, 3 to 6 a fault's (PM0253 4.3.3, 2.4.2)."""
_FAULTS = range(3, 7)
_CR1_RECEIVES = 1 << 0 | 1 << 2
"""UE and RE of USART_CR1, the first register (RM0385 31.8.1)."""


class Reason(StrEnum):
    """Why a run is over."""

    TEXT = "text"
    TIME = "time"
    FUNCTION = "function"
    WALL = "wall"
    EXIT = EndKind.EXIT
    FAULT = EndKind.FAULT
    HANG = EndKind.HANG
    REST = EndKind.REST


@dataclass(frozen=True)
class Over:
    """The end of a run.

    Attributes:
        reason: Why.
        text: In words.
        status: The program's exit status; 0 where it gave none.
    """

    reason: Reason
    text: str
    status: int = 0


@dataclass(frozen=True)
class Place:
    """Where the core is.

    Attributes:
        pc: Address of the next instruction.
        function: In which; empty where no symbol tells.
        file: Of its source; empty without debug information.
        line: Likewise.
    """

    pc: int
    function: str
    file: str
    line: int

    def __str__(self) -> str:
        """``0x08000154 in main (main.c:57)``."""
        where = f" in {self.function}" if self.function else ""
        return f"{self.pc:#010x}{where}" + (f" ({Path(self.file).name}:{self.line})" if self.file else "")


@dataclass(frozen=True)
class Stack:
    """The main stack.

    Attributes:
        deepest_bytes: What it took at most.
        room_bytes: What the linker left it.
    """

    deepest_bytes: int
    room_bytes: int


class Emulation:
    """A program on an emulator; a context manager. Virtual time goes on only within its calls.

    Args:
        elf: The program.
        make: Makes the emulator, of whom it is to tell what the program says.
        hear: Told that too, as it comes.

    Raises:
        ElfError: The chip cannot run it.
    """

    def __init__(self, elf: Path, make: Callable[[Heard], AnyElf], hear: Heard | None = None) -> None:
        self.elf = elf
        self.text = Text()
        self._hear = hear
        self._image = elf_module.load(elf, ours=False)
        self.target = make(self._heard)
        self._room: StackRoom | None = None
        self._info: DebugInfo | None = None
        self._written: set[str] = set()
        self._deaf: list[str] = []
        self.over: Over | None = None

    def __enter__(self) -> Self:
        """Starts the emulator."""
        self.target.__enter__()
        try:
            self._room = self._find_room()
            if self._room is not None:
                self.target.write_memory(self._room.low, self._room.paint())
        except BaseException as error:
            self.target.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        try:
            if error is None:
                self._deaf = self._receivers_off()  # for who asks afterwards
                self._written.clear()
        finally:
            self.target.__exit__(kind, error, trace)

    def _heard(self, place: str, data: bytes) -> None:
        self.text.add(place, data)
        if self._hear is not None:
            self._hear(place, data)

    def _find_room(self) -> StackRoom | None:
        first = next(part for part in self._image.segments if part.address == self._image.vector_table)
        pointer = int.from_bytes(first.data[:4], "little")
        memory = memory_map.memory_at(pointer - 4)
        if memory is None:
            return None
        ram = (memory.base, memory.end) if memory is memory_map.ITCM else (memory_map.DTCM.base, memory_map.SRAM2.end)
        return stack_room(self.elf, pointer, ram)

    # Running

    def run(
        self,
        seconds: float | None,
        done: Callable[[], bool] = lambda: False,
        *,
        wall_seconds: float | None = None,
    ) -> Over:
        """Runs for a virtual time, or until ``done``, or to the program's end.

        Args:
            seconds: None: as long as something can come.
            done: Asked when the program has said something.
            wall_seconds: Most of this machine's time; None: no limit.

        Raises:
            TargetError: The time is none.
        """
        if seconds is not None and not 0 <= seconds < math.inf:
            raise TargetError(f"{seconds:g} s are no time to run for", "Give seconds of virtual time, 0 or more.")
        begun = self.target.now()
        try:
            with deadline.raised_after(None if wall_seconds is None else wall_seconds + _GRACE_SECONDS):
                self.over = self._run(seconds, done, wall_seconds)
        except deadline.DeadlinePassed as passed:
            where = deadline.place_of(passed)
            self.over = self._wall_over(wall_seconds, begun, f"; they went by in {where}" if where else "")
        return self.over

    def _wall_over(self, wall_seconds: float | None, begun: float, where: str = "") -> Over:
        ran = self.target.now() - begun
        return Over(
            Reason.WALL, f"{wall_seconds:g} s of this machine's time are over, of virtual time {ran:.6f} s{where}"
        )

    def _run(self, seconds: float | None, done: Callable[[], bool], wall_seconds: float | None) -> Over:
        target = self.target
        begun = target.now()
        until = None if seconds is None else begun + seconds
        wall = None if wall_seconds is None else time.monotonic() + wall_seconds
        while True:
            slice_end = target.now() + _SLICE_SECONDS
            end = slice_end if until is None else min(until, slice_end)
            came = target.run(end, done)
            if isinstance(came, End):
                why = emulation_remarks.placed(emulation_remarks.without_repeat(came.text), self.place_of)
                return Over(Reason(came.kind), f"{self._overflow(came.kind)}{why}", came.status)
            if came is Stopped.CONDITION:
                return Over(Reason.TEXT, "what was waited for has come")
            if came is Stopped.FUNCTION:
                return Over(Reason.FUNCTION, "the function was entered")
            if end == until:  # the target's own clock may miss that by a rounding
                return Over(Reason.TIME, f"{seconds:g} s of virtual time are over")
            if wall is not None and time.monotonic() >= wall:
                return self._wall_over(wall_seconds, begun)

    def _overflow(self, kind: EndKind) -> str:
        """Whether that is what a fault came from: the handler's stack pointer is still where the program's was."""
        if kind is not EndKind.FAULT or self._room is None:
            return ""
        pointer = self.target.registers()[2]
        below = self._room.overflow(pointer, memory_map.memory_at(pointer) is not None, self._in_room(self._room))
        return f"stack overflow, {below} bytes below the main stack's room: " if below else ""

    def wait_for_line(self, pattern: str, uart: str = "", seconds: float = 5.0) -> str:
        """Runs until the program has said a line that a regular expression matches from its start to its end.

        Lines before it are passed over; the next call goes on behind it.

        Args:
            pattern: The expression.
            uart: Where it is to come, also ``semihosting`` or ``ITM``; empty: anywhere.
            seconds: Of virtual time.

        Raises:
            TargetError: The pattern is no regular expression, or there is no such UART.
            TargetTimeout: None came; the message has why, and the last lines that did.
        """
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise TargetError(
                f"'{pattern}' is no regular expression ({error})",
                "Put a backslash before a character that stands for itself.",
            ) from error
        self.check_place(uart)
        found = self.text.take_line(expression, uart)
        if found is None:
            line: list[str] = []

            def look() -> bool:
                if (taken := self.text.take_line(expression, uart)) is not None:
                    line.append(taken)
                return bool(line)

            over = self.run(seconds, look, wall_seconds=_LONGEST_WALL_SECONDS)
            found = line[0] if line else self.text.take_line(expression, uart)
            if found is None:
                off = "".join(f"; {remark}" for remark in self._receivers_off())
                raise TargetTimeout(
                    f"no line that '{pattern}' matches came on {uart or 'any UART'}: {self._why(over)}{off}",
                    f"The last lines were {self.text.end(uart) or 'none'}.",
                )
        return found

    def write_line(self, text: str, uart: str, ending: str = "\r\n") -> None:
        """Sends a line to the program, at the baud rate that it has set.

        Args:
            text: The line.
            uart: The one that receives it.
            ending: What is sent behind it.

        Raises:
            TargetError: There is no such UART.
        """
        self.write(f"{text}{ending}".encode(), uart)

    def write(self, data: bytes, uart: str) -> None:
        """Sends bytes to the program.

        Raises:
            TargetError: There is no such UART.
        """
        name = uart.upper()
        if name not in self.target.uarts:
            raise TargetError(
                f"{self.target.name} has no UART '{uart}'", f"Choose one of: {', '.join(self.target.uarts)}."
            )
        self._written.add(name)
        self.target.send(name, data)

    def drive(self, pin: str, high: bool | None, at_seconds: float | None = None) -> None:
        """Drives a pin from outside.

        Args:
            pin: As ``PI11``.
            high: Its level; None releases it.
            at_seconds: When, of virtual time since power-on; None: now.

        Raises:
            TargetError: There is no such pin, that moment has passed, or the emulator cannot release pins.
        """
        place = pin_of(pin)
        if at_seconds is not None and not self.target.now() <= at_seconds < math.inf:
            raise TargetError(
                f"{pin} cannot be driven at {at_seconds:g} s, it is {self.target.now():g} s already",
                "Give a moment of virtual time to come.",
            )
        self.target.drive(place, high, at_seconds)

    def pin(self, pin: str) -> bool:
        """Whether a pin is high, as it is measured on the board.

        Raises:
            TargetError: There is no such pin.
        """
        return self.target.is_high(pin_of(pin))

    def _receivers_off(self) -> list[str]:
        """A sentence for each UART that was written to and does not receive."""
        bases = {each.name: each.base for each in memory_map.PERIPHERALS}
        return [
            f"{name} was written to, but the program does not receive there (CR1: RE, UE)"
            for name in sorted(self._written)
            if ~int.from_bytes(self.target.read_memory(bases[name], 4), "little") & _CR1_RECEIVES
        ]

    def check_place(self, uart: str) -> None:
        """Raises where nothing of that name can be heard.

        Raises:
            TargetError: Nothing can.
        """
        places = (*self.target.uarts, *self.text.beside)
        if uart and uart.upper() not in map(str.upper, places):
            raise TargetError(f"{self.target.name} has no UART '{uart}'", f"Choose one of: {', '.join(places)}.")

    def run_until_function(self, name: str, seconds: float = 5.0) -> None:
        """Runs until a function is entered, before its first instruction.

        Raises:
            TargetError: There is no such function.
            TargetTimeout: It was not entered.
        """
        self._run_to(self._address_of(name), seconds, f"'{name}' was not entered")

    def function_cost(self, name: str, seconds: float = 5.0) -> Count:
        """What the next call of a function takes, from its first instruction to behind its return.

        With what it calls, and with interrupts that come meanwhile. A function that calls itself is measured by its
        outermost call.

        Raises:
            TargetError: There is no such function.
            TargetTimeout: It was not entered, or did not return.
        """
        self.run_until_function(name, seconds)
        before = self.target.count()
        _, back, stack = self.target.registers()
        while True:
            self._run_to(back & ~1, seconds, f"'{name}' did not return")
            if self.target.registers()[2] >= stack:
                break
        after = self.target.count()
        cycles = None if after.cycles is None or before.cycles is None else after.cycles - before.cycles
        return Count(after.instructions - before.instructions, cycles)

    def _run_to(self, address: int, seconds: float, what: str) -> None:
        self.target.stop_at(address)
        try:
            over = self.run(seconds, wall_seconds=_LONGEST_WALL_SECONDS)
        finally:
            self.target.stop_at(None)
        if over.reason is not Reason.FUNCTION:
            raise TargetTimeout(f"{what}: {self._why(over)}", "Was it inlined, or is it not called?")

    def _why(self, over: Over) -> str:
        """With where the core is, where that is not what ended the run."""
        timed_out = over.reason in (Reason.TIME, Reason.WALL)
        whereabouts = emulation_remarks.placed(self.target.whereabouts(), self.place_of)
        return f"{over.text}; the core {whereabouts}" if timed_out else over.text

    def _address_of(self, name: str) -> int:
        address = self._image.function(name)
        if address is None:
            known = self._image.functions()
            near = [each for each in known if name.lower() in each.lower()][:5]
            meant = f"Did you mean {', '.join(near)}?" if near else "Give one that is in the ELF's symbol table."
            raise TargetError(f"{self.elf.name} has no function '{name}'", meant)
        return address

    # What there is to see

    def count(self) -> Count:
        """What was executed since the start."""
        return self.target.count()

    def place(self) -> Place:
        """Where the core is."""
        return self.place_of(self.target.registers()[0])

    def place_of(self, pc: int) -> Place:
        """What is known of an address."""
        self._info = self._info or DebugInfo(self.elf)
        frames = self._info.frames(pc)
        if not frames:
            return Place(pc, self._image.symbol_at(pc).removeprefix(" in ").partition("+")[0], "", 0)
        return Place(pc, frames[-1].function, frames[-1].file, frames[-1].line)

    def stack(self) -> Stack | None:
        """How deep the main stack was; None where its room is not known."""
        if self._room is None:
            return None
        return Stack(self._room.deepest(self._in_room(self._room)), self._room.high - self._room.low)

    def _in_room(self, room: StackRoom) -> bytes:
        return self.target.read_memory(room.low, room.high - room.low)

    def remarks(self) -> tuple[str, ...]:
        """What is to be told of the run beside what is not modelled; each line once, with how often it came."""
        remarks = [*self.target.remarks(), *(self._receivers_off() or self._deaf)]
        return emulation_remarks.folded(emulation_remarks.placed(each, self.place_of) for each in remarks)

    def faults(self) -> int:
        """How many faults were taken, as far as the emulator remarks them: Renode does not."""
        return emulation_remarks.faults_among(self.target.remarks())

    def in_fault_handler(self) -> bool:
        """Whether the core is in the handler of a fault."""
        return int.from_bytes(self.target.read_memory(_ICSR, 4), "little") & 0x1FF in _FAULTS
