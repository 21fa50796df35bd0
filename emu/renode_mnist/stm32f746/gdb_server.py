"""Lets GDB stop the emulated core and look around: a stub for its remote protocol (GDB manual, appendix E).

A stub of its own: what PyPI has for Unicorn (udbserver) runs inside a hook on each instruction and knows nothing of
what happens between Unicorn's runs here (exceptions, sleep, virtual time).
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
from collections.abc import Callable, Sequence
from typing import NoReturn

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import gdb_registers, memory_map
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.gdb_link import INTERRUPT, Link
from renode_mnist.stm32f746.gdb_registers import REGISTERS, Register
from renode_mnist.stm32f746.machine import Halt, Machine
from renode_mnist.stm32f746.watchpoints import WatchKind, Watchpoint

_SIGINT, _SIGTRAP, _SIGSEGV = b"S02", b"S05", b"S0b"

_LOOK_PS = PICOSECONDS // 100
"""Virtual time between two looks for Ctrl-C: some 5 ms of host time in running code."""

_RESUME = re.compile(rb"vCont;([cCsS])")
"""The first action is for the only thread. Where a stub does not tell that it has these (`vContSupported`), GDB steps
by breakpoints of its own, and sets them inside IT blocks."""

_PACKET_BYTES = 0x4000
_OK, _UNKNOWN, _BAD_ADDRESS, _BAD_REQUEST = b"OK", b"", b"E0e", b"E16"
_WATCHES = {b"2": WatchKind.WRITE, b"3": WatchKind.READ, b"4": WatchKind.ACCESS}
_BKPT = b"\xbe"
"""Second byte of the BKPT instruction."""


class GdbServer:
    """Stands between a machine and whoever runs it; the machine stops wherever the debugger says.

    One debugger at a time; when it has gone, another may come and finds the machine stopped.

    Time is virtual: while the debugger thinks, none goes by, and nobody who waits for the machine times out. Up to
    the first breakpoint or step a run is the same as without a debugger, to the instruction; behind it an interrupt
    may come a block earlier, since a stop divides its block. A step leaves pending exceptions pending, or it would
    end in the handler of whatever has come in the meantime. An IT block is one step: Unicorn has no hooks inside.

    Args:
        machine: Not run yet.
        port: On the loopback address; 0 is a free one.
    """

    def __init__(self, machine: Machine, port: int) -> None:
        self._machine = machine
        self._link: Link | None = None
        self._breakpoints: set[int] = set()
        self._trapped: set[int] | None = set()
        try:
            self._door = socket.create_server(("127.0.0.1", port))
        except OSError as error:
            raise TargetError(
                f"cannot serve a debugger on port {port}: {error.strerror}", "Choose another port: `--gdb`."
            ) from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._door.getsockname()[1])

    def wait(self) -> None:
        """Waits until a debugger has come and let the machine go."""
        connection, _ = self._door.accept()
        self._attach(connection)

    def _attach(self, connection: socket.socket) -> None:
        self._link = Link(connection)
        self._machine.stop_at_bkpt = True
        self._serve(_SIGTRAP)

    def _look_at_the_door(self) -> None:
        """Takes who comes once the debugger has gone, and sends away who comes while one is there."""
        while select.select([self._door], [], [], 0)[0]:
            connection, _ = self._door.accept()
            if self._link:
                connection.close()
            else:
                self._attach(connection)

    def run_until(self, time_ps: int, condition: Callable[[], bool] | None = None) -> Halt:
        """As `Machine.run_until`, with stops in between."""
        machine = self._machine
        while True:
            self._look_at_the_door()
            try:
                halt = machine.run_until(min(time_ps, machine.clock.now_ps() + _LOOK_PS), condition)
            except TargetError:
                self._stopped(_SIGSEGV)
                raise
            if halt is Halt.WATCHPOINT:
                self._stopped(self._watched())
            elif halt is Halt.BREAKPOINT and self._link:
                machine.core.cut_short(repeat=True)  # a BKPT was counted, and did not run
                self._stopped(_SIGTRAP)
            elif self._link and self._link.has_something():
                self._stopped(_SIGINT)
            elif halt is not Halt.TIME or machine.clock.now_ps() >= time_ps:
                return halt

    def close(self) -> None:
        """Tells the debugger that the program has ended."""
        self._door.close()
        if self._link:
            with contextlib.suppress(ConnectionError):
                self._link.send(b"W00")
            self._let_go()

    # Stopped

    def _stopped(self, why: bytes) -> None:
        """Tells why the machine has stopped and does what the debugger asks, until it lets the machine go."""
        if not self._link:
            return  # a lockup that nobody looks at
        try:
            if why is _SIGINT and self._link.receive() != INTERRUPT:
                return
            self._link.send(why)
        except ConnectionError:
            self._lost()
        else:
            self._serve(why)

    def _watched(self) -> bytes:
        hit = self._machine.protection.watchpoints.take_hit()
        assert hit
        return b"T05%s:%08x;" % (hit.kind.value.encode(), hit.address)

    def _serve(self, why: bytes) -> None:
        try:
            while self._link:
                request = self._link.receive()
                if request == b"?":
                    self._link.send(why)
                elif resumed := _RESUME.match(request):
                    return self._resume(step=resumed[1] in b"sS")
                elif request[:1] == b"D":
                    self._link.send(_OK)
                    self._let_go()
                elif request == b"k":
                    self._killed()
                elif request != INTERRUPT:
                    self._link.send(self._answer(request))
        except ConnectionError:
            self._lost()

    def _resume(self, *, step: bool) -> None:
        machine = self._machine
        machine.hold_exceptions = step
        traps = None if step else set(self._breakpoints)
        if traps != self._trapped:
            machine.core.set_traps(traps)
            self._trapped = traps
        if (machine.core.memory.peek(machine.core.pc, 2) or b"")[1:] == _BKPT:
            machine.skip_bkpt()  # else it would stop there for ever
        else:
            machine.core.pass_trap()

    def _lost(self) -> None:
        self._machine.log.add("the debugger is gone; the program went on without it")
        self._let_go()

    def _let_go(self) -> None:
        assert self._link
        self._link.close()
        self._link = None
        self._machine.stop_at_bkpt = self._machine.hold_exceptions = False
        self._machine.core.set_traps(())
        self._machine.protection.forget_watchpoints()

    def _killed(self) -> NoReturn:
        self._let_go()
        raise TargetError("the debugger has ended the program", "Use `detach` to let it go on.")

    # Requests

    def _answer(self, request: bytes) -> bytes:
        try:
            return self._answers(request)
        except ValueError:
            return _BAD_REQUEST

    def _answers(self, request: bytes) -> bytes:
        core = self._machine.core
        name, _, rest = request.partition(b":")
        match request[:1]:
            case b"g":
                return b"".join(gdb_registers.read(core, register) for register in REGISTERS).hex().encode()
            case b"G":
                return self._write_registers(REGISTERS, _bytes(request[1:]))
            case b"p":
                return gdb_registers.read(core, _register(request[1:])).hex().encode()
            case b"P":
                number, _, value = request[1:].partition(b"=")
                return self._write_registers([_register(number)], _bytes(value))
            case b"m":
                return self._read(*_numbers(request[1:]))
            case b"M":
                return self._write(*_numbers(name[1:]), _bytes(rest))
            case b"X":
                return self._write(*_numbers(name[1:]), rest)
            case b"Z" | b"z" if request[1:2] in b"01":
                return self._set_breakpoint(_numbers(request[3:])[0], wanted=request[:1] == b"Z")
            case b"Z" | b"z" if request[1:2] in b"234":
                return self._set_watchpoint(
                    _WATCHES[request[1:2]], *_numbers(request[3:]), wanted=request[:1] == b"Z"
                )
            case b"H":
                return _OK  # there is one thread
        match name:
            case b"qSupported":
                return b"PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+" % _PACKET_BYTES
            case b"QStartNoAckMode" if self._link:
                self._link.acknowledges = False
                return _OK
            case b"vCont?":
                return b"vCont;c;C;s;S"
            case b"qAttached":
                return b"1"  # so GDB's `quit` detaches
            case b"qXfer" if rest.startswith(b"features:read:target.xml:"):
                return _piece(gdb_registers.description(), *_numbers(rest.rpartition(b":")[2]))
        return _UNKNOWN

    def _write_registers(self, registers: Sequence[Register], values: bytes) -> bytes:
        if len(values) != sum(register.size_bytes for register in registers):
            return _BAD_REQUEST
        for register in registers:
            gdb_registers.write(self._machine.core, register, values[: register.size_bytes])
            values = values[register.size_bytes :]
        return _OK

    def _set_breakpoint(self, address: int, *, wanted: bool) -> bytes:
        if memory_map.memory_at(address) is None:
            return _BAD_ADDRESS
        (self._breakpoints.add if wanted else self._breakpoints.discard)(address)
        return _OK

    def _set_watchpoint(self, kind: WatchKind, address: int, size_bytes: int, *, wanted: bool) -> bytes:
        point = Watchpoint(kind, address, address + size_bytes)
        return _OK if self._machine.protection.watch(point, wanted=wanted) else _BAD_ADDRESS

    def _read(self, address: int, size_bytes: int) -> bytes:
        data = self._machine.read_memory(address, size_bytes)
        return _BAD_ADDRESS if data is None else data.hex().encode()

    def _write(self, address: int, size_bytes: int, data: bytes) -> bytes:
        if len(data) != size_bytes:
            return _BAD_REQUEST
        return _OK if self._machine.write_memory(address, data) else _BAD_ADDRESS


def _register(number: bytes) -> Register:
    if (index := int(number, 16)) >= len(REGISTERS):
        raise ValueError(f"there is no register {index}")
    return REGISTERS[index]


def _numbers(text: bytes) -> tuple[int, int]:
    first, second = text.split(b",")
    return int(first, 16), int(second, 16)


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.decode("ascii"))


def _piece(whole: bytes, offset: int, size_bytes: int) -> bytes:
    part = whole[offset : offset + size_bytes]
    return (b"m" if offset + size_bytes < len(whole) else b"l") + part
