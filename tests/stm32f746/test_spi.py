"""SPI masters in the vendor's three styles, with devices that are Python classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import c_programs
import snippets
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.devices import Attached, SpiDevice, attached_devices
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.surroundings import Surroundings

HEAD = """
#include "interrupts.h"
#define SPI1 0x40013000u
#define CR1 0x00
#define CR2 0x04
#define SR 0x08
#define DR8 (*(volatile uint8_t*)(SPI1 + 0x0C))
#define DR16 (*(volatile uint16_t*)(SPI1 + 0x0C))
static volatile uint32_t seen[8], count;
static volatile uint8_t buffer[8];
static void on(uint32_t control2) {
  REGISTER(RCC + 0x44) |= 1 << 12;
  REGISTER(RCC + 0x30) |= 1 << 22 | 1;
  REGISTER(SPI1 + CR2) = control2;
  REGISTER(SPI1 + CR1) = 1 << 2 | 1 << 8 | 1 << 9;
  REGISTER(SPI1 + CR1) |= 1 << 6;
}
static void wait_until(uint32_t flag) { while (!(REGISTER(SPI1 + SR) & flag)) continue; }
static void select_it(int low) { REGISTER(0x40020018) = low ? 1u << 20 : 1u << 4; }
"""
BITS_8, BITS_16 = "7 << 8 | 1 << 12", "15 << 8"
HSI_PS = 62_500
BIT_PS = 2 * HSI_PS


class Flash(SpiDevice):
    """Answers 0x9F with its identification, and counts what it was told."""

    def __init__(self) -> None:
        self.answer: list[int] = []
        self.seen: list[Any] = []

    def select(self) -> None:
        self.answer = []
        self.seen.append("low")

    def deselect(self) -> None:
        self.seen.append("high")

    def exchange(self, byte: int) -> int:
        self.seen.append(byte)
        if byte == 0x9F:
            self.answer = [0xEF, 0x40, 0x16]
            return 0xFF
        return self.answer.pop(0) if self.answer else byte ^ 0xFF


def machine_of(source: str, *devices: Attached, in_python: bool = False) -> Machine:
    elf = c_programs.build(HEAD + source)
    return Machine(elf, python_models=in_python, surroundings=Surroundings(devices=devices))


def flash_of(machine: Machine) -> Flash:
    device = machine.bus.model("SPI1").devices[0].device  # type: ignore[union-attr]
    assert isinstance(device, Flash)
    return device


def words(machine: Machine, count: int = 8) -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, "seen"), count)


def bytes_of(machine: Machine, name: str = "buffer") -> list[int]:
    return list(machine.read_memory(snippets.symbol(machine.image.path, name), 8) or b"")


ON_BUS = Attached(Flash, "SPI1")
ON_PA4 = Attached(Flash, "SPI1", select="PA4")

POLLS = f"""
int main(void) {{
  REGISTER(RCC + 0x30) |= 1;
  select_it(0);
  REGISTER(0x40020000) |= 1 << 8;
  on({BITS_8});
  for (int round = 0; round < 2; round++) {{
    select_it(1);
    for (int i = 0; i < 4; i++) {{
      wait_until(2);
      DR8 = i ? 0 : 0x9F;
      wait_until(1);
      buffer[4 * round + i] = DR8;
    }}
    while (REGISTER(SPI1 + SR) & 1 << 7) continue;
    select_it(0);
  }}
}}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_polling_with_a_pin_as_chip_select(in_python: bool) -> None:
    machine = machine_of(POLLS, ON_PA4, in_python=in_python)
    machine.run_for(0.001)
    assert bytes_of(machine) == [0xFF, 0xEF, 0x40, 0x16] * 2
    assert flash_of(machine).seen == ["low", 0x9F, 0, 0, 0, "high"] * 2
    assert machine.log.text() == ""


def test_without_a_device_or_a_selection_the_bus_reads_ff() -> None:
    for devices in ((), (ON_PA4,)):
        machine = machine_of(POLLS.replace("select_it(1)", "select_it(0)"), *devices)
        machine.run_for(0.001)
        assert bytes_of(machine) == [0xFF] * 8


def test_without_a_pin_the_switch_selects() -> None:
    machine = machine_of(
        f"int main(void) {{ on({BITS_8}); DR8 = 5; wait_until(1); seen[0] = DR8; "
        "REGISTER(SPI1 + CR1) &= ~(1 << 6); }",
        ON_BUS,
    )
    machine.run_for(0.001)
    assert words(machine, 1) == [0xFA]
    assert flash_of(machine).seen == ["low", 5, "high"]


