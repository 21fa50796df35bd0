"""Timers: basic, general-purpose and advanced (RM0385 22 to 26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.peripherals.kernel_clock import KernelClock
from renode_mnist.stm32f746.peripherals.timer_channel import Channel, Source
from renode_mnist.stm32f746.peripherals.timer_count import Count, Shape
from renode_mnist.stm32f746.peripherals.timer_features import (
    ARR,
    BDTR,
    CCMR1,
    CCMR2,
    CNT,
    CR1,
    CR2,
    DCR,
    DIER,
    DMAR,
    EGR,
    FEATURES,
    PSC,
    RCR,
    SMCR,
    SR,
)
from renode_mnist.stm32f746.slot import Slot

_CEN, _UDIS, _URS, _OPM, _DIR, _ARPE, _UIFREMAP = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 7, 1 << 11
_UIF, _COMIF, _TIF, _BIF = 1 << 0, 1 << 5, 1 << 6, 1 << 7
_CCIF = 0b11110
_UDE, _TDE = 1 << 8, 1 << 14
_CCDS, _TI1S = 1 << 3, 1 << 7
_UG, _COMG, _TG, _BG = 1 << 0, 1 << 5, 1 << 6, 1 << 7
_ECE, _ETP = 1 << 14, 1 << 15
_OSSI, _BKE, _BKP, _AOE, _MOE = 1 << 10, 1 << 12, 1 << 13, 1 << 14, 1 << 15

_ENCODERS = (1, 2, 3)
_RESETS, _GATES, _STARTS, _CLOCKS, _RESETS_AND_STARTS = 4, 5, 6, 7, 8
"""SMS (RM0385 22.4.3)."""
_TI1_EDGES, _TI1, _TI2, _ETRF = 4, 5, 6, 7
"""TS, behind the internal triggers."""
_ENABLE, _AT_UPDATE, _AT_COMPARE, _REFERENCES = 1, 2, 3, 4
"""MMS."""

_LINES_OF_ADVANCED = (_UIF, _CCIF, _COMIF | _TIF, _BIF)
"""Flags by interrupt line, in the order of `wiring`."""

_PLAN = "count"


class Timer(Peripheral):
    """One timer.

    Its counter is a function of its clock; an event comes where a flag that is clear is to be set, a DMA request or
    a trigger goes out, a preloaded value is taken over, or a single pulse ends. Flags stay set until the program
    clears them, so that a timer that nobody serves costs nothing.

    Args:
        name: ``TIM1`` to ``TIM14``.
    """

    steady = True

    def __init__(self, name: str) -> None:
        self._has = FEATURES[name]
        self._writable = self._has.writable
        super().__init__(name, {ARR: self._has.top})
        self.lacks = _lacks(name)
        self._clock = KernelClock()
        self._lines = [False] * (4 if self._has.advanced else 1)
        self._start()

    def _start(self) -> None:
        top = self._has.top
        self._count = Count(top, top)
        self._channels = [Channel(index, self.registers) for index in range(self._has.channels)]
        self._repetitions = 0
        self._repeat_from = 0
        self._due: int | None = None
        self._outside = 0
        self._trigger = False
        self._prescaled_etr = 0
        self._burst = 0
        self._busy = False

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        for number, other in enumerate(self._has.triggers):
            if other:
                slot.listen(f"{other}_TRGO", partial(self._internal_trigger, number))
        for channel in self._channels:
            slot.listen(f"{self.name}_CH{channel.index + 1}", partial(self._pin_changed, channel.index))
        if self._has.falls:
            slot.listen(f"{self.name}_ETR", self._external_trigger)
        if self._has.advanced:
            slot.listen(f"{self.name}_BKIN", self._break_input)

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._start()
        self._interrupt()
        self.slot.plan(_PLAN, None)
        self.slot.drive(f"{self.name}_TRGO", False)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "clock": self._clock.state(),
            "count": asdict(self._count),
            "channels": [channel.state() for channel in self._channels],
            "repetitions": (self._repetitions, self._repeat_from),
            "due": self._due,
            "outside": (self._outside, self._trigger, self._prescaled_etr),
            "lines": list(self._lines),
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._start()
        self._clock.take_state(state["clock"])
        self._count = Count(**{**state["count"], "shape": Shape(state["count"]["shape"])})
        for channel, held in zip(self._channels, state["channels"], strict=True):
            channel.take_state(held)
        self._repetitions, self._repeat_from = state["repetitions"]
        self._due = state["due"]
        self._outside, self._trigger, self._prescaled_etr = state["outside"]
        self._lines = list(state["lines"])

    # Time

    @property
    def _mode(self) -> int:
        """SMS."""
        control = self.registers[SMCR]
        return field(control, 0, 3) | field(control, 16, 1) << 3

    @property
    def _counts_outside(self) -> bool:
        """Its clock is what comes from a pin or from another timer."""
        return bool(self.registers[SMCR] & _ECE) or self._mode in (*_ENCODERS, _CLOCKS)

    def _edge(self) -> int:
        """Of its clock, by now."""
        if self._counts_outside:
            return self._outside
        return max(self._count.edge, self._clock.edges(self.slot.moment_ps))

    def _advance(self) -> int:
        """All that has come by now has happened; the clock's edge."""
        if self._busy:
            return self._count.edge
        now = self._edge()
        while self._due is not None and self._due <= now:
            due = self._due
            self._due = None
            self._settle(due)
            if self._due is None:
                self._due = self._next()
        return now

    def _settled(self) -> None:
        """Likewise, and the count is told from now on: before a register is written or an edge comes from outside.

        What an event itself does, as DMA that writes a register, falls on the event's own edge.
        """
        if not self._busy:
            self._settle(self._advance())

    def _replan(self) -> None:
        """To be called after it."""
        self._follow_enable()
        self._interrupt()
        self._show_reference()
        if self._busy:
            return
        self._due = self._next()
        outside = self._due is None or self._counts_outside
        self.slot.plan(_PLAN, None if outside else self._clock.time_ps(self._due or 0))

    def _follow_enable(self) -> None:
        running = bool(self.registers[CR1] & _CEN) and (self._mode != _GATES or self._trigger)
        if running != self._count.runs:
            self._count.runs = running
            if self._trgo == _ENABLE:
                self.slot.drive(f"{self.name}_TRGO", running)

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        del what
        self._advance()
        self._replan()

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        hertz = self.slot.hertz if self.slot.clocked else 0
        if hertz != self._clock.hertz:
            self._settled()
            self._clock.changes(self.slot.now_ps, hertz)
            self._replan()

    def _settle(self, edge: int) -> None:
        """What happens from the edge that the count is told from up to ``edge``; but for the last, nobody sees it."""
        count = self._count
        ticks = count.ticks(edge)
        ends = count.comes_to(count.ends, ticks) if ticks else 0
        matches = [count.comes_to(self._matches_at(channel), ticks) if ticks else 0 for channel in self._channels]
        count.go_to(edge)
        if not ticks:
            return
        self._busy = True
        with self.slot.happening_at(None if self._counts_outside else self._clock.time_ps(edge)):
            if self._ends(ends):
                self._update(over=True)
            for channel, times in zip(self._channels, matches, strict=True):
                if channel.is_output:
                    channel.settle(times)
                    if times:
                        self._matched(channel)
        self._busy = False
        self._interrupt()
        self._show_reference()

    def _matches_at(self, channel: Channel) -> tuple[int, ...]:
        return channel.matches_at(self._count, field(self.registers[CR1], 5, 2))

    def _ends(self, times: int) -> int:
        """It over- or underflowed so often; how many updates come of that."""
        if times <= self._repetitions:
            self._repetitions -= times
            return 0
        more = times - self._repetitions - 1
        updates, begun = divmod(more, self._repeat_from + 1)
        self._repetitions = self._repeat_from - begun
        return updates + 1

    def _next(self) -> int | None:
        """The edge at which something is to be seen next."""
        count, registers = self._count, self.registers
        if not count.runs or not count.reload:
            return None
        ticks = []
        if self._wants_update():
            ticks.append(count.next(count.ends, self._repetitions))
        shows = self._trgo >= _REFERENCES
        for channel in self._channels:
            if channel.is_output and (
                not registers[SR] & channel.flag
                or registers[DIER] & channel.flag << 8
                or (self._trgo == _AT_COMPARE and channel.index == 0)
            ):
                ticks.append(count.next(self._matches_at(channel)))
            if shows and channel.index == self._trgo - _REFERENCES:
                ticks.append(count.next((*count.phases_of(channel.compared), *count.ends)))
        return count.edge_of(min(ticks)) if ticks else None

    def _wants_update(self) -> bool:
        registers = self.registers
        if registers[CR1] & _UDIS:
            return False
        return (
            not registers[SR] & _UIF
            or bool(registers[DIER] & _UDE)
            or bool(registers[CR1] & _OPM)
            or bool(registers[CR2] & _CCDS and registers[DIER] & _CCIF << 8)
            or bool(registers[BDTR] & _AOE and not registers[BDTR] & _MOE)
            or self._trgo == _AT_UPDATE
            or self._waits_for_update()
        )

    def _waits_for_update(self) -> bool:
        """A preloaded value is not in use yet."""
        registers, count = self.registers, self._count
        return (
            registers[PSC] != count.prescaler
            or registers[ARR] != count.reload
            or registers[RCR] != self._repeat_from
            or any(
                channel.is_output and registers[channel.register] != channel.compared for channel in self._channels
            )
        )

    # What happens

    def _update(self, *, over: bool) -> None:
        """An update event; ``over``: the counter has come to its end, else software or a trigger asked for it."""
        registers, count = self.registers, self._count
        if registers[CR1] & _UDIS:
            return
        count.prescaler = registers[PSC]
        at_start = count.phase == 0
        if registers[ARR] != count.reload:
            count.becomes(reload=registers[ARR])
            if at_start:
                count.phase = 0
        if not over or registers[RCR] != self._repeat_from:
            self._repeat_from = self._repetitions = registers[RCR]
        for channel in self._channels:
            if channel.is_output:
                channel.compared = registers[channel.register]
        if over and registers[CR1] & _OPM:
            registers[CR1] &= ~_CEN
            self._follow_enable()
        if registers[BDTR] & _AOE:
            registers[BDTR] |= _MOE
        if over or not registers[CR1] & _URS:
            registers[SR] |= _UIF
            self._request("UP", _UDE)
        if registers[CR2] & _CCDS:
            for channel in self._channels:
                self._request(f"CH{channel.index + 1}", channel.flag << 8)
        if self._trgo == _AT_UPDATE:
            self.slot.pulse(f"{self.name}_TRGO")

    def _matched(self, channel: Channel) -> None:
        """Its flag is set, by a match or by software."""
        self.registers[SR] |= channel.flag
        if not self.registers[CR2] & _CCDS:
            self._request(f"CH{channel.index + 1}", channel.flag << 8)
        if channel.index == 0 and self._trgo == _AT_COMPARE:
            self.slot.pulse(f"{self.name}_TRGO")

    def _capture(self, channel: Channel) -> None:
        registers = self.registers
        registers[channel.register] = self._count.value(self._count.edge)
        if registers[SR] & channel.flag:
            registers[SR] |= channel.flag << 8
        self._matched(channel)

    def _reinitialise(self) -> None:
        """UG, or a trigger that resets."""
        self._count.restart()
        self._update(over=False)
        if self._trgo == 0:
            self.slot.pulse(f"{self.name}_TRGO")

    def _request(self, signal: str, enabled_by: int) -> None:
        """A DMA request, or as many as a burst takes (RM0385 23.3.19)."""
        if not self.registers[DIER] & enabled_by:
            return
        for place in range(field(self.registers[DCR], 8, 5) + 1):
            self._burst = place
            self.slot.pulse_dma(signal)
        self._burst = 0

    def _interrupt(self) -> None:
        flags = self.registers[SR] & self.registers[DIER] & 0xFF
        lines = [bool(flags & mask) for mask in _LINES_OF_ADVANCED] if self._has.advanced else [bool(flags)]
        for line, (before, now) in enumerate(zip(self._lines, lines, strict=True)):
            if before != now:
                self.slot.set_interrupt(now, line)
        self._lines = lines

    # Triggers

    @property
    def _trgo(self) -> int:
        """MMS."""
        return field(self.registers[CR2], 4, 3)

    def _show_reference(self) -> None:
        if (number := self._trgo - _REFERENCES) >= 0 and number < len(self._channels):
            high = self._channels[number].reference(self._count, self._count.edge)
            self.slot.drive(f"{self.name}_TRGO", high)

    @property
    def _trigger_source(self) -> int:
        """TS."""
        return field(self.registers[SMCR], 4, 3)

    def _internal_trigger(self, number: int, high: bool) -> None:
        if self._trigger_source == number:
            self._triggered(high)

    def _triggered(self, high: bool) -> None:
        """The selected trigger has that level."""
        if high == self._trigger:
            return
        self._settled()
        self._trigger = high
        mode = self._mode
        if high:
            for channel in self._channels:
                if channel.source is Source.TRIGGER and channel.enabled and channel.passes():
                    self._capture(channel)
        if mode == _CLOCKS and high:
            self._clocked()
        if mode in (_RESETS, _RESETS_AND_STARTS) and high:
            self._reinitialise()
        if mode in (_STARTS, _RESETS_AND_STARTS) and high:
            self.registers[CR1] |= _CEN
        if mode >= _RESETS and (high or mode == _GATES):
            self.registers[SR] |= _TIF
            self._request("TRIG", _TDE)
        self._replan()

    def _clocked(self) -> None:
        """An edge of a clock from outside."""
        self._outside += 1
        self._settled()

    def _external_trigger(self, level: bool) -> None:
        control = self.registers[SMCR]
        high = level != bool(control & _ETP)
        shift = field(control, 12, 2)
        if shift:
            if not high:
                return
            self._prescaled_etr = (self._prescaled_etr + 1) % (1 << shift)
            if self._prescaled_etr:
                return
        if control & _ECE and high:
            self._settled()
            self._clocked()
            self._replan()
        if self._trigger_source == _ETRF:
            self._triggered(high)
            if shift:
                self._triggered(False)

    def _break_input(self, level: bool) -> None:
        control = self.registers[BDTR]
        if control & _BKE and level == bool(control & _BKP):
            self._break()

    def _break(self) -> None:
        self.registers[BDTR] &= ~_MOE
        self.registers[SR] |= _BIF
        self._interrupt()

    # Inputs

    def _input(self, index: int) -> bool:
        """TI1 to TI4, after the exclusive or."""
        first = range(3) if index == 0 and self.registers[CR2] & _TI1S else (index,)
        return sum(self.slot.is_high(f"{self.name}_CH{each + 1}") for each in first) % 2 == 1

    def _pin_changed(self, index: int, _level: bool) -> None:
        if index in (1, 2) and self.registers[CR2] & _TI1S:
            self._input_changed(0)
        self._input_changed(index)

    def _input_changed(self, index: int) -> None:
        high = self._input(index)
        self._settled()
        if index < 2 and self._mode in _ENCODERS:
            self._encode(index, high)
        for channel in self._channels:
            taken = {Source.OWN_INPUT: channel.index, Source.OTHER_INPUT: channel.index ^ 1}.get(channel.source)
            if taken == index and channel.enabled and channel.takes_edge(high) and channel.passes():
                self._capture(channel)
        self._replan()
        if not self._has.triggers:
            return
        source = self._trigger_source
        if index == 0 and source == _TI1_EDGES:
            self._triggered(True)
            self._triggered(False)
        elif index == source - _TI1 and index < 2:
            self._triggered(high != self._channels[index].inverted)

    def _encode(self, index: int, level: bool) -> None:
        """An edge of a quadrature signal (RM0385 table 137): mode 1 counts those of TI1, 2 those of TI2, 3 both."""
        if not self._mode >> index & 1 or not self._count.runs:
            return
        high = level != self._channels[index].inverted
        other = self._input(1 - index) != self._channels[1 - index].inverted
        down = (high == other) == (index == 0)
        self._count.becomes(shape=Shape.DOWN if down else Shape.UP)
        self.registers[CR1] = self.registers[CR1] & ~_DIR | (_DIR if down else 0)
        self._clocked()

    def output(self, signal: str) -> bool | None:
        """See `pads.Drives`."""
        complement = signal.endswith("N")
        numbered = [each for each in self._channels if signal.rstrip("N") == f"CH{each.index + 1}" and each.is_output]
        if not numbered:
            return None
        channel, control = numbered[0], self.registers[BDTR]
        if not (channel.complement_enabled if complement else channel.enabled):
            return None
        inverted = channel.complement_inverted if complement else channel.inverted
        if self._has.advanced and not control & _MOE:
            idle = bool(self.registers[CR2] >> 8 + 2 * channel.index + complement & 1)
            return idle if control & _OSSI else None
        self._settled()
        self._replan()
        high = channel.reference(self._count, self._count.edge)
        if complement and channel.enabled:
            high = not high
        return high != inverted

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset not in self._writable and offset != SR:
            return 0
        edge = self._advance()
        registers = self.registers
        if offset == CNT:
            self._settled()
            value = self._count.value(edge)
            self._tell_how_it_counts()
            if registers[CR1] & _UIFREMAP:
                value = value & 0x7FFF_FFFF | (registers[SR] & _UIF) << 31
            return value
        if offset == CR1 and self._count.shape is Shape.CENTRE:
            self.slot.moves()
            return registers[CR1] & ~_DIR | (_DIR if self._count.falls(edge) else 0)
        if offset == DMAR:
            self.slot.moves()
            return self.read(self._of_burst())
        for channel in self._channels:
            if offset == channel.register and not channel.is_output:
                self.slot.moves()
                registers[SR] &= ~channel.flag
                self._replan()
        return 0 if offset == EGR else registers[offset]

    def _tell_how_it_counts(self) -> None:
        count, hertz = self._count, self._clock.hertz
        if not count.runs or not count.reload or not hertz or self._counts_outside:
            return
        tick_ps = PICOSECONDS * (count.prescaler + 1) // hertz
        self.slot.counts(tick_ps, count.ticks_one_way(), falls=count.falls(count.edge))

    def _of_burst(self) -> int:
        return 4 * (field(self.registers[DCR], 0, 5) + self._burst)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == DMAR and DMAR in self._writable:
            self.write(self._of_burst(), value)
            return
        if offset != SR and offset not in self._writable:
            return
        self._settled()
        before = self.registers[offset]
        if offset == SR:
            self.registers[SR] = before & value
        elif offset == EGR:
            self._generate(value & self._writable[EGR])
        elif offset == CNT:
            self._count.put(value & self._has.top, falling=self._count.falls(self._count.edge))
        elif offset in (CCMR1, CCMR2):
            self._hold_references()
            self.registers[offset] = value & self._writable[offset]
            self._tell_modes()
        else:
            self._put(offset, value & self._writable[offset])
        self._replan()

    def _put(self, offset: int, value: int) -> None:
        registers, count = self.registers, self._count
        if offset == SMCR:
            self._switch_mode(value)
            return
        before = registers[offset]
        registers[offset] = value
        if offset == CR1:
            self._shape()
        elif offset == ARR and not registers[CR1] & _ARPE:
            count.becomes(reload=value)
        elif offset == CR2 and self._has.controls:
            self._trigger_out_changed(before)
        else:
            for channel in self._channels:
                if offset != channel.register:
                    continue
                if not channel.is_output:
                    registers[offset] = before  # read-only while it captures
                elif not channel.preloads:
                    channel.compared = value

    def _trigger_out_changed(self, before: int) -> None:
        if field(before, 4, 3) != self._trgo:
            self.slot.drive(f"{self.name}_TRGO", self._trgo == _ENABLE and self._count.runs)

    def _shape(self) -> None:
        control = self.registers[CR1]
        if self._mode in _ENCODERS:
            return
        shape = Shape.CENTRE if control & 0x60 else Shape.DOWN if control & _DIR else Shape.UP
        if shape is not self._count.shape:
            self._count.becomes(shape=shape)

    def _switch_mode(self, value: int) -> None:
        """Another slave mode, and with it perhaps another clock; the trigger is as its source is now."""
        self.registers[SMCR] = value
        self._count.edge = self._edge()
        source = self._trigger_source
        if source < _TI1_EDGES:
            master = self._has.triggers[source]
            self._trigger = bool(master) and self.slot.is_high(f"{master}_TRGO")
        elif source == _ETRF:
            self._trigger = self.slot.is_high(f"{self.name}_ETR") != bool(value & _ETP)
        else:
            index = source - _TI1
            self._trigger = source != _TI1_EDGES and self._input(index) != self._channels[index].inverted
        self._shape()

    def _hold_references(self) -> None:
        for channel in self._channels:
            if channel.is_output:
                channel.active = channel.reference(self._count, self._count.edge)

    def _tell_modes(self) -> None:
        for channel in self._channels:
            if channel.is_output:
                if channel.mode_number > 7:
                    bit = f"{self.name}.CCMR{channel.index // 2 + 1}.OC{channel.index + 1}M"
                    self.slot.log.lacks(bit, f"{bit} is {channel.mode_number}, a mode that is not modelled")
                if not channel.preloads:
                    channel.compared = self.registers[channel.register]

    def _generate(self, events: int) -> None:
        if events & _UG:
            self._reinitialise()
        for channel in self._channels:
            if events & channel.flag:
                if channel.is_output:
                    self._matched(channel)
                else:
                    self._capture(channel)
        if events & _COMG:
            self.registers[SR] |= _COMIF
        if events & _TG:
            self.registers[SR] |= _TIF
            self._request("TRIG", _TDE)
        if events & _BG:
            self._break()


def _lacks(name: str) -> str:
    has = FEATURES[name]
    missing = []
    if has.channels:
        missing = ["input filters", "outputs as seen by the chip's own pins"]
    if has.falls:
        missing += ["combined, asymmetric and retriggerable modes", "clearing by OCREF_CLR"]
    elif has.triggers:
        missing += ["triggers from timers of one channel"]
    if has.advanced:
        missing += ["dead time", "channels 5 and 6", "BRK2", "TRGO2", "preloaded commutation", "BDTR's lock"]
    return ", ".join(missing)
