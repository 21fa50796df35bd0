"""Frames as they stand on the line, good ones and such as are to be damaged, made of what the network takes."""

from __future__ import annotations

import numpy as np
from robot.api import SkipExecution
from robot.api.deco import keyword

from renode_mnist.robot.asked import BUILT_IN_DIGIT, AskedTensors, digit_pixels
from renode_mnist.wire import frame, messages

REQUEST_NUMBER = 0x5EED
"""Of the requests made here, which the client neither sends nor counts."""


class FrameKeywords(AskedTensors):
    """They make bytes and send nothing."""

    @keyword
    def write_frame(
        self,
        index: int = 0,
        offset: int = 0,
        content: bytes | None = None,
        number: int = REQUEST_NUMBER,
    ) -> bytes:
        """A request to write a piece of an input: a good one, to be damaged, where nothing is said.

        ``content`` is, where it is not given, as much of the sample of seed 1 as one request takes.
        """
        if content is None:
            stored = self._seeded().sets[0][index]
            whole = max(self._opened.firmware.piece_bytes // stored.itemsize, 1) * stored.itemsize
            content = stored.tobytes()[offset : offset + whole]
        return frame.encode(messages.encode_write(number, index, offset, content))

    @keyword
    def run_frame(self, number: int = REQUEST_NUMBER) -> bytes:
        """A request to run the network on the inputs that `Write Inputs` has written."""
        return frame.encode(messages.encode_run(number))

    @keyword
    def read_frame(self, index: int = 0, offset: int = 0, count: int = 1, number: int = REQUEST_NUMBER) -> bytes:
        """A request for some bytes of an output."""
        return frame.encode(messages.encode_read(number, index, offset, count))

    @keyword
    def stats_request_frame(self, number: int = REQUEST_NUMBER) -> bytes:
        """The shortest good request, 34 bytes: no answer to the one before is whole when it is in."""
        return frame.encode(messages.encode_get_stats(number))

    @keyword
    def pixels_request_frame(
        self, digit: int = BUILT_IN_DIGIT, count: int | None = None, number: int = REQUEST_NUMBER
    ) -> bytes:
        """The one-frame request with a sample digit, or with so many black pixels. Skips for other networks."""
        self.network_should_take_digits()
        pixels = digit_pixels(str(digit))[0].pixels if count is None else np.zeros(count, np.uint8)
        return frame.encode(messages.encode_pixels(number, pixels))

    @keyword
    def not_a_number_frame(self, number: int = REQUEST_NUMBER) -> bytes:
        """A request that is good but for numbers that are none (NaN); skips where none can be sent.

        They are a float32 input's, or those of the article's message, 784 real numbers for a network of digits.
        """
        for index, spec in enumerate(self._input_specs):
            if spec.dtype == np.float32:
                return self.write_frame(index=index, content=np.float32(np.nan).tobytes(), number=number)
        if self._takes_digits:
            return frame.encode(messages.encode_digit(number, np.full(784, np.nan, np.float32)))
        raise SkipExecution(f"no message to {self._opened.firmware.model_name} holds floating-point numbers")

    @keyword
    def command_frame(self, command: int, number: int = REQUEST_NUMBER) -> bytes:
        """A command by its number in schema/mnist.fbs, with nothing that may belong to it."""
        return frame.encode(messages.encode_command(number, command))

    @keyword
    def frame_of(self, payload: bytes) -> bytes:
        """A well-formed frame around any payload."""
        return frame.encode(payload)

    @keyword
    def flip_bit(self, data: bytes, bit: int | None = None) -> bytes:
        """The bytes of a frame with one bit flipped: the bit of that number, else one in the middle.

        That one is of a byte that neither counts, as some of a frame do (COBS), nor becomes a zero: what comes out is
        a frame again, and only its checksum tells.
        """
        flipped = bytearray(data)
        if bit is None:
            plain = set(range(len(data) - 1)) - set(_counting(data))
            middle = sorted((each for each in plain if data[each] != 1), key=lambda each: abs(each - len(data) // 2))
            bit = 8 * middle[0]
        flipped[bit // 8] ^= 1 << bit % 8
        return bytes(flipped)

    @keyword
    def first_part_of(self, data: bytes) -> bytes:
        """About the first half of a frame: up to where one of its blocks ends (COBS), without a closing zero."""
        parts = [data[:end] for end in _counting(data)]
        # With fewer bytes than a checksum has it would be no frame at all.
        long_enough = [part for part in parts if len(part) > frame.CHECKSUM_BYTES + len(_counting(part + b"\0"))]
        return min(long_enough, key=lambda part: abs(len(part) - len(data) // 2))


def _counting(data: bytes) -> list[int]:
    """Places of the bytes that count the bytes of a block."""
    places, at = [], 0
    while at < len(data) - 1:
        places.append(at)
        at += data[at]
    return places
