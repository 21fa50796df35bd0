"""What a program reads before it has written anything: RM0385's reset values, where they are not 0."""

from __future__ import annotations

import pytest

import c_programs
from renode_mnist.stm32f746.machine import Machine

VALUES = {
    "RCC": {
        0x00: 0x83, 0x04: 0x2400_3010, 0x30: 0x0010_0000, 0x50: 0x7EF7_B7FF, 0x54: 0xF1, 0x58: 3, 0x60: 0xFFFF_CBFF,
        0x64: 0x04F7_7F33, 0x74: 0x0E00_0000, 0x84: 0x2400_3000, 0x88: 0x2400_3000,
    },
    "SPI1": {0x04: 0x700, 0x08: 2, 0x10: 7, 0x20: 2},
    "FMC": {
        0x00: 0x30DB, 0x08: 0x30D2, 0x10: 0x30D2, 0x18: 0x30D2, **dict.fromkeys((4, 12, 20, 28), 0x0FFF_FFFF),
        0x140: 0x2D0, 0x144: 0x2D0, 0x148: 0x0FFF_FFFF, 0x14C: 0x0FFF_FFFF,
    },
    "LTDC": {0x18: 0x2220, 0x48: 0xF, 0x98: 0xFF, 0xA0: 0x607, 0x118: 0xFF, 0x120: 0x607},
    "IWDG": {0x08: 0xFFF, 0x10: 0xFFF},
    "WWDG": {0x00: 0x7F, 0x04: 0x7F},
    "RTC": {0x04: 0x2101, 0x0C: 7, 0x10: 0x007F_00FF, 0x14: 0xFFFF},
    "CRC": {0x00: 0xFFFF_FFFF, 0x10: 0xFFFF_FFFF, 0x14: 0x04C1_1DB7},
    "PWR": {0x00: 0xC000},
    "TIM2": {0x2C: 0xFFFF_FFFF},
    "TIM3": {0x2C: 0xFFFF},
    "LPTIM1": {0x18: 1},
    "ADC": {0x24: 0xFFF, 0x124: 0xFFF, 0x224: 0xFFF},
}  # fmt: skip


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine(c_programs.build("int main(void) { }"))


@pytest.mark.parametrize("peripheral", VALUES)
def test_registers_read_their_reset_values(machine: Machine, peripheral: str) -> None:
    model = machine.bus.model(peripheral)
    assert {offset: f"{model.read(offset):#x}" for offset in VALUES[peripheral]} == {
        offset: f"{value:#x}" for offset, value in VALUES[peripheral].items()
    }


def test_two_layers_are_opaque_before_they_are_written(machine: Machine) -> None:
    machine.reset()
    assert [machine.bus.model("LTDC").read(0x84 + 0x80 * layer + 0x14) for layer in range(2)] == [255, 255]
