"""The chip as every fault finds it: booted, asked once, inputs known; and one faultless talk for each input."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from renode_mnist.errors import RenodeMnistError, TargetError
from renode_mnist.measure.faults.draw import Subject
from renode_mnist.measure.faults.fault import Fault, Place
from renode_mnist.measure.faults.image_map import ImageMap, Stretch
from renode_mnist.measure.faults.line import FaultyLine
from renode_mnist.measure.faults.trace import Trace, traced
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.snapshot import Snapshot
from renode_mnist.targets.embedded import BINARY_LINES, BOOT_SECONDS, EmbeddedTarget
from renode_mnist.wire.client import DEFAULT_TIMEOUT_SECONDS, Client, Observer
from renode_mnist.wire.messages import Inference, LayerTiming, Stats

PATIENCE = 4
"""Of the longest request of a faultless talk, as long as the client waits for an answer."""
_LEAST_PATIENCE_SECONDS = 0.02
_WATCHDOG_AT_MOST = 1.9
"""Of its nominal time, where LSI is at its slowest, 17 kHz (DS10916 table 39)."""
_STACK_PAINT_ALIGNMENT = 4


@dataclass(frozen=True)
class Sample:
    """One input, and what comes of it without a fault.

    Attributes:
        tensors: Each input's bytes.
        written: The chip once they are written, before the request to run.
        answer: That follows.
        sends: Requests of the whole talk: to write, to run, to read.
        sends_to_run: Of these, to run and to read.
        begun_ps: When the request to run is sent.
        trace: What the core executes from there on.
        subject: What faults are drawn over.
        longest_seconds: Of a request with its answer, to write, to run or to read.
        longest_to_run_seconds: Likewise, to run or to read.
    """

    tensors: tuple[bytes, ...]
    written: Snapshot
    answer: Inference
    sends: int
    sends_to_run: int
    begun_ps: int
    trace: Trace
    subject: Subject
    longest_seconds: float
    longest_to_run_seconds: float


class BenchChip:
    """An opened target that faults are put into.

    Args:
        target: Opened, its firmware idle.
        board: For which the image was built.
        image: What stands where.
        inputs: Of each sample each tensor's bytes.

    Attributes:
        machine: The emulated chip.
        firmware: What it says of itself.
        samples: One an input.
        patience_seconds: How long the client waits for an answer, where the inputs are part of the talk.
        patience_to_run_seconds: Likewise where they are there already.
        probe_seconds: How long it is then asked whether it is there at all: as long as a watchdog may take too.

    Raises:
        RenodeMnistError: It does not answer as it should without any fault.
    """

    def __init__(
        self, target: EmbeddedTarget, board: str, image: ImageMap, inputs: tuple[tuple[bytes, ...], ...]
    ) -> None:
        self.machine: Machine = target.machine
        self._usart = self.machine.usarts[BINARY_LINES[board]]
        self._image = image
        client = Client(FaultyLine(self.machine, self._usart))
        self.firmware: Stats = client.stats()
        self._layers: tuple[LayerTiming, ...] = client.layers()
        client.infer(inputs[0])  # once before all: what is only done the first time is not what is looked at
        if self.firmware.state_bytes:
            client.reset_state()
        self.booted = snapshot.save(self.machine)
        self.samples = tuple(self._sample(tensors) for tensors in inputs)
        self.patience_seconds = _patience(max(sample.longest_seconds for sample in self.samples))
        self.patience_to_run_seconds = _patience(max(sample.longest_to_run_seconds for sample in self.samples))
        watchdog_seconds = _WATCHDOG_AT_MOST * self.firmware.watchdog_ms / 1e3
        self.probe_seconds = max(self.patience_to_run_seconds, watchdog_seconds)

    def talk(
        self, fault: Fault | None = None, observer: Observer | None = None, *, with_inputs: bool = False
    ) -> tuple[Client, FaultyLine]:
        """A client that knows the firmware, and the line that it speaks over."""
        line = FaultyLine(self.machine, self._usart, fault)
        seconds = self.patience_seconds if with_inputs else self.patience_to_run_seconds
        return self._client(line, seconds, observer), line

    def _client(self, line: FaultyLine, seconds: float, observer: Observer | None = None) -> Client:
        return Client(
            line, timeout_seconds=seconds, observer=observer, firmware=self.firmware, layers=self._layers
        )  # fmt: skip

    def _sample(self, tensors: tuple[bytes, ...]) -> Sample:
        snapshot.restore(self.machine, self.booted)
        frames = _Frames()
        client = self._client(FaultyLine(self.machine, self._usart), DEFAULT_TIMEOUT_SECONDS, frames)
        client.write(tensors)
        writes = len(frames.requests)
        written, begun_ps = snapshot.save(self.machine), self.machine.clock.now_ps()
        answer = client.run()
        snapshot.restore(self.machine, written)
        line = FaultyLine(self.machine, self._usart, timed=True)
        with traced(self.machine) as trace:
            repeated = self._client(line, DEFAULT_TIMEOUT_SECONDS).run()
        if repeated.tensors != answer.tensors:
            raise TargetError("the firmware answers the same input differently", "Is there state that lives on?")
        assert line.first_reply_ps is not None
        window_ps = line.first_reply_ps - begun_ps, line.last_reply_ps - begun_ps
        names = ["write"] * writes + ["run"] + ["read"] * (len(frames.requests) - writes - 1)
        subject = Subject(
            tuple(zip(names, frames.requests, strict=True)),
            tuple(zip(names, frames.replies, strict=True)),
            trace.instructions,
            window_ps,
            self._used_stack(),
        )
        return Sample(
            tensors,
            written,
            answer,
            len(names),
            len(names) - writes,
            begun_ps,
            trace,
            subject,
            max(frames.seconds),
            max(frames.seconds[writes:]),
        )

    def _used_stack(self) -> Stretch:
        """What of the stack no longer holds what the start painted it with (firmware/board/startup.cpp)."""
        whole = self._image.ram[Place.STACK][0]
        content = self.machine.core.memory.peek(whole.address, whole.size_bytes) or b""
        used = self.firmware.stack_bytes
        client = self._client(FaultyLine(self.machine, self._usart), DEFAULT_TIMEOUT_SECONDS)
        with suppress(RenodeMnistError):
            used = client.stats().stack_used_bytes
        used = max(min(used, len(content)), _STACK_PAINT_ALIGNMENT)
        return Stretch("stack", whole.end - used, used, "stack")

    def outlast_lockup(self) -> None:
        """Time goes by for a core that has locked up: for its watchdog, if one runs."""
        machine = self.machine
        end_ps = machine.clock.now_ps() + round(self.probe_seconds * PICOSECONDS)
        while machine.exceptions.lockup:
            next_ps = machine.scheduler.next_ps()
            if next_ps is None or next_ps > end_ps:
                return
            machine.clock.sleep_until(next_ps)
            with suppress(TargetError):
                machine.run_until(next_ps)

    def wait_for_boot(self) -> None:
        """After a reset until the firmware listens, or as long as a target is given for that."""
        until_ps = self.machine.clock.now_ps() + round(BOOT_SECONDS * PICOSECONDS)
        self.machine.run_until(until_ps, lambda: self._usart.receiver_on)


def _patience(longest_seconds: float) -> float:
    return max(PATIENCE * longest_seconds, _LEAST_PATIENCE_SECONDS)


class _Frames:
    """Sees a faultless talk."""

    def __init__(self) -> None:
        self.requests: list[int] = []
        self.replies: list[int] = []
        self.seconds: list[float] = []
        self._sent_at = 0.0

    def __call__(self, direction: str, frame: bytes, seconds: float) -> None:
        if direction == "sent":
            self.requests.append(len(frame))
            self._sent_at = seconds
        elif direction == "received":
            self.replies.append(len(frame))
            self.seconds.append(seconds - self._sent_at)
