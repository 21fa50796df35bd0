"""A traced run: pieces of the arena that come on the way, before the run's own answer."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np
import pytest

from renode_mnist.errors import FirmwareError, ModelError, WireError
from renode_mnist.wire import frame
from renode_mnist.wire._generated import mnist_generated as fbs
from renode_mnist.wire.client import Client
from renode_mnist.wire.messages import ArenaRegion, ErrorCode, encode_run
from scripted_line import TENSORS, AnsweringLine, FirmwareOf102, commands, error_reply

REGIONS = (ArenaRegion(0, 0, 4), ArenaRegion(1, 16, 3))
WHOLE = ((0, 0, b"abc"), (1, 0, b"xy"), (0, 3, b"d"), (1, 2, b"z"))
"""Pieces: region, offset, bytes; in the order that they come."""


class TracingLine(AnsweringLine):
    """Sends pieces before the answer to a run with regions."""

    def __init__(self, pieces: Sequence[tuple[int, int, bytes]], *, then: bytes | None = None) -> None:
        super().__init__(FirmwareOf102())
        self._pieces, self._then = pieces, then

    def send(self, data: bytes) -> None:
        payload = frame.decode(data[:-1])
        assert isinstance(payload, bytes)
        request = fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(payload, 0))
        if request.cmd == fbs.Command.CMD_RUN:
            self.regions = [(region.layer, region.offset, region.count) for region in request.trace]
            for index, offset, content in self._pieces:
                piece = fbs.TensorPieceT()
                piece.index, piece.offset, piece.bytes = index, offset, np.frombuffer(content, np.uint8)
                answer = commands(request.request, cmd=fbs.Command.CMD_READ_TENSOR, piece=piece)
                self._incoming += frame.encode(answer)
            if self._then is not None:
                told = fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(self._then, 0))
                told.request = request.request
                builder = flatbuffers.Builder()
                builder.Finish(told.Pack(builder))
                self._incoming += frame.encode(bytes(builder.Output()))
                self.requests.append(request)
                return
        super().send(data)


def test_regions_come_whole_and_in_the_order_that_they_were_asked_for() -> None:
    line = TracingLine(WHOLE)
    done, read = Client(line).run_traced(TENSORS, REGIONS)
    assert read == (b"abcd", b"xyz")
    assert line.regions == [(0, 0, 4), (1, 16, 3)]
    assert done.tensors == FirmwareOf102.outputs
    assert done.counter == 30
    assert sum(request.cmd == fbs.Command.CMD_RUN for request in line.requests) == 1


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (WHOLE[:3], r"of region 1 of a trace came 2 bytes only"),
        ((*WHOLE, (0, 4, b"e")), r"of region 0 of a trace came 5 bytes"),
        (((0, 1, b"bcd"),), r"a piece of region 0 from byte 1 on"),
        (((0, 0, b"ab"), (0, 3, b"d")), r"a piece of region 0 from byte 3 on"),
        (((2, 0, b"ab"),), r"a trace of 2 regions has a piece of region 2 from byte 0 on"),
    ],
)
def test_a_trace_with_a_hole_or_a_region_too_many_is_an_error_of_the_wire(
    pieces: Sequence[tuple[int, int, bytes]], said: str
) -> None:
    line = TracingLine(pieces)
    with pytest.raises(WireError, match=said):
        Client(line).run_traced(TENSORS, REGIONS)
    assert sum(request.cmd == fbs.Command.CMD_RUN for request in line.requests) == 1, (
        "what was sent does not come again"
    )


def test_an_error_within_a_trace_ends_it() -> None:
    with pytest.raises(FirmwareError, match="HARD_FAULT"):
        Client(TracingLine(WHOLE[:2], then=error_reply(0, ErrorCode.HARD_FAULT))).run_traced(TENSORS, REGIONS)


def test_an_answer_of_another_kind_within_a_trace_is_told() -> None:
    with pytest.raises(WireError, match="a trace was interrupted by StateReset"):
        Client(TracingLine(WHOLE, then=commands(0, cmd=fbs.Command.CMD_RESET_STATE))).run_traced(TENSORS, REGIONS)


def test_a_tensor_that_does_not_fit_is_not_sent() -> None:
    line = TracingLine(WHOLE)
    with pytest.raises(ModelError):
        Client(line).run_traced(TENSORS[0], REGIONS)
    assert [request.cmd for request in line.requests] == [fbs.Command.CMD_GET_STATS]


def test_a_traced_run_has_a_number_of_its_own() -> None:
    line = TracingLine(WHOLE)
    client = Client(line, first_request=0xFFFF_FFFB)  # stats and four pieces before it
    client.run_traced(TENSORS, REGIONS)
    runs = [request.request for request in line.requests if request.cmd == fbs.Command.CMD_RUN]
    assert runs == [1]


def test_a_run_is_encoded_with_its_regions() -> None:
    told = fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(encode_run(3, REGIONS), 0))
    assert (told.cmd, told.request, len(told.trace)) == (fbs.Command.CMD_RUN, 3, 2)
