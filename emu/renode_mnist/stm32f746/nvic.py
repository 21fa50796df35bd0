"""Which exception is pending, active, enabled, and which of them may run (DDI 0403E B1.5, B3.4)."""

from __future__ import annotations

from collections.abc import Callable, MutableSet
from enum import IntEnum

from renode_mnist.stm32f746.wiring import interrupt_name


class SystemException(IntEnum):
    """Exception numbers below the interrupts (DDI 0403E table B1-4)."""

    RESET = 1
    NMI = 2
    HARD_FAULT = 3
    MEM_MANAGE = 4
    BUS_FAULT = 5
    USAGE_FAULT = 6
    SVCALL = 11
    DEBUG_MONITOR = 12
    PENDSV = 14
    SYSTICK = 15


FAULTS = (
    SystemException.HARD_FAULT,
    SystemException.MEM_MANAGE,
    SystemException.BUS_FAULT,
    SystemException.USAGE_FAULT,
)

FIRST_INTERRUPT = 16
THREAD_PRIORITY = 256
"""Lower than any exception's."""

FIXED_PRIORITIES = {SystemException.RESET: -3, SystemException.NMI: -2, SystemException.HARD_FAULT: -1}
_ALWAYS_ENABLED = {
    int(number)
    for number in (
        SystemException.NMI,
        SystemException.HARD_FAULT,
        SystemException.SVCALL,
        SystemException.PENDSV,
        SystemException.SYSTICK,
    )
}
PRIORITY_MASK = 0xF0
"""4 bits are implemented (RM0385 10.1.1)."""


class Nvic:
    """State of all exceptions.

    Args:
        on_change: Called when an exception became pending or may have become able to run.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self.reset()

    def reset(self) -> None:
        """Nothing enabled, pending or active."""
        self.enabled: MutableSet[int] = set(_ALWAYS_ENABLED)
        self.pending: MutableSet[int] = set()
        self.active: MutableSet[int] = set()
        self.lines: MutableSet[int] = set()
        self._priorities: dict[int, int] = {}
        self.priority_group = 0

    # Priorities

    def priority(self, number: int) -> int:
        """As set, 0 to 0xF0; below 0 for those that have a fixed one."""
        fixed = FIXED_PRIORITIES.get(number)  # type: ignore[call-overload]
        return int(fixed) if fixed is not None else self._priorities.get(number, 0)

    def set_priority(self, number: int, value: int) -> None:
        """Sets a priority; the low 4 bits read as 0."""
        self._priorities[number] = value & PRIORITY_MASK
        self._on_change()

    def group_priority(self, number: int) -> int:
        """The part that decides on preemption (DDI 0403E B1.5.4)."""
        priority = self.priority(number)
        return priority if priority < 0 else self.masked(priority)

    def masked(self, priority: int) -> int:
        """``priority`` without the bits of the subpriority."""
        return priority >> (self.priority_group + 1) << (self.priority_group + 1)

    def execution_priority(self, primask: int, basepri: int, faultmask: int) -> int:
        """What an exception has to beat to run (DDI 0403E B1.5.4, ExecutionPriority)."""
        priority = min((self.group_priority(number) for number in self.active), default=THREAD_PRIORITY)
        if basepri & PRIORITY_MASK:
            priority = min(priority, self.masked(basepri & PRIORITY_MASK))
        if primask:
            priority = min(priority, 0)
        return min(priority, -1) if faultmask else priority

    # Pending exceptions

    def pend(self, number: int) -> None:
        """Makes an exception pending."""
        self.pending.add(number)
        if number in self.enabled:
            self._on_change()

    def unpend(self, number: int) -> None:
        """Clears it, unless its line is still active."""
        if number not in self.lines:
            self.pending.discard(number)

    def set_line(self, interrupt: int, active: bool) -> None:
        """Drives an interrupt's line by its position; an active line pends, except while it is handled."""
        number = FIRST_INTERRUPT + interrupt
        if not active:
            self.lines.discard(number)
        elif number not in self.lines:
            self.lines.add(number)
            if number not in self.active:
                self.pend(number)

    def enable(self, number: int, on: bool) -> None:
        """Enables or disables an exception."""
        if on:
            self.enabled.add(number)
            self._on_change()
        else:
            self.enabled.discard(number)

    def best_pending(self) -> int | None:
        """The enabled pending exception that comes first."""
        candidates = self.pending & self.enabled
        return min(candidates, key=lambda number: (self.priority(number), number)) if candidates else None

    def activate(self, number: int) -> None:
        """The exception is being entered."""
        self.pending.discard(number)
        self.active.add(number)

    def deactivate(self, number: int) -> None:
        """Its handler has returned."""
        self.active.discard(number)
        if number in self.lines:
            self.pend(number)
        self._on_change()


def name(number: int) -> str:
    """An exception's name, for a message."""
    if number >= FIRST_INTERRUPT:
        interrupt = number - FIRST_INTERRUPT
        known = interrupt_name(interrupt)
        return f"interrupt {interrupt}" + (f" ({known})" if known else "")
    try:
        return SystemException(number).name
    except ValueError:
        return "thread mode" if number == 0 else f"exception {number}"
