"""Messages: requests to bytes, replies to typed values.

The wire's own types are what flatc makes from ``schema/mnist.fbs``; nothing outside this package sees them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from renode_mnist.errors import WireError
from renode_mnist.wire._generated import mnist_generated as fbs

PROTOCOL_VERSION = 103
"""Of ``schema/mnist.fbs``; the article's firmware is 100."""
PIECES_SINCE = 102
"""The first version in which tensors of any model travel, in pieces (`encode_write`)."""


CHECKED_SINCE = 103
"""The first in which the firmware checks its image (`encode_check_image`) and tells why it was reset."""


class ErrorCode(IntEnum):
    """``MnistProt.ErrorCode``."""

    NONE = fbs.ErrorCode.NONE
    FRAME_TOO_LONG = fbs.ErrorCode.FRAME_TOO_LONG
    FRAME_MALFORMED = fbs.ErrorCode.FRAME_MALFORMED
    BAD_CHECKSUM = fbs.ErrorCode.BAD_CHECKSUM
    NOT_A_FLATBUFFER = fbs.ErrorCode.NOT_A_FLATBUFFER
    WRONG_SIZE = fbs.ErrorCode.WRONG_SIZE
    UNKNOWN_COMMAND = fbs.ErrorCode.UNKNOWN_COMMAND
    BUSY = fbs.ErrorCode.BUSY
    BAD_VALUE = fbs.ErrorCode.BAD_VALUE
    HARD_FAULT = fbs.ErrorCode.HARD_FAULT
    STACK_OVERFLOW = fbs.ErrorCode.STACK_OVERFLOW
    RECEIVE_OVERRUN = fbs.ErrorCode.RECEIVE_OVERRUN
    INTERNAL = fbs.ErrorCode.INTERNAL
    OUT_OF_ORDER = fbs.ErrorCode.OUT_OF_ORDER
    IMAGE_DAMAGED = fbs.ErrorCode.IMAGE_DAMAGED


class ResetCause(IntEnum):
    """``MnistProt.ResetCause``: why the chip was reset last."""

    UNKNOWN = fbs.ResetCause.UNKNOWN
    POWER_ON = fbs.ResetCause.POWER_ON
    BROWN_OUT = fbs.ResetCause.BROWN_OUT
    PIN = fbs.ResetCause.PIN
    SOFTWARE = fbs.ResetCause.SOFTWARE
    INDEPENDENT_WATCHDOG = fbs.ResetCause.INDEPENDENT_WATCHDOG
    WINDOW_WATCHDOG = fbs.ResetCause.WINDOW_WATCHDOG
    LOW_POWER = fbs.ResetCause.LOW_POWER


class ClockProblem(IntEnum):
    """``MnistProt.ClockProblem``: what did not get ready, so that the core runs on HSI."""

    NONE = fbs.ClockProblem.NONE
    OVER_DRIVE = fbs.ClockProblem.OVER_DRIVE
    WAIT_STATES = fbs.ClockProblem.WAIT_STATES
    PLL = fbs.ClockProblem.PLL
    SWITCH = fbs.ClockProblem.SWITCH
    OTHER = 255
    """One that a later firmware has."""

    def __str__(self) -> str:
        """In words, as on the console."""
        return _NOT_READY[self]


_NOT_READY = {
    ClockProblem.NONE: "none",
    ClockProblem.OVER_DRIVE: "over-drive is not ready",
    ClockProblem.WAIT_STATES: "flash takes no wait states",
    ClockProblem.PLL: "the PLL is not ready",
    ClockProblem.SWITCH: "the core does not switch to the PLL",
    ClockProblem.OTHER: "for a reason that this version does not know",
}


_ELEMENT_TYPES: dict[int, np.dtype[np.generic]] = {
    fbs.ElementType.FLOAT32: np.dtype(np.float32),
    fbs.ElementType.INT8: np.dtype(np.int8),
    fbs.ElementType.UINT8: np.dtype(np.uint8),
    fbs.ElementType.INT16: np.dtype("<i2"),
    fbs.ElementType.INT32: np.dtype("<i4"),
    fbs.ElementType.BOOL: np.dtype(np.bool_),
    fbs.ElementType.INT64: np.dtype("<i8"),
}


