"""The in-order, dual-issue scoreboard of the Cortex-M7: in which cycle does each operation issue?

Only issue is simulated: the stages behind it never stall once an instruction is in them (memory always
answers in time), so a reader that waits for its operands is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable

from renode_mnist.timing.operation import (
    REGISTER_COUNT,
    EarlyExecution,
    Operation,
    Port,
    Result,
    Unit,
)
from renode_mnist.timing.parameters import PipelineParameters

_LONG_AGO = -1_000_000
_ONE_A_CYCLE = Unit.STORE | Unit.MULTIPLY | Unit.BRANCH | Unit.EARLY_SHIFTER | Unit.FP_ARITHMETIC | Unit.FP_CONSTANT
"""Two of these can't share a cycle (J; L: one STORE, MAC, BRANCH, SHIFT1 and VFP resource each)."""


def _same_bank(older: Operation, younger: Operation) -> bool:
    """Whether two loads are known to meet in one of the memory's two banks, even and odd words (J).

    Loads from different base registers are taken to miss each other: their addresses are not known here.
    """
    if older.offset is None or younger.offset is None:
        return False
    (older_base, older_offset), (younger_base, younger_offset) = older.offset, younger.offset
    return older_base == younger_base and not (older_offset ^ younger_offset) & 4


class Pipeline:
    """The state of the issue stage; operations go in one by one.

    Args:
        parameters: The core's figures.
        waits: Whether operands make it wait; without, what is left is which instructions pair.
    """

    __slots__ = (
        "_cycle",
        "_forwarding",
        "_free",
        "_last_fused",
        "_made",
        "_older",
        "_parameters",
        "_previous_fused",
        "_stores",
        "_waits",
        "_written",
    )

    def __init__(self, parameters: PipelineParameters | None = None, *, waits: bool = True) -> None:
        self._waits = waits
        self._parameters = parameters or PipelineParameters()
        self._forwarding = self._parameters.forwarding_table
        self._cycle = -1
        self._free = 0  # the first cycle in which a new pair can start
        self._older: Operation | None = None  # alone in ``_cycle`` so far, open for a younger one
        self._made: list[tuple[Result, int]] = [(Result.ALU, _LONG_AGO)] * REGISTER_COUNT
        self._written = [0] * REGISTER_COUNT  # how often: a base register that was not written still points there
        self._stores: tuple[tuple[int, int, int, int], ...] = ()  # recent ones: base, its count, offset, cycle
        self._last_fused = _LONG_AGO
        self._previous_fused = _LONG_AGO  # the last one before ``_last_fused``

    def copy(self) -> Pipeline:
        """A second pipeline in the same state."""
        other = Pipeline.__new__(Pipeline)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        other._made = self._made.copy()
        other._written = self._written.copy()
        return other

    @property
    def cycles(self) -> int:
        """Cycles until the last operation has issued and the next could."""
        return self._free

    def redirect(self) -> None:
        """What comes next does not share the cycle of what went before."""
        self._older = None

    def run(self, operations: Iterable[Operation]) -> None:
        """Issues ``operations`` in order."""
        for operation in operations:
            self.issue(operation)

    def issue(self, operation: Operation) -> tuple[int, int]:
        """Issues one operation at the first moment it can.

        Returns:
            Its cycle, and its slot: 0 for the older of a pair or alone, 1 for the younger.
        """
        ready = 0
        if self._waits:
            ready = self._ready(operation.reads)
            if operation.waits_for_fused:
                ready = max(ready, self._last_fused + self._parameters.fused_shadow_cycles + 1)
            if self._stores and operation.units & Unit.LOAD and operation.offset is not None:
                ready = max(ready, self._behind_stores(operation.offset))
        if self._older is not None and ready <= self._cycle and self._pairs(self._older, operation):
            slot = 1
            self._older = None
            self._free = max(self._free, self._cycle + operation.issue_cycles)
        else:
            slot = 0
            self._cycle = max(self._free, ready)
            self._free = self._cycle + operation.issue_cycles
            open_for_another = self._parameters.dual_issue and not operation.alone
            self._older = operation if open_for_another else None
        self._retire(operation, slot)
        return self._cycle, slot

    def _ready(self, reads: tuple[tuple[int, Port], ...]) -> int:
        ready = 0
        made, forwarding = self._made, self._forwarding
        for register, port in reads:
            result, cycle = made[register]
            available = cycle + forwarding[result][port]
            if available > ready:
                ready = available
        return ready

    def _behind_stores(self, wanted: tuple[int, int]) -> int:
        """The first cycle in which a load finds there what was stored just before."""
        base, offset = wanted
        ready = 0
        for stored_base, written, stored_offset, cycle in self._stores:
            is_near = abs(stored_offset - offset) < self._parameters.store_to_load_bytes
            if is_near and stored_base == base and written == self._written[base]:
                ready = max(ready, cycle + self._parameters.store_to_load_cycles)
        return ready

    def _pairs(self, older: Operation, younger: Operation) -> bool:
        if younger.alone or younger.older_slot_only:
            return False
        both = older.units & younger.units
        if both & _ONE_A_CYCLE:
            return False
        # J: a plain shift as the older takes the early shifter from the younger, not the other way round.
        if older.units & Unit.EITHER_SHIFTER and younger.units & Unit.EARLY_SHIFTER:
            return False
        either = older.units | younger.units
        if either & Unit.MULTIPLY and either & Unit.STORE:  # J
            return False
        if both & Unit.LOAD and _same_bank(older, younger):
            return False
        return not self._fused_forbids(older, younger)

    def _fused_forbids(self, older: Operation, younger: Operation) -> bool:
        """J: VLDR, VSTR and VMOV pair with no VFMA but the first, and are no younger ones in its shadow."""
        if not younger.units & Unit.FP_TRANSFER and not (younger.is_fused and older.units & Unit.FP_TRANSFER):
            return False
        last = self._previous_fused if older.is_fused else self._last_fused
        return self._cycle <= last + self._parameters.fused_shadow_cycles

    def _retire(self, operation: Operation, slot: int) -> None:
        cycle = self._cycle
        can_go_early = operation.early is EarlyExecution.EITHER_SLOT or (
            operation.early is EarlyExecution.OLDER_SLOT and slot == 0
        )
        is_early = can_go_early and self._ready_early(operation.reads)
        for register, result, delay in operation.writes:
            made = Result.EARLY_ALU if is_early and result is Result.ALU else result
            self._made[register] = (made, cycle + delay)
            self._written[register] += 1
        if operation.units & Unit.STORE and operation.offset is not None:
            base, offset = operation.offset
            recent = cycle - self._parameters.store_to_load_cycles
            self._stores = (
                *(store for store in self._stores if store[3] > recent),
                (base, self._written[base], offset, cycle),
            )
        if operation.is_fused:
            if self._last_fused != cycle:
                self._previous_fused = self._last_fused
            self._last_fused = cycle

    def _ready_early(self, reads: tuple[tuple[int, Port], ...]) -> bool:
        for register, port in reads:
            result, cycle = self._made[register]
            wanted = Port.EARLY if port is Port.LATE else port
            if cycle + self._forwarding[result][wanted] > self._cycle:
                return False
        return True
