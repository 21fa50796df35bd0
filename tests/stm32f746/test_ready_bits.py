"""Ready bits and flags of RCC, PWR and FLASH come as the manual has them, and constants of the chip are there."""

from __future__ import annotations

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine

RCC, PWR, FLASH = 0x4002_3800, 0x4000_7000, 0x4002_3C00
CR, CIR, BDCR, CSR = RCC, RCC + 0x0C, RCC + 0x70, RCC + 0x74
UNPROTECT = """
  REGISTER(RCC + 0x40) |= 1 << 28;
  REGISTER(PWR) |= 1 << 8;
"""


def word(machine: Machine, address: int) -> int:
    data = machine.read_memory(address, 4)
    assert data is not None
    return int.from_bytes(data, "little")


def after(statements: str, seconds: float, **arguments: bool) -> Machine:
    machine = Machine(c_programs.build(f"int main(void) {{ {statements} }}"), **arguments)
    machine.run_for(seconds)
    return machine


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("register", "on", "ready", "seconds"),
    [
        (CR, 16, 17, 0.002),
        (CR, 24, 25, 100e-6),
        (CR, 26, 27, 100e-6),
        (CR, 28, 29, 100e-6),
        (CSR, 0, 1, 40e-6),
        (BDCR, 0, 1, 0.5),
    ],
)
def test_each_oscillator_becomes_ready_and_stops(
    register: int, on: int, ready: int, seconds: float, in_python: bool
) -> None:
    machine = after(f"{UNPROTECT} REGISTER({register:#x}) |= 1u << {on};", 10e-6, python_models=in_python)
    assert word(machine, register) >> on & 1
    assert not word(machine, register) >> ready & 1
    machine.run_for(seconds)
    assert word(machine, register) >> ready & 1
    machine.write_memory(register, (word(machine, register) & ~(1 << on)).to_bytes(4, "little"))
    assert not word(machine, register) >> ready & 1


def test_the_backup_domain_is_protected_which_is_said_once() -> None:
    machine = after(f"REGISTER({BDCR:#x}) |= 1; REGISTER({BDCR:#x}) |= 1;", 0.6)
    assert word(machine, BDCR) == 0
    assert machine.log.text().count("RCC.BDCR was written while PWR_CR1.DBP protects it") == 1


def test_the_backup_domain_outlives_a_reset_also_in_its_start() -> None:
    machine = after(f"{UNPROTECT} if (!REGISTER({BDCR:#x})) REGISTER({BDCR:#x}) |= 0x8201;", 0.001)
    machine.reset()
    assert word(machine, BDCR) == 0x8201
    machine.run_for(0.6)
    assert word(machine, BDCR) == 0x8203
    machine.reset()
    assert word(machine, BDCR) == 0x8203
    machine = after(f"{UNPROTECT} REGISTER({BDCR:#x}) = 0x8201; REGISTER({BDCR:#x}) = 1 << 16;", 0.6)
    assert word(machine, BDCR) == 0


def test_a_start_of_the_lse_is_kept_in_a_snapshot() -> None:
    machine = after(f"{UNPROTECT} REGISTER({BDCR:#x}) |= 1;", 0.1)
    twin = snapshot.copy(machine)
    twin.run_for(0.5)
    assert word(twin, BDCR) == 3


def test_ready_flags_interrupt_where_they_are_enabled() -> None:
    machine = Machine(
        c_programs.build(
            f"""
static volatile uint32_t flags, times;
void rcc_ready(void) {{
  times++;
  flags = REGISTER({CIR:#x});
  REGISTER({CIR:#x}) = flags << 16 | (flags & 0x7F00);
}}
int main(void) {{
  REGISTER(0xE000E100) = 1 << 5;
  REGISTER({CSR:#x}) |= 1;
  pause_for(1000);
  REGISTER({CIR:#x}) = 1 << 11;
  REGISTER({CR:#x}) |= 1 << 16;
}}
"""
        )
    )
    machine.run_for(0.01)
    flags, times = (
        snippets.words(machine, snippets.symbol(machine.image.path, name), 1)[0] for name in ("flags", "times")
    )
    assert (flags & 0xFF, times) == (1 << 3, 1)  # LSI's was not enabled
    assert word(machine, CIR) == 1 << 11


def test_the_backup_regulator_follows_and_stays_on() -> None:
    machine = after(f"{UNPROTECT} REGISTER(PWR + 4) |= 1 << 9;", 0.001)
    assert word(machine, PWR + 4) & 0x208 == 0x208
    machine.reset()
    machine.write_memory(RCC + 0x40, (1 << 28).to_bytes(4, "little"))
    assert word(machine, PWR + 4) & 0x208 == 0x208


def test_keys_open_the_flash_controller_and_wrong_ones_close_it() -> None:
    opened = after("REGISTER(0x40023C04) = 0x45670123; REGISTER(0x40023C04) = 0xCDEF89AB;", 0.001)
    assert word(opened, FLASH + 0x10) == 0
    again = "REGISTER(0x40023C04) = 0x45670123; REGISTER(0x40023C04) = 0xCDEF89AB;"
    closed = after(f"REGISTER(0x40023C04) = 1; {again}", 0.001)
    assert word(closed, FLASH + 0x10) == 1 << 31
    options = after("REGISTER(0x40023C08) = 0x08192A3B; REGISTER(0x40023C08) = 0x4C5D6E7F;", 0.001)
    assert word(options, FLASH + 0x14) == 0xC0FF_AAFC
    locked = after("REGISTER(0x40023C10) = 0;", 0.001)
    assert word(locked, FLASH + 0x10) == 1 << 31


@pytest.mark.parametrize(
    ("address", "value"),
    [
        (0xE000_ED40, 0x0000_0030),  # ID_PFR0
        (0xE000_ED60, 0x0110_1110),  # ID_ISAR0
        (0xE004_2000, 0x1001_6449),  # DBGMCU_IDCODE
        (0x1FF0_F000, 0xFFFF_FFFF),  # OTP, and its locks
        (0x1FF0_F400, 0xFFFF_FFFF),
        (0x1FF0_F440, 0x0400_FFFF),  # flash size
        (0x1FFF_0000, 0xFFFF_AAFF),  # option bytes
        (0x1FFF_0010, 0xFFFF_0080),  # BOOT_ADD0: 0x00200000
    ],
)
def test_what_a_program_may_ask_of_the_chip_is_there(address: int, value: int) -> None:
    machine = after(f"REGISTER(0x20000000) = REGISTER({address:#x});", 0.001)
    assert word(machine, 0x2000_0000) == value
    assert machine.log.text() == ""
