"""The DAC: what its outputs show, by software, by triggers and by DMA."""

from __future__ import annotations

import pytest

import c_programs
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.dac import Dac

HEAD = """
#define DAC 0x40007400u
#define ON() REGISTER(RCC + 0x40) |= 1 << 29
"""


def ran(source: str, *, in_python: bool = False) -> tuple[Machine, Dac, list[tuple[int, int]]]:
    machine = Machine(c_programs.build(HEAD + source), python_models=in_python)
    dac = machine.bus.model("DAC")
    assert isinstance(dac, Dac)
    outputs: list[tuple[int, int]] = []
    dac.changed = lambda channel, value: outputs.append((channel, value))
    machine.run_for(0.001)
    return machine, dac, outputs


@pytest.mark.parametrize("in_python", [False, True])
def test_each_register_holds_a_value_and_both_at_once(in_python: bool) -> None:
    machine, dac, outputs = ran(
        """
int main(void) {
  ON();
  REGISTER(DAC) = 1 | 1 << 16;
  REGISTER(DAC + 0x08) = 0x123;
  REGISTER(DAC + 0x0C) = 0x4560;
  REGISTER(DAC + 0x10) = 0x78;
  REGISTER(DAC + 0x14) = 0x9AB;
  REGISTER(DAC + 0x20) = 0x0CDE0F01;
  REGISTER(DAC + 0x24) = 0x23404560;
  REGISTER(DAC + 0x28) = 0x8040;
}
""",
        in_python=in_python,
    )
    first = [value for channel, value in outputs if channel == 1]
    second = [value for channel, value in outputs if channel == 2]
    assert first == [0x123, 0x456, 0x780, 0xF01, 0x456, 0x400]
    assert second == [0x9AB, 0xCDE, 0x234, 0x800]
    assert (dac.volts(1), dac.volts(2)) == (3.3 / 4, 3.3 / 2)
    assert machine.bus.read(0x4000_742C, 4) == 0x400
    assert machine.bus.read(0x4000_7408, 4) == 0x400
    assert machine.bus.read(0x4000_7428, 4) == 0x8040
    twin = snapshot.copy(machine).bus.model("DAC") if not in_python else dac
    assert isinstance(twin, Dac)
    assert twin.volts(2) == 3.3 / 2


def test_a_trigger_by_software_and_one_of_a_timer() -> None:
    _, dac, outputs = ran(
        """
int main(void) {
  ON();
  REGISTER(DAC) = 1 | 1 << 2 | 7 << 3 | (1 | 1 << 2 | 2 << 3) << 16;
  REGISTER(DAC + 8) = 5;
  REGISTER(DAC + 0x14) = 9;
  REGISTER(DAC + 4) = 3;
}
"""
    )
    assert outputs == [(1, 5)]
    dac.trigger("TIM6_TRGO")
    assert outputs == [(1, 5)]
    dac.trigger("TIM7_TRGO")
    assert outputs == [(1, 5), (2, 9)]


def test_a_triangle_and_noise_stand_upon_the_value() -> None:
    _, dac, outputs = ran(
        """
int main(void) {
  ON();
  REGISTER(DAC) = 1 | 1 << 2 | 7 << 3 | 2 << 6 | 1 << 8 | (1 | 1 << 2 | 7 << 3 | 1 << 6 | 11 << 8) << 16;
  REGISTER(DAC + 8) = 100;
  for (int i = 0; i < 8; i++) REGISTER(DAC + 4) = 1;
  for (int i = 0; i < 3; i++) REGISTER(DAC + 4) = 2;
}
"""
    )
    assert [value for channel, value in outputs if channel == 1] == [100, 101, 102, 103, 102, 101, 100, 101]
    assert [value for channel, value in outputs if channel == 2] == [0xAAA, 0xD55, 0xEAA]
    assert dac.volts(1) == 101 * 3.3 / 4096


BY_DMA = """
static const uint16_t wave[] = {10, 20, 30};
static volatile uint32_t underrun;
int main(void) {
  ON();
  REGISTER(RCC + 0x30) |= 1 << 21;
  REGISTER(0x40026090) = (uint32_t)(DAC + 8);
  REGISTER(0x40026094) = (uint32_t)wave;
  REGISTER(0x4002608C) = 3;
  REGISTER(0x40026088) = 7 << 25 | 1 << 13 | 1 << 11 | 1 << 10 | 1 << 6 | 1;
  REGISTER(DAC) = 1 | 1 << 2 | 4 << 3 | 1 << 12;
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_dma_brings_a_value_for_each_trigger_and_one_too_many_is_an_underrun(in_python: bool) -> None:
    machine, dac, outputs = ran(BY_DMA, in_python=in_python)
    for _ in range(4):
        dac.trigger("TIM2_TRGO")
    assert outputs == [(1, 10), (1, 20), (1, 30)]
    assert machine.bus.read(0x4000_7434, 4) == 0
    dac.trigger("TIM2_TRGO")
    assert machine.bus.read(0x4000_7434, 4) == 1 << 13
    machine.bus.write(0x4000_7434, 4, 1 << 13)
    assert machine.bus.read(0x4000_7434, 4) == 0
    assert machine.log.text() == ""
