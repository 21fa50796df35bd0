"""The binary line: what is sent on it as it is, and what must be answered."""

from __future__ import annotations

from contextlib import suppress

from robot.api.deco import keyword

from renode_mnist.errors import TargetTimeout
from renode_mnist.robot.asked import AskedTensors
from renode_mnist.robot.frames import REQUEST_NUMBER
from renode_mnist.stream import Deadline
from renode_mnist.wire import messages
from renode_mnist.wire.messages import Body, ErrorReport

_ANSWERS: dict[str, type] = {
    "input": messages.Written,
    "run": messages.RunDone,
    "output": messages.OutputPiece,
    "stats": messages.Stats,
    "inference": messages.Inference,
}


class WireKeywords(AskedTensors):
    """What a client does not do by itself: bytes that are no request, replies that answer none of its own."""

    @keyword
    def send_raw_bytes(self, data: bytes | str) -> None:
        """Puts bytes on the line as they are; a string is hexadecimal: ``01 02 ff``."""
        self._opened.client.send_raw(bytes.fromhex(data) if isinstance(data, str) else data)

    @keyword
    def write_inputs(self) -> None:
        """Writes every input of the sample of seed 1, each piece acknowledged; `Run Frame` would run it."""
        self._opened.client.write([array.tobytes() for array in self._seeded().sets[0]])

    @keyword
    def reply_should_be(self, kind: str, number: int = REQUEST_NUMBER) -> Body:
        """Fails unless the next reply answers that request, and is of this kind.

        The kinds are ``input`` (a piece was written), ``run`` (an inference without its outputs), ``output`` (a piece
        of one), ``stats``, and ``inference`` (the answer to a picture).
        """
        wanted = _ANSWERS[kind]
        reply = self._opened.client.next_reply()
        if not isinstance(reply.body, wanted) or reply.request != number:
            raise AssertionError(f"the firmware answered {reply}, expected {kind} for request {number}")
        return reply.body

    @keyword
    def error_should_be(self, code: str, timeout_seconds: float = 5.0) -> ErrorReport:
        """Fails unless the next reply is an error of this name (``BAD_CHECKSUM``)."""
        reply = self._opened.client.next_reply(timeout_seconds)
        if not isinstance(reply.body, ErrorReport) or reply.body.code_name != code:
            raise AssertionError(f"the firmware answered {reply.body}, expected the error {code}")
        return reply.body

    @keyword
    def reply_should_be_class(self, expected: int, number: int = REQUEST_NUMBER) -> None:
        """Fails unless the next reply answers a picture, under that number, by this class."""
        body = self.reply_should_be("inference", number)
        assert isinstance(body, messages.Inference)
        if body.winner != expected:
            raise AssertionError(f"class is {body.winner}, expected {expected}")

    @keyword
    def no_reply_should_come(self, within_seconds: float = 0.5) -> None:
        """Fails where the firmware says anything in that time."""
        try:
            reply = self._opened.client.next_reply(within_seconds)
        except TargetTimeout:
            if begun := self._opened.client.unfinished:
                raise AssertionError(f"a reply began ({begun[:16].hex(' ')} ...), expected silence") from None
            return
        raise AssertionError(f"the firmware answered {reply}, expected silence")

    @keyword
    def let_time_pass(self, seconds: float) -> None:
        """Lets the target run on; what it says meanwhile is dropped."""
        target = self._opened.target
        deadline = Deadline.after(target, seconds)
        with suppress(TargetTimeout):
            while True:
                target.receive(deadline)
