"""Virtual time: how far it goes on, and what the core executes in it."""

from __future__ import annotations

from typing import NamedTuple

from robot.api.deco import keyword

from renode_mnist.robot import frames
from renode_mnist.robot.capabilities import CapabilityKeywords
from renode_mnist.targets.base import CountsInstructions, RunsVirtualTime

_DWT_CYCCNT = 0xE000_1004

_LOOK_SECONDS = 0.0002
_ARRIVAL_SECONDS = 0.5
"""A request of 860 bytes takes 75 ms at 115200 baud."""


class Stretch(NamedTuple):
    """What a stretch of virtual time took."""

    microseconds: float
    instructions: int
    cyccnt: int


class VirtualTimeKeywords(CapabilityKeywords):
    """Only for emulators that count instructions."""

    @keyword
    def start_classifying(self, digit: int = 7) -> None:
        """Sends a request and runs until the core computes the answer, which the test has to wait for.

        Skips where the target's time is not virtual, or its instructions can't be counted.
        """
        self.target_should_be_an_emulator()
        self.target_should_count_instructions()
        self._opened.client.send_raw(frames.digit_request(digit))
        enough = self._opened.firmware.freq_hz * _LOOK_SECONDS / 2  # receiving takes a tenth of that
        for _ in range(round(_ARRIVAL_SECONDS / _LOOK_SECONDS)):
            if self.run_for(_LOOK_SECONDS * 1e6).instructions > enough:
                return
        raise AssertionError(f"the core does not compute {_ARRIVAL_SECONDS} s after a request")

    @keyword
    def run_for(self, microseconds: float) -> Stretch:
        """Runs for a virtual time, or to the end of the straight piece of code under way then.

        Returns ``microseconds`` that went by, ``instructions`` that were executed, and the difference of two reads of
        DWT's ``cyccnt``. Skips as ``Start Classifying`` does.
        """
        self.target_should_be_an_emulator()
        self.target_should_count_instructions()
        target, memory = self._opened.target, self._memory
        assert isinstance(target, RunsVirtualTime)
        assert isinstance(target, CountsInstructions)

        def look() -> tuple[float, int, int]:
            cyccnt = int.from_bytes(memory.read_memory(_DWT_CYCCNT, 4), "little")
            return 1e6 * target.now(), target.instructions(), cyccnt

        before = look()
        target.run_for(microseconds / 1e6)
        after = look()
        return Stretch(after[0] - before[0], after[1] - before[1], (after[2] - before[2]) % 2**32)
