"""Messages: requests to bytes, replies to typed values.

The wire's own types are what flatc makes from ``schema/mnist.fbs``; nothing outside this package sees them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import flatbuffers
import numpy as np
import numpy.typing as npt

from renode_mnist.errors import WireError
from renode_mnist.wire._generated import mnist_generated as fbs

PROTOCOL_VERSION = 101
"""Of ``schema/mnist.fbs``; the article's firmware is 100."""


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


_ELEMENT_TYPES: dict[int, np.dtype[np.generic]] = {
    fbs.ElementType.FLOAT32: np.dtype(np.float32),
    fbs.ElementType.INT8: np.dtype(np.int8),
    fbs.ElementType.UINT8: np.dtype(np.uint8),
}


@dataclass(frozen=True)
class TensorInfo:
    """A tensor at the model's edge.

    Attributes:
        dtype: Of one element as stored.
        shape: Batch first, channels last.
        scale: real = scale * (stored - zero_point); 0 for float32.
        zero_point: See ``scale``.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Stats:
    """What the firmware says of itself; sizes in bytes, ``freq_hz`` its core clock.

    Attributes:
        protocol_version: 101, or 100 for the article's firmware, which fills nothing but the clock.
        compiler: And the C library, as "GNU 12.2.1, newlib 3.3.0".
        build_id: The ELF's GNU build ID, hexadecimal.
        model_sha256: Of the ``.tflite`` file, hexadecimal.
        flash_bytes: Code, constants and initial data; ``weights_bytes`` of them are the model's.
        ram_static_bytes: ``.data`` and ``.bss``; ``arena_bytes`` of them are activations and scratch.
        stack_used_bytes: High-water mark since reset, of ``stack_bytes``.
        max_payload_bytes: The longest request it takes.
        chip_id: What tells this chip from any other, hexadecimal; empty on a PC.
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
        scores: float32, one for each class, dequantised.
        winner: Index of the highest score.
        tensor: The output tensor's bytes as the model stores them.
        layers: One for each step of the firmware's program.
        counter: Whole inference, in the target's counter unit.
        timer_ms: The same in milliseconds at the nominal clock.
    """

    scores: npt.NDArray[np.float32]
    winner: int
    tensor: bytes
    layers: tuple[LayerTiming, ...]
    counter: int
    timer_ms: float


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


Body = Stats | Inference | ErrorReport | ResetAcknowledged


@dataclass(frozen=True)
class Reply:
    """A message of the firmware; ``request`` is 0 where it could not read the number."""

    request: int
    body: Body


def _finish(request: int, command: int, body: fbs.InferenceInputT | None = None) -> bytes:
    message = fbs.CommandsT()
    message.cmd = command
    message.request = request
    message.input = body
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


def encode_pixels(request: int, pixels: npt.NDArray[np.uint8]) -> bytes:
    """A request to classify a picture.

    Args:
        request: Number that the reply repeats.
        pixels: uint8, any shape; 784 in all for the article's network, white ink on black.
    """
    body = fbs.InferenceInputT()
    body.pixels = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(-1)
    return _finish(request, fbs.Command.CMD_INFERENCE_INPUT, body)


def encode_digit(request: int, digit: npt.NDArray[np.float32]) -> bytes:
    """The article's request: pixels as float32 in [0, 1]."""
    body = fbs.InferenceInputT()
    body.digit = np.ascontiguousarray(digit, dtype=np.float32).reshape(-1)
    return _finish(request, fbs.Command.CMD_INFERENCE_INPUT, body)


def encode_tensor(request: int, tensor: bytes) -> bytes:
    """A request to run the model on its own input tensor, bytes as the model stores them."""
    body = fbs.InferenceInputT()
    body.tensor = np.frombuffer(tensor, dtype=np.uint8)
    return _finish(request, fbs.Command.CMD_INFERENCE_INPUT, body)


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
    return TensorInfo(
        dtype, tuple(int(n) for n in _vector(info.ShapeAsNumpy(), np.uint32)), info.Scale(), info.ZeroPoint()
    )


def _stats(stats: fbs.Stats) -> Stats:
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
        input=_tensor_info(stats.Input()),
        output=_tensor_info(stats.Output()),
        max_payload_bytes=stats.MaxPayloadBytes(),
        flash_bytes=stats.FlashBytes(),
        weights_bytes=stats.WeightsBytes(),
        ram_static_bytes=stats.RamStaticBytes(),
        arena_bytes=stats.ArenaBytes(),
        stack_bytes=stats.StackBytes(),
        stack_used_bytes=stats.StackUsedBytes(),
        chip_id=_vector(stats.ChipIdAsNumpy(), np.uint8).tobytes().hex(),
    )


def _inference(output: fbs.InferenceOutput) -> Inference:
    layers = []
    for i in range(output.LayersLength()):
        layer = output.Layers(i)
        layers.append(LayerTiming(_text(layer.Name()), _text(layer.Op()), layer.Macs(), layer.Counter()))
    return Inference(
        scores=_vector(output.OutputFAsNumpy(), np.float32).astype(np.float32),
        winner=output.OutputN(),
        tensor=_vector(output.TensorAsNumpy(), np.uint8).tobytes(),
        layers=tuple(layers),
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
    raise WireError(
        f"the firmware sent command {command} without what belongs to it", "Rebuild and load the firmware."
    )
