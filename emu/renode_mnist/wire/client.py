"""The client: one request at a time, each answered by a typed result or an error."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import FirmwareError, ModelError, TargetTimeout, WireError
from renode_mnist.stream import ByteStream, Deadline, FramedStream, TakenAtOnce
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import (
    ArenaRegion,
    ErrorCode,
    ErrorReport,
    ImageCheck,
    Inference,
    LayerTiming,
    Reply,
    Stats,
)

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
    ErrorCode.UNKNOWN_COMMAND: (
        "Build the firmware from this version with `renode-mnist build`; for a trace by --trace."
    ),
    ErrorCode.BAD_VALUE: "Send finite numbers only, and 0 or 1 for a bool.",
    ErrorCode.OUT_OF_ORDER: "Write every input whole before each inference, and read outputs before the next write.",
    ErrorCode.IMAGE_DAMAGED: "Program it again; where that does not last, the flash or its supply is at fault.",
    ErrorCode.HARD_FAULT: "Look the program counter up with `arm-none-eabi-addr2line -f -e firmware.elf`.",
    ErrorCode.STACK_OVERFLOW: "Reserve more stack in firmware/board/stm32f746.ld, or look for a deep call.",
}
_GRACE_SECONDS = 0.05
"""In the target's time, for an own answer behind an error without a number: some 500 bytes at 115,200 baud."""

_LINE_REMEDY = "Check the line: baud rate, wiring, and that nothing else writes to it."

