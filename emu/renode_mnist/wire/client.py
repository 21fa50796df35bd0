"""The client: one request at a time, each answered by a typed result or an error."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import FirmwareError, TargetTimeout, WireError
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import ErrorCode, ErrorReport, Inference, Reply, Stats

DEFAULT_TIMEOUT_SECONDS = 10.0
"""In the target's time. The slowest build known, soft float, takes 3 s (the article's first table)."""

_ATTEMPTS = 3

# The firmware answers so before it has carried anything out: asking again is safe.
_NOT_CARRIED_OUT = {
    ErrorCode.FRAME_TOO_LONG,
    ErrorCode.FRAME_MALFORMED,
    ErrorCode.BAD_CHECKSUM,
    ErrorCode.NOT_A_FLATBUFFER,
    ErrorCode.RECEIVE_OVERRUN,
    ErrorCode.BUSY,
}

_REMEDIES = {
    ErrorCode.WRONG_SIZE: "Send as many elements as Stats states for the model's input.",
    ErrorCode.UNKNOWN_COMMAND: "Build the firmware from this version with `renode-mnist build`.",
    ErrorCode.BAD_VALUE: "Send finite numbers only.",
    ErrorCode.HARD_FAULT: "Look the program counter up with `arm-none-eabi-addr2line -f -e firmware.elf`.",
    ErrorCode.STACK_OVERFLOW: "Reserve more stack in firmware/board/stm32f746.ld, or look for a deep call.",
}
_LINE_REMEDY = "Check the line: baud rate, wiring, and that nothing else writes to it."

Direction = Literal["sent", "received", "reset"]
Observer = Callable[[Direction, bytes, float], None]
"""Called with each frame's bytes (delimiter included; none at a reset) and the target's time in seconds."""

T = TypeVar("T")


class Client:
    """Speaks to the firmware over a byte stream.

    Args:
        stream: The binary line of an opened target.
        timeout_seconds: How long one request may take, in the target's time.
        observer: Sees each frame both ways.

    Every method raises ``FirmwareError`` where the firmware answers with an error, ``TargetTimeout`` where it
    does not answer, and ``WireError`` where what it answers is no message.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        observer: Observer | None = None,
    ) -> None:
        self._stream = stream
        self._timeout_seconds = timeout_seconds
        self._observer = observer
        self._decoder = frame.FrameDecoder()
        self._arrived: deque[bytes | frame.BadFrame] = deque()
        self._request = 0

    @property
    def unfinished(self) -> bytes:
        """What has come of a reply that is not whole yet."""
        return self._decoder.pending

    def stats(self, timeout_seconds: float | None = None) -> Stats:
        """What the firmware says of itself."""
        return self._ask(messages.encode_get_stats, Stats, timeout_seconds=timeout_seconds)

    def classify(self, pixels: npt.NDArray[np.uint8]) -> Inference:
        """Runs the network on a picture: uint8, 28x28 for the article's network, white ink on black."""
        return self._ask(lambda number: messages.encode_pixels(number, pixels), Inference)

    def classify_floats(self, digit: npt.NDArray[np.float32]) -> Inference:
        """The same by the article's message: float32 in [0, 1]."""
        return self._ask(lambda number: messages.encode_digit(number, digit), Inference)

    def infer(self, tensor: bytes) -> Inference:
        """Runs the network on its own input tensor, bytes as the model stores them."""
        return self._ask(lambda number: messages.encode_tensor(number, tensor), Inference)

    def reset(self) -> None:
        """Asks the firmware to reset the chip and returns once it has agreed."""
        self._ask(messages.encode_reset, messages.ResetAcknowledged, attempts=1)

    def send_raw(self, data: bytes) -> None:
        """Puts bytes on the line as they are."""
        self._observe("sent", data)
        self._stream.send(data)

    def next_reply(self, timeout_seconds: float | None = None) -> Reply:
        """The next message of the firmware, whichever request it belongs to."""
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        return next(self._replies(Deadline.after(self._stream, seconds)))

    def forget(self) -> None:
        """Drops what has come and was not asked for: after a reset, the rest of a reply never comes."""
        self._decoder = frame.FrameDecoder()
        self._arrived.clear()

    def _ask(
        self,
        encode: Callable[[int], bytes],
        kind: type[T],
        attempts: int = _ATTEMPTS,
        timeout_seconds: float | None = None,
    ) -> T:
        for attempt in range(1, attempts + 1):
            self._request = self._request % 0xFFFFFFFF + 1
            self.send_raw(frame.encode(encode(self._request)))
            try:
                body = self._answer_to(self._request, timeout_seconds or self._timeout_seconds)
            except (TargetTimeout, WireError):
                # Asked again only what leaves no trace (a reset is asked once), and under a new number, so
                # that a late answer cannot be taken for the next one's.
                if attempt == attempts:
                    raise
                continue
            if isinstance(body, kind):
                return body
            if not isinstance(body, ErrorReport):
                raise WireError(
                    f"asked for {kind.__name__}, the firmware answered with {type(body).__name__}",
                    "Build the firmware from this version with `renode-mnist build`.",
                )
            if body.code not in _NOT_CARRIED_OUT or attempt == attempts:
                raise firmware_error(body)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _answer_to(self, request: int, timeout_seconds: float) -> messages.Body:
        for reply in self._replies(Deadline.after(self._stream, timeout_seconds)):
            # An error without a number is about what was sent last: only one request is ever under way.
            if reply.request == request or (reply.request == 0 and isinstance(reply.body, ErrorReport)):
                return reply.body
        raise AssertionError("unreachable: the stream ends by raising")

    def _replies(self, deadline: Deadline) -> Iterator[Reply]:
        while True:
            while self._arrived:
                item = self._arrived.popleft()
                if isinstance(item, frame.BadFrame):
                    raise WireError(f"the firmware's reply is {item.reason}", _LINE_REMEDY)
                yield messages.decode_reply(item)
            for item in self._decoder.feed(self._receive(deadline)):
                self._observe("received", item.raw if isinstance(item, frame.BadFrame) else frame.encode(item))
                self._arrived.append(item)

    def _receive(self, deadline: Deadline) -> bytes:
        try:
            return self._stream.receive(deadline)
        except TargetTimeout as silence:
            if not self._decoder.pending:
                raise
            begun = self._decoder.pending
            raise TargetTimeout(
                f"{len(begun)} bytes came that never became a frame ({begun[:16].hex(' ')} ...): {silence}",
                _LINE_REMEDY,
            ) from silence

    def _observe(self, direction: Direction, data: bytes) -> None:
        if self._observer is not None:
            self._observer(direction, data, self._stream.now())


def firmware_error(report: ErrorReport) -> FirmwareError:
    """The exception for an error that the firmware sent."""
    where = ""
    if report.code in (ErrorCode.HARD_FAULT, ErrorCode.STACK_OVERFLOW):
        where = f" (address 0x{report.address:08x}, program counter 0x{report.program_counter:08x})"
    known = ErrorCode(report.code) if report.code in list(ErrorCode) else ErrorCode.INTERNAL
    return FirmwareError(
        f"the firmware answered {report.code_name}: {report.text}{where}",
        _REMEDIES.get(known, _LINE_REMEDY if known in _NOT_CARRIED_OUT else "Reset the target and try again."),
        code=report.code,
        address=report.address,
        program_counter=report.program_counter,
    )
