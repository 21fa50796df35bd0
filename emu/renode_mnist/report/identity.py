"""What produced a figure, as rows of a table: label and text."""

from __future__ import annotations

from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.timing.accuracy import stated_error
from renode_mnist.timing.points import Kind
from renode_mnist.wire.messages import Stats


def rows(target: TargetIdentity, firmware: Stats) -> list[tuple[str, str]]:
    """Target, firmware, model, compiler; on the chip memory as well."""
    on_chip = target.counter_unit is not CounterUnit.NANOSECONDS
    clock = f", {firmware.freq_hz / 1e6:g} MHz" if on_chip else ""
    found = [("target", f"{target.target} ({target.version})")]
    if target.counter_unit is CounterUnit.CYCLES_MODELLED:
        found.append(("model of M7", told_error(target.cycle_parameters)))
    found += [
        ("firmware", f"commit {firmware.commit}, engine {firmware.engine}{clock}"),
        ("model", f"{firmware.model_name} (SHA-256 {firmware.model_sha256[:12]}…)"),
        ("compiler", f"{firmware.compiler}; {firmware.flags}"),
    ]
    if on_chip:
        found.append(("flash", f"{firmware.flash_bytes:,} B, {firmware.weights_bytes:,} B of it weights"))
        found.append(("RAM", ram(firmware)))
    return found


def told_error(cycle_parameters: str = "") -> str:
    """How far modelled cycles are off; no published point was computed with others than the model's own figures."""
    if cycle_parameters:
        return f"{cycle_parameters}. How far off they are, is not known: the published points are of the model's own"
    return str(stated_error(Kind.FLASH_WITH_CACHES))


def ram(firmware: Stats) -> str:
    """What the image takes of RAM, and of what that is the sum; the console says the same."""
    state = f"state {firmware.state_bytes:,}, " if firmware.state_bytes else ""
    return (
        f"{firmware.ram_bytes:,} B: arena {firmware.arena_bytes:,}, {state}wire {firmware.wire_bytes:,}, "
        f"rest {firmware.ram_rest_bytes:,}, stack {firmware.stack_used_bytes:,} of {firmware.stack_bytes:,}"
    )
