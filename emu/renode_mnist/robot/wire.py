"""The binary line: what is sent on it as it is, and what must be answered."""

from __future__ import annotations

from contextlib import suppress

from robot.api.deco import keyword

from renode_mnist.errors import TargetTimeout
from renode_mnist.robot.frames import REQUEST_NUMBER
from renode_mnist.robot.opened import OpenedTarget
from renode_mnist.stream import Deadline
from renode_mnist.wire import messages
from renode_mnist.wire.messages import ErrorReport


class WireKeywords(OpenedTarget):
    """What a client does not do by itself: bytes that are no request, replies that answer none of its own."""

    @keyword
    def send_raw_bytes(self, data: bytes | str) -> None:
        """Puts bytes on the line as they are; a string is hexadecimal: ``01 02 ff``."""
        self._opened.client.send_raw(bytes.fromhex(data) if isinstance(data, str) else data)

    @keyword
    def error_should_be(self, code: str, timeout_seconds: float = 5.0) -> ErrorReport:
        """Fails unless the next reply is an error of this name (``BAD_CHECKSUM``)."""
        reply = self._opened.client.next_reply(timeout_seconds)
        if not isinstance(reply.body, ErrorReport) or reply.body.code_name != code:
            raise AssertionError(f"the firmware answered {reply.body}, expected the error {code}")
        return reply.body

    @keyword
    def reply_should_be_class(self, expected: int, number: int = REQUEST_NUMBER) -> None:
        """Fails unless the next reply answers that request by this class."""
        reply = self._opened.client.next_reply()
        if not isinstance(reply.body, messages.Inference) or reply.request != number:
            raise AssertionError(f"the firmware answered {reply}, expected an inference for request {number}")
        if reply.body.winner != expected:
            raise AssertionError(f"class is {reply.body.winner}, expected {expected}")

    @keyword
    def no_reply_should_come(self, within_seconds: float = 0.5) -> None:
        """Fails where the firmware says anything in that time."""
        try:
            reply = self._opened.client.next_reply(within_seconds)
        except TargetTimeout:
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
