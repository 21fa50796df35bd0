"""A machine's state, to go back to or to go on from in another machine.

::

    saved = snapshot.save(machine)  # e.g. booted
    machine.run_for(1.0)
    snapshot.restore(machine, saved)  # as if it had not run
    twin = snapshot.copy(machine)  # goes on from there on its own

All that decides what the program does next is in it, with counts, edges, caches of the clock model, the log and the
virtual time; a run from a snapshot is the run that it was taken from, to the instruction. Not in it: who listens to
the machine's lines, their other ends' baud rate, breakpoints, observers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from unicorn import arm_const as arm

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.clock import Event
from renode_mnist.stm32f746.core import Core
from renode_mnist.stm32f746.exceptions import Lockup
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.slot import PeripheralEvent, ResetCause

_SAVED = (
    arm.UC_ARM_REG_MSP, arm.UC_ARM_REG_PSP, arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI,
    arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_FPSCR, *(arm.UC_ARM_REG_S0 + index for index in range(32)),
    *(arm.UC_ARM_REG_R0 + index for index in range(13)), arm.UC_ARM_REG_LR,
    arm.UC_ARM_REG_IPSR, arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_EPSR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR,
)  # fmt: skip
_FLAGS = (arm.UC_ARM_REG_XPSR_NZCVQG, arm.UC_ARM_REG_APSR_NZCV)
"""Written last, as `Exceptions` does."""
_A_HANDLER = 3

_OSCILLATOR, _PERIPHERAL = "oscillator", "peripheral"
_ADDRESS = 2
"""Of the block that an edge leads to, in a row of `BlockCounter.edges`."""
_FOREIGN = -1
"""``kForeign`` of native/chip_state.h."""


@dataclass(frozen=True)
class Snapshot:
    """A state of one machine; its fields are `restore`'s alone."""

    program: tuple[object, ...]
    timed: bool
    registers: tuple[int, ...]
    memories: dict[str, bytes]
    counter: bytes
    chip: bytes
    events: tuple[tuple[int, int, int, int, object], ...]
    incoming: tuple[bytes, ...]
    peripherals: dict[str, dict[str, Any]]
    wires: dict[str, Any]
    low_power: tuple[str, int]
    mpu: Any
    log: Any
    lockup: Lockup | None
    last_fault: str
    resets: int
    reset_causes: dict[ResetCause, int]
    ran_in_ram: bool


def save(machine: Machine) -> Snapshot:
    """The state of ``machine``, between two runs.

    Raises:
        TargetError: Its models are those in Python, or an event is to come that somebody else asked for.
    """
    native = _native(machine)
    machine.parts.synchronise()
    state, events, incoming = native.save()
    return Snapshot(
        program=machine.image.segments,
        timed=machine.core.times_memory,
        registers=tuple(machine.core.register_set(*_SAVED).read()),
        memories=machine.core.memory.contents(),
        counter=_counter(machine.core).save(),
        chip=state,
        events=tuple(_described(machine, event) for event in events),
        incoming=incoming,
        peripherals=machine.bus.state(),
        wires=machine.wires.state(),
        low_power=machine.low_power.state(),
        mpu=machine.mpu.state(),
        log=machine.log.state(),
        lockup=machine.exceptions.lockup,
        last_fault=machine.exceptions.last_fault,
        resets=machine.resets,
        reset_causes=dict(machine.reset_causes),
        ran_in_ram=_runs_in_ram(machine),
    )


