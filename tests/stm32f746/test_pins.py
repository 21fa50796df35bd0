"""Pins that the world outside drives, the lock, EXTI and SYSCFG: RM0385 6, 7, 11."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.pads import Pin, pin_of
from renode_mnist.stm32f746.peripherals.exti import EMR, FTSR, IMR, PR, RTSR, SWIER
from renode_mnist.stm32f746.wiring import POSITIONS
from timer_programs import HSI_PS, Bench, machine_of, seen

MODER, OTYPER, PUPDR, IDR, ODR, BSRR, LCKR, AFRL = 0x00, 0x04, 0x0C, 0x10, 0x14, 0x18, 0x1C, 0x20
EXTICR1, EXTICR3 = 0x08, 0x10
PORT_I = 8


@pytest.mark.parametrize("python_models", [False, True])
def test_an_input_reads_what_drives_it_else_its_pull(python_models: bool) -> None:
    bench = Bench(python_models=python_models)
    port = bench.machine.gpios["I"]
    bench["GPIOI", PUPDR] = 1 << 2 * 11 | 2 << 2 * 12
    assert bench["GPIOI", IDR] == 1 << 11
    port.drive(11, False)
    port.drive(12, True)
    assert bench["GPIOI", IDR] == 1 << 12
    port.drive(11, None)
    port.drive(12, None)
    assert bench["GPIOI", IDR] == 1 << 11


def test_an_output_wins_an_open_drain_one_lets_go_and_an_analog_pin_reads_0() -> None:
    bench = Bench()
    port = bench.machine.gpios["C"]
    bench["GPIOC", MODER] = 0b11_01_01
    bench["GPIOC", OTYPER] = 2
    bench["GPIOC", ODR] = 3
    for pin in range(3):
        port.drive(pin, False)
    assert bench["GPIOC", IDR] & 7 == 0b001
    port.drive(1, None)
    assert bench["GPIOC", IDR] & 7 == 0b011
    bench["GPIOC", BSRR] = 2 << 16
    port.drive(1, True)
    port.drive(2, True)
    assert bench["GPIOC", IDR] & 7 == 0b001


def test_a_locked_pin_keeps_its_mode_until_a_reset() -> None:
    bench = Bench()
    bench["GPIOC", MODER] = 1
    for value in (0x1_0001, 0x0001, 0x1_0001):
        bench["GPIOC", LCKR] = value
    assert bench["GPIOC", LCKR] == 0x1_0001
    bench["GPIOC", MODER] = 0b1111
    bench["GPIOC", AFRL] = 0xFF
    bench["GPIOC", ODR] = 1
    assert [bench["GPIOC", offset] for offset in (MODER, AFRL, ODR)] == [0b1101, 0xF0, 1]
    bench["GPIOC", LCKR] = 0
    assert bench["GPIOC", LCKR] == 0x1_0001
    bench["RCC", 0x10] = 1 << 2
    bench["GPIOC", MODER] = 0b1111
    assert bench["GPIOC", MODER] == 0b1111


def test_another_sequence_locks_nothing() -> None:
    bench = Bench()
    for value in (0x1_0001, 0x0003, 0x1_0001, 0x0001, 0x0001):
        bench["GPIOC", LCKR] = value
    assert bench["GPIOC", LCKR] == 1


def test_names_of_pins() -> None:
    assert pin_of("PI11") == Pin("I", 11)
    assert str(pin_of(" b3")) == "PB3"
    for wrong in ("PL1", "PA16", "PK8", "A", "PA", "11"):
        with pytest.raises(TargetError, match="there is no pin"):
            pin_of(wrong)


# EXTI


def _on_line_11(bench: Bench, **registers: int) -> None:
    bench["SYSCFG", EXTICR3] = PORT_I << 12
    for name, offset in (("imr", IMR), ("emr", EMR), ("rising", RTSR), ("falling", FTSR)):
        bench["EXTI", offset] = registers.get(name, 0)


def test_chosen_edges_of_the_chosen_port_are_pending_until_a_1_is_written() -> None:
    bench = Bench()
    line = 1 << 11
    _on_line_11(bench, imr=line, rising=line)
    position = POSITIONS["EXTI15_10"]
    bench.machine.gpios["H"].drive(11, True)
    assert not bench.pending(position)
    bench.machine.gpios["I"].drive(11, True)
    assert (bench["EXTI", PR], bench.pending(position)) == (line, True)
    bench["EXTI", PR] = 0
    assert bench.pending(position)
    bench["EXTI", PR] = line
    assert (bench["EXTI", PR], bench.pending(position)) == (0, False)
    bench.machine.gpios["I"].drive(11, False)
    assert bench["EXTI", PR] == 0
    bench["EXTI", FTSR] = line
    bench.machine.gpios["I"].drive(11, True)
    bench["EXTI", PR] = line
    bench.machine.gpios["I"].drive(11, None)
    assert bench["EXTI", PR] == line


def test_each_line_has_its_interrupt() -> None:
    bench = Bench()
    names = [*(f"EXTI{line}" for line in range(5)), *["EXTI9_5"] * 5, *["EXTI15_10"] * 6, "PVD", "RTC_Alarm"]
    bench["EXTI", IMR] = 0xFF_FFFF
    for line, name in [*enumerate(names), (21, "TAMP_STAMP"), (22, "RTC_WKUP")]:
        bench["EXTI", SWIER] = 1 << line
        high = {each for each in (*names, "TAMP_STAMP", "RTC_WKUP") if bench.pending(POSITIONS[each])}
        assert high == {name}
        bench["EXTI", PR] = 1 << line
        assert bench["EXTI", SWIER] == 0


def test_a_masked_line_keeps_nothing() -> None:
    bench = Bench()
    _on_line_11(bench, rising=1 << 11)
    bench.machine.gpios["I"].drive(11, True)
    bench["EXTI", SWIER] = 1 << 3
    assert bench["EXTI", PR] == 0


def test_an_output_of_the_program_makes_edges_too() -> None:
    bench = Bench()
    _on_line_11(bench, imr=1 << 11, rising=1 << 11, falling=1 << 11)
    bench["GPIOI", MODER] = 1 << 22
    bench["GPIOI", BSRR] = 1 << 11
    assert bench["EXTI", PR] == 1 << 11
    bench["EXTI", PR] = 1 << 11
    bench["GPIOI", ODR] = 0
    assert bench["EXTI", PR] == 1 << 11


BUTTON = """
static volatile uint32_t pressed;
static void button(void) {
  if (!(R(0x40013C00, 20) & 1 << 11)) return;
  R(0x40013C00, 20) = 1 << 11;
  seen[pressed++] = R(TIM2, CNT);
}
int main(void) {
  clocks_on();
  R(RCC, 0x44) |= 1 << 14;
  R(0x40013808, 8) = 8 << 12;
  R(0x40013C00, 0) = 1 << 11; R(0x40013C00, 8) = 1 << 11;
  R(TIM2, CR1) = 1;
  on_interrupt(40, button);
  while (pressed < 3) sleep();
  done();
}
"""


def test_a_button_wakes_the_core_at_its_moment() -> None:
    machine = machine_of(BUTTON)
    port = machine.gpios["I"]
    for at in (1, 2, 3):
        port.drive_at(at * 10**9, 11, True)
        port.drive_at(at * 10**9 + 10**8, 11, False)
    snippets.run(machine)
    first, second, third = seen(machine, 3)
    assert (second - first, third - second) == (16_000, 16_000)
    assert machine.instructions() < 400


def test_an_event_ends_wfe_and_no_wfi() -> None:
    machine = machine_of("""
