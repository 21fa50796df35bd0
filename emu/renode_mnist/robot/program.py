"""Keywords for a program that knows nothing of this project: its UARTs, and what its functions cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from robot.api import logger
from robot.api.deco import keyword, library

from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.session.emulation import Emulation
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.emulation_pins import LEVELS, PinLevel
from renode_mnist.session.emulation_text import shown
from renode_mnist.session.target_options import ClockModel, ProgramOptions, TargetOptions


def _each(given: Sequence[str] | str) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@library(scope="SUITE", auto_keywords=False)
class ProgramLibrary:
    """Runs any ELF for the STM32F746 on the embedded emulator or in Renode.

    All times are virtual, so that a busy machine changes no result. When a test fails, the log holds what the program
    has said and where it stands.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._emulation: Emulation | None = None

    @keyword
    def open_program(
        self,
        elf: str,
        target: str = "embedded",
        clock_model: ClockModel = "instructions",
        files: str | None = None,
        trace_locked: bool = False,
        peripherals: Sequence[str] | str = (),
        devices: Sequence[str] | str = (),
        analog: Sequence[str] | str = (),
        rng_seed: int = 0,
        ltdc: str | None = None,
        qspi: str | None = None,
    ) -> None:
        """Starts an emulator with a program at its first instruction; what was open is closed.

        ``target`` is ``embedded`` or ``renode``. With ``clock_model`` ``m7`` the embedded one counts modelled cycles.
        ``files`` is a folder below which the program may open files by semihosting; with ``trace_locked`` DWT and ITM
        are locked after a reset. The rest is the embedded one's, each as one text or a list: ``peripherals`` of your
        own (``module:Class@0x40011000``), ``devices`` on its buses (``module:Class@SPI1:PA4``,
        ``module:Class@I2C1:0x48``), ``analog`` for what an ADC sees at a pin (``PA0=1.65``, a file or a function);
        ``rng_seed`` is the random number generator's; ``ltdc`` is a .png for what the LCD controller shows when the
        program is closed, ``qspi`` a file with what the flash at the QUADSPI holds.
        """
        self.close_program()
        options = TargetOptions(clock_model=clock_model)
        program = ProgramOptions(
            files=files,
            trace_locked=trace_locked,
            peripherals=_each(peripherals),
            devices=_each(devices),
            analog=_each(analog),
            rng_seed=rng_seed,
            ltdc=ltdc,
            qspi=qspi,
        )
        self._emulation = open_emulation(Path(elf), target, options, program).__enter__()

    @keyword
    def close_program(self) -> None:
        """Ends the emulator; does nothing where none runs."""
        emulation, self._emulation = self._emulation, None
        if emulation is not None:
            emulation.__exit__(None, None, None)

    @keyword
    def wait_for_line(self, pattern: str, uart: str = "", timeout_seconds: float = 5.0) -> str:
        """Runs until the program has said a line that the regular expression matches from its start to its end.

        Lines before it are passed over; the next call goes on behind it. ``uart`` is the one it has to come on, also
        ``semihosting`` or ``ITM``; any without it. Fails after ``timeout_seconds`` of virtual time, or at once where
        nothing can come; the last lines then stand in the message, control characters escaped as in Python.
        """
        try:
            line = self._opened.wait_for_line(pattern, uart, timeout_seconds)
        except TargetTimeout as silence:
            raise AssertionError(str(silence)) from silence
        logger.info(f"{uart or 'said'}: {line}")
        return line

    @keyword
    def write_line(self, line: str, uart: str = "usart1", ending: str = "\r\n") -> None:
        r"""Sends a line to the UART that is to receive it, at the baud rate that the program has set.

        It arrives while the program runs, with ``ending`` behind it: carriage return and line feed, or what is given,
        as ``ending=\\n``. Where the program does not receive there, the next failure says so.
        """
        self._opened.write_line(line, uart, ending)

    @keyword
    def drive_pin(self, pin: str, level: PinLevel, at_seconds: float | None = None) -> None:
        """Drives a pin of the chip from outside, as a button or another chip does: ``PI11``, ``high`` or ``low``.

        ``released`` leaves it to its pull. With ``at_seconds`` it happens when the program has run so long since
        power-on, to the cycle on the embedded emulator.
        """
        self._opened.drive(pin, LEVELS[level], at_seconds)

    @keyword
    def pin_should_be(self, pin: str, level: Literal["high", "low"]) -> None:
        """Fails where a pin has another level, as it is measured on the board: what the program or a timer drives."""
        found = "high" if self._opened.pin(pin) else "low"
        if found != level:
            raise AssertionError(f"{pin} is {found}, not {level}")

    @keyword
    def run_until_function(self, function: str, timeout_seconds: float = 5.0) -> None:
        """Runs until a function is entered, before its first instruction; fails where it is not entered in time."""
        try:
            self._opened.run_until_function(function, timeout_seconds)
        except TargetTimeout as silence:
            raise AssertionError(str(silence)) from silence

    @keyword
    def function_instructions_should_not_exceed(self, function: str, limit: int, timeout_seconds: float = 5.0) -> int:
        """Runs the next call of a function; fails where it takes more instructions, or does not come or return.

        They are exact: from its first instruction to behind its return, with what it calls and the interrupts that
        come meanwhile. Returns how many.
        """
        return self._check(function, self._cost(function, timeout_seconds).instructions, limit, "instructions")

    @keyword
    def function_cycles_should_not_exceed(self, function: str, limit: int, timeout_seconds: float = 5.0) -> int:
        """The same of modelled cycles, which need ``clock_model=m7`` in `Open Program`."""
        cycles = self._cost(function, timeout_seconds).cycles
        if cycles is None:
            raise TargetError(
                "cycles are modelled on the embedded target by clock model m7 alone",
                "Open the program with `clock_model=m7`.",
            )
        return self._check(function, cycles, limit, "cycles (modelled)")

    @keyword
    def program_should_use_nothing_that_is_not_modelled(self) -> None:
        """Fails where the program has used a register that the emulator lacks, with the function that did."""
        if lacking := self._opened.target.lacking():
            raise AssertionError("\n".join(lacking))

    @property
    def _opened(self) -> Emulation:
        if self._emulation is None:
            raise RuntimeError("no program is open; call `Open Program` first")
        return self._emulation

    def _cost(self, function: str, timeout_seconds: float) -> Any:
        try:
            return self._opened.function_cost(function, timeout_seconds)
        except TargetTimeout as silence:
            raise AssertionError(str(silence)) from silence

    def _check(self, function: str, took: int, limit: int, unit: str) -> int:
        logger.info(f"{function}: {took} {unit}, limit {limit}")
        if took > limit:
            raise AssertionError(f"{function} took {took} {unit}, {took - limit} more than {limit}")
        return took

    def end_test(self, data: Any, result: Any) -> None:
        """Robot calls it after each test: a failed one's log gets what the program said and where it stands."""
        if not result.failed or self._emulation is None:
            return
        for place, said in self._emulation.text.heard.items():
            logger.info(f"{place}:\n{shown(bytes(said))}")
        target = self._emulation.target
        logger.info("\n".join([f"the core {target.whereabouts()}", *self._emulation.remarks(), *target.lacking()]))