@dataclass(frozen=True)
class TensorInfo:
    """A tensor at the model's edge.

    Attributes:
        dtype: Of one element as stored.
        shape: Batch first, channels last.
        scale: real = scale * (stored - zero_point); 0 where what is stored is the number itself.
        zero_point: See ``scale``.
        name: In the model, cut after 64 bytes; empty before protocol 102.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    name: str = ""

    @property
    def byte_count(self) -> int:
        """Of the whole tensor."""
        return math.prod(self.shape) * self.dtype.itemsize

    def array(self, content: bytes) -> npt.NDArray[Any]:
        """The tensor's bytes as an array of its own type and shape."""
        return np.frombuffer(content, self.dtype).reshape(self.shape)

    def reals(self, content: bytes) -> npt.NDArray[np.float32]:
        """The tensor's bytes as real numbers, float32 in its shape; computed in float32, as the firmware does."""
        stored = self.array(content)
        if self.scale == 0:
            return stored.astype(np.float32)
        # Widened first: in the stored type the difference could overflow.
        return np.float32(self.scale) * (stored.astype(np.int64) - self.zero_point).astype(np.float32)


@dataclass(frozen=True)
class Stats:
    """What the firmware says of itself; sizes in bytes, ``freq_hz`` its core clock as it runs.

    Attributes:
        protocol_version: 103; 102, which does not check its image and leaves out what is said to come with 103; 101,
            which has one input and one output and leaves out what is said to come with 102; or 100 for the article's
            firmware, which fills nothing but the clock.
        compiler: And the C library, as "GNU 12.2.1, newlib 3.3.0".
        build_id: The ELF's GNU build ID, hexadecimal.
        model_sha256: Of the ``.tflite`` file, hexadecimal.
        flash_bytes: Code, constants and initial data; ``weights_bytes`` of them are the model's.
        input: The first of ``inputs``; likewise ``output``.
        ram_static_bytes: ``.data`` and ``.bss``; ``arena_bytes`` of them are activations and scratch, ``state_bytes``
            variables that live between inferences, ``wire_bytes`` buffers for requests and replies (both since 102).
        stack_used_bytes: High-water mark since reset, of ``stack_bytes``.
        max_payload_bytes: The longest request it takes.
        chip_id: What tells this chip from any other, hexadecimal; empty on a PC.
        inputs: In the model's order; likewise ``outputs``.
        layer_count: Steps of the firmware's program (since 102, else 0).
        piece_bytes: Most bytes of a tensor in one request (since 102, else 0).
        reset_cause: Of the last reset (since 103).
        watchdog_ms: After so long without its main loop a watchdog resets it; 0: never (since 103).
        clock_problem: What kept the core on HSI, 16 MHz, in the place of the clock it was built for (since 103).
    """

    protocol_version: int
    freq_hz: int
    commit: str
    compiler: str
    flags: str
    engine: str
    board: str
    build_id: str
    model_name: str
    model_sha256: str
    input: TensorInfo | None
    output: TensorInfo | None
    max_payload_bytes: int
    flash_bytes: int
    weights_bytes: int
    ram_static_bytes: int
    arena_bytes: int
    stack_bytes: int
    stack_used_bytes: int
    chip_id: str
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    layer_count: int = 0
    state_bytes: int = 0
    wire_bytes: int = 0
    piece_bytes: int = 0
    reset_cause: ResetCause = ResetCause.UNKNOWN
    watchdog_ms: int = 0
    clock_problem: ClockProblem = ClockProblem.NONE

    @property
    def clock(self) -> str:
        """The core clock in words, with what keeps it slow."""
        why = f" (slow: {self.clock_problem})" if self.clock_problem else ""
        return f"{self.freq_hz / 1e6:g} MHz{why}"

    @property
    def ram_bytes(self) -> int:
        """What the image takes of RAM: static, and the stack as deep as it has been. The one figure that is shown.

        It is whole once the firmware has done its work: asked before the first inference it leaves out the stack of
        the kernels.
        """
        return self.ram_static_bytes + self.stack_used_bytes

    @property
    def ram_rest_bytes(self) -> int:
        """Of the static RAM what is neither arena, state nor buffers of the wire."""
        return self.ram_static_bytes - self.arena_bytes - self.state_bytes - self.wire_bytes


@dataclass(frozen=True)
class LayerTiming:
    """One step of an inference; ``counter`` is in the target's counter unit."""

    name: str
    op: str
    macs: int
    counter: int


