"""Virtual time: how far it goes on, and what the core executes in it."""

from __future__ import annotations

from typing import NamedTuple

from robot.api import SkipExecution
from robot.api.deco import keyword

from renode_mnist.robot.frames import FrameKeywords
from renode_mnist.robot.wire import WireKeywords
from renode_mnist.targets.base import RunsVirtualTime

_DWT_CYCCNT = 0xE000_1004

_LONGEST_LOOK_MICROSECONDS = 200
_LEAST_INFERENCE_MICROSECONDS = 100
_LONGEST_STRETCH_MICROSECONDS = 1000
_ARRIVAL_SECONDS = 0.5
"""A request of 860 bytes takes 75 ms at 115200 baud."""


class Stretch(NamedTuple):
    """What a stretch of virtual time took."""

    microseconds: float
    instructions: int
    cyccnt: int


class VirtualTimeKeywords(FrameKeywords, WireKeywords):
    """Only for emulators that count instructions."""

    @keyword
    def start_inferring(self) -> int:
        """Runs the sample of seed 1 until the core computes the answer, which the test has to wait for.

        Returns for how many microseconds it surely goes on computing, at most 1000. Skips where the target's time is
        not virtual, where its instructions can't be counted, and where an inference is over at once.
        """
        self.target_should_be_an_emulator()
        _ = self._instruction_counter
        firmware = self._opened.firmware
        takes = 1e6 * self._opened.infer(self._seeded().sets[0]).inference.counter / firmware.freq_hz
        if takes < _LEAST_INFERENCE_MICROSECONDS:
            raise SkipExecution(f"an inference takes {takes:.1f} µs of virtual time, too short to look into")
        look = min(_LONGEST_LOOK_MICROSECONDS, int(takes / 8))  # whole ones: in Renode time has no finer step
        self.write_inputs()
        self._opened.client.send_raw(self.run_frame())
        enough = firmware.freq_hz * look / 1e6 / 2  # receiving takes a tenth of that
        for _look in range(round(1e6 * _ARRIVAL_SECONDS / look)):
            if self.run_for(look).instructions > enough:
                return min(_LONGEST_STRETCH_MICROSECONDS, int((takes - 2 * look) / 2))
        raise AssertionError(f"the core does not compute {_ARRIVAL_SECONDS} s after a request")

    @keyword
    def run_for(self, microseconds: float) -> Stretch:
        """Runs for a virtual time, or to the end of the straight piece of code under way then.

        Returns ``microseconds`` that went by, ``instructions`` that were executed, and the difference of two reads of
        DWT's ``cyccnt``. Skips where the target's time is not virtual or its instructions can't be counted.
        """
        self.target_should_be_an_emulator()
        counter, memory, target = self._instruction_counter, self._memory, self._opened.target
        assert isinstance(target, RunsVirtualTime)

        def look() -> tuple[float, int, int]:
            cyccnt = int.from_bytes(memory.read_memory(_DWT_CYCCNT, 4), "little")
            return 1e6 * self._opened.target.now(), counter.instructions(), cyccnt

        before = look()
        target.run_for(microseconds / 1e6)
        after = look()
        return Stretch(after[0] - before[0], after[1] - before[1], (after[2] - before[2]) % 2**32)
