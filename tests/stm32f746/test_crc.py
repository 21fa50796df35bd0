"""The CRC unit: the check values that catalogues of CRCs give for the text "123456789"."""

from __future__ import annotations

import zlib

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746.machine import Machine

HEAD = """
#define CRC 0x40023000u
static volatile uint32_t seen[8];
static const uint8_t digits[] = "123456789";
"""
OF_BYTES = """
int main(void) {
  REGISTER(RCC + 0x30) |= 1 << 12;
  REGISTER(CRC + 0x14) = %d;
  REGISTER(CRC + 0x10) = %d;
  REGISTER(CRC + 8) = %d;
  for (int i = 0; i < 9; i++) *(volatile uint8_t*)CRC = digits[i];
  seen[0] = REGISTER(CRC);
}
"""


def mpeg2(data: bytes) -> int:
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
    return int(f"{zlib.crc32(turned) ^ 0xFFFF_FFFF:032b}"[::-1], 2)


def ran(source: str, *, said: str = "", **arguments: bool) -> list[int]:
    machine = Machine(c_programs.build(HEAD + source), **arguments)
    machine.run_for(0.001)
    assert said in machine.log.text() if said else machine.log.text() == ""
    return snippets.words(machine, snippets.symbol(machine.image.path, "seen"), 8)


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("polynomial", "initial", "control", "check"),
    [
        (0x04C1_1DB7, 0xFFFF_FFFF, 0x01, 0x0376_E6E7),  # CRC-32/MPEG-2
        (0x04C1_1DB7, 0xFFFF_FFFF, 0xA1, 0x340B_C6D9),  # CRC-32/JAMCRC
        (0x1021, 0xFFFF, 0x09, 0x29B1),  # CRC-16/CCITT-FALSE
        (0x8005, 0xFFFF, 0xA9, 0x4B37),  # CRC-16/MODBUS
        (0x07, 0x00, 0x11, 0xF4),  # CRC-8/SMBUS
        (0x09, 0x00, 0x19, 0x75),  # CRC-7/MMC
    ],
)
def test_catalogued_check_values(polynomial: int, initial: int, control: int, check: int, in_python: bool) -> None:
    assert ran(OF_BYTES % (polynomial, initial, control), python_models=in_python)[0] == check


def test_words_and_half_words_are_taken_as_they_are_wide() -> None:
    seen = ran(
        """
int main(void) {
  REGISTER(RCC + 0x30) |= 1 << 12;
  REGISTER(CRC) = 0x31323334;
  *(volatile uint16_t*)CRC = 0x3536;
  *(volatile uint8_t*)CRC = 0x37;
  seen[0] = REGISTER(CRC);
  REGISTER(CRC + 8) = 1 | 1 << 5;
  REGISTER(CRC) = 0x31323334;
  seen[1] = REGISTER(CRC);
  REGISTER(CRC + 8) = 1 | 2 << 5;
  REGISTER(CRC) = 0x31323334;
  seen[2] = REGISTER(CRC);
  REGISTER(CRC + 8) = 1 | 3 << 5 | 1 << 7;
  REGISTER(CRC) = 0x34333231;
  seen[3] = REGISTER(CRC);
  REGISTER(CRC + 4) = 0x1AB;
  REGISTER(CRC + 8) = 1;
  seen[4] = REGISTER(CRC + 4);
  REGISTER(CRC + 0x10) = 0x1234;
  seen[5] = REGISTER(CRC);
}
"""
    )

    bits = f"{0x31323334:032b}"
    by_bytes = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, 32, 8))
    by_halves = b"".join(int(bits[at : at + 16][::-1], 2).to_bytes(2, "big") for at in (0, 16))
    assert seen[:3] == [mpeg2(b"1234567"), mpeg2(by_bytes), mpeg2(by_halves)]
    assert seen[3] == zlib.crc32(b"1234") ^ 0xFFFF_FFFF
    assert seen[4:6] == [0xAB, 0x1234]


def test_dma_feeds_it_from_memory() -> None:
    """Memory to memory, with the unit's data register as the end that stands still."""
    seen = ran(
        """
int main(void) {
  REGISTER(RCC + 0x30) |= 1 << 12 | 1 << 22;
  static const uint32_t data[] = {0x31323334, 0x35363738};
  REGISTER(0x40026418) = (uint32_t)data;
  REGISTER(0x4002641C) = CRC;
  REGISTER(0x40026414) = 2;
  REGISTER(0x40026410) = 2 << 6 | 1 << 9 | 2 << 11 | 2 << 13 | 1;
  while (!(REGISTER(0x40026400) & 1 << 5)) continue;
  seen[0] = REGISTER(CRC);
}
""",
        said="DMA2 stream 0 has a FIFO",
    )
    assert seen[0] == mpeg2(b"12345678")