int main(void) {
  clocks_on();
  R(RCC, 0x44) |= 1 << 14;
  R(0x40013C00, 4) = 1; R(0x40013C00, 8) = 1;
  seen[0] = 1;
  __asm volatile("wfe" ::: "memory");
  seen[0] = 2;
  __asm volatile("wfi" ::: "memory");
  seen[0] = 3;
}""")
    port = machine.gpios["A"]
    machine.run_for(1e-3)
    assert seen(machine, 1) == [1]
    for _ in range(3):
        port.drive(0, True)
        machine.run_for(1e-3)
        port.drive(0, False)
        assert seen(machine, 1) == [2]
    assert machine.sleeps_for_ever


def test_what_is_to_be_driven_outlives_a_reset_and_a_snapshot() -> None:
    bench = Bench()
    machine = bench.machine
    begin = bench.now_ps
    port = machine.gpios["B"]
    port.drive_at(begin + 1000 * HSI_PS, 3, True)
    port.drive_at(begin + 2000 * HSI_PS, 3, None)
    port.drive(4, True)
    machine.reset()
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        levels = []
        for cycle in (990, 1010, 1990, 2010):
            each.run_until(begin + cycle * HSI_PS)
            levels.append(each.gpios["B"].levels >> 3 & 3)
        assert levels == [0b10, 0b11, 0b11, 0b10]


def test_the_compensation_cell_becomes_ready() -> None:
    bench = Bench()
    bench["SYSCFG", 0x20] = 1
    assert bench["SYSCFG", 0x20] == 0x101
    bench["SYSCFG", EXTICR1] = 0xFFFF_1234
    assert bench["SYSCFG", EXTICR1] == 0x1234
