"""Random accesses to the DMA controllers, among all others: for the program `chip_programs.TRAFFIC`."""

from __future__ import annotations

import random
import struct

import chip_programs
import snippets
from chip_programs import BASEPRI, DELAY, END, LOAD1, LOAD2, LOAD4, PRIMASK, RCC, SCS, STORE1, STORE2, STORE4, USART1
from renode_mnist.stm32f746.machine import Machine

DMA1, DMA2 = 0x4002_6000, 0x4002_6400
STREAMS = (2, 5, 7, 0)
"""Of DMA2: receive twice, transmit, and one that copies memory."""
AREA_BYTES = 0x800

PROGRAM = (
    chip_programs.TRAFFIC
    + f"""
  .lcomm area, {AREA_BYTES}
  .macro stream_handler number, place
function dma2_stream\\number
  ldr r0, =handled
  ldr r1, [r0, #4 * \\place]
  adds r1, #1
  str r1, [r0, #4 * \\place]
  ldr r0, ={DMA2:#x}
  mvn r1, #0
  str r1, [r0, #8]
  str r1, [r0, #12]
  bx lr
  .endm
  stream_handler 2, 7
  stream_handler 5, 8
  stream_handler 7, 9
  stream_handler 0, 10
"""
)
"""It keeps four counts more in ``handled``."""


def _control(r: random.Random, stream: int) -> int:
    """A CR that does something, mostly."""
    direction = {2: 0, 5: 0, 7: 1}.get(stream, 2)
    if r.random() < 0.05:
        direction = r.randrange(4)
    sizes = r.choice([0, 0, 0, r.getrandbits(4)]) << 11
    flags = r.getrandbits(4) << 1 | (r.random() < 0.5) << 8 | (r.random() < 0.1) << 9 | 1 << 10
    rare = sum(1 << bit for bit in (5, 15, 18, 19, 21, 24) if r.random() < 0.05)
    channel = 4 if r.random() < 0.9 else r.getrandbits(3)
    return channel << 25 | direction << 6 | sizes | flags | rare | (r.random() < 0.85)


def _stream_rows(r: random.Random, area: int) -> list[tuple[int, int, int]]:
    """Sets a stream up and switches it on."""
    stream = r.choice(STREAMS)
    base = (DMA2 if r.random() < 0.95 else DMA1) + 0x10 + 0x18 * stream
    inside = area + 4 * r.randrange(AREA_BYTES // 16)
    memory = r.choice([inside] * 8 + [0x2004_FFF8, 0x0800_0000, 0x0000_0100, 0x9000_0000])
    other = area + 4 * r.randrange(AREA_BYTES // 16)
    peripheral = {2: USART1 + 0x24, 5: USART1 + 0x24, 7: USART1 + 0x28}.get(stream, other)
    if r.random() < 0.05:
        peripheral = r.choice([USART1 + 4 * r.randrange(12), 0x4002_0014, SCS + 0x10, 0x4002_0C00, 0xFF00_0000])
    rows = [
        (STORE4, base, 0),
        (STORE4, DMA2 + 8 + 4 * r.getrandbits(1), r.choice([0xFFFF_FFFF, r.getrandbits(32)])),
        (STORE4, base + 4, r.randrange(40)),
        (STORE4, base + 8, peripheral),
        (STORE4, base + 12, memory),
        (STORE4, base + 16, area + 4 * r.randrange(AREA_BYTES // 16)),
        (STORE4, base + 20, r.choice([0x21, 0x21, r.getrandbits(8)])),
        (STORE4, base, _control(r, stream)),
    ]
    return [row for row in rows if r.random() < 0.97]


def _row(r: random.Random, area: int) -> list[tuple[int, int, int]]:
    bits = r.getrandbits
    match r.randrange(12):
        case 0 | 1:
            return _stream_rows(r, area)
        case 2 | 3:
            return [(r.choice([LOAD4, LOAD4, LOAD2, LOAD1]), DMA2 + 4 * r.randrange(54), 0)]
        case 4:
            return [(STORE4, USART1 + 8, bits(2) << 6 | (r.random() < 0.2) << 13)] * 2
        case 5:
            return [(r.choice([STORE4, STORE2, STORE1]), DMA2 + 4 * r.randrange(54), bits(8))]
        case 6:
            return [(STORE4, RCC + 0x30, 0x60_0001 if r.random() < 0.9 else 1)]
        case 7:
            return [(STORE4, RCC + 0x10, 0x40_0000 if r.random() < 0.2 else 0)]
        case 8:
            return [(DELAY, 0, r.randrange(1, 3000))]
        case _:
            return chip_programs._rows(r)


def load_traffic(machine: Machine, r: random.Random) -> None:
    """Gives a machine that runs `PROGRAM` some thousand random accesses."""
    area = snippets.symbol(machine.image.path, "area")
    begin = [(STORE4, RCC + 0x44, 0x10), (STORE4, USART1 + 0xC, 139), (STORE4, USART1, 0x2D)]
    begin += [(STORE4, SCS + 0x100, 0xF), (STORE4, SCS + 0x104, 0x0500_0020), (STORE4, SCS + 0x108, 0x50)]
    begin += [(STORE4, RCC + 0x30, 0x60_0001)]
    traffic = [row for _ in range(500) for row in _row(r, area)]
    rows = [*begin, *traffic[:1300], (BASEPRI, 0, 0), (PRIMASK, 0, 0), (END, 0, 0)]
    table = b"".join(struct.pack("<3I", *row) for row in rows)
    machine.core.load(snippets.symbol(machine.image.path, "table"), table)
    machine.core.load(area, r.randbytes(AREA_BYTES))