@dataclass(frozen=True)
class Inference:
    """The result of one inference.

    Attributes:
        scores: float32, the first output's elements as real numbers.
        winner: Index of the highest of them.
        tensors: Each output's bytes as the model stores them.
        layers: One for each step of the firmware's program.
        counter: Whole inference, in the target's counter unit.
        timer_ms: The same in milliseconds at the nominal clock.
    """

    scores: npt.NDArray[np.float32]
    winner: int
    tensors: tuple[bytes, ...]
    layers: tuple[LayerTiming, ...]
    counter: int
    timer_ms: float

    @property
    def tensor(self) -> bytes:
        """The first output's bytes."""
        return self.tensors[0]


@dataclass(frozen=True)
class Written:
    """How many bytes of an input are there since the last inference."""

    index: int
    count: int


@dataclass(frozen=True)
class OutputPiece:
    """Some bytes of an output, or of a region that was traced."""

    index: int
    offset: int
    content: bytes


@dataclass(frozen=True)
class RunDone:
    """An inference without its outputs.

    Attributes:
        layer_counters: One for each step of the firmware's program.
        counter: Whole inference, in the target's counter unit.
        timer_ms: The same in milliseconds at the nominal clock.
    """

    layer_counters: tuple[int, ...]
    counter: int
    timer_ms: float


@dataclass(frozen=True)
class LayerPage:
    """Some of the firmware's layers, in order, with 0 for their counters; empty beyond the last."""

    layers: tuple[LayerTiming, ...]


@dataclass(frozen=True)
class StateReset:
    """What lives between inferences has its initial values."""


@dataclass(frozen=True)
class ImageCheck:
    """A checksum of code and model, computed when it was asked for.

    Attributes:
        stated: By the build.
        computed: Now.
        byte_count: Looked at.
        counter: What that took, in the target's counter unit.
    """

    stated: int
    computed: int
    byte_count: int
    counter: int

    @property
    def whole(self) -> bool:
        """Whether the image is what was built."""
        return self.stated == self.computed


@dataclass(frozen=True)
class ArenaRegion:
    """Bytes of the arena as they stand once step ``layer`` is done (images built with ``trace`` only)."""

    layer: int
    offset: int
    count: int


@dataclass(frozen=True)
class ErrorReport:
    """An error as the firmware sent it."""

    code: int
    text: str
    address: int
    program_counter: int

    @property
    def code_name(self) -> str:
        """Name of ``code`` in the schema, or the number where this version does not know it."""
        return ErrorCode(self.code).name if self.code in list(ErrorCode) else str(self.code)


@dataclass(frozen=True)
class ResetAcknowledged:
    """The firmware is about to reset."""


Body = (
    Stats
    | Inference
    | Written
    | OutputPiece
    | RunDone
    | LayerPage
    | StateReset
    | ImageCheck
    | ErrorReport
    | ResetAcknowledged
)


@dataclass(frozen=True)
class Reply:
    """A message of the firmware; ``request`` is 0 where it could not read the number."""

    request: int
    body: Body


def _finish(request: int, command: int, **fields: Any) -> bytes:
    message = fbs.CommandsT()
    message.cmd = command
    message.request = request
    for name, value in fields.items():
        setattr(message, name, value)
    builder = flatbuffers.Builder(1024)
    builder.Finish(message.Pack(builder))
    return bytes(builder.Output())


def encode_command(request: int, command: int) -> bytes:
    """A command by its number (``MnistProt.Command``), with nothing else."""
    return _finish(request, command)


def encode_get_stats(request: int) -> bytes:
    """A request for ``Stats``."""
    return encode_command(request, fbs.Command.CMD_GET_STATS)


def encode_reset(request: int) -> bytes:
    """A request to reset the chip."""
    return encode_command(request, fbs.Command.CMD_RESET)


def encode_reset_state(request: int) -> bytes:
    """A request to give what lives between inferences its initial values."""
    return encode_command(request, fbs.Command.CMD_RESET_STATE)


def encode_check_image(request: int) -> bytes:
    """A request to compute the image's checksum."""
    return encode_command(request, fbs.Command.CMD_CHECK_IMAGE)


def encode_write(request: int, index: int, offset: int, content: bytes) -> bytes:
    """A request to write some of an input's bytes, as the model stores them.

    Args:
        request: Number that the reply repeats.
        index: Of the input.
        offset: In bytes; 0 begins anew, else at most what was written since the last inference.
        content: Whole elements, at most ``Stats.piece_bytes``.
    """
    piece = fbs.TensorPieceT()
    piece.index, piece.offset = index, offset
    piece.bytes = np.frombuffer(content, dtype=np.uint8)
    return _finish(request, fbs.Command.CMD_WRITE_TENSOR, piece=piece)


