"""The QUADSPI with the board's flash: instructions, polling, DMA, and memory-mapped mode."""

from __future__ import annotations

from pathlib import Path

import pytest

import c_programs
import snippets
from renode_mnist import open_program
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.surroundings import Surroundings

CONTENT = bytes(range(256)) * 4
HEAD = """
#include "interrupts.h"
#define QSPI 0xA0001000u
#define SR REGISTER(QSPI + 8)
#define ONE 1u
#define FOUR 3u
#define INSTRUCTION(code) ((code) | ONE << 8)
#define ADDRESS (ONE << 10 | 2 << 12)
#define DATA(lines) ((lines) << 24)
#define READING (1 << 26)
#define POLLING (2 << 26)
#define MAPPED (3u << 26)
static volatile uint32_t seen[8], count;
static volatile uint8_t buffer[64];
static volatile uint32_t fault_address;
void hard_fault(void) { fault_address = REGISTER(0xE000ED38); for (;;) continue; }
static void on(void) {
  REGISTER(RCC + 0x38) |= 2;
  REGISTER(RCC + 0x30) |= 1 << 22;
  REGISTER(QSPI) = 1 << 24 | 1;
  REGISTER(QSPI + 4) = 23 << 16;
}
static void done(void) { while (!(SR & 2)) continue; REGISTER(QSPI + 0x0C) = 2; }
static void instruct(uint32_t code) { REGISTER(QSPI + 0x14) = INSTRUCTION(code); done(); }
static void put_at(uint32_t code, uint32_t address, const uint8_t* data, int length) {
  instruct(6);
  REGISTER(QSPI + 0x10) = length - 1;
  REGISTER(QSPI + 0x14) = INSTRUCTION(code) | ADDRESS | (length ? DATA(ONE) : 0);
  REGISTER(QSPI + 0x18) = address;
  for (int i = 0; i < length; i++) {
    while (!(SR & 4)) continue;
    *(volatile uint8_t*)(QSPI + 0x20) = data[i];
  }
  done();
}
static void get_from(uint32_t control, uint32_t address, int length) {
  REGISTER(QSPI + 0x10) = length - 1;
  REGISTER(QSPI + 0x14) = control | READING;
  if (control & ADDRESS) REGISTER(QSPI + 0x18) = address;
  for (int i = 0; i < length; i++) {
    while (!(SR & 4)) continue;
    buffer[i] = *(volatile uint8_t*)(QSPI + 0x20);
  }
  done();
}
"""


def machine_of(source: str, *, in_python: bool = False, seconds: float = 0.01) -> Machine:
    machine = Machine(
        c_programs.build(HEAD + source), python_models=in_python, surroundings=Surroundings(qspi=CONTENT)
    )
    machine.run_for(seconds)
    return machine


def words(machine: Machine, count: int = 8, name: str = "seen") -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, name), count)


def bytes_of(machine: Machine, count: int) -> bytes:
    return machine.read_memory(snippets.symbol(machine.image.path, "buffer"), count) or b""


@pytest.mark.parametrize("in_python", [False, True])
def test_identification_and_data_longer_than_the_fifo(in_python: bool) -> None:
    machine = machine_of(
        """
int main(void) {
  on();
  get_from(INSTRUCTION(0x9F) | DATA(ONE), 0, 3);
  seen[0] = buffer[0] << 16 | buffer[1] << 8 | buffer[2];
  get_from(INSTRUCTION(0xEB) | ADDRESS | DATA(FOUR) | 10 << 18, 0x110, 50);
  seen[1] = SR;
}
""",
        in_python=in_python,
    )
    assert words(machine, 2) == [0x20BA18, 0]
    assert bytes_of(machine, 50) == bytes(range(0x10, 0x10 + 50))
    assert machine.log.text() == ""


def test_a_transfer_takes_its_cycles() -> None:
    machine = machine_of("int main(void) { on(); }")
    machine.bus.write(0xA000_1010, 4, 7)
    machine.bus.write(0xA000_1014, 4, 0xEB | 1 << 8 | 3 << 10 | 2 << 12 | 10 << 18 | 3 << 24 | 1 << 26)
    start = machine.clock.now_ps()
    machine.bus.write(0xA000_1018, 4, 0)
    cycles = 8 + 24 // 4 + 10 + 8 * 8 // 4
    assert machine.scheduler.next_ps() == start + cycles * 2 * 62_500
    machine.run_until(start + cycles * 2 * 62_500 - 1)
    assert machine.bus.read(0xA000_1008, 4) == 1 << 5
    machine.run_until(start + cycles * 2 * 62_500)
    assert machine.bus.read(0xA000_1008, 4) == 2 | 4 | 8 << 8


