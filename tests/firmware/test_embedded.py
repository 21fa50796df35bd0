"""The firmware on the emulated STM32F746: what it does on a PC, and what only the chip can do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from firmware_builds import cross, made
from firmware_cases import PIXELS, FirmwareCases, answers, ask, console_says, replies_until
from firmware_trouble import Trouble, trouble
from known_compiler import compiler_here
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import ErrorCode, ErrorReport, Inference, Stats

BOOT_LINE = "Program started @ 216000000..."


@pytest.fixture(scope="module")
def elf() -> Path:
    return made("stm32f746-test", *cross("ENGINE=test")) / "firmware.elf"


@pytest.fixture
def target(elf: Path) -> Iterator[EmbeddedTarget]:
    with EmbeddedTarget(elf) as target:
        yield target


@pytest.fixture
def line(target: EmbeddedTarget) -> ByteStream:
    return target


@pytest.fixture
def console(target: EmbeddedTarget) -> ByteStream:
    assert console_says(target.console, b"", "Program started @ ") == [BOOT_LINE]
    return target.console


def symbols(elf: Path) -> dict[str, tuple[int, int]]:
    """Address and size of each symbol; Thumb's lowest bit is cleared."""
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name: (symbol["st_value"] & ~1, symbol["st_size"]) for symbol in table.iter_symbols()}


def section_bytes(elf: Path, *names: str) -> int:
    with elf.open("rb") as file:
        found = [ELFFile(file).get_section_by_name(name) for name in names]
        return sum(section["sh_size"] for section in found if section is not None)


class TestEmbedded(FirmwareCases):
    pass


def test_what_comes_behind_the_last_layer_is_in_the_total(line: ByteStream) -> None:
    body = ask(line, messages.encode_pixels(5, PIXELS))
    assert isinstance(body, Inference)
    assert 0 < body.counter - sum(layer.counter for layer in body.layers) < 100


def fault(line: ByteStream, kind: Trouble) -> ErrorReport:
    """The error that a fault ends in."""
    line.send(trouble(30, kind))
    (reply,) = replies_until(line, 0)
    assert isinstance(reply.body, ErrorReport)
    return reply.body


@pytest.mark.parametrize("kind", [Trouble.READ_NOWHERE, Trouble.WRITE_NOWHERE, Trouble.UNDEFINED])
def test_a_fault_is_reported_and_the_chip_starts_again(
    line: ByteStream, console: ByteStream, elf: Path, kind: Trouble
) -> None:
    report = fault(line, kind)
    assert report.code == ErrorCode.HARD_FAULT
    if kind is Trouble.READ_NOWHERE:
        assert report.address == 0x6000_0000
        assert "bus fault" in report.text
    if kind is not Trouble.WRITE_NOWHERE:  # on silicon a buffered write faults later, elsewhere
        engine = [at for name, at in symbols(elf).items() if "invoke" in name or "make_trouble" in name]
        assert any(start <= report.program_counter < start + size for start, size in engine)
    said, booted = console_says(console, b"", BOOT_LINE)
    assert said.startswith(f"Fault: {report.text}, address 0x{report.address:08x}")
    assert booted == BOOT_LINE
    assert isinstance(ask(line, messages.encode_pixels(31, PIXELS)), Inference)


def test_a_stack_that_ran_over_is_told_from_other_faults(line: ByteStream, console: ByteStream, elf: Path) -> None:
    report = fault(line, Trouble.STACK_OVERFLOW)
    assert report.code == ErrorCode.STACK_OVERFLOW
    at = symbols(elf)
    assert at["__stack_guard"][0] <= report.address < at["__stack_bottom"][0]
    assert console_says(console, b"", BOOT_LINE)[-1] == BOOT_LINE
    assert isinstance(ask(line, messages.encode_pixels(32, PIXELS)), Inference)


def test_a_request_during_an_inference_is_told_to_wait(target: EmbeddedTarget) -> None:
    target.send(trouble(33, Trouble.TAKE_LONG))
    target.send(frame.encode(messages.encode_get_stats(34)))
    target.send(b"\x09abc\0")
    target.send(frame.encode(messages.encode_get_stats(35)))
    replies = replies_until(target, 35)
    assert [reply.request for reply in replies] == [33, 34, 0, 35]
    assert isinstance(replies[0].body, Inference)
    codes = [reply.body.code for reply in replies[1:] if isinstance(reply.body, ErrorReport)]
    assert codes == [ErrorCode.BUSY, ErrorCode.FRAME_MALFORMED, ErrorCode.BUSY]
    assert answers(target, b"") == []