def encode_run(request: int, trace: Sequence[ArenaRegion] = ()) -> bytes:
    """A request to run the network on the inputs that were written.

    Args:
        request: Number that the reply repeats; the same number again gets the same answer again.
        trace: What to send of the arena on the way; for images built with ``trace``.
    """
    regions = []
    for region in trace:
        packed = fbs.ArenaRegionT()
        packed.layer, packed.offset, packed.count = region.layer, region.offset, region.count
        regions.append(packed)
    return _finish(request, fbs.Command.CMD_RUN, trace=regions or None)


def encode_read(request: int, index: int, offset: int, count: int) -> bytes:
    """A request for some of an output's bytes; the answer may hold fewer."""
    piece = fbs.TensorPieceT()
    piece.index, piece.offset, piece.count = index, offset, count
    return _finish(request, fbs.Command.CMD_READ_TENSOR, piece=piece)


def encode_get_layers(request: int, first: int) -> bytes:
    """A request for the names of layers from ``first`` on."""
    return _finish(request, fbs.Command.CMD_GET_LAYERS, first=first)


def encode_pixels(request: int, pixels: npt.NDArray[np.uint8]) -> bytes:
    """A request to classify a picture.

    Args:
        request: Number that the reply repeats.
        pixels: uint8, any shape; 784 in all for the article's network, white ink on black.
    """
    body = fbs.InferenceInputT()
    body.pixels = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(-1)
    return _finish(request, fbs.Command.CMD_INFERENCE_INPUT, input=body)


def encode_digit(request: int, digit: npt.NDArray[np.float32]) -> bytes:
    """The article's request: pixels as float32 in [0, 1]."""
    body = fbs.InferenceInputT()
    body.digit = np.ascontiguousarray(digit, dtype=np.float32).reshape(-1)
    return _finish(request, fbs.Command.CMD_INFERENCE_INPUT, input=body)


def encode_tensor(request: int, tensor: bytes) -> bytes:
    """A request to run the model on its own input tensor, bytes as the model stores them."""
    body = fbs.InferenceInputT()
    body.tensor = np.frombuffer(tensor, dtype=np.uint8)
    return _finish(request, fbs.Command.CMD_INFERENCE_INPUT, input=body)


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else (value or "")


