"""The UARTs by DMA and by interrupts: what a byte costs that comes while an inference runs, and when one is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from firmware_builds import cross, made
from firmware_cases import PIXELS, FirmwareCases, answers, ask, console_says, replies_until
from firmware_trouble import Trouble, trouble
from renode_mnist.stream import ByteStream
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import ErrorCode, ErrorReport, Inference

BRR, HZ, FAST_BAUD = 0x0C, 108_000_000, 921_600
SHORT = frame.encode(messages.encode_get_stats(8))
LONG = frame.encode(messages.encode_digit(9, np.arange(1, 785, dtype=np.float32) / 7))


@pytest.fixture(scope="module")
def by_dma() -> Path:
    return made("stm32f746-test", *cross("ENGINE=test")) / "firmware.elf"


@pytest.fixture(scope="module")
def by_interrupt() -> Path:
    return made("stm32f746-test-interrupt", *cross("ENGINE=test", "UART=interrupt")) / "firmware.elf"


class TestByInterrupt(FirmwareCases):
    """All that the firmware does at all; by DMA it does it in test_embedded.py."""

    @pytest.fixture
    def target(self, by_interrupt: Path) -> Iterator[EmbeddedTarget]:
        with EmbeddedTarget(by_interrupt) as target:
            yield target

    @pytest.fixture
    def line(self, target: EmbeddedTarget) -> ByteStream:
        return target

    @pytest.fixture
    def console(self, target: EmbeddedTarget) -> ByteStream:
        console_says(target.console, b"", "Program started @ ")
        return target.console

    def test_a_byte_that_the_uart_lost_is_reported(self, target: EmbeddedTarget) -> None:
        target.send(trouble(36, Trouble.TURN_DEAF))
        # The lost bytes are within this frame: its end comes long after the 50 ms.
        target.send(frame.encode(messages.encode_pixels(37, PIXELS)))
        result, lost = replies_until(target, 0)
        assert result.request == 36
        assert isinstance(lost.body, ErrorReport)
        assert lost.body.code == ErrorCode.RECEIVE_OVERRUN
        assert isinstance(ask(target, messages.encode_pixels(38, PIXELS)), Inference)

    def test_a_fault_is_reported(self, target: EmbeddedTarget) -> None:
        target.send(trouble(30, Trouble.UNDEFINED))
        (reply,) = replies_until(target, 0)
        assert isinstance(reply.body, ErrorReport)
        assert reply.body.code == ErrorCode.HARD_FAULT


@contextmanager
def fast(elf: Path) -> Iterator[EmbeddedTarget]:
    """With the binary line at 921,600 baud on both ends."""
    with EmbeddedTarget(elf, line_baud=None) as target:
        target.run_for(0.01)
        target.machine.usarts["USART1"].write(BRR, round(HZ / FAST_BAUD))
        yield target


def slow_run(target: EmbeddedTarget, meanwhile: bytes, to_console: bytes = b"") -> tuple[int, list[messages.Reply]]:
    """What an inference of 50 ms counts while bytes come, and the answers to these."""
    request = trouble(7, Trouble.TAKE_LONG)
    target.send(request)
    target.run_for(len(request) * 10 / FAST_BAUD + 0.003)  # it has begun: a tick after its last byte
    target.send(meanwhile)
    target.console.send(to_console)
    first, *others = replies_until(target, 7)
    assert isinstance(first.body, Inference)
    return first.body.counter, [*others, *answers(target, b"")]


def codes(replies: list[messages.Reply]) -> list[int]:
    return [reply.body.code for reply in replies if isinstance(reply.body, ErrorReport)]


def test_a_byte_that_comes_during_an_inference_costs_nothing(by_dma: Path) -> None:
    with fast(by_dma) as target:
        alone, _ = slow_run(target, b"")
        for size in range(5, 1700, 130):  # up to half a ring, from another place in it each time
            counted, replies = slow_run(target, frame.encode(bytes(range(1, 256)) * 7)[:size] + b"\0", b"HELP\n")
            assert counted == alone
            assert codes(replies) == [ErrorCode.FRAME_MALFORMED], "it has come"


def test_by_interrupt_it_costs_what_its_interrupt_does(by_interrupt: Path) -> None:
    with fast(by_interrupt) as target:
        alone, _ = slow_run(target, b"")
        counted, _ = slow_run(target, SHORT)
        assert alone + 1_000 < counted


def test_the_longest_request_waits_whole_while_an_inference_runs(by_dma: Path) -> None:
    with fast(by_dma) as target:
        for _ in range(4):
            _, replies = slow_run(target, LONG)
            assert [(reply.request, *codes([reply])) for reply in replies] == [(9, ErrorCode.BUSY)]


@pytest.mark.parametrize("shift", range(5))
def test_more_than_the_ring_holds_is_told(by_dma: Path, shift: int) -> None:
    with fast(by_dma) as target:
        for _ in range(shift):
            assert isinstance(ask(target, messages.encode_pixels(2, PIXELS)), Inference)
        _, replies = slow_run(target, LONG + 8 * SHORT + b"\0")
        assert codes(replies)[0] == ErrorCode.RECEIVE_OVERRUN
        assert ErrorCode.BUSY in codes(replies), "the last ones are whole"
        assert isinstance(ask(target, messages.encode_pixels(3, PIXELS)), Inference)


def test_requests_and_answers_keep_up_with_the_fast_line(by_dma: Path) -> None:
    with fast(by_dma) as target:
        for request in range(10, 40):
            body = ask(target, messages.encode_digit(request, np.full(784, request, np.float32)))
            assert isinstance(body, Inference)
        assert target.machine.usarts["USART1"].read(0x1C) & 8 == 0


def test_the_core_sleeps_while_a_request_comes_and_its_answer_goes(by_dma: Path, by_interrupt: Path) -> None:
    taken = []
    for elf in (by_dma, by_interrupt):
        with EmbeddedTarget(elf) as target:
            ask(target, messages.encode_pixels(1, PIXELS))
            before = target.instructions()
            ask(target, messages.encode_pixels(2, PIXELS))
            taken.append(target.instructions() - before)
    assert taken[0] < taken[1]


def test_a_transfer_that_fails_starts_again(by_dma: Path) -> None:
    with EmbeddedTarget(by_dma) as target:
        ask(target, messages.encode_pixels(1, PIXELS))
        dma, control = target.machine.dmas["DMA2"], 0x10 + 0x18 * 2
        dma.write(control, dma.read(control) & ~0x1F)  # as an error of the bus switches it off, without a flag
        dma.write(0x08, 0xFFFF_FFFF)
        assert isinstance(ask(target, messages.encode_pixels(2, PIXELS)), Inference)
