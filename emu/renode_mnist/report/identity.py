"""What produced a figure, as rows of a table: label and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from renode_mnist.measure.bench import Row
from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.timing.accuracy import stated_error
from renode_mnist.timing.points import Kind
from renode_mnist.wire.messages import Stats


def rows(target: TargetIdentity, firmware: Stats) -> list[tuple[str, str]]:
    """Target, firmware, model, compiler; on the chip memory as well."""
    on_chip = target.counter_unit is not CounterUnit.NANOSECONDS
    clock = f", {firmware.clock}" if on_chip else ""
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


def of_rows(measured: Sequence[Row]) -> list[tuple[str, str]]:
    """The same of a benchmark's rows: what they share once, and what they differ in one beside the other."""
    targets = [row.target for row in measured]
    firmwares = [row.firmware for row in measured]
    found = [("target", _listed(f"{each['target']} ({each['version']})" for each in targets))]
    if any(row.time_unit == "cycles_modelled" for row in measured):
        errors = _listed(told_error(each.get("cycle_parameters", "")) for each in targets)
        models = _listed(each.get("cycle_model_sha256", "")[:12] for each in targets)
        found.append(("model of M7", errors + (f" (SHA-256 {models}…)" if models else "")))
    engines = list(dict.fromkeys(each["engine"] for each in firmwares))
    engine = f"engine{'s' if len(engines) > 1 else ''} {', '.join(engines)}"
    clocks = ", ".join(dict.fromkeys(f"{row.clock_mhz} MHz" for row in measured))
    return [
        *found,
        ("firmware", f"commit {_listed(each['commit'] for each in firmwares)}, {engine}, {clocks}"),
        ("model", _listed(f"{each['model_name']} (SHA-256 {each['model_sha256'][:12]}…)" for each in firmwares)),
        ("compiler", _listed(f"{each['compiler']}; {each['flags']}" for each in firmwares)),
    ]


def _listed(texts: Iterable[str]) -> str:
    return " | ".join(text for text in dict.fromkeys(texts) if text)


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