def test_a_reset_in_mid_request_loses_only_that(target: EmbeddedTarget) -> None:
    encoded = frame.encode(messages.encode_pixels(39, PIXELS))
    target.send(encoded[:300])
    target.run_for(0.05)
    target.reset()
    assert isinstance(ask(target, messages.encode_pixels(40, PIXELS)), Inference)


def test_a_reset_during_an_inference_leaves_nothing_of_it(target: EmbeddedTarget) -> None:
    whole = trouble(41, Trouble.TAKE_LONG)
    target.send(whole)
    target.run_for(len(whole) * 10 / 115_200 + 0.01)
    target.reset()
    assert isinstance(ask(target, messages.encode_get_stats(42)), Stats)


def test_a_console_line_during_an_inference_waits_for_its_turn(target: EmbeddedTarget) -> None:
    console_says(target.console, b"", BOOT_LINE)
    target.send(trouble(43, Trouble.TAKE_LONG))
    target.run_for(len(trouble(43, Trouble.TAKE_LONG)) * 10 / 115_200)
    target.console.send(b"HELP\n")
    (reply,) = replies_until(target, 43)
    assert isinstance(reply.body, Inference)
    assert console_says(target.console, b"", "HELP")[0] == "Received: HELP"


def test_an_idle_core_sleeps(target: EmbeddedTarget) -> None:
    console_says(target.console, b"", BOOT_LINE)
    target.run_for(0.1)
    before = target.instructions()
    target.run_for(10.0)
    assert target.instructions() == before


def test_stats_agree_with_the_elf(target: EmbeddedTarget, elf: Path) -> None:
    ask(target, messages.encode_pixels(44, PIXELS))
    stats = ask(target, messages.encode_get_stats(45))
    assert isinstance(stats, Stats)
    assert stats.freq_hz == 216_000_000
    assert stats.board == "disco-f746ng"
    assert stats.compiler == compiler_here()
    at = symbols(elf)
    assert stats.stack_bytes == at["__stack_top"][0] - at["__stack_bottom"][0]
    assert 100 < stats.stack_used_bytes < stats.stack_bytes / 2
    assert stats.ram_static_bytes == section_bytes(elf, ".data", ".bss", ".arena", ".dma")
    stored = section_bytes(elf, ".vectors", ".note.gnu.build-id", ".text", ".weights", ".rodata", ".data")
    assert stored <= stats.flash_bytes < stored + 64  # alignment between sections
    with elf.open("rb") as file:
        note = ELFFile(file).get_section_by_name(".note.gnu.build-id")
        assert note is not None
        assert note.data()[16:].hex() == stats.build_id


def test_the_counter_counts_the_same_each_time(target: EmbeddedTarget) -> None:
    bodies = [ask(target, messages.encode_pixels(46, PIXELS)) for _ in range(3)]
    assert len({body.counter for body in bodies if isinstance(body, Inference)}) == 1


@pytest.mark.parametrize(
    ("settings", "board", "mhz"),
    [
        (("BOARD=nucleo-f746zg",), "nucleo-f746zg", 216),
        (("BOARD=article", "CLOCK_MHZ=288"), "article", 288),
        (("FPU=soft",), "disco-f746ng", 216),
    ],
    ids=["nucleo", "article-288", "soft"],
)
def test_other_boards_clocks_and_the_soft_float_build(settings: tuple[str, ...], board: str, mhz: int) -> None:
    name = "-".join(["stm32f746-test", *(setting.split("=")[1] for setting in settings)])
    elf = made(name, *cross("ENGINE=test", *settings)) / "firmware.elf"
    with EmbeddedTarget(elf, board=board) as target:
        stats = ask(target, messages.encode_get_stats(47))
        assert isinstance(stats, Stats)
        assert (stats.board, stats.freq_hz) == (board, mhz * 1_000_000)
        assert ("-mfloat-abi=soft" in stats.flags) == ("FPU=soft" in settings)
        body = ask(target, messages.encode_pixels(48, PIXELS))
        assert isinstance(body, Inference)
        assert console_says(target.console, b"", "Program") == [f"Program started @ {mhz}000000..."]


def test_a_silent_line_is_answered_with_silence(target: EmbeddedTarget) -> None:
    target.run_for(1.0)
    with pytest.raises(Exception, match="virtual time"):
        target.receive(Deadline.after(target, 0.5))
