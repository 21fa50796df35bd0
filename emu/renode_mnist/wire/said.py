"""A frame in words, for who reads a log of the line."""

from __future__ import annotations

import struct

from renode_mnist.errors import WireError
from renode_mnist.plain_text import harmless
from renode_mnist.wire import frame, messages
from renode_mnist.wire._generated import mnist_generated as fbs
from renode_mnist.wire.client import Direction

_COMMANDS = {number: name for name, number in vars(fbs.Command).items() if name.startswith("CMD_")}


def frame_said(direction: Direction, data: bytes) -> str:
    """What was sent or received, without its content; a damaged frame by what is wrong with it.

    Args:
        direction: ``reset`` has no bytes.
        data: As on the line, delimiter included.
    """
    if direction == "reset":
        return "the chip is reset"
    if not (raw := data.rstrip(b"\0")):
        return "an empty frame"
    payload = frame.decode(raw)
    if isinstance(payload, frame.BadFrame):
        return f"no good frame: {payload.reason}"
    try:
        return _request(payload) if direction == "sent" else _reply(payload)
    except (WireError, struct.error, IndexError, ValueError, TypeError):  # flatbuffers verify nothing in Python
        return f"a good frame of {len(payload)} bytes that is no message"


def _request(payload: bytes) -> str:
    message = fbs.Commands.GetRootAs(payload, 0)
    name = _COMMANDS.get(message.Cmd(), f"command {message.Cmd()}")
    said = f"#{message.Request()} {name.removeprefix('CMD_')}"
    if (piece := message.Piece()) is not None:
        count = piece.BytesLength() or piece.Count()
        said += f", tensor {piece.Index()}, {count} B from {piece.Offset()}"
    return said


def _reply(payload: bytes) -> str:
    reply = messages.decode_reply(payload)
    body = reply.body
    said = f"#{reply.request} " if reply.request else "to no number: "
    match body:
        case messages.ErrorReport():
            return harmless(f"{said}error {body.code_name}: {body.text}")
        case messages.Inference():
            return f"{said}inference: class {body.winner}, counter {body.counter:,}"
        case messages.RunDone():
            return f"{said}run: counter {body.counter:,}"
        case messages.Written():
            return f"{said}input {body.index}: {body.count} B are there"
        case messages.OutputPiece():
            return f"{said}output {body.index}: {len(body.content)} B from {body.offset}"
        case messages.LayerPage():
            return f"{said}names of {len(body.layers)} layers"
        case messages.ImageCheck():
            return f"{said}the image is {'as built' if body.whole else 'damaged'}"
        case messages.Stats():
            return harmless(f"{said}identity: {body.model_name}, engine {body.engine}")
        case messages.StateReset():
            return f"{said}state reset"
        case messages.ResetAcknowledged():
            return f"{said}about to reset"
