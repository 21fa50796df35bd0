"""What the open target and its network can do: a test that needs more of them is skipped with the reason."""

from __future__ import annotations

from robot.api import SkipExecution
from robot.api.deco import keyword

from renode_mnist.robot.opened import OpenedTarget
from renode_mnist.session.session import takes_digits
from renode_mnist.stream import ByteStream
from renode_mnist.targets.base import CounterUnit, CountsInstructions, HasConsole, ReachesMemory, RunsVirtualTime


class CapabilityKeywords(OpenedTarget):
    """A keyword for each protocol of ``targets.base``; other keywords ask by them as well."""

    @keyword
    def network_should_take_digits(self) -> None:
        """Skips the test where the network is none for 28x28 pictures of ten classes."""
        if not self._takes_digits:
            raise SkipExecution(f"{self._opened.firmware.model_name} takes no digits of 28x28 pixels")

    @keyword
    def target_should_be_an_emulator(self) -> None:
        """Skips the test where the chip, if there is one, is what it is."""
        if not isinstance(self._opened.target, RunsVirtualTime):
            raise SkipExecution("this target is no emulator")

    @keyword
    def target_should_count_instructions(self) -> None:
        """Skips the test where the firmware's counter counts something else than instructions."""
        unit = self._opened.identity().counter_unit
        if unit is not CounterUnit.INSTRUCTIONS:
            raise SkipExecution(f"this target's counter counts {unit}, not instructions")

    @keyword
    def memory_should_be_reachable(self) -> None:
        """Skips the test where nobody but the core gets at the chip's memory."""
        _ = self._memory

    @keyword
    def target_should_have_a_console(self) -> None:
        """Skips the test where the text console can't be reached."""
        if not isinstance(self._opened.target, HasConsole):
            raise SkipExecution("the text console of this target can't be reached")

    @property
    def _takes_digits(self) -> bool:
        firmware = self._opened.firmware
        return takes_digits([info.shape for info in firmware.inputs], [info.shape for info in firmware.outputs])

    @property
    def _memory(self) -> ReachesMemory:
        target = self._opened.target
        if not isinstance(target, ReachesMemory):
            raise SkipExecution("nobody but the core gets at this target's memory")
        return target

    @property
    def _instruction_counter(self) -> CountsInstructions:
        """Of the target itself; the firmware's own counter is another thing."""
        self.target_should_count_instructions()
        target = self._opened.target
        if not isinstance(target, CountsInstructions):
            raise SkipExecution("instructions can't be counted from outside of this target")
        return target

    @property
    def _console(self) -> ByteStream:
        self.target_should_have_a_console()
        target = self._opened.target
        assert isinstance(target, HasConsole)
        return target.console