def restore(machine: Machine, saved: Snapshot) -> None:
    """Brings ``machine`` to a state that it, or another one with the same program and clock model, was in.

    Raises:
        TargetError: It is of another program or clock model, or has its models in Python.
    """
    native = _native(machine)
    if saved.program != machine.image.segments or saved.timed != machine.core.times_memory:
        raise TargetError(
            "The snapshot is of another program or clock model", "Restore it into a machine of the same kind."
        )
    ran_in_ram = saved.ran_in_ram or machine.resets > 0 or _runs_in_ram(machine)
    changed = machine.core.memory.set_contents(saved.memories)
    if changed & {memory_map.FLASH.name, memory_map.ITCM.name} or ran_in_ram:
        machine.core.code_changed()
    machine.bus.take_state(saved.peripherals)
    machine.wires.take_state(saved.wires)
    machine.low_power.take_state(saved.low_power)
    native.restore(saved.chip, [_recalled(machine, event) for event in saved.events], saved.incoming)
    machine.pads.look()
    _recall_plans(machine, saved)
    machine.parts.clocks_changed(machine.rcc)
    machine.exceptions.lockup, machine.exceptions.last_fault = saved.lockup, saved.last_fault
    machine.resets, machine.reset_causes = saved.resets, Counter(saved.reset_causes)
    machine.log.take_state(saved.log)
    machine.mpu.take_state(saved.mpu)
    machine.memory_changed()
    machine.protection.follow()
    machine.parts.synchronise()
    _counter(machine.core).restore(saved.counter)
    _restore_registers(machine.core, saved.registers)


def copy(machine: Machine) -> Machine:
    """Another machine in the same state; the two go on independently.

    Raises:
        TargetError: As `save`.
    """
    saved = save(machine)
    twin = machine.another()
    restore(twin, saved)
    return twin


def _recall_plans(machine: Machine, saved: Snapshot) -> None:
    plans: dict[str, dict[str, Event]] = {name: {} for name in machine.slots}
    for owner, _, time_ps, name, argument in saved.events:
        if owner == _FOREIGN and isinstance(argument, tuple) and argument[0] == _PERIPHERAL:
            plans[argument[1]][argument[2]] = machine.scheduler.known(time_ps, name)
    for peripheral, planned in plans.items():
        machine.slots[peripheral].recall(planned)


def _native(machine: Machine) -> Any:
    if machine.parts.chip is None:
        raise TargetError(
            "A machine whose models run in Python cannot be saved",
            "Install a wheel of renode-mnist, or a C compiler (gcc, python3-dev) and then renode-mnist again.",
        )
    return machine.parts.chip.native


def _restore_registers(core: Core, registers: tuple[int, ...]) -> None:
    core.reset_registers()  # to thread mode on the main stack, from where CONTROL leads to the other one
    core.write(arm.UC_ARM_REG_IPSR, _A_HANDLER)  # which may write all, until IPSR and CONTROL come
    *values, xpsr = registers
    core.register_set(*_SAVED[:-1], *_FLAGS).write((*values, xpsr, xpsr))


def _counter(core: Core) -> Any:
    return core.counter  # in C, as `_native` has made sure


def _runs_in_ram(machine: Machine) -> bool:
    """Whether code was run from where data is, too: ITCM and flash are compared as a whole."""
    return any(edge[_ADDRESS] >= memory_map.DTCM.base for edge in _counter(machine.core).edges())


def _described(machine: Machine, event: tuple[int, int, int, int, object]) -> tuple[int, int, int, int, object]:
    owner, index, time_ps, name, argument = event
    if owner != _FOREIGN:
        return event
    if isinstance(argument, partial) and argument.func == machine.rcc.becomes_ready:
        return owner, index, time_ps, name, (_OSCILLATOR, *argument.args)
    if isinstance(argument, PeripheralEvent):
        return owner, index, time_ps, name, (_PERIPHERAL, argument.of.name, argument.what)
    raise TargetError(
        f"An event at {time_ps / 1e12:.6f} s that is not the chip's cannot be saved", "Save before or after it."
    )


def _recalled(machine: Machine, event: tuple[int, int, int, int, object]) -> tuple[int, int, int, int, object]:
    owner, index, time_ps, name, argument = event
    if owner != _FOREIGN:
        return event
    assert isinstance(argument, tuple)
    kind, *arguments = argument
    if kind == _PERIPHERAL:
        model = machine.bus.model(arguments[0])
        assert model is not None
        return owner, index, time_ps, name, PeripheralEvent(model, arguments[1])
    return owner, index, time_ps, name, partial(machine.rcc.becomes_ready, *arguments)
