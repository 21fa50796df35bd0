"""What small C programs of the tests need of timers and interrupts, and a machine whose registers a test sets up."""

from __future__ import annotations

import c_programs
import snippets
from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.machine import Machine

TIMERS = """
#define TIM1 0x40010000u
#define TIM2 0x40000000u
#define TIM3 0x40000400u
#define TIM6 0x40001000u
#define TIM10 0x40014400u
enum { CR1 = 0, CR2 = 4, SMCR = 8, DIER = 12, SR = 16, EGR = 20, CCMR1 = 24, CCMR2 = 28, CCER = 32, CNT = 36,
       PSC = 40, ARR = 44, RCR = 48, CCR1 = 52, CCR2 = 56, CCR3 = 60, CCR4 = 64, BDTR = 68, DCR = 72, DMAR = 76 };
#define R(base, offset) REGISTER((base) + (offset))
static inline void clocks_on(void) {
  R(RCC, 0x30) |= 0x6001FF; /* GPIO A to I, DMA1 and 2 */
  R(RCC, 0x40) |= 0x3F;     /* TIM2 to 7 */
  R(RCC, 0x44) |= 0x20001;  /* TIM1, TIM10 */
}
static void (*table[16 + 98])(void) __attribute__((aligned(512)));
static inline void on_interrupt(int position, void (*handler)(void)) {
  table[16 + position] = handler;
  R(0xE000ED08, 0) = (uint32_t)table;
  R(0xE000E100, position / 32 * 4) = 1u << position % 32;
}
static inline void sleep(void) { __asm volatile("wfi" ::: "memory"); }
static inline void done(void) { __asm volatile("bkpt 0"); }
volatile uint32_t seen[64];
"""

HSI_PS = 62_500
"""A cycle of core and timers out of reset."""

_BASES = {place.name: place.base for place in memory_map.PERIPHERALS}
RCC = _BASES["RCC"]


def machine_of(source: str) -> Machine:
    """One with a C program that has `TIMERS` in front of it."""
    return Machine(c_programs.build(TIMERS + source))


def seen(machine: Machine, count: int) -> list[int]:
    """The first words of the program's ``seen``."""
    return snippets.words(machine, snippets.symbol(machine.image.path, "seen"), count)


class Bench:
    """A chip whose core sleeps for ever, with registers that a test reads and writes as a debugger.

    Attributes:
        machine: The chip; all its peripherals have their clocks.
    """

    def __init__(self, *, python_models: bool = False) -> None:
        self.machine = Machine(c_programs.build("int main(void) {}"), python_models=python_models)
        self.machine.run_for(1e-5)
        assert self.machine.asleep
        for enable in (0x30, 0x34, 0x38, 0x40, 0x44):
            self.machine.bus.write(RCC + enable, 4, 0xFFFF_FFFF)

    def __setitem__(self, register: tuple[str, int], value: int) -> None:
        peripheral, offset = register
        self.machine.bus.write(_BASES[peripheral] + offset, 4, value)

    def __getitem__(self, register: tuple[str, int]) -> int:
        peripheral, offset = register
        return self.machine.bus.read(_BASES[peripheral] + offset, 4)

    @property
    def now_ps(self) -> int:
        """Since power-on."""
        return self.machine.clock.now_ps()

    def wait(self, cycles: int) -> None:
        """Time goes by, in cycles of HSI."""
        self.machine.run_until(self.now_ps + cycles * HSI_PS)

    def pending(self, position: int) -> bool:
        """Whether an interrupt's line is high."""
        return 16 + position in self.machine.nvic.lines


WAITS = """
static volatile uint32_t ticks;
static void tim6(void) { R(TIM6, SR) = ~1u; ticks++; }
static void wait(uint32_t timer, uint32_t length) {
  uint32_t from = R(timer, CNT);
  while (R(timer, CNT) - from < length) continue;
}
int main(void) {
  clocks_on();
  on_interrupt(54, tim6);
  R(TIM6, PSC) = 159; R(TIM6, ARR) = 99; R(TIM6, EGR) = 1; R(TIM6, SR) = 0; R(TIM6, DIER) = 1; R(TIM6, CR1) = 1;
  R(TIM2, ARR) = 0xFFFFFFFF; R(TIM2, CR1) = 1;
  R(TIM3, ARR) = 4999;
  for (uint32_t i = 0;; i++) {
    R(TIM2, PSC) = (uint32_t[]){0, 3, 107, 15}[i % 4]; R(TIM2, EGR) = 1;
    wait(TIM2, 100 + 7000 / (R(TIM2, PSC) + 1) + i * 13 % 17);
    R(TIM3, PSC) = i % 5; R(TIM3, CR1) = 0; R(TIM3, EGR) = 1; R(TIM3, SR) = 0;
    R(TIM3, CR1) = 1 | (i % 3 == 2 ? 1 << 5 : i % 3 << 4);
    while (!(R(TIM3, SR) & 1)) continue;
    R(TIM3, CNT) = 0;
    if (i % 3 == 1) while (R(TIM3, CNT) > 20 + i % 50) continue;
    else while (R(TIM3, CNT) < 3000) continue;
    seen[i % 60] = R(TIM3, CNT) + R(TIM2, CNT) * 65536;
    seen[60] = i;
    for (uint32_t from = ticks; ticks - from < i % 3;) continue;
  }
}
"""
"""It polls counters and flags of timers that go in every way, beside a timer's interrupt each millisecond."""
