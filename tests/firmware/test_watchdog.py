"""The independent watchdog: fed by the main loop alone, and its reset told by the next answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from unicorn import arm_const as arm

from renode_mnist.errors import TargetTimeout
from renode_mnist.images import BuildConfig, UartWay, build, resolve_model
from renode_mnist.measure.faults import faults, inject, trial
from renode_mnist.measure.faults.fault import Fault, Outcome, Place
from renode_mnist.measure.faults.station import Station
from renode_mnist.program.symbols import Symbols
from renode_mnist.session.opening import open_session
from renode_mnist.session.session import Session
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.messages import ResetCause

TIME_MS = 500
BRANCH_TO_ITSELF = b"\xfe\xe7"


def image_of(uart: UartWay) -> Path:
    return build(BuildConfig(resolve_model("int8"), watchdog_ms=TIME_MS, uart=uart)).elf


@pytest.mark.parametrize("uart", get_args(UartWay))
def test_it_bites_when_the_main_loop_stands_and_not_when_it_sleeps(uart: UartWay) -> None:
    image = image_of(uart)
    with open_session("embedded", image) as session:
        bites(session, Symbols.of(image))


def bites(session: Session, symbols: Symbols) -> None:
    target = session.target
    assert isinstance(target, EmbeddedTarget)
    machine = target.machine
    assert session.firmware.watchdog_ms == TIME_MS
    assert session.firmware.reset_cause is ResetCause.POWER_ON
    target.run_for(20)
    session.client.infer(bytes(784))
    target.run_for(2)
    assert machine.resets == 0

    function = next(each for each in symbols.functions if each.name.endswith("send_stats"))
    before = target.read_memory(function.address, 2)
    target.write_memory(function.address, BRANCH_TO_ITSELF)
    begun = target.now()
    with pytest.raises(TargetTimeout):
        session.client.stats(0.1)
    while machine.resets == 0:
        target.run_for(0.001)
    # Fed each 50 ms at most, and LSI is exact here.
    assert TIME_MS / 1e3 - 0.05 <= target.now() - begun <= TIME_MS / 1e3 + 0.02
    target.write_memory(function.address, before)
    assert session.client.stats().reset_cause is ResetCause.INDEPENDENT_WATCHDOG
    session.client.reset()
    session.client.forget()
    assert session.client.stats().reset_cause is ResetCause.SOFTWARE, "the flags were cleared"


def test_a_campaign_tells_its_reset_from_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    config = BuildConfig(resolve_model("int8"), watchdog_ms=TIME_MS)
    cargo, *_ = faults.prepared(config, None, seed=1, places=(), elf=None)
    station = Station(cargo)
    chip = station.chip
    code = station.draw.image.code
    content = chip.machine.core.memory.peek(code.address, code.size_bytes) or b""
    loop = next(at for at in range(0, len(content), 2) if content[at : at + 2] == BRANCH_TO_ITSELF)

    def into_a_loop(machine: Any, _fault: Fault) -> None:
        machine.core.write(arm.UC_ARM_REG_PRIMASK, 1)
        machine.core.write(arm.UC_ARM_REG_PC, code.address + loop | 1)

    fault = Fault(0, Place.REGISTERS, "flip", "PC", 7, 700_000, bit=1)
    monkeypatch.setattr(inject, "flip_register", into_a_loop)
    assert trial.tried(chip, fault).outcome is Outcome.WATCHDOG
    station.close()
