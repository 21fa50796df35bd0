"""What the core is doing, in words: for the message of a wait that came to nothing."""

from __future__ import annotations

from renode_mnist.stm32f746.low_power import Mode
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.nvic import FAULTS


def whereabouts(machine: Machine) -> str:
    """``runs at 0x08000154 in wait+0x4``, and if it waits there, for what and whether that can come at all."""
    pc = machine.core.pc
    depth = "WFI" if machine.low_power.mode is Mode.RUN else machine.low_power.mode.value
    text = f"{f'sleeps ({depth})' if machine.asleep else 'runs'} at {pc:#010x}{machine.image.symbol_at(pc)}"
    loop = None if machine.asleep else machine.loop
    if loop is not None:
        text += ", in a loop that nothing can end" if loop.endless else ", in a loop that waits"
        if loop.register is not None:
            name = machine.bus.register_called(loop.register)
            text += f": it polls {name} ({loop.register:#010x}), which reads {loop.value:#x}"
    if any(fault in machine.nvic.active for fault in FAULTS) and machine.exceptions.last_fault:
        text += f"; this is the handler of {machine.exceptions.last_fault}"
    return text
