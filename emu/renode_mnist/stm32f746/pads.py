"""Pins by their names, and what their alternate functions lead to (DS10916 table 12)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.bus import Bus
from renode_mnist.stm32f746.gpio import AFRH, AFRL, ALTERNATE, MODER, PINS, Gpio
from renode_mnist.stm32f746.wires import Wires

_OF_SIGNALS = {
    1: """
    TIM1_CH1 A8 E9 | TIM1_CH2 A9 E11 | TIM1_CH3 A10 E13 | TIM1_CH4 A11 E14 | TIM1_CH1N A7 B13 E8 |
    TIM1_CH2N B0 B14 E10 | TIM1_CH3N B1 B15 E12 | TIM1_ETR A12 E7 | TIM1_BKIN A6 B12 E15 |
    TIM2_CH1 A0 A5 A15 | TIM2_ETR A0 A5 A15 | TIM2_CH2 A1 B3 | TIM2_CH3 A2 B10 | TIM2_CH4 A3 B11
    """,
    2: """
    TIM3_CH1 A6 B4 C6 | TIM3_CH2 A7 B5 C7 | TIM3_CH3 B0 C8 | TIM3_CH4 B1 C9 | TIM3_ETR D2 |
    TIM4_CH1 B6 D12 | TIM4_CH2 B7 D13 | TIM4_CH3 B8 D14 | TIM4_CH4 B9 D15 | TIM4_ETR E0 |
    TIM5_CH1 A0 H10 | TIM5_CH2 A1 H11 | TIM5_CH3 A2 H12 | TIM5_CH4 A3 I0
    """,
    3: """
    TIM8_CH1 C6 I5 | TIM8_CH2 C7 I6 | TIM8_CH3 C8 I7 | TIM8_CH4 C9 I2 | TIM8_CH1N A5 A7 H13 | TIM8_CH2N B0 B14 H14 |
    TIM8_CH3N B1 B15 H15 | TIM8_ETR A0 I3 | TIM8_BKIN A6 I4 |
    TIM9_CH1 A2 E5 | TIM9_CH2 A3 E6 | TIM10_CH1 B8 F6 | TIM11_CH1 B9 F7 |
    LPTIM1_OUT D13 G13 | LPTIM1_IN1 D12 G12 | LPTIM1_IN2 E1 H3 | LPTIM1_ETR E0 G14
    """,
    9: "TIM12_CH1 B14 H6 | TIM12_CH2 B15 H9 | TIM13_CH1 A6 F8 | TIM14_CH1 A7 F9",
}
"""By alternate function the signals of timers, each with its pins."""

_ROUTES: dict[str, tuple[tuple[str, int, int], ...]] = {}
"""Of a signal: port, pin and alternate function of each pin that can carry it."""
_ON_PIN: defaultdict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
"""Of a pin: alternate functions with their signals."""
for _function, _signals in _OF_SIGNALS.items():
    for _signal in _signals.split("|"):
        _name, *_places = _signal.split()
        _ROUTES[_name] = tuple((place[0], int(place[1:]), _function) for place in _places)
        for _port, _pin, _ in _ROUTES[_name]:
            _ON_PIN[_port, _pin].append((_function, _name))

_PIN = re.compile(r"P?([A-K])(\d{1,2})", re.IGNORECASE)


class Pin(NamedTuple):
    """A pin of the chip.

    Attributes:
        port: Its letter.
        number: Within the port.
    """

    port: str
    number: int

    def __str__(self) -> str:
        """As the manuals write it."""
        return f"P{self.port}{self.number}"


def pin_of(name: str) -> Pin:
    """The pin of a name as ``PI11``.

    Raises:
        TargetError: There is no such pin.
    """
    found = _PIN.fullmatch(name.strip())
    if found is None or int(found[2]) >= PINS or (found[1].upper() == "K" and int(found[2]) > 7):
        raise TargetError(f"there is no pin {name!r}", "Pins go from PA0 to PK7, by port and number.")
    return Pin(found[1].upper(), int(found[2]))


@runtime_checkable
class Drives(Protocol):
    """A peripheral that drives pins."""

    def output(self, signal: str) -> bool | None:
        """The level that it gives its signal ``CH1``, ``CH1N``; None while it drives none."""
        ...


class Pads:
    """Leads the levels of pins to `Wires`: each as ``PA0``, and as the input that it is switched to.

    Where several pins are switched to one input, it is high when one of them is.

    Args:
        ports: By letter.
        wires: Told the levels.
        bus: Has the peripherals that drive pins.
    """

    def __init__(self, ports: Mapping[str, Gpio], wires: Wires, bus: Bus) -> None:
        self._ports = ports
        self._wires = wires
        self._bus = bus
        self._seen: dict[str, tuple[int, int, int]] = dict.fromkeys(ports, (0, 0, 0))
        for letter, port in ports.items():
            port.changed = partial(self._changed, letter)
        wires.on_watch = self._watch
        self._watch(wires.watched)
        for letter in ports:
            self._changed(letter)

    def _watch(self, pins: frozenset[str]) -> None:
        for letter, port in self._ports.items():
            port.watch(sum(1 << pin for pin in range(PINS) if f"P{letter}{pin}" in pins))

    def look(self) -> None:
        """Takes all pins as they are, without telling anybody."""
        self._seen = {letter: self._state_of(port) for letter, port in self._ports.items()}

    def _state_of(self, port: Gpio) -> tuple[int, int, int]:
        return port.levels, port.peek(MODER), port.peek(AFRL) | port.peek(AFRH) << 32

    def _changed(self, letter: str) -> None:
        port = self._ports[letter]
        before, now = self._seen[letter], self._state_of(port)
        self._seen[letter] = now
        for pin in range(PINS):
            turned = (before[0] ^ now[0]) >> pin & 1
            if turned:
                self._wires.drive(f"P{letter}{pin}", bool(now[0] >> pin & 1))
            switched = (before[1] ^ now[1]) >> 2 * pin & 3 or (before[2] ^ now[2]) >> 4 * pin & 0xF
            if turned or switched:
                self._wires.drive(f"P{letter}{pin} low", port.drives_low(pin))
                for _, signal in _ON_PIN[letter, pin]:
                    self._wires.drive(signal, any(self._carries(*route) for route in _ROUTES[signal]))

    def _carries(self, letter: str, pin: int, function: int) -> bool:
        levels, modes, functions = self._seen[letter]
        switched = modes >> 2 * pin & 3 == ALTERNATE and functions >> 4 * pin & 0xF == function
        return bool(switched and levels >> pin & 1)

    def is_high(self, pin: Pin) -> bool:
        """A pin's level as it is measured on the board, also of one that a timer drives."""
        port = self._ports[pin.port]
        function = port.alternate_function(pin.number)
        for switched_to, signal in _ON_PIN[pin.port, pin.number]:
            peripheral, _, output = signal.partition("_")
            model = self._bus.model(peripheral)
            if function == switched_to and isinstance(model, Drives):
                level = model.output(output)
                if level is not None:
                    return level
        return bool(port.levels >> pin.number & 1)