def _vector(values: object, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    # flatc's AsNumpy answers 0 where the vector is absent.
    return np.zeros(0, dtype) if isinstance(values, int) else np.array(values, dtype)


def _tensor_info(info: fbs.TensorInfo | None) -> TensorInfo | None:
    if info is None:
        return None
    dtype = _ELEMENT_TYPES.get(info.Type())
    if dtype is None:
        raise WireError(f"the firmware names a tensor of unknown type {info.Type()}", "Update renode-mnist.")
    shape = tuple(int(n) for n in _vector(info.ShapeAsNumpy(), np.uint32))
    return TensorInfo(dtype, shape, info.Scale(), info.ZeroPoint(), _text(info.Name()))


def _edge(
    count: int, item: Callable[[int], fbs.TensorInfo | None], only: TensorInfo | None
) -> tuple[TensorInfo, ...]:
    """The inputs, or the outputs; before 102 there is only the one."""
    if count == 0:
        return () if only is None else (only,)
    infos = (_tensor_info(item(position)) for position in range(count))
    return tuple(info for info in infos if info is not None)


def _stats(stats: fbs.Stats) -> Stats:
    source, result = _tensor_info(stats.Input()), _tensor_info(stats.Output())
    return Stats(
        protocol_version=stats.Version(),
        freq_hz=stats.Freq(),
        commit=_text(stats.Commit()),
        compiler=_text(stats.Compiler()),
        flags=_text(stats.Flags()),
        engine=_text(stats.Engine()),
        board=_text(stats.Board()),
        build_id=_vector(stats.BuildIdAsNumpy(), np.uint8).tobytes().hex(),
        model_name=_text(stats.ModelName()),
        model_sha256=_text(stats.ModelSha256()),
        input=source,
        output=result,
        max_payload_bytes=stats.MaxPayloadBytes(),
        flash_bytes=stats.FlashBytes(),
        weights_bytes=stats.WeightsBytes(),
        ram_static_bytes=stats.RamStaticBytes(),
        arena_bytes=stats.ArenaBytes(),
        stack_bytes=stats.StackBytes(),
        stack_used_bytes=stats.StackUsedBytes(),
        chip_id=_vector(stats.ChipIdAsNumpy(), np.uint8).tobytes().hex(),
        inputs=_edge(stats.InputsLength(), stats.Inputs, source),
        outputs=_edge(stats.OutputsLength(), stats.Outputs, result),
        layer_count=stats.LayerCount(),
        state_bytes=stats.StateBytes(),
        wire_bytes=stats.WireBytes(),
        piece_bytes=stats.PieceBytes(),
        reset_cause=_reset_cause(stats.ResetCause()),
        watchdog_ms=stats.WatchdogMs(),
        clock_problem=_clock_problem(stats.ClockProblem()),
    )


def _reset_cause(value: int) -> ResetCause:
    return ResetCause(value) if value in list(ResetCause) else ResetCause.UNKNOWN


def _clock_problem(value: int) -> ClockProblem:
    return ClockProblem(value) if value in list(ClockProblem) else ClockProblem.OTHER


def _layers(output: fbs.InferenceOutput) -> tuple[LayerTiming, ...]:
    layers = []
    for i in range(output.LayersLength()):
        layer = output.Layers(i)
        layers.append(LayerTiming(_text(layer.Name()), _text(layer.Op()), layer.Macs(), layer.Counter()))
    return tuple(layers)


def _run_done(output: fbs.InferenceOutput) -> RunDone:
    counters = tuple(int(counter) for counter in _vector(output.LayerCountersAsNumpy(), np.uint64))
    return RunDone(counters, output.Counter(), output.TimerMs())


def _inference(output: fbs.InferenceOutput) -> Inference:
    return Inference(
        scores=_vector(output.OutputFAsNumpy(), np.float32).astype(np.float32),
        winner=output.OutputN(),
        tensors=(_vector(output.TensorAsNumpy(), np.uint8).tobytes(),),
        layers=_layers(output),
        counter=output.Counter(),
        timer_ms=output.TimerMs(),
    )


def decode_reply(payload: bytes) -> Reply:
    """What the firmware sent.

    Raises:
        WireError: The payload is no message, or one that a firmware does not send.
    """
    try:
        message = fbs.Commands.GetRootAs(payload, 0)
        return Reply(message.Request(), _body(message))
    except (struct.error, IndexError, ValueError, TypeError) as error:
        # The Python flatbuffers have no verifier: an offset that points outside shows as one of these.
        raise WireError(
            f"{len(payload)} bytes with a good checksum are no MnistProt message ({error})",
            "Check that the firmware speaks this protocol: `renode-mnist build` makes one that does.",
        ) from error


def _body(message: fbs.Commands) -> Body:
    command = message.Cmd()
    if command == fbs.Command.CMD_GET_STATS and (stats := message.Stats()) is not None:
        return _stats(stats)
    if command == fbs.Command.CMD_INFERENCE_OUTPUT and (output := message.Output()) is not None:
        return _inference(output)
    if command == fbs.Command.CMD_ERROR and (error := message.Error()) is not None:
        return ErrorReport(error.Code(), _text(error.Text()), error.Address(), error.ProgramCounter())
    if command == fbs.Command.CMD_RESET:
        return ResetAcknowledged()
    if command == fbs.Command.CMD_RESET_STATE:
        return StateReset()
    if command == fbs.Command.CMD_CHECK_IMAGE and (image := message.Image()) is not None:
        return ImageCheck(image.Stated(), image.Computed(), image.ByteCount(), image.Counter())
    if command == fbs.Command.CMD_RUN and (output := message.Output()) is not None:
        return _run_done(output)
    if command == fbs.Command.CMD_GET_LAYERS and (output := message.Output()) is not None:
        return LayerPage(_layers(output))
    if command == fbs.Command.CMD_WRITE_TENSOR and (piece := message.Piece()) is not None:
        return Written(piece.Index(), piece.Count())
    if command == fbs.Command.CMD_READ_TENSOR and (piece := message.Piece()) is not None:
        return OutputPiece(piece.Index(), piece.Offset(), _vector(piece.BytesAsNumpy(), np.uint8).tobytes())
    raise WireError(
        f"the firmware sent command {command} without what belongs to it", "Rebuild and load the firmware."
    )
