"""A USART in programs for the emulated chip, and what it sends."""

from __future__ import annotations

from renode_mnist.stm32f746.machine import Machine

USART = """
  .set RCC_AHB1ENR, 0x40023830
  .set RCC_APB2ENR, 0x40023844
  .set USART1, 0x40011000
  .set BRR, 0x0C
  .set ISR, 0x1C
  .set ICR, 0x20
  .set RDR, 0x24
  .set TDR, 0x28
  .macro usart_on control
  poke RCC_APB2ENR, 0x10
  poke USART1 + BRR, 139
  poke USART1, \\control
  ldr r4, =USART1
  ldr r5, =results
  .endm
"""


def received_by(machine: Machine) -> list[tuple[int, int]]:
    """(Byte, time) of what USART1 sends from now on."""
    seen: list[tuple[int, int]] = []
    machine.usarts["USART1"].transmitted = lambda byte: seen.append((byte, machine.clock.now_ps()))
    return seen
