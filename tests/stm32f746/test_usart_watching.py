"""What a USART's receiver watches for: silence (RTOR) and a character (ADD); and its bits that are not modelled."""

from __future__ import annotations

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.usart import CMF, RTOF, Usart

BIT_PS = 139 * 62_500
"""16 MHz / 139."""
FRAME_PS = 10 * BIT_PS
ISR = 0x1C

SETS_UP = """
static volatile uint32_t flags, times, bytes;
void usart1(void) {
  uint32_t now = REGISTER(USART1 + 0x1C);
  if (now & 1 << 5) { bytes = bytes << 8 | REGISTER(USART1 + 0x24); }
  if (now & (1 << 11 | 1 << 17)) { flags |= now; times++; REGISTER(USART1 + 0x20) = now & (1 << 11 | 1 << 17); }
}
int main(void) {
  usart1_on();
  REGISTER(USART1) = 0;
  REGISTER(USART1 + 0x0C) = 139;
  REGISTER(USART1 + 0x04) = %s;
  REGISTER(USART1 + 0x14) = 25;
  REGISTER(USART1) = 0xD | %s;
  REGISTER(0xE000E104) = 1 << 5;
}
"""
RTOEN, ADD_X = "1 << 23", "'x' << 24"


def machine_of(control2: str, control1: str = "0", *, in_python: bool = False) -> tuple[Machine, Usart]:
    machine = Machine(c_programs.build(SETS_UP % (control2, control1)), python_models=in_python)
    machine.run_for(0.001)
    return machine, machine.usarts["USART1"]


def counted(machine: Machine, name: str) -> int:
    return snippets.words(machine, snippets.symbol(machine.image.path, name), 1)[0]


@pytest.mark.parametrize("in_python", [False, True])
def test_a_timeout_is_counted_in_bits_from_the_end_of_the_last_frame(in_python: bool) -> None:
    machine, usart = machine_of(RTOEN, in_python=in_python)
    start = machine.clock.now_ps()
    usart.feed(b"ab")
    end = start + 2 * FRAME_PS + 25 * BIT_PS
    machine.run_until(end - 1)
    assert not usart.peek(ISR) & RTOF
    machine.run_until(end)
    assert usart.peek(ISR) & RTOF
    usart.write(0x20, RTOF)
    machine.run_for(0.01)
    assert not usart.peek(ISR) & RTOF, "silence goes on, and is told once"


@pytest.mark.parametrize("in_python", [False, True])
def test_a_frame_that_begins_in_time_puts_it_off(in_python: bool) -> None:
    machine, usart = machine_of(RTOEN, in_python=in_python)
    start = machine.clock.now_ps()
    usart.feed(b"a")
    machine.run_until(start + FRAME_PS + 24 * BIT_PS)
    usart.feed(b"b")
    machine.run_until(start + 2 * FRAME_PS + (24 + 25) * BIT_PS - 1)
    assert not usart.peek(ISR) & RTOF
    machine.run_until(start + 2 * FRAME_PS + (24 + 25) * BIT_PS)
    assert usart.peek(ISR) & RTOF


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("control2", "control1", "sent", "flag"),
    [(RTOEN, "1 << 26 | 1 << 5", b"abc", RTOF), (ADD_X, "1 << 14 | 1 << 5", b"axb", CMF)],
)
def test_each_interrupts_once_where_it_is_enabled(
    control2: str, control1: str, sent: bytes, flag: int, in_python: bool
) -> None:
    machine, usart = machine_of(control2, control1, in_python=in_python)
    usart.feed(sent)
    machine.run_for(0.01)
    assert (counted(machine, "times"), counted(machine, "flags") & (RTOF | CMF)) == (1, flag)
    assert counted(machine, "bytes") == int.from_bytes(sent, "big")
    assert machine.log.lacking == ()


@pytest.mark.parametrize("in_python", [False, True])
def test_a_match_is_a_flag_without_an_interrupt_too(in_python: bool) -> None:
    machine, usart = machine_of(ADD_X, in_python=in_python)
    usart.feed(b"a")
    machine.run_for(0.001)
    assert not usart.peek(ISR) & CMF
    usart.read(0x24)
    usart.feed(b"x")
    machine.run_for(0.001)
    assert usart.peek(ISR) & CMF
    usart.write(0x20, CMF)
    assert not usart.peek(ISR) & CMF


def test_a_snapshot_keeps_a_timeout_under_way() -> None:
    machine, usart = machine_of(RTOEN)
    usart.feed(b"a")
    machine.run_until(machine.clock.now_ps() + FRAME_PS + 10 * BIT_PS)
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        assert not each.usarts["USART1"].peek(ISR) & RTOF
        each.run_until(each.clock.now_ps() + 16 * BIT_PS)
        assert each.usarts["USART1"].peek(ISR) & RTOF


@pytest.mark.parametrize("in_python", [False, True])
def test_bits_that_are_not_modelled_are_named_once_each(in_python: bool) -> None:
    """The case of the issue: half duplex, inversion, a break and a baud rate that are asked for in silence."""
    machine = Machine(
        c_programs.build(
            """
int main(void) {
  usart1_on();
  for (int i = 0; i < 2; i++) {
    REGISTER(USART1 + 0x18) = 2;
    REGISTER(USART1 + 0x18) = 1;
    REGISTER(USART1) &= ~1u;
    REGISTER(USART1 + 8) = 1 << 7 | 1 << 6 | 1 << 3;
    REGISTER(USART1 + 4) = 1 << 17 | 1 << 19 | 1 << 23 | 'x' << 24;
    REGISTER(USART1) = 1 << 26 | 1 << 14 | 0xD;
  }
}
"""
        ),
        python_models=in_python,
    )
    machine.run_for(0.001)
    named = [said.partition(" is not modelled: set by main")[0] for said in machine.log.lacking]
    assert named == [
        "USART1.RQR.SBKRQ",
        "USART1.RQR.ABRRQ",
        "USART1.CR3.HDSEL",
        "USART1.CR2.TXINV",
        "USART1.CR2.MSBFIRST",
    ]
