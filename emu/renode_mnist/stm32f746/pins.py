"""Pins on which a UART can send (DS10916 table 12)."""

from __future__ import annotations

from collections.abc import Mapping

from renode_mnist.stm32f746.gpio import Gpio

_TX_PINS: dict[str, tuple[int, str]] = {
    "USART1": (7, "A9 B6"),
    "USART2": (7, "A2 D5"),
    "USART3": (7, "B10 C10 D8"),
    "UART4": (8, "A0 C10 H13"),
    "UART5": (8, "C12"),
    "USART6": (8, "C6 G14"),
    "UART7": (8, "E8 F7"),
    "UART8": (8, "E1"),
}
"""Alternate function, and port with pin."""


def unconnected(uart: str, ports: Mapping[str, Gpio]) -> str:
    """What is wrong where no pin is switched to a UART's output; empty where one is."""
    function, names = _TX_PINS[uart]
    pins = names.split()
    if any(ports[pin[0]].alternate_function(int(pin[1:])) == function for pin in pins):
        return ""
    listed = " or ".join(f"P{pin}" for pin in pins)
    return (
        f"{uart} sends, but no pin is switched to {uart}_TX (AF{function} of {listed}): on a board nothing is heard"
    )
