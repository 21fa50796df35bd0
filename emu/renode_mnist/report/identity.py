"""What produced a figure, as rows of a table: label and text."""

from __future__ import annotations

from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.timing.accuracy import STATED_ERROR
from renode_mnist.wire.messages import Stats


def rows(target: TargetIdentity, firmware: Stats) -> list[tuple[str, str]]:
    """Target, firmware, model, compiler; on the chip memory as well."""
    on_chip = target.counter_unit is not CounterUnit.NANOSECONDS
    clock = f", {firmware.freq_hz / 1e6:g} MHz" if on_chip else ""
    found = [("target", f"{target.target} ({target.version})")]
    if target.counter_unit is CounterUnit.CYCLES_MODELLED:
        found.append(("model of M7", str(STATED_ERROR)))
    found += [
        ("firmware", f"commit {firmware.commit}, engine {firmware.engine}{clock}"),
        ("model", f"{firmware.model_name} (SHA-256 {firmware.model_sha256[:12]}…)"),
        ("compiler", f"{firmware.compiler}; {firmware.flags}"),
    ]
    if on_chip:
        found.append(
            (
                "memory",
                f"flash {firmware.flash_bytes:,} B ({firmware.weights_bytes:,} B weights), "
                f"RAM {firmware.ram_static_bytes + firmware.stack_used_bytes:,} B "
                f"({firmware.arena_bytes:,} B arena, {firmware.stack_used_bytes:,} B stack used)",
            )
        )
    return found