@pytest.mark.parametrize("in_python", [False, True])
def test_erasing_programming_and_polling(in_python: bool) -> None:
    machine = machine_of(
        """
int main(void) {
  on();
  put_at(0x20, 0x10, 0, 0);
  static const uint8_t data[] = {0xA5, 0x5A, 0xF0};
  put_at(0x02, 0x1FE, data, 3);
  instruct(6);
  REGISTER(QSPI + 0x24) = 2;
  REGISTER(QSPI + 0x28) = 2;
  REGISTER(QSPI + 0x2C) = 16;
  REGISTER(QSPI) |= 1 << 22;
  REGISTER(QSPI + 0x10) = 0;
  REGISTER(QSPI + 0x14) = INSTRUCTION(5) | DATA(ONE) | POLLING;
  while (!(SR & 8)) continue;
  REGISTER(QSPI + 0x0C) = 8;
  seen[0] = SR;
  instruct(4);
  REGISTER(QSPI + 0x14) = INSTRUCTION(5) | DATA(ONE) | POLLING;
  pause_for(300);
  seen[1] = SR;
  REGISTER(QSPI) |= 2;
  seen[2] = SR;
  REGISTER(QSPI + 0x0C) = 2;
  get_from(INSTRUCTION(0x0B) | ADDRESS | DATA(ONE) | 8 << 18, 0x1FC, 6);
  for (int i = 0; i < 3; i++) buffer[8 + i] = buffer[i];
  get_from(INSTRUCTION(3) | ADDRESS | DATA(ONE), 0x100, 2);
}
""",
        in_python=in_python,
    )
    assert words(machine, 3) == [0, 1 << 5, 2]
    shown = bytes_of(machine, 11)
    assert shown[2:6] == b"\xa5\x5a\xff\xff", "a page comes round"
    assert shown[:2] == b"\xf0\xff"


@pytest.mark.parametrize("in_python", [False, True])
def test_memory_mapped_it_is_memory_that_cannot_be_written(in_python: bool) -> None:
    machine = machine_of(
        """
int main(void) {
  on();
  REGISTER(QSPI + 0x14) = INSTRUCTION(0xEB) | ADDRESS | DATA(FOUR) | 10 << 18 | MAPPED;
  seen[0] = REGISTER(0x90000004);
  seen[1] = *(volatile uint16_t*)0x90000102;
  seen[2] = *(volatile uint8_t*)0x903FFFFF;
  REGISTER(QSPI) |= 2;
  while (!(SR & 2)) continue;
  REGISTER(QSPI + 0x0C) = 2;
  instruct(6);
  REGISTER(QSPI + 0x14) = INSTRUCTION(0xEB) | ADDRESS | DATA(FOUR) | 10 << 18 | MAPPED;
  seen[3] = REGISTER(0x90000008);
  REGISTER(0x90000008) = 0;
  seen[4] = 1;
}
""",
        in_python=in_python,
    )
    assert words(machine, 5) == [0x07060504, 0x0302, 0xFF, 0x0B0A0908, 0]
    assert words(machine, 1, "fault_address") == [0x9000_0008]


def test_unless_it_is_mapped_its_window_faults() -> None:
    machine = machine_of("int main(void) { on(); seen[0] = REGISTER(0x90000004); seen[1] = 1; }")
    assert words(machine, 1, "fault_address") == [0x9000_0004]


BY_DMA = """
static void told(void) { seen[0] = SR; REGISTER(QSPI + 0x0C) = 2; count++; }
int main(void) {
  on_interrupt(92, told);
  on();
  REGISTER(QSPI) |= 1 << 17 | 1 << 2;
  REGISTER(0x400264B8 + 8) = QSPI + 0x20;
  REGISTER(0x400264B8 + 12) = (uint32_t)buffer;
  REGISTER(0x400264B8 + 4) = 48;
  REGISTER(0x400264B8) = 3 << 25 | 1 << 10 | 1;
  REGISTER(QSPI + 0x10) = 47;
  REGISTER(QSPI + 0x14) = INSTRUCTION(3) | ADDRESS | DATA(ONE) | READING;
  REGISTER(QSPI + 0x18) = 0x20;
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_by_dma_with_an_interrupt_at_the_end(in_python: bool) -> None:
    machine = machine_of(BY_DMA, in_python=in_python)
    assert words(machine, 1, "count") == [1]
    assert bytes_of(machine, 48) == bytes(range(0x20, 0x50))
    assert machine.log.text() == ""


def test_a_snapshot_in_the_middle_goes_on() -> None:
    machine = machine_of(BY_DMA, seconds=30e-6)
    assert bytes_of(machine, 48) != bytes(range(0x20, 0x50))
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        each.run_for(0.001)
        assert bytes_of(each, 48) == bytes(range(0x20, 0x50))


def test_an_instruction_that_the_flash_lacks_is_named() -> None:
    machine = machine_of("int main(void) { on(); instruct(0x77); }")
    assert "QUADSPI: the flash has no instruction 0x77: it does nothing" in machine.log.text()


def test_its_content_comes_from_a_file(tmp_path: Path) -> None:
    elf = c_programs.build(
        HEAD
        + """
int main(void) {
  usart1_on();
  on();
  REGISTER(QSPI + 0x14) = INSTRUCTION(3) | ADDRESS | DATA(ONE) | MAPPED;
  print_hex(REGISTER(0x90000000));
}
"""
    )
    (tmp_path / "flash.bin").write_bytes(b"\x01\x02\x03\x04")
    with open_program(elf, qspi=tmp_path / "flash.bin") as program:
        assert program.wait_for_line(".*") == "04030201"
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate((1 << 24) + 1)
    with pytest.raises(TargetError, match="cannot be the QUADSPI's flash: it has more than 16,777,216 bytes"):
        open_program(elf, qspi=tmp_path / "large.bin")
    with pytest.raises(TargetError, match="cannot be the QUADSPI's flash: No such file"):
        open_program(elf, qspi=tmp_path / "none.bin")
