"""The DMA controllers: RM0385 8, with the models in C and in Python."""

from __future__ import annotations

from itertools import pairwise

import pytest

import snippets
from renode_mnist.stm32f746.machine import Machine
from snippets import results, words
from usart_programs import USART, received_by

DMA2 = 0x4002_6400
USART1 = 0x4001_1000
LISR, HISR, LIFCR = 0x00, 0x04, 0x08
CR, NDTR, PAR, M0AR, M1AR, FCR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
EN, TEIE, HTIE, TCIE, CIRC, PINC, MINC, DBM, CT = (1 << bit for bit in (0, 2, 3, 4, 8, 9, 10, 18, 19))
TO_PERIPHERAL, COPY, CHANNEL_4 = 1 << 6, 2 << 6, 4 << 25
TE, HT, TC = 1 << 3, 1 << 4, 1 << 5
BUFFER, OTHER = 0x2004_C000, 0x2004_D000

LISTENS = (
    USART
    + """
function run
  usart_on 0x0D
  poke 0x40023830, 0x00600000
  poke USART1 + 8, 0xC0 // DMAR, DMAT
  poke 0xE000E104, 0x05000000
  poke 0xE000E108, 0x50
1: wfi
  b 1b
  .irp number, 0, 2, 7
function dma2_stream\\number
  poke 0x40026408, 0xFFFFFFFF
  poke 0x4002640C, 0xFFFFFFFF
  ldr r0, =results
  ldr r1, [r0, #4 * \\number]
  adds r1, #1
  str r1, [r0, #4 * \\number]
  bx lr
  .endr
"""
)