@pytest.mark.parametrize(("divider", "bits", "frame"), [(0, BITS_8, 8), (3, BITS_8, 64), (1, BITS_16, 32)])
def test_a_frame_takes_its_bits_and_busy_lasts_as_long(divider: int, bits: str, frame: int) -> None:
    machine = machine_of(f"int main(void) {{ on({bits}); REGISTER(SPI1 + CR1) |= {divider} << 3; }}", ON_BUS)
    machine.run_for(0.001)
    start = machine.clock.now_ps()
    machine.bus.write(0x4001_300C, 1 if bits == BITS_8 else 2, 0x55)
    assert machine.scheduler.next_ps() == start + frame * BIT_PS
    assert machine.bus.read(0x4001_3008, 4) == 0x82
    machine.run_until(start + frame * BIT_PS)
    there = 1 if bits == BITS_8 else 2
    assert machine.bus.read(0x4001_3008, 4) == 3 | there << 9


def test_frames_of_16_bits_and_two_packed_of_8() -> None:
    machine = machine_of(
        f"""
int main(void) {{
  on({BITS_16});
  DR16 = 0x1234;
  wait_until(1);
  seen[0] = DR16;
  REGISTER(SPI1 + CR1) &= ~(1 << 6);
  REGISTER(SPI1 + CR2) = 7 << 8;
  REGISTER(SPI1 + CR1) |= 1 << 6;
  DR16 = 0x5678;
  wait_until(1);
  seen[1] = DR16;
  seen[2] = REGISTER(SPI1 + SR);
}}
""",
        ON_BUS,
    )
    machine.run_for(0.001)
    assert words(machine, 3) == [0xEDCB, 0xA987, 2]
    assert [each for each in flash_of(machine).seen if isinstance(each, int)] == [0x12, 0x34, 0x78, 0x56]


@pytest.mark.parametrize("in_python", [False, True])
def test_by_interrupt(in_python: bool) -> None:
    machine = machine_of(
        f"""
static void ready(void) {{
  if (REGISTER(SPI1 + SR) & 1) buffer[count++] = DR8;
  if (count < 4) DR8 = count;
  else REGISTER(SPI1 + CR2) &= ~(1 << 6);
}}
int main(void) {{ on_interrupt(35, ready); on({BITS_8} | 1 << 6); DR8 = 0x9F; }}
""",
        ON_BUS,
        in_python=in_python,
    )
    machine.run_for(0.001)
    assert bytes_of(machine)[:4] == [0xFF, 0xEF, 0x40, 0x16]
    assert machine.asleep


BY_DMA = f"""
static const uint8_t command[4] = {{0x9F, 0, 0, 0}};
static void done(void) {{ seen[0] = REGISTER(0x40026400); REGISTER(0x40026408) = 0x3F << 16; count++; }}
int main(void) {{
  on_interrupt(58, done);
  on({BITS_8} | 1);
  REGISTER(0x40026440 + 8) = SPI1 + 0x0C;
  REGISTER(0x40026440 + 12) = (uint32_t)buffer;
  REGISTER(0x40026440 + 4) = 4;
  REGISTER(0x40026440) = 3 << 25 | 1 << 10 | 1 << 4 | 1;
  REGISTER(0x40026458 + 8) = SPI1 + 0x0C;
  REGISTER(0x40026458 + 12) = (uint32_t)command;
  REGISTER(0x40026458 + 4) = 4;
  REGISTER(0x40026458) = 3 << 25 | 1 << 10 | 1 << 6 | 1;
  REGISTER(SPI1 + CR2) |= 2;
}}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_by_dma_both_ways(in_python: bool) -> None:
    machine = machine_of(BY_DMA, ON_BUS, in_python=in_python)
    machine.run_for(0.001)
    assert bytes_of(machine)[:4] == [0xFF, 0xEF, 0x40, 0x16]
    assert snippets.words(machine, snippets.symbol(machine.image.path, "count"), 1) == [1]
    assert machine.log.text() == ""


def test_a_snapshot_in_the_middle_goes_on_with_the_device() -> None:
    machine = machine_of(BY_DMA, ON_BUS)
    while 0x9F not in flash_of(machine).seen:
        machine.run_until(machine.clock.now_ps() + 100_000)
    assert flash_of(machine).seen == ["low", 0x9F]
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        each.run_for(0.001)
        assert bytes_of(each)[:4] == [0xFF, 0xEF, 0x40, 0x16]
        assert flash_of(each).seen == ["low", 0x9F, 0, 0, 0]


def test_what_nobody_reads_overruns_and_is_cleared_by_reading_both() -> None:
    machine = machine_of(
        f"""
