"""The other end of a client's line, scripted: streams that live in virtual time, and what firmware answers."""

from __future__ import annotations

from collections.abc import Callable

import flatbuffers
import numpy as np

from renode_mnist.errors import TargetTimeout
from renode_mnist.stream import Deadline
from renode_mnist.wire import frame
from renode_mnist.wire._generated import mnist_generated as fbs
from renode_mnist.wire.messages import ErrorCode


def commands(request: int, **fields: object) -> bytes:
    message = fbs.CommandsT()
    message.request = request
    for name, value in fields.items():
        setattr(message, name, value)
    builder = flatbuffers.Builder(64)
    builder.Finish(message.Pack(builder))
    return bytes(builder.Output())


def inference_reply(request: int, winner: int = 3) -> bytes:
    output = fbs.InferenceOutputT()
    output.outputF = np.array([0.125, 0.875], np.float32)
    output.outputN = winner
    output.tensor = np.array([1, 7], np.uint8)
    layer = fbs.LayerTimingT()
    layer.name, layer.op, layer.macs, layer.counter = "conv", "CONV_2D", 12, 1 << 40
    output.layers = [layer]
    output.counter = 1 << 41
    return commands(request, cmd=fbs.Command.CMD_INFERENCE_OUTPUT, output=output)


def error_reply(request: int, code: ErrorCode, address: int = 0) -> bytes:
    error = fbs.ErrorT()
    error.code, error.text, error.address = code, "as it says", address
    return commands(request, cmd=fbs.Command.CMD_ERROR, error=error)


class ScriptedLine:
    """A byte stream whose other end is a function of the request's place in the order and its number."""

    def __init__(self, answer: Callable[[int, int], bytes]) -> None:
        self.time = 0.0
        self.sent: list[bytes] = []
        self._answer = answer
        self._incoming = b""

    def now(self) -> float:
        return self.time

    def send(self, data: bytes) -> None:
        payload = frame.decode(data[:-1])
        assert isinstance(payload, bytes)
        self.sent.append(payload)
        self._incoming += self._answer(len(self.sent), request_number(payload))

    def receive(self, deadline: Deadline) -> bytes:
        if not self._incoming:
            self.time = deadline.at_seconds
            raise TargetTimeout("nothing came", "Look at the log.")
        self.time += 0.001
        data, self._incoming = self._incoming[:7], self._incoming[7:]
        return data


class TakenLine(ScriptedLine):
    """One that can be emptied at once, and whose other end takes its time."""

    def __init__(self, answer: Callable[[int, int], bytes], late_seconds: float) -> None:
        super().__init__(answer)
        self._late_seconds = late_seconds

    def send(self, data: bytes) -> None:
        super().send(data)
        self.time += self._late_seconds

    def take_arrived(self) -> bytes:
        data, self._incoming = self._incoming, b""
        return data

    def arrive(self, data: bytes) -> None:
        self._incoming += data


def request_number(payload: bytes) -> int:
    return int(fbs.Commands.GetRootAs(payload, 0).Request())


class AnsweringLine(ScriptedLine):
    """A byte stream whose other end is a function of the request itself; None is no answer."""

    def __init__(self, answer: Callable[[fbs.CommandsT], bytes | None]) -> None:
        super().__init__(lambda nth, number: b"")
        self.requests: list[fbs.CommandsT] = []
        self._say = answer

    def send(self, data: bytes) -> None:
        payload = frame.decode(data[:-1])
        assert isinstance(payload, bytes)
        self.requests.append(fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(payload, 0)))
        said = self._say(self.requests[-1])
        self._incoming += b"" if said is None else frame.encode(said)


def tensor_info(name: str, kind: int, shape: list[int], scale: float = 0.0, zero_point: int = 0) -> fbs.TensorInfoT:
    info = fbs.TensorInfoT()
    info.name, info.type, info.shape, info.scale, info.zeroPoint = name, kind, shape, scale, zero_point
    return info


class FirmwareOf102:
    """int16 [5] and bool [3] in, int8 [4] and int32 [] out; pieces of 4 bytes, answers of one element."""

    outputs = (bytes([0, 30, 20, 255]), (-7).to_bytes(4, "little", signed=True))

    def __init__(self) -> None:
        self.written: dict[int, bytes] = {0: b"", 1: b""}
        self.runs: list[int] = []

    def __call__(self, request: fbs.CommandsT) -> bytes:
        if request.cmd == fbs.Command.CMD_GET_STATS:
            stats = fbs.StatsT()
            stats.version, stats.pieceBytes, stats.layerCount = 102, 4, 2
            kinds = fbs.ElementType
            stats.inputs = [tensor_info("a", kinds.INT16, [5]), tensor_info("b", kinds.BOOL, [3])]
            stats.outputs = [tensor_info("c", kinds.INT8, [1, 4], 0.5, -2), tensor_info("d", kinds.INT32, [])]
            stats.input, stats.output = stats.inputs[0], stats.outputs[0]
            return commands(request.request, cmd=request.cmd, stats=stats)
        piece, answer = request.piece, fbs.TensorPieceT()
        if request.cmd == fbs.Command.CMD_WRITE_TENSOR:
            assert piece.offset == len(self.written[piece.index])
            assert len(piece.bytes) <= 4
            self.written[piece.index] += bytes(piece.bytes)
            answer.index, answer.count = piece.index, len(self.written[piece.index])
            return commands(request.request, cmd=request.cmd, piece=answer)
        if request.cmd == fbs.Command.CMD_READ_TENSOR:
            size = (1, 4)[piece.index]
            answer.index, answer.offset = piece.index, piece.offset
            content = self.outputs[piece.index][piece.offset :][:size]
            answer.bytes = np.frombuffer(content, np.uint8)
            return commands(request.request, cmd=request.cmd, piece=answer)
        output = fbs.InferenceOutputT()
        if request.cmd == fbs.Command.CMD_GET_LAYERS:
            layer = fbs.LayerTimingT()
            layer.name, layer.op, layer.macs = f"l{request.first}", "RELU", request.first
            output.layers = [layer]
        else:
            assert request.cmd == fbs.Command.CMD_RUN
            self.runs.append(request.request)
            output.counter, output.layerCounters = 30, np.array([10, 1 << 40], np.uint64)
        return commands(request.request, cmd=request.cmd, output=output)


TENSORS = (np.arange(5, dtype="<i2").tobytes(), bytes([1, 0, 1]))
"""What `FirmwareOf102` takes."""