@pytest.fixture(params=[False, True], ids=["in C", "in Python"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Listens on USART1, with DMA switched on there; handlers count in ``results`` by their stream."""
    machine = Machine(snippets.build(LISTENS), python_models=request.param)
    machine.run_for(0.001)
    assert machine.asleep
    return machine


def at(stream: int, register: int) -> int:
    return 0x10 + 0x18 * stream + register


def set_up(machine: Machine, stream: int, *, dma: str = "DMA2", **registers: int) -> None:
    """Writes a stream's registers, CR last."""
    names = {"par": PAR, "m0ar": M0AR, "m1ar": M1AR, "fcr": FCR, "ndtr": NDTR, "cr": CR}
    for name, offset in names.items():
        if name in registers:
            machine.dmas[dma].write(at(stream, offset), registers[name])


def receive(machine: Machine, count: int, control: int = 0) -> None:
    set_up(machine, 2, par=USART1 + 0x24, m0ar=BUFFER, ndtr=count, cr=CHANNEL_4 | MINC | EN | control)


def got(machine: Machine, count: int, address: int = BUFFER) -> bytes:
    found = machine.core.memory.peek(address, count)
    assert found is not None
    return found


def test_received_bytes_go_to_memory_and_the_core_sleeps(machine: Machine) -> None:
    receive(machine, 8)
    before = machine.instructions()
    machine.usarts["USART1"].feed(b"abcde")
    machine.run_for(0.01)
    assert got(machine, 6) == b"abcde\0"
    assert machine.dmas["DMA2"].read(at(2, NDTR)) == 3
    assert machine.instructions() == before
    assert machine.dmas["DMA2"].read(LISR) >> 16 == HT


def test_a_stream_that_is_through_stops_and_the_usart_overruns(machine: Machine) -> None:
    receive(machine, 3, TCIE)
    machine.usarts["USART1"].feed(b"abcdef")
    machine.run_for(0.01)
    dma = machine.dmas["DMA2"]
    assert got(machine, 4) == b"abc\0"
    assert not dma.read(at(2, CR)) & EN
    assert results(machine, 3)[2] == 1
    flags = machine.usarts["USART1"].read(0x1C)
    assert flags & 0x28 == 0x28
    dma.write(at(2, CR), CHANNEL_4 | MINC | EN)  # as many again, and the byte that waits in RDR at once
    assert dma.read(at(2, NDTR)) == 2
    assert got(machine, 3) == b"dbc"


def test_a_ring_comes_round_and_tells_of_its_half_and_its_end(machine: Machine) -> None:
    receive(machine, 5, CIRC | HTIE | TCIE)
    machine.usarts["USART1"].feed(bytes(range(1, 15)))
    machine.run_for(0.01)
    assert got(machine, 6) == bytes([11, 12, 13, 14, 10, 0])
    assert machine.dmas["DMA2"].read(at(2, NDTR)) == 1
    assert results(machine, 3)[2] == 5  # halves at 3, 8 and 13 bytes, ends at 5 and 10
    assert machine.dmas["DMA2"].read(at(2, CR)) & EN


def test_two_buffers_are_filled_in_turns(machine: Machine) -> None:
    set_up(machine, 2, m1ar=OTHER)
    receive(machine, 2, DBM)
    machine.usarts["USART1"].feed(b"abcdefg")
    machine.run_for(0.01)
    assert (got(machine, 2), got(machine, 2, OTHER)) == (b"ef", b"gd")
    assert machine.dmas["DMA2"].read(at(2, CR)) & CT
    machine.dmas["DMA2"].write(at(2, M1AR), 0)  # the one in use: kept
    machine.dmas["DMA2"].write(at(2, M0AR), BUFFER + 8)
    machine.usarts["USART1"].feed(b"hi")
    machine.run_for(0.01)
    assert (got(machine, 9)[8:], got(machine, 2, OTHER)) == (b"i", b"gh")


def test_a_frame_is_sent_without_the_core(machine: Machine) -> None:
    seen = received_by(machine)
    machine.core.memory.poke(BUFFER, b"Hello, DMA")
    before = machine.instructions()
    control = CHANNEL_4 | MINC | TO_PERIPHERAL | EN
    set_up(machine, 7, par=USART1 + 0x28, m0ar=BUFFER, ndtr=10, cr=control)
    machine.run_for(0.01)
    assert bytes(byte for byte, _ in seen) == b"Hello, DMA"
    gaps = {after - time_ps for (_, time_ps), (_, after) in pairwise(seen)}
    assert len(gaps) == 1, "one after the other"
    assert machine.instructions() == before
    assert machine.dmas["DMA2"].read(HISR) >> 22 == HT | TC
    assert machine.usarts["USART1"].read(0x1C) & 0x40


def test_the_end_of_a_frame_interrupts_when_its_last_byte_is_handed_over(machine: Machine) -> None:
    seen = received_by(machine)
    set_up(machine, 7, par=USART1 + 0x28, m0ar=BUFFER, ndtr=4, cr=CHANNEL_4 | TO_PERIPHERAL | TCIE | EN)
    machine.run_until(machine.clock.now_ps() + 10**12, lambda: results(machine, 8)[7] == 1)
    assert len(seen) == 2, "the third is on its way, the last waits in TDR"


@pytest.mark.parametrize(
    ("control", "fcr", "count", "copied"),
    [
        (0, 0x21, 5, b"ABCDE\0\0\0"),
        (1 << 11 | 1 << 13, 0x21, 3, b"ABCDEF\0\0"),
        (2 << 13, 0x21, 6, b"ABCDEF\0\0"),  # two bytes do not fill a word: they are flushed
        (2 << 11, 0x21, 2, b"ABCDEFGH"),
    ],
    ids=["bytes", "half-words", "bytes to words", "words to bytes"],
)
def test_memory_is_copied_at_once(machine: Machine, control: int, fcr: int, count: int, copied: bytes) -> None:
    machine.core.memory.poke(OTHER, b"ABCDEFGHIJ")
    control |= COPY | PINC | MINC | TCIE | EN
    set_up(machine, 0, par=OTHER, m0ar=BUFFER, fcr=fcr, ndtr=count, cr=control)
    assert got(machine, 8) == copied
    assert not machine.dmas["DMA2"].read(at(0, CR)) & EN
    assert machine.dmas["DMA2"].read(LISR) == HT | TC
    assert "FIFO, whose threshold is not modelled" in machine.log.text()


def test_dma1_does_not_copy_memory(machine: Machine) -> None:
    machine.core.memory.poke(OTHER, b"ABCD")
    set_up(machine, 0, dma="DMA1", par=OTHER, m0ar=BUFFER, ndtr=4, cr=COPY | PINC | MINC | EN)
    assert got(machine, 4) == bytes(4)
    assert "only DMA2 can" in machine.log.text()


@pytest.mark.parametrize("to", [0x0000_0100, 0x0020_0000, 0x0800_0000, 0x2005_0000, 0xE000_E010, 0x9000_0000])
def test_where_nothing_answers_a_stream_stops_with_an_error(machine: Machine, to: int) -> None:
    receive(machine, 4)
    machine.dmas["DMA2"].write(at(2, CR), 0)
    machine.dmas["DMA2"].write(LIFCR, 0xFFFF_FFFF)
    set_up(machine, 2, m0ar=to, ndtr=4, cr=CHANNEL_4 | MINC | TEIE | EN)
    machine.usarts["USART1"].feed(b"ab")
    machine.run_for(0.01)
    dma = machine.dmas["DMA2"]
    assert not dma.read(at(2, CR)) & EN
    assert results(machine, 3)[2] == 1, "its interrupt came"
    assert f"DMA2 stream 2: transfer error, nothing answers at {to:#010x}" in machine.log.text()


def test_what_is_written_while_a_stream_is_on_is_protected(machine: Machine) -> None:
    receive(machine, 4)
    dma = machine.dmas["DMA2"]
    for register in (NDTR, PAR, M0AR, FCR):
        before = dma.read(at(2, register))
        dma.write(at(2, register), 0x1F)
        assert dma.read(at(2, register)) == before
    dma.write(at(2, CR), CIRC | TCIE | EN)
    assert dma.read(at(2, CR)) == CHANNEL_4 | MINC | TCIE | EN
    dma.write(at(2, CR), 0)
    assert dma.read(LISR) >> 16 == TC, "switched off by the program: the end of what was under way"


def test_a_request_that_waits_is_served_when_the_stream_is_switched_on(machine: Machine) -> None:
    machine.usarts["USART1"].feed(b"x")
    machine.run_for(0.001)
    receive(machine, 4)
    assert got(machine, 1) == b"x"


def test_a_frame_with_an_error_is_not_handed_over(machine: Machine) -> None:
    usart = machine.usarts["USART1"]
    usart.line_baud = 60_000  # half the rate: no stop bit where it is looked for
    receive(machine, 4)
    usart.feed(b"\0")
    machine.run_for(0.01)
    assert machine.dmas["DMA2"].read(at(2, NDTR)) == 4
    assert usart.read(0x1C) & 0x22 == 0x02
    usart.line_baud = None
    usart.feed(b"k")
    machine.run_for(0.01)
    assert got(machine, 1) == b"k"


def test_a_reset_by_the_rcc_stops_all(machine: Machine) -> None:
    receive(machine, 4, CIRC | HTIE)
    machine.usarts["USART1"].feed(b"ab")
    machine.run_for(0.01)
    machine.rcc.write(0x10, 1 << 22)
    assert [machine.dmas["DMA2"].read(at(2, register)) for register in (CR, NDTR, FCR)] == [0, 0, 0x21]
    machine.usarts["USART1"].feed(b"cd")
    machine.run_for(0.01)
    assert got(machine, 3) == b"ab\0"


def test_without_a_clock_nothing_moves(machine: Machine) -> None:
    receive(machine, 4)
    machine.rcc.write(0x30, 0)
    machine.usarts["USART1"].feed(b"a")
    machine.run_for(0.01)
    assert got(machine, 1) == b"\0"
    machine.write_memory(DMA2 + at(2, CR), bytes(4))
    assert "DMA2 was written while the RCC gives it no clock" in machine.log.text()


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (1 << 5 | CHANNEL_4, "PFCTRL"),
        (1 << 23 | CHANNEL_4, "bursts, which are not modelled"),
        (2 << 25, "waits for channel 2, which no modelled peripheral asks by"),
    ],
)
def test_what_is_not_modelled_is_named_once(machine: Machine, control: int, said: str) -> None:
    for _ in range(2):
        set_up(machine, 2, cr=control | EN)
        set_up(machine, 2, cr=0)
        machine.dmas["DMA2"].write(LIFCR, 0xFFFF_FFFF)
    assert machine.log.text().count(said) == 1
    assert "with flags of its last transfer set" not in machine.log.text()
    set_up(machine, 2, cr=EN)
    set_up(machine, 2, cr=0)
    set_up(machine, 2, cr=EN)
    assert "is switched on with flags of its last transfer set" in machine.log.text()