int main(void) {{
  on({BITS_8});
  for (int i = 0; i < 6; i++) {{ wait_until(2); DR8 = i; }}
  pause_for(100);
  seen[0] = REGISTER(SPI1 + SR);
  seen[1] = DR8;
  seen[2] = REGISTER(SPI1 + SR) & 1 << 6;
  seen[3] = REGISTER(SPI1 + SR) & 1 << 6;
}}
""",
        ON_BUS,
    )
    machine.run_for(0.001)
    assert words(machine, 4) == [0x43 | 3 << 9, 0xFF, 1 << 6, 0]


def test_receiving_alone_clocks_until_it_is_switched_off() -> None:
    machine = machine_of(
        f"""
int main(void) {{
  REGISTER(RCC + 0x44) |= 1 << 12;
  REGISTER(SPI1 + CR2) = {BITS_8};
  REGISTER(SPI1 + CR1) = 1 << 2 | 1 << 8 | 1 << 9 | 1 << 10 | 7 << 3;
  REGISTER(SPI1 + CR1) |= 1 << 6;
  for (int i = 0; i < 3; i++) {{ wait_until(1); buffer[i] = DR8; }}
  REGISTER(SPI1 + CR1) &= ~(1 << 6);
}}
""",
        ON_BUS,
    )
    machine.run_for(0.01)
    assert flash_of(machine).seen == ["low", 0, 0, 0, "high"]
    assert machine.scheduler.next_ps() is None


def test_classic_mistakes_are_named() -> None:
    machine = machine_of(
        f"""
int main(void) {{
  on({BITS_8} | 1 << 4);
  REGISTER(SPI1 + CR1) = 1 << 2 | 1 << 9;
  seen[0] = REGISTER(SPI1 + SR) & 1 << 5;
  seen[1] = REGISTER(SPI1 + CR1);
  REGISTER(SPI1 + CR1) = 1 << 6 | 1 << 13;
}}
""",
    )
    machine.run_for(0.001)
    assert words(machine, 2) == [1 << 5, 1 << 9]
    assert "SPI1 is a master with NSS by software (SSM) low (SSI): mode fault" in machine.log.text()
    assert [said.split(":")[0] for said in machine.log.lacking] == [
        "SPI1.CR2.FRF is not modelled",
        "SPI1.CR1.CRCEN is not modelled",
        "SPI1.CR1.MSTR is 0 while it is on",
    ]


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 1 // 0", r"Own.exchange of spi_\d failed: ZeroDivisionError.*\(spi_\d.py line 6\)"),
        ("return 256", "Own.exchange returned 256 and no byte"),
    ],
)
def test_what_fails_in_a_device_names_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str, in_python: bool
) -> None:
    name = f"spi_{len(body) % 10}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{name}.py").write_text(
        "from renode_mnist.stm32f746.devices import SpiDevice\n\n\nclass Own(SpiDevice):\n"
        f"    def exchange(self, byte):\n        {body}\n"
    )
    devices = attached_devices([f"{name}:Own@SPI1"])
    with pytest.raises(TargetError, match=said):
        machine_of(f"int main(void) {{ on({BITS_8}); DR8 = 5; }}", *devices, in_python=in_python).run_for(0.001)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("json:JSONDecoder@SPI7", "names no device and its bus"),
        ("json:JSONDecoder", "names no device and its bus"),
        ("json:JSONDecoder@SPI1", "JSONDecoder of json .* is no SpiDevice"),
        ("json:JSONDecoder@SPI1:PA99", "'PA99' in .* is no pin"),
        ("json:JSONDecoder@I2C1", "names no address on its bus"),
        ("json:JSONDecoder@I2C1:0x90", "^0x90 in .* is no address of 7 bits for a device"),
        ("renode_mnist.stm32f746.devices:SpiDevice@I2C1:0x48", "is no I2cDevice"),
    ],
)
def test_what_is_no_device_is_refused(text: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        attached_devices([text])


def test_two_devices_at_one_place_are_refused() -> None:
    device = "renode_mnist.stm32f746.devices:SpiDevice@SPI1"
    with pytest.raises(TargetError, match="two devices are on SPI1 at one place"):
        attached_devices([device, device])
    assert len(attached_devices([device, f"{device}:PA4", f"{device}:PA5"])) == 3
