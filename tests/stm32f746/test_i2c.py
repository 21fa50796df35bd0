"""I2C masters in the vendor's three styles, with devices that are Python classes."""

from __future__ import annotations

from typing import Any

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.devices import Attached, I2cDevice
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.surroundings import Surroundings

HEAD = """
#include "interrupts.h"
#define I2C1 0x40005400u
#define CR2 0x04
#define ISR 0x18
#define ICR 0x1C
#define RXDR 0x24
#define TXDR 0x28
#define ADDRESS (0x48 << 1)
#define READ (1 << 10)
#define START (1 << 13)
#define STOP (1 << 14)
#define RELOAD (1 << 24)
#define AUTOEND (1 << 25)
static volatile uint32_t seen[8], count;
static volatile uint8_t buffer[8];
static void on(uint32_t control) {
  REGISTER(RCC + 0x40) |= 1 << 21;
  REGISTER(RCC + 0x30) |= 1 << 21;
  REGISTER(I2C1 + 0x10) = 79 | 79 << 8; /* 100 kHz of 16 MHz */
  REGISTER(I2C1) = 1 | control;
}
static void wait_for(uint32_t flag) { while (!(REGISTER(I2C1 + ISR) & flag)) continue; }
"""
BIT_PS = 160 * 62_500
TXIS, RXNE, NACKF, STOPF, TC, TCR, BUSY = 2, 4, 16, 32, 64, 128, 1 << 15


class Memory(I2cDevice):
    """Registers behind a pointer, of which the fifth cannot be written."""

    def __init__(self) -> None:
        self.bytes = bytearray(b"\x10\x11\x12\x13\x14\x15\x16\x17")
        self.at: int | None = None
        self.seen: list[Any] = []

    def start(self, reading: bool) -> bool:
        self.seen.append("read" if reading else "write")
        if not reading:
            self.at = None
        return True

    def write(self, byte: int) -> bool:
        if self.at is None:
            self.at = byte
            return byte < 8
        if self.at == 5:
            return False
        self.bytes[self.at % 8] = byte
        self.at += 1
        return True

    def read(self) -> int:
        assert self.at is not None
        self.at += 1
        return self.bytes[(self.at - 1) % 8]

    def stop(self) -> None:
        self.seen.append("stop")


def machine_of(source: str, *, in_python: bool = False, device: bool = True) -> Machine:
    devices = (Attached(Memory, "I2C1", address=0x48),) if device else ()
    elf = c_programs.build(HEAD + source)
    return Machine(elf, python_models=in_python, surroundings=Surroundings(devices=devices))


def memory_of(machine: Machine) -> Memory:
    device = machine.bus.model("I2C1").devices[0x48]  # type: ignore[union-attr]
    assert isinstance(device, Memory)
    return device


def words(machine: Machine, count: int = 8) -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, "seen"), count)


def bytes_of(machine: Machine) -> list[int]:
    return list(machine.read_memory(snippets.symbol(machine.image.path, "buffer"), 8) or b"")