WAITS_FOR_ITS_END = """
function run
  poke 0x40023830, 0x00600000
  poke 0x40026424, 0x20000000
1: ldr r1, [r0, #-0x24] // LISR
  tst r1, #0x20
  beq 1b
  bx lr
"""


def test_a_loop_that_waits_for_a_flag_is_skipped() -> None:
    machine = Machine(snippets.build(WAITS_FOR_ITS_END))
    machine.run_for(0.1)
    assert machine.loop is not None
    assert machine.loop.register == DMA2


def test_it_is_the_same_chip_in_a_row_of_transfers(machine: Machine) -> None:
    """Bytes that come and go at once: an echo by two streams and one buffer."""
    seen = received_by(machine)
    receive(machine, 64, CIRC)
    set_up(machine, 7, par=USART1 + 0x28, m0ar=BUFFER, ndtr=3, cr=CHANNEL_4 | MINC | TO_PERIPHERAL)
    machine.usarts["USART1"].feed(b"abcdef")
    machine.run_for(0.0004)
    machine.dmas["DMA2"].write(at(7, CR), CHANNEL_4 | MINC | TO_PERIPHERAL | EN)
    machine.run_for(0.01)
    assert bytes(byte for byte, _ in seen) == b"abc"
    assert words(machine, BUFFER, 1) == [int.from_bytes(b"abcd", "little")]
