"""A clock that does not get ready: the firmware goes on with HSI, as fast as that is, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from firmware_cases import console_says
from renode_mnist.images import BuildConfig, UartWay, build, resolve_model
from renode_mnist.report import identity
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import identity_lines
from renode_mnist.session.session import Session
from renode_mnist.stm32f746 import flash, power, rcc
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.messages import ClockProblem

HSI_HZ = 16_000_000
MILLISECOND_PS = 10**9
LIMIT_MS = 10
"""At least, that the firmware waits for each part of a clock (firmware/board/wait.hpp)."""
WATCHDOG_MS = 500
"""As `tests/firmware/test_watchdog.py` has it: one image for both."""
PLL = rcc.OSCILLATORS["PLL"]
LSI = 5
"""In the list of oscillators of `renode_mnist.stm32f746.rcc`."""


@pytest.fixture
def session() -> Iterator[Session]:
    with open_session("embedded", image_of("dma")) as opened:
        yield opened


def image_of(uart: UartWay) -> Path:
    return build(BuildConfig(resolve_model("int8"), watchdog_ms=WATCHDOG_MS, uart=uart)).elf


def machine_of(session: Session) -> Machine:
    assert isinstance(session.target, EmbeddedTarget)
    return session.target.machine


def never_set(patch: pytest.MonkeyPatch, model: Peripheral, offset: int, mask: int) -> None:
    read = model.read
    patch.setattr(model, "read", lambda at: read(at) & ~(mask if at == offset else 0))


def greeted(session: Session) -> list[str]:
    """What the console says after a reset, up to the model that it is then asked for."""
    assert isinstance(session.target, EmbeddedTarget)
    console = session.target.console
    console_says(console, b"HELP\r", "HELP ")
    session.reset()
    return console_says(console, b"CMD=1\r", "RAM: ")


@pytest.mark.parametrize("uart", get_args(UartWay))
def test_a_pll_that_never_starts_costs_time_and_nothing_else(uart: UartWay, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_session("embedded", image_of(uart)) as session:
        machine = machine_of(session)
        assert session.firmware.clock_problem is ClockProblem.NONE
        assert session.firmware.clock == "216 MHz"
        expected = session.client.infer([bytes(784)])
        monkeypatch.setattr(machine.rcc, "late_ps", {PLL: None})
        said = greeted(session)
        assert said[0] == f"Program started @ {HSI_HZ}..."
        assert said.count("Slow clock: the PLL is not ready; HSI at 16000000 Hz") == 2, "at the start and by CMD=1"
        firmware = session.firmware
        assert (firmware.freq_hz, firmware.clock_problem) == (HSI_HZ, ClockProblem.PLL)
        told = "16 MHz (slow: the PLL is not ready)"
        assert told in dict(identity.rows(session.identity(), firmware))["firmware"]
        assert told in identity_lines(session.identity(), firmware)["Firmware"]
        assert machine.rcc.hclk_hertz == machine.rcc.pclk1_hertz == machine.rcc.pclk2_hertz == HSI_HZ
        assert not machine.rcc.read(rcc.CR) & 1 << 24, "the PLL is off"
        assert not machine.pwr.overdrive
        assert machine.flash.wait_states == 0

        answer = session.client.infer([bytes(784)])
        assert answer.tensors == expected.tensors
        assert [each.counter for each in answer.layers] == [each.counter for each in expected.layers]
        resets = machine.resets
        session.target.run_for(10)
        assert machine.resets == resets, "the watchdog is fed as often as at 216 MHz"
        session.client.stats()


@pytest.mark.parametrize(
    ("late_ms", "problem"), [(1, ClockProblem.NONE), (LIMIT_MS, ClockProblem.NONE), (50, ClockProblem.PLL)]
)
def test_a_late_pll_is_waited_for_ten_milliseconds(
    session: Session, late_ms: int, problem: ClockProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(session)
    monkeypatch.setattr(machine.rcc, "late_ps", {PLL: late_ms * MILLISECOND_PS})
    session.reset()
    assert session.firmware.clock_problem is problem
    session.target.run_for(0.1)
    assert machine.rcc.hclk_hertz == session.firmware.freq_hz, "what gets ready too late is not taken"


Breaks = Callable[[pytest.MonkeyPatch, Machine], None]


@pytest.mark.parametrize(
    ("breaks", "problem", "words"),
    [
        (
            lambda patch, machine: never_set(patch, machine.pwr, power.CSR1, 1 << 16),
            ClockProblem.OVER_DRIVE,
            "over-drive is not ready",
        ),
        (
            lambda patch, machine: never_set(patch, machine.pwr, power.CSR1, 1 << 17),
            ClockProblem.OVER_DRIVE,
            "over-drive is not ready",
        ),
        (
            lambda patch, machine: never_set(patch, machine.flash, flash.ACR, 0xF),
            ClockProblem.WAIT_STATES,
            "flash takes no wait states",
        ),
        (
            lambda patch, machine: patch.setattr(machine.rcc, "_switch", lambda: None),
            ClockProblem.SWITCH,
            "the core does not switch to the PLL",
        ),
    ],
    ids=["ODRDY", "ODSWRDY", "LATENCY", "SWS"],
)
def test_each_part_of_the_clock_is_named(
    session: Session, breaks: Breaks, problem: ClockProblem, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(session)
    breaks(monkeypatch, machine)
    said = greeted(session)
    assert f"Slow clock: {words}; HSI at 16000000 Hz" in said
    assert session.firmware.clock_problem is problem
    assert session.firmware.clock == f"16 MHz (slow: {words})"
    assert not machine.rcc.read(rcc.CR) & 1 << 24
    session.client.infer([bytes(784)])


def test_a_watchdog_without_its_oscillator_is_said_to_be_none(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert session.firmware.watchdog_ms == WATCHDOG_MS
    monkeypatch.setattr(machine_of(session).rcc, "late_ps", {LSI: None})
    session.reset()
    assert session.firmware.watchdog_ms == 0
    assert session.firmware.clock_problem is ClockProblem.NONE
    session.client.infer([bytes(784)])