READS_REGISTERS = """
int main(void) {
  on(0);
  REGISTER(I2C1 + CR2) = ADDRESS | START | 1 << 16;
  wait_for(2);
  REGISTER(I2C1 + TXDR) = 2;
  wait_for(1 << 6);
  REGISTER(I2C1 + CR2) = ADDRESS | READ | START | AUTOEND | 3 << 16;
  for (int i = 0; i < 3; i++) {
    wait_for(4);
    buffer[i] = REGISTER(I2C1 + RXDR);
  }
  wait_for(1 << 5);
  REGISTER(I2C1 + ICR) = 1 << 5;
  seen[0] = REGISTER(I2C1 + ISR);
  seen[1] = REGISTER(I2C1 + CR2);
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_polling_a_register_by_a_repeated_start(in_python: bool) -> None:
    machine = machine_of(READS_REGISTERS, in_python=in_python)
    machine.run_for(0.01)
    assert bytes_of(machine)[:3] == [0x12, 0x13, 0x14]
    assert memory_of(machine).seen == ["write", "read", "stop"]
    assert words(machine, 2) == [1, 0x48 << 1 | 1 << 10 | 1 << 25 | 3 << 16]
    assert machine.log.text() == ""


def test_a_byte_takes_nine_bits_at_the_rate_that_timingr_sets() -> None:
    machine = machine_of("int main(void) { on(0); }")
    machine.run_for(0.001)
    start = machine.clock.now_ps()
    machine.bus.write(0x4000_5404, 4, 0x48 << 1 | 1 << 13 | 1 << 16)
    assert machine.scheduler.next_ps() == start + 10 * BIT_PS
    assert machine.bus.read(0x4000_5418, 4) == BUSY | 1
    machine.run_until(start + 10 * BIT_PS)
    assert machine.bus.read(0x4000_5418, 4) == BUSY | TXIS | 1
    machine.bus.write(0x4000_5428, 4, 1)
    assert machine.bus.read(0x4000_5418, 4) == BUSY | 1
    assert machine.scheduler.next_ps() == start + 19 * BIT_PS
    machine.run_until(start + 19 * BIT_PS)
    assert machine.bus.read(0x4000_5418, 4) == BUSY | TC | 1
    machine.bus.write(0x4000_5404, 4, 0x48 << 1 | 1 << 14 | 1 << 16)
    machine.run_until(start + 20 * BIT_PS)
    assert machine.bus.read(0x4000_5418, 4) == STOPF | 1


@pytest.mark.parametrize(("source", "flags"), [("ADDRESS", 0), ("0x49 << 1", NACKF)])
def test_asking_whether_a_device_is_there(source: str, flags: int) -> None:
    machine = machine_of(
        f"int main(void) {{ on(0); REGISTER(I2C1 + CR2) = {source} | START | AUTOEND; wait_for(1 << 5); "
        "seen[0] = REGISTER(I2C1 + ISR); }"
    )
    machine.run_for(0.01)
    assert words(machine, 1) == [STOPF | 1 | flags]


def test_without_a_device_nobody_acknowledges() -> None:
    machine = machine_of(READS_REGISTERS, device=False)
    machine.run_for(0.01)
    assert machine.bus.read(0x4000_5418, 4) == NACKF | STOPF | 1
    assert machine.loop is not None
    assert machine.loop.endless
    assert machine.loop.register == 0x4000_5418


def test_a_byte_that_is_not_acknowledged_ends_the_transfer() -> None:
    machine = machine_of(
        """
int main(void) {
  on(0);
  REGISTER(I2C1 + CR2) = ADDRESS | START | AUTOEND | 4 << 16;
  const uint8_t data[] = {4, 0xA4, 0xA5, 0xA6};
  int i = 0;
  while (!(REGISTER(I2C1 + ISR) & 1 << 5))
    if (REGISTER(I2C1 + ISR) & 2) REGISTER(I2C1 + TXDR) = data[i++];
  seen[0] = REGISTER(I2C1 + ISR);
}
"""
    )
    machine.run_for(0.01)
    assert words(machine, 1) == [NACKF | STOPF | 1]
    assert memory_of(machine).bytes == b"\x10\x11\x12\x13\xa4\x15\x16\x17"
    assert memory_of(machine).seen == ["write", "stop"]


def test_a_long_transfer_is_reloaded() -> None:
    machine = machine_of(
        """
int main(void) {
  on(0);
  REGISTER(I2C1 + CR2) = ADDRESS | START | RELOAD | 2 << 16;
  wait_for(2);
  REGISTER(I2C1 + TXDR) = 0;
  wait_for(2);
  REGISTER(I2C1 + TXDR) = 0xB0;
  wait_for(1 << 7);
  seen[0] = REGISTER(I2C1 + ISR);
  REGISTER(I2C1 + CR2) = ADDRESS | AUTOEND | 1 << 16;
  seen[1] = REGISTER(I2C1 + ISR);
  wait_for(2);
  REGISTER(I2C1 + TXDR) = 0xB1;
  wait_for(1 << 5);
}
"""
    )
    machine.run_for(0.01)
    assert words(machine, 2) == [BUSY | TCR | 1, BUSY | TXIS | 1]
    assert memory_of(machine).bytes[:3] == b"\xb0\xb1\x12"


def test_the_clock_is_held_while_nobody_reads() -> None:
    machine = machine_of(
        """