Direction = Literal["sent", "received", "reset"]
Observer = Callable[[Direction, bytes, float], None]
"""Called with each frame's bytes (delimiter included; none at a reset) and the target's time in seconds."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_LOGGED_BYTES = 24
"""Of a frame: what tells its kind and number; the rest is mostly tensors."""


class Client:
    """Speaks to the firmware over a byte stream.

    Args:
        stream: The binary line of an opened target.
        timeout_seconds: How long one request may take, in the target's time.
        observer: Sees each frame both ways.
        first_request: The first request's number, 1 to 2^32 - 1.
        firmware: What it said of itself before, so that it need not be asked again.
        layers: Likewise.

    Every method raises ``FirmwareError`` where the firmware answers with an error, ``TargetTimeout`` where it
    does not answer, and ``WireError`` where what it answers is no message.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        observer: Observer | None = None,
        first_request: int = 1,
        firmware: Stats | None = None,
        layers: tuple[LayerTiming, ...] | None = None,
    ) -> None:
        self._stream = stream
        self._receive_some = stream.receive_frame if isinstance(stream, FramedStream) else stream.receive
        self._timeout_seconds = timeout_seconds
        self._observer = observer
        self._decoder = frame.FrameDecoder()
        self._arrived: deque[bytes | frame.BadFrame] = deque()
        self._request = self._before_first = first_request - 1
        self._stats = firmware
        self._layers = layers

    @property
    def unfinished(self) -> bytes:
        """What has come of a reply that is not whole yet."""
        return self._decoder.pending

    def stats(self, timeout_seconds: float | None = None) -> Stats:
        """What the firmware says of itself."""
        self._stats = self._ask(messages.encode_get_stats, Stats, timeout_seconds=timeout_seconds)
        return self._stats

    def classify(self, pixels: npt.NDArray[np.uint8]) -> Inference:
        """Runs the network on a picture: uint8, 28x28 for the article's network, white ink on black."""
        return self._ask(lambda number: messages.encode_pixels(number, pixels), Inference)

    def classify_floats(self, digit: npt.NDArray[np.float32]) -> Inference:
        """The same by the article's message: float32 in [0, 1]."""
        return self._ask(lambda number: messages.encode_digit(number, digit), Inference)

    def infer(self, tensors: bytes | Sequence[bytes]) -> Inference:
        """Runs the network on its own input tensors.

        Args:
            tensors: One for each input of the model, in its order: bytes as the model stores them, little endian. A
                model with a single input may be given that alone.

        Raises:
            ModelError: The model has another number of inputs, or one is of another size.
        """
        given = (tensors,) if isinstance(tensors, bytes) else tuple(tensors)
        firmware = self._firmware()
        _check_sizes(given, firmware)
        if firmware.protocol_version < messages.PIECES_SINCE:
            return self._ask(lambda number: messages.encode_tensor(number, given[0]), Inference)
        self.write(given)
        return self.run()

    def run(self) -> Inference:
        """Runs the network on the inputs that `write` has left there, and reads its outputs."""
        return self._inference(self._run(), self._firmware())

    def write(self, tensors: Sequence[bytes]) -> None:
        """Writes every input, piece by piece, and runs nothing.

        Args:
            tensors: See `infer`; for firmware since protocol 102.

        Raises:
            ModelError: As for `infer`.
        """
        firmware = self._firmware()
        _check_sizes(tensors, firmware)
        for index, content in enumerate(tensors):
            self._write(index, content, firmware)

    def run_traced(
        self, tensors: bytes | Sequence[bytes], regions: Sequence[ArenaRegion]
    ) -> tuple[Inference, tuple[bytes, ...]]:
        """The same as `infer`, and what the arena held on the way; for an image built with ``trace``.

        Args:
            tensors: See `infer`.
            regions: What to read after which layer, in any order; about two a layer fit into one request.

        Returns:
            The inference, whose counters leave the sending out, and each region's bytes.

        Raises:
            ModelError: As for `infer`.
            FirmwareError: The image is built without it, or a region is none of the arena's.
        """
        given = (tensors,) if isinstance(tensors, bytes) else tuple(tensors)
        firmware = self._firmware()
        self.write(given)
        done, read = self._run_traced(regions)
        return self._inference(done, firmware), read

    def layers(self) -> tuple[LayerTiming, ...]:
        """The steps of the firmware's program, with 0 for their counters; asked once.

        Raises:
            FirmwareError: It is of a version before 102, which names layers only in an answer to a picture.
        """
        if self._layers is None:
            found: list[LayerTiming] = []
            while len(found) < self._firmware().layer_count:
                page = self._ask(_layers_from(len(found)), messages.LayerPage).layers
                if not page:
                    raise WireError(f"the firmware names {len(found)} layers only", "Build it anew.")
                found += page
            self._layers = tuple(found)
        return self._layers

    def reset_state(self) -> None:
        """Gives what lives between inferences its initial values."""
        self._ask(messages.encode_reset_state, messages.StateReset)

    def check_image(self) -> ImageCheck:
        """Has the firmware compute the checksum of its code and model.

        Raises:
            FirmwareError: It is of a version before 103.
        """
        return self._ask(messages.encode_check_image, ImageCheck)

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
        """Drops what has come and was not asked for: after a reset, the rest of a reply never comes.

        What the firmware has said of itself too: another may answer now. Requests are numbered from the first again,
        since what a request costs depends on its bytes (the checksum's table in the cache), and two runs from a reset
        are to be the same.
        """
        self._request = self._before_first
        self._decoder = frame.FrameDecoder()
        self._arrived.clear()
        self._stats = None
        self._layers = None

    def _firmware(self) -> Stats:
        return self._stats or self.stats()

    def _write(self, index: int, content: bytes, firmware: Stats) -> None:
        element = firmware.inputs[index].dtype.itemsize
        step = max(firmware.piece_bytes // element, 1) * element
        for offset in range(0, len(content), step):
            piece = content[offset : offset + step]
            written = self._ask(_write_of(index, offset, piece), messages.Written).count
            if written != offset + len(piece):
                raise WireError(
                    f"the firmware has {written} bytes of input {index} where {offset + len(piece)} were sent",
                    "Check that nobody else speaks to it.",
                )

    def _run(self) -> messages.RunDone:
        # Asked again under its own number: then the firmware repeats its answer and computes nothing.
        return self._ask(messages.encode_run, messages.RunDone, same_number=True)

    def _run_traced(self, regions: Sequence[ArenaRegion]) -> tuple[messages.RunDone, tuple[bytes, ...]]:
        """Asked once only: what was sent on the way does not come again."""
        found = [b""] * len(regions)
        self._count_request()
        self._drop_stale()
        self.send_raw(frame.encode(messages.encode_run(self._request, regions)))
        while True:
            body = self._answer_to(self._request, self._timeout_seconds)
            if isinstance(body, ErrorReport):
                raise firmware_error(body)
            if isinstance(body, messages.RunDone):
                break
            if not isinstance(body, messages.OutputPiece):
                raise WireError(f"a trace was interrupted by {type(body).__name__}", _LINE_REMEDY)
            if body.index >= len(found) or body.offset != len(found[body.index]):
                raise WireError(
                    f"a trace of {len(found)} regions has a piece of region {body.index} from byte {body.offset} on, "
                    "which does not follow what came before",
                    _LINE_REMEDY,
                )
            found[body.index] += body.content
        short = [i for i, region in enumerate(regions) if len(found[i]) != region.count]
        if short:
            raise WireError(f"of region {short[0]} of a trace came {len(found[short[0]])} bytes only", _LINE_REMEDY)
        return body, tuple(found)

    def _read(self, index: int, byte_count: int) -> bytes:
        content = b""
        while len(content) < byte_count:
            piece = self._ask(_read_of(index, len(content), byte_count - len(content)), messages.OutputPiece)
            fits = 0 < len(piece.content) <= byte_count - len(content)
            if (piece.index, piece.offset) != (index, len(content)) or not fits:
                raise WireError(
                    f"asked for output {index} from byte {len(content)} on, the firmware sent {len(piece.content)} "
                    f"bytes of {piece.index} from {piece.offset} on",
                    "Build the firmware from this version with `renode-mnist build`.",
                )
            content += piece.content
        return content

    def _inference(self, done: messages.RunDone, firmware: Stats) -> Inference:
        outputs = tuple(self._read(i, info.byte_count) for i, info in enumerate(firmware.outputs))
        scores = firmware.outputs[0].reals(outputs[0]).reshape(-1)
        layers = self.layers()
        if len(done.layer_counters) != len(layers):
            raise WireError(
                f"the firmware tells what {len(done.layer_counters)} layers took, and has {len(layers)}", _LINE_REMEDY
            )
        steps = zip(layers, done.layer_counters, strict=True)
        return Inference(
            scores=scores,
            winner=int(scores.argmax()),
            tensors=outputs,
            layers=tuple(replace(layer, counter=counter) for layer, counter in steps),
            counter=done.counter,
            timer_ms=done.timer_ms,
        )

    def _ask(
        self,
        encode: Callable[[int], bytes],
        kind: type[T],
        attempts: int = _ATTEMPTS,
        timeout_seconds: float | None = None,
        *,
        same_number: bool = False,
    ) -> T:
        for attempt in range(1, attempts + 1):
            if attempt == 1 or not same_number:
                self._count_request()
            self._drop_stale()
            self.send_raw(frame.encode(encode(self._request)))
            try:
                body = self._answer_to(self._request, timeout_seconds or self._timeout_seconds)
            except (TargetTimeout, WireError):
                # Asked again only what leaves no trace (a reset is asked once), and under a new number, so
                # that a late answer cannot be taken for the next one's (with ``same_number`` it is the same).
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

    def _count_request(self) -> None:
        """The next number: 1 to 2^32 - 1, and round."""
        self._request = self._request % 0xFFFFFFFF + 1

    def _drop_stale(self) -> None:
        """What has come so far answers nothing that will be asked now."""
        if isinstance(self._stream, TakenAtOnce):
            self._take(self._stream.take_arrived())
        self._arrived.clear()

    def _answer_to(self, request: int, timeout_seconds: float) -> messages.Body:
        """The answer to the request under way; what else comes until then is noise, and passed over.

        Raises:
            TargetTimeout: Nothing came.
            WireError: Only noise did.
        """
        deadline = Deadline.after(self._stream, timeout_seconds)
        unnumbered: ErrorReport | None = None
        noise: WireError | None = None
        while True:
            try:
                reply = next(self._replies(deadline))
            except WireError as error:
                noise = error
                continue
            except TargetTimeout:
                if unnumbered is not None:
                    return unnumbered
                if noise is not None:
                    raise noise from None
                raise
            if reply.request == request:
                return reply.body
            if reply.request == 0 and isinstance(reply.body, ErrorReport) and unnumbered is None:
                # It is about what was sent last, as only one request is ever under way; or about noise before that.
                unnumbered = reply.body
                deadline = Deadline.after(self._stream, min(timeout_seconds, _GRACE_SECONDS))

    def _replies(self, deadline: Deadline) -> Iterator[Reply]:
        while True:
            while self._arrived:
                item = self._arrived.popleft()
                if isinstance(item, frame.BadFrame):
                    raise WireError(f"the firmware's reply is {item.reason}", _LINE_REMEDY)
                yield messages.decode_reply(item)
            self._take(self._receive(deadline))

    def _take(self, data: bytes) -> None:
        for item in self._decoder.feed(data):
            if self._observer is not None or _LOG.isEnabledFor(logging.DEBUG):
                raw = frame.encode(item) if isinstance(item, bytes) else item.raw + bytes([frame.DELIMITER])
                self._observe("received", raw)
            self._arrived.append(item)

    def _receive(self, deadline: Deadline) -> bytes:
        try:
            return self._receive_some(deadline)
        except TargetTimeout as silence:
            if not self._decoder.pending:
                raise
            begun = self._decoder.pending
            raise TargetTimeout(
                f"{len(begun)} bytes came that never became a frame ({begun[:16].hex(' ')} ...): {silence}",
                _LINE_REMEDY,
            ) from silence

    def _observe(self, direction: Direction, data: bytes) -> None:
        if _LOG.isEnabledFor(logging.DEBUG):
            shown = data[:_LOGGED_BYTES].hex(" ") + (" ..." if len(data) > _LOGGED_BYTES else "")
            _LOG.debug("%12.3f ms %-8s %5d B  %s", self._stream.now() * 1e3, direction, len(data), shown)
        if self._observer is not None:
            self._observer(direction, data, self._stream.now())


def _check_sizes(given: Sequence[bytes], firmware: Stats) -> None:
    sizes = [info.byte_count for info in firmware.inputs]
    if [len(content) for content in given] != sizes:
        wanted = ", ".join(
            f"{info.byte_count} bytes ({info.dtype} {'x'.join(map(str, info.shape)) or 'scalar'})"
            for info in firmware.inputs
        )
        found = ", ".join(f"{len(content)} bytes" for content in given)
        raise ModelError(
            f"the model {firmware.model_name} takes {wanted}; given were {found or 'none'}",
            "Give one tensor for each input of the model, in its type and shape.",
        )


def _layers_from(first: int) -> Callable[[int], bytes]:
    return lambda number: messages.encode_get_layers(number, first)


def _write_of(index: int, offset: int, content: bytes) -> Callable[[int], bytes]:
    return lambda number: messages.encode_write(number, index, offset, content)


def _read_of(index: int, offset: int, count: int) -> Callable[[int], bytes]:
    return lambda number: messages.encode_read(number, index, offset, count)


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
