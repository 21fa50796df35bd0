"""Frames as they stand on the line, good ones and such as are to be damaged."""

from __future__ import annotations

import numpy as np
from robot.api.deco import keyword

from renode_mnist import paths
from renode_mnist.model import preprocess
from renode_mnist.wire import frame, messages

REQUEST_NUMBER = 0x5EED
"""Of the requests made here, which the client neither sends nor counts."""


def digit_request(digit: int, number: int = REQUEST_NUMBER) -> bytes:
    """The frame of an inference request with a sample digit."""
    pixels = preprocess.read(paths.digits() / f"{digit}.png").pixels
    return frame.encode(messages.encode_pixels(number, pixels))


class FrameKeywords:
    """They make bytes and need no target."""

    @keyword
    def request_frame(self, digit: int = 7, number: int = REQUEST_NUMBER) -> bytes:
        """A good inference request as it stands on the line, to be damaged."""
        return digit_request(digit, number)

    @keyword
    def stats_request_frame(self, number: int = REQUEST_NUMBER) -> bytes:
        """The shortest good request, 34 bytes: a fast engine has not answered the one before when it is in."""
        return frame.encode(messages.encode_get_stats(number))

    @keyword
    def pixels_request_frame(self, count: int, number: int = REQUEST_NUMBER) -> bytes:
        """An inference request with so many black pixels, whatever the model takes."""
        return frame.encode(messages.encode_pixels(number, np.zeros(count, np.uint8)))

    @keyword
    def reals_request_frame(self, value: float, number: int = REQUEST_NUMBER) -> bytes:
        """The article's inference request, 784 times the same number (``nan``)."""
        return frame.encode(messages.encode_digit(number, np.full(784, value, np.float32)))

    @keyword
    def command_frame(self, command: int, number: int = REQUEST_NUMBER) -> bytes:
        """A command by its number in schema/mnist.fbs, with nothing that may belong to it."""
        return frame.encode(messages.encode_command(number, command))

    @keyword
    def frame_of(self, payload: bytes) -> bytes:
        """A well-formed frame around any payload."""
        return frame.encode(payload)

    @keyword
    def flip_bit(self, data: bytes, bit: int) -> bytes:
        """The bytes with one bit flipped."""
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        return bytes(flipped)