int main(void) {
  on(0);
  REGISTER(I2C1 + CR2) = ADDRESS | START | AUTOEND | 1 << 16;
  wait_for(2);
  REGISTER(I2C1 + TXDR) = 0;
  wait_for(1 << 5);
  REGISTER(I2C1 + CR2) = ADDRESS | READ | START | AUTOEND | 4 << 16;
  pause_for(10000);
  seen[0] = REGISTER(I2C1 + ISR) & ~0x20;
  for (int i = 0; i < 4; i++) { wait_for(4); buffer[i] = REGISTER(I2C1 + RXDR); }
}
"""
    )
    machine.run_for(0.02)
    assert words(machine, 1) == [BUSY | RXNE | 1]
    assert bytes_of(machine)[:4] == [0x10, 0x11, 0x12, 0x13]


@pytest.mark.parametrize("in_python", [False, True])
def test_by_interrupt(in_python: bool) -> None:
    machine = machine_of(
        """
static void event(void) {
  uint32_t flags = REGISTER(I2C1 + ISR);
  if (flags & 2) REGISTER(I2C1 + TXDR) = 6;
  else if (flags & 1 << 6) REGISTER(I2C1 + CR2) = ADDRESS | READ | START | AUTOEND | 2 << 16;
  else if (flags & 4) buffer[count++] = REGISTER(I2C1 + RXDR);
  else if (flags & 1 << 5) { REGISTER(I2C1 + ICR) = 1 << 5; seen[0]++; }
}
int main(void) {
  on_interrupt(31, event);
  on(2 | 4 | 1 << 5 | 1 << 6);
  REGISTER(I2C1 + CR2) = ADDRESS | START | 1 << 16;
}
""",
        in_python=in_python,
    )
    machine.run_for(0.01)
    assert bytes_of(machine)[:2] == [0x16, 0x17]
    assert words(machine, 1) == [1]
    assert machine.asleep


BY_DMA = """
static const uint8_t data[3] = {1, 0xC1, 0xC2};
int main(void) {
  on(1 << 14 | 1 << 15);
  REGISTER(0x40026010 + 0x18 * 6 + 8) = I2C1 + TXDR;
  REGISTER(0x40026010 + 0x18 * 6 + 12) = (uint32_t)data;
  REGISTER(0x40026010 + 0x18 * 6 + 4) = 3;
  REGISTER(0x40026010 + 0x18 * 6) = 1 << 25 | 1 << 10 | 1 << 6 | 1;
  REGISTER(0x40026010 + 8) = I2C1 + RXDR;
  REGISTER(0x40026010 + 12) = (uint32_t)buffer;
  REGISTER(0x40026010 + 4) = 3;
  REGISTER(0x40026010) = 1 << 25 | 1 << 10 | 1;
  REGISTER(I2C1 + CR2) = ADDRESS | START | AUTOEND | 3 << 16;
  wait_for(1 << 5);
  REGISTER(I2C1 + ICR) = 1 << 5;
  REGISTER(I2C1 + CR2) = ADDRESS | READ | START | AUTOEND | 3 << 16;
  wait_for(1 << 5);
  while (!(REGISTER(0x40026000) & 1 << 5)) continue;
  seen[0] = 1;
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_by_dma_both_ways(in_python: bool) -> None:
    machine = machine_of(BY_DMA, in_python=in_python)
    machine.run_for(0.01)
    assert words(machine, 1) == [1]
    assert memory_of(machine).bytes[:4] == b"\x10\xc1\xc2\x13"
    assert bytes_of(machine)[:3] == [0x13, 0x14, 0x15]
    assert machine.log.text() == ""


def test_a_snapshot_in_the_middle_goes_on_with_the_device() -> None:
    machine = machine_of(READS_REGISTERS)
    machine.run_for(0.0004)
    assert memory_of(machine).seen == ["write", "read"]
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        each.run_for(0.01)
        assert bytes_of(each)[:3] == [0x12, 0x13, 0x14]
        assert memory_of(each).seen == ["write", "read", "stop"]


def test_switching_it_off_forgets_a_transfer_and_what_is_a_slaves_is_named() -> None:
    machine = machine_of(
        """
int main(void) {
  on(0);
  REGISTER(I2C1 + CR2) = ADDRESS | START | AUTOEND | 1 << 16;
  REGISTER(I2C1) = 0;
  seen[0] = REGISTER(I2C1 + ISR);
  seen[1] = REGISTER(I2C1 + CR2) & START;
  REGISTER(I2C1) = 1 | 1 << 3;
}
"""
    )
    machine.run_for(0.01)
    assert words(machine, 2) == [1, 0]
    assert machine.scheduler.next_ps() is None
    assert [said.split(":")[0] for said in machine.log.lacking] == ["I2C1.CR1.ADDRIE is not modelled"]
