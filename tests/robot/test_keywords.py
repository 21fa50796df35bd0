"""Every keyword passes where it must, and fails where it must: an assertion that can't fail checks nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot.api import SkipExecution

from network_files import network_file
from renode_mnist import codegen, paths
from renode_mnist.errors import DataError, ModelError, RenodeMnistError, TargetTimeout
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.model import golden, inputs, interface
from renode_mnist.model.yardstick import LiteRt
from renode_mnist.robot import FirmwareLibrary
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import Record
from renode_mnist.wire import frame

MOTIONS = paths.models() / "motions"
MODEL = MOTIONS / "motions_int8.tflite"
RECORDINGS, NAMES, VECTORS = MOTIONS / "test.npz", MOTIONS / "labels.txt", MOTIONS / "golden_int8.npz"


@contextmanager
def opened(target: str, model: Path, engine: Any = "reference") -> Iterator[FirmwareLibrary]:
    """A library with a target, as `Open Target` leaves it."""
    image = build(BuildConfig(model, engine=engine, machine="host" if target == "host" else "stm32f746"))
    library = FirmwareLibrary()
    with open_session(target, image.elf) as library._session:
        library._model = model
        yield library


@pytest.fixture(scope="module")
def host() -> Iterator[FirmwareLibrary]:
    with opened("host", MODEL) as library:
        yield library


@pytest.fixture(scope="module")
def chip() -> Iterator[FirmwareLibrary]:
    """An emulated one, with an inference behind it."""
    with opened("embedded", MODEL, "m7") as library:
        library.infer(seed=1)
        yield library


@pytest.fixture(scope="module")
def digits() -> Iterator[FirmwareLibrary]:
    with opened("host", resolve_model("int8")) as library:
        yield library


def answered(library: FirmwareLibrary, *stored: int) -> Record:
    """Makes this int8 output the last answer."""
    record = library.infer(seed=1)
    content = np.array(stored, np.int8).tobytes()
    library._record = replace(record, inference=replace(record.inference, tensors=(content,)))
    return library._record


def fails(call: Callable[..., object], *arguments: object, match: str | None = None, **named: object) -> None:
    with pytest.raises(AssertionError, match=match):
        call(*arguments, **named)


def skips(call: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(SkipExecution):
        call(*arguments)


# Answers -----------------------------------------------------------------------------------------------------------


def check_class_should_be(host: FirmwareLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(host, -100, -90, 50, -80)
    host.class_should_be(2)
    host.class_should_be("2")
    host.class_should_be("Walking", labels=str(NAMES))
    for other in (0, 1, 3):
        fails(host.class_should_be, other, match=f"class is 2, expected {other}")
    fails(host.class_should_be, "Badminton", labels=str(NAMES), match="class is Walking, expected Badminton")
    with pytest.raises(DataError, match="no class 'Flying'"):
        host.class_should_be("Flying", labels=str(NAMES))
    # An image whose model is not at hand has the names of a file, and indices without one.
    monkeypatch.setattr(host, "_model", None)
    host.class_should_be(2)
    host.class_should_be("Walking", labels=str(NAMES))
    with pytest.raises(DataError, match="no class 'Walking'"):
        host.class_should_be("Walking")


def check_scores_should_sum_to_one(host: FirmwareLibrary) -> None:
    answered(host, 127, -127, -128, -128)
    host.scores_should_sum_to_one()
    for stored in ((0, -128, -128, -128), (127, 127, -128, -128), (-128, -128, -128, -128)):
        answered(host, *stored)
        fails(host.scores_should_sum_to_one, match="not to 1")
    answered(host, 124, -128, -128, -128)
    host.scores_should_sum_to_one(within=0.016)
    fails(host.scores_should_sum_to_one, within=0.015)


def check_output_should_equal(host: FirmwareLibrary, tmp_path: Path) -> None:
    wanted = answered(host, 1, 2, 3, 4)
    host.output_should_equal(wanted)
    host.output_should_equal(np.array([[1, 2, 3, 4]], np.int8))
    np.save(tmp_path / "x.npy", wanted.reals[0])
    host.output_should_equal(str(tmp_path / "x.npy"))
    for stored in ((1, 2, 3, 5), (0, 2, 3, 4), (4, 3, 2, 1)):
        answered(host, *stored)
        fails(host.output_should_equal, wanted, match="differs in . of 4 elements: ")
        fails(host.output_should_equal, wanted.outputs[0])
        fails(host.output_should_equal, str(tmp_path / "x.npy"))


def check_output_should_be_near(host: FirmwareLibrary, tmp_path: Path) -> None:
    record = answered(host, 0, 10, 20, 30)
    reals = record.reals[0].astype(np.float64)  # of steps of 1/256
    np.save(tmp_path / "x.npy", reals + 0.002)  # nothing that the tensor could store
    for expected in (record, reals + 0.002, (reals - 0.002).reshape(-1).tolist(), str(tmp_path / "x.npy")):
        host.output_should_be_near(expected, within=0.0021)
    for expected in (reals + 0.002, (reals - 0.002).reshape(-1).tolist(), str(tmp_path / "x.npy")):
        fails(host.output_should_be_near, expected, within=0.0019, match="expected")
    one = reals.copy()
    one[0, 3] -= 0.1
    fails(host.output_should_be_near, one, within=0.05, match=r"at \[0, 3\], expected")
    fails(host.output_should_be_near, np.full((1, 4), np.nan), within=1e9)
    name = codegen.load(MODEL).outputs[0].name
    np.savez(tmp_path / "named.npz", **{"other": reals + 1, name: reals})
    host.output_should_be_near(str(tmp_path / "named.npz"), within=1e-6)
    np.savez(tmp_path / "two.npz", left=reals, right=reals)
    with pytest.raises(DataError, match="holds several arrays, none of them"):
        host.output_should_be_near(str(tmp_path / "two.npz"), within=1)
    for wrong in (["a", "b", "c", "d"], [None] * 4):
        with pytest.raises(DataError, match="what is expected are no numbers"):
            host.output_should_be_near(wrong, within=1)
    answered(host, 0, 10, 20, 31)
    fails(host.output_should_be_near, record, within=0.003)


# Costs -------------------------------------------------------------------------------------------------------------


def check_instructions_should_not_exceed(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    taken = chip._last_record.inference.counter
    chip.instructions_should_not_exceed(taken)
    fails(chip.instructions_should_not_exceed, taken - 1, match=f"took {taken:,} instructions, more than")
    skips(host.instructions_should_not_exceed, 1)


def check_layer_instructions_should_not_exceed(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    first, second, *_ = (layer.counter for layer in chip._last_record.inference.layers)
    assert first < second
    chip.layer_instructions_should_not_exceed("0", first)
    chip.layer_instructions_should_not_exceed("CONV_2D", second)
    fails(chip.layer_instructions_should_not_exceed, "0", first - 1, match=r"layer 0 \(CONV_2D\) took")
    fails(chip.layer_instructions_should_not_exceed, "CONV_2D", first, match=r"layer 1 \(CONV_2D\) took")
    fails(chip.layer_instructions_should_not_exceed, "5", 10**9, match="no layer '5'; there are 0 CONV_2D, ")
    skips(host.layer_instructions_should_not_exceed, "0", 1)


def check_memory_should_not_exceed(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    firmware = chip._last_record.firmware
    flash, ram = firmware.flash_bytes, firmware.ram_bytes
    chip.memory_should_not_exceed(flash_bytes=flash, ram_bytes=ram)
    fails(chip.memory_should_not_exceed, flash_bytes=flash - 1, match=f"{flash:,} bytes of flash")
    fails(chip.memory_should_not_exceed, ram_bytes=ram - 1, flash_bytes=flash, match=f"{ram:,} bytes of RAM")
    with pytest.raises(RuntimeError, match="nothing is limited"):
        chip.memory_should_not_exceed()
    host.infer()
    with pytest.raises(SkipExecution):
        host.memory_should_not_exceed(ram_bytes=1)


def check_instructions_should_be_within_budget(
    chip: FirmwareLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "budgets.toml"
    monkeypatch.setattr(paths, "budgets", lambda: file)
    inference = chip._last_record.inference
    layers = [layer.counter for layer in inference.layers]

    def write(instructions: int, layers: list[int]) -> None:
        bounds = f"instructions = {instructions}\nlayers = {layers}\nflash_bytes = 1\nram_bytes = 1\n"
        file.write_text(f'tolerance_percent = 2\n[cases."motions_int8/m7"]\n{bounds}')

    write(inference.counter, layers)
    chip.instructions_should_be_within_budget()
    write(inference.counter - 1, layers)
    fails(chip.instructions_should_be_within_budget, match="the inference took")
    write(inference.counter, [*layers[:-1], layers[-1] - 1])
    fails(chip.instructions_should_be_within_budget, match=r"layer 4 \(SOFTMAX\) took")


# Files -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray[Any, Any]]:
    """Four recordings, one an activity, all of which the network knows."""
    with np.load(RECORDINGS) as data:
        return {"motion": data["motion"][[0, 10, 20, 30]], "labels": data["labels"][[0, 10, 20, 30]]}


def name_of_input() -> str:
    return codegen.load(MODEL).inputs[0].name


def kept(folder: Path, **arrays: np.ndarray[Any, Any]) -> str:
    named = {name_of_input() if name == "motion" else name: array for name, array in arrays.items()}
    np.savez(folder / "data.npz", **named)
    return str(folder / "data.npz")


def check_accuracy_should_be_at_least(host: FirmwareLibrary, few: dict[str, Any], tmp_path: Path) -> None:
    data = kept(tmp_path, **few)
    assert host.accuracy_should_be_at_least(1, data) == 1
    data = kept(tmp_path, motion=few["motion"], labels=np.array([0, 1, 2, 2]))
    assert host.accuracy_should_be_at_least(0.75, data) == 0.75
    fails(host.accuracy_should_be_at_least, 0.76, data, match=r"0.7500 \(3 of 4\), less than 0.76")
    np.save(tmp_path / "other.npy", np.array([3, 2, 1, 0]))
    fails(host.accuracy_should_be_at_least, 0.01, data, labels=str(tmp_path / "other.npy"))
    with pytest.raises(DataError, match="no array 'truth'"):
        host.accuracy_should_be_at_least(0, data, labels="truth")
    with pytest.raises(DataError, match="3 labels are given for 4 samples"):
        host.accuracy_should_be_at_least(0, kept(tmp_path, motion=few["motion"], labels=np.arange(3)))


def check_mean_absolute_error_should_be_at_most(host: FirmwareLibrary, few: dict[str, Any], tmp_path: Path) -> None:
    answers = []
    for recording in few["motion"]:
        answers.append(host.infer(recording).reals[0].reshape(4) + np.array([0.1, -0.1, 0.1, -0.1]))
    data = kept(tmp_path, motion=few["motion"], wanted=np.array(answers))
    assert host.mean_absolute_error_should_be_at_most(0.101, data, targets="wanted") == pytest.approx(0.1)
    fails(host.mean_absolute_error_should_be_at_most, 0.099, data, targets="wanted", match="more than 0.099")
    with pytest.raises(DataError, match="no reconstruction of the input"):
        host.mean_absolute_error_should_be_at_most(1, data)


def check_area_under_curve_should_be_at_least(host: FirmwareLibrary, few: dict[str, Any], tmp_path: Path) -> None:
    data = kept(tmp_path, motion=few["motion"], labels=np.array([0, 0, 1, 0]))
    assert host.area_under_curve_should_be_at_least(1, data, element=2) == 1
    data = kept(tmp_path, motion=few["motion"], labels=np.array([1, 1, 0, 1]))
    fails(host.area_under_curve_should_be_at_least, 0.01, data, element=2, match="is 0.0000, less than 0.01")
    with pytest.raises(DataError, match="no reconstruction"):
        host.area_under_curve_should_be_at_least(0, data)


def check_golden_vectors_should_match(host: FirmwareLibrary, tmp_path: Path) -> None:
    host.golden_vectors_should_match(str(VECTORS))
    vectors = golden.read(VECTORS)
    (answer,) = vectors.outputs[5]
    off = (answer + np.array([0, 0, 0, 1 if answer[0, 3] < 127 else -1], np.int8)).astype(np.int8)
    golden.write(
        replace(vectors, outputs=(*vectors.outputs[:5], (off,), *vectors.outputs[6:])), tmp_path / "planted.npz"
    )
    fails(
        host.golden_vectors_should_match,
        str(tmp_path / "planted.npz"),
        match="1 of 12 golden samples .* of sample 5 is off by 1 step",
    )
    other = replace(vectors, identity=replace(vectors.identity, model_sha256="0" * 64))
    golden.write(other, tmp_path / "other.npz")
    with pytest.raises(DataError, match="the golden vectors are of motions_int8"):
        host.golden_vectors_should_match(str(tmp_path / "other.npz"))


# The lines ---------------------------------------------------------------------------------------------------------


def check_error_should_be(host: FirmwareLibrary) -> None:
    for expected, as_expected in (("FRAME_MALFORMED", True), ("BUSY", False)):
        host.send_raw_bytes("de ad be ef 00")
        if as_expected:
            host.error_should_be(expected)
        else:
            fails(host.error_should_be, expected, match="expected the error BUSY")
    host.send_raw_bytes(host.stats_request_frame())
    fails(host.error_should_be, "FRAME_MALFORMED", match="answered Stats")
    with pytest.raises(TargetTimeout):
        host.error_should_be("FRAME_MALFORMED", timeout_seconds=0.05)


def check_reply_should_be(host: FirmwareLibrary) -> None:
    host.send_raw_bytes(host.write_frame())
    host.reply_should_be("input")
    host.write_inputs()
    host.send_raw_bytes(host.run_frame(number=5))
    host.reply_should_be("run", number=5)
    host.send_raw_bytes(host.read_frame(count=4))
    host.reply_should_be("output")
    for kind, number in (("input", 5), ("stats", 6)):
        host.send_raw_bytes(host.stats_request_frame(number=5))
        fails(host.reply_should_be, kind, number, match=f"expected {kind} for request {number}")
    host.send_raw_bytes("de ad be ef 00")
    fails(host.reply_should_be, "stats")


def check_reply_should_be_class(digits: FirmwareLibrary) -> None:
    for expected, number in ((4, 9), (3, 9), (5, 9), (4, 8)):
        digits.send_raw_bytes(digits.pixels_request_frame(digit=4, number=9))
        if (expected, number) == (4, 9):
            digits.reply_should_be_class(expected, number)
        else:
            fails(digits.reply_should_be_class, expected, number)


def check_no_reply_should_come(host: FirmwareLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    host.send_raw_bytes("00 00 00")
    host.no_reply_should_come(within_seconds=0.1)
    host.send_raw_bytes(host.stats_request_frame())
    fails(host.no_reply_should_come, match="expected silence")
    # One that began and did not end.
    client = host._opened.client
    list(client._decoder.feed(b"\x05\x01"))
    fails(host.no_reply_should_come, within_seconds=0.05, match="a reply began")
    client.forget()


def check_console_should_say(host: FirmwareLibrary) -> None:
    host.write_console_line("HELP")
    assert host.console_should_say(".*CMD=1.*").startswith("CMD=1")
    host.write_console_line("HELP")
    fails(host.console_should_say, "CMD=1", timeout_seconds=0.1, match="no console line matches 'CMD=1'")


# What targets and networks can do -----------------------------------------------------------------------------------


def bare() -> FirmwareLibrary:
    """A library with a target that can do nothing."""
    library = FirmwareLibrary()
    library._session = SimpleNamespace(target=object())  # type: ignore[assignment]
    return library


def check_network_should_take_digits(digits: FirmwareLibrary, host: FirmwareLibrary) -> None:
    digits.network_should_take_digits()
    skips(host.network_should_take_digits)


def check_target_should_be_an_emulator(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    chip.target_should_be_an_emulator()
    skips(host.target_should_be_an_emulator)


def check_target_should_count_instructions(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    chip.target_should_count_instructions()
    skips(host.target_should_count_instructions)


def check_memory_should_be_reachable(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    chip.memory_should_be_reachable()
    skips(host.memory_should_be_reachable)


def check_target_should_have_a_console(chip: FirmwareLibrary) -> None:
    chip.target_should_have_a_console()
    skips(bare().target_should_have_a_console)


def check_target_should_have_nothing_to_say(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    chip.target_should_have_nothing_to_say()
    with opened("embedded", MODEL, "m7") as other:  # what it says once stays said
        target = other._opened.target
        target.read_memory(0x4000_0000, 4)  # type: ignore[attr-defined]
        other.target_should_have_nothing_to_say()  # of what the test itself does
        target.machine.log.add("a fault")  # type: ignore[attr-defined]
        fails(other.target_should_have_nothing_to_say, match="a fault")
    skips(host.target_should_have_nothing_to_say)


def check_memory_should_have_size(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    chip.memory_should_have_size(0x2000_0000, 320)
    fails(chip.memory_should_have_size, 0x2000_0000, 319, match="behind the memory there is")
    with pytest.raises(RenodeMnistError, match="200503fc"):
        chip.memory_should_have_size(0x2000_0000, 321)
    skips(host.memory_should_have_size, 0x2000_0000, 320)


def check_memories_should_be_one(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    chip.memories_should_be_one(0x0800_0000, 0x0020_0000, 1024)
    fails(chip.memories_should_be_one, 0x2000_0000, 0x2001_0000, 16, match="are not the same memory")
    skips(host.memories_should_be_one, 0, 1, 1)


# The keywords that do something, or make a frame -------------------------------------------------------------------


def refuses(call: Callable[..., object], *arguments: object, match: str, **named: object) -> None:
    with pytest.raises((RenodeMnistError, RuntimeError), match=match):
        call(*arguments, **named)


def check_infer(host: FirmwareLibrary) -> None:
    assert host.infer(seed=1) is host._last_record
    refuses(host.infer, "nowhere.npy", match=r"there is no file nowhere\.npy")
    refuses(FirmwareLibrary().infer, seed=1, match="no target is open")


def check_classify_digit(digits: FirmwareLibrary, host: FirmwareLibrary) -> None:
    assert [digits.classify_digit(str(digit)).winner for digit in range(10)] == list(range(10))
    refuses(digits.classify_digit, "nowhere.png", match=r"nowhere\.png")
    refuses(host.classify_digit, "7", match="a picture needs 1x28x28x1")


def check_reset_state(host: FirmwareLibrary) -> None:
    host.reset_state()
    refuses(FirmwareLibrary().reset_state, match="no target is open")


def check_reset_target(chip: FirmwareLibrary) -> None:
    chip._console_text = "of before"
    chip.reset_target()
    assert chip._console_text == ""
    chip.infer(seed=1)
    refuses(FirmwareLibrary().reset_target, match="no target is open")


def check_firmware_identity(host: FirmwareLibrary) -> None:
    assert host.firmware_identity() == replace(host._opened.firmware, stack_used_bytes=0)
    assert host.firmware_identity().model_name == MODEL.name
    refuses(FirmwareLibrary().firmware_identity, match="no target is open")


def check_send_raw_bytes(host: FirmwareLibrary) -> None:
    for same in ("09 01 02 00", b"\x09\x01\x02\x00"):
        host.send_raw_bytes(same)
        host.error_should_be("FRAME_MALFORMED")
    with pytest.raises(ValueError, match="hexadecimal"):
        host.send_raw_bytes("9 is no byte")
    refuses(FirmwareLibrary().send_raw_bytes, "00", match="no target is open")


def check_write_inputs(host: FirmwareLibrary) -> None:
    host.write_inputs()
    host.send_raw_bytes(host.run_frame(number=31))
    host.reply_should_be("run", 31)
    refuses(FirmwareLibrary().write_inputs, match="no target is open")


def check_write_frame(host: FirmwareLibrary) -> None:
    host.send_raw_bytes(host.write_frame(number=32))
    assert host.reply_should_be("input", 32).count > 0  # type: ignore[union-attr]
    host.send_raw_bytes(host.write_frame(index=1, content=b"12345678"))
    host.error_should_be("WRONG_SIZE")


def check_run_frame(host: FirmwareLibrary) -> None:
    host.write_inputs()
    host.send_raw_bytes(host.run_frame(number=33))
    host.reply_should_be("run", 33)
    host.send_raw_bytes(host.write_frame(content=b"1"))
    host.reply_should_be("input")
    host.send_raw_bytes(host.run_frame(number=34))
    host.error_should_be("OUT_OF_ORDER")


def check_read_frame(host: FirmwareLibrary) -> None:
    wanted = host.infer(seed=1).outputs[0].tobytes()
    host.send_raw_bytes(host.read_frame(offset=1, count=2, number=35))
    assert host.reply_should_be("output", 35).content == wanted[1:3]  # type: ignore[union-attr]
    host.send_raw_bytes(host.read_frame(index=1))
    host.error_should_be("WRONG_SIZE")


def check_stats_request_frame(host: FirmwareLibrary) -> None:
    asked = host.stats_request_frame(number=36)
    assert len(asked) == 34
    host.send_raw_bytes(asked)
    host.reply_should_be("stats", 36)
    fails(
        lambda: (host.send_raw_bytes(asked), host.reply_should_be("stats", 37)), match="expected stats for request 37"
    )


def check_pixels_request_frame(digits: FirmwareLibrary, host: FirmwareLibrary) -> None:
    digits.send_raw_bytes(digits.pixels_request_frame(4, number=38))
    digits.reply_should_be_class(4, 38)
    digits.send_raw_bytes(digits.pixels_request_frame(count=783))
    digits.error_should_be("WRONG_SIZE")
    skips(host.pixels_request_frame)


def check_not_a_number_frame(digits: FirmwareLibrary, host: FirmwareLibrary) -> None:
    digits.send_raw_bytes(digits.not_a_number_frame())
    digits.error_should_be("BAD_VALUE")
    skips(host.not_a_number_frame)


def check_command_frame(host: FirmwareLibrary) -> None:
    host.send_raw_bytes(host.command_frame(0, number=39))
    host.reply_should_be("stats", 39)
    host.send_raw_bytes(host.command_frame(99))
    host.error_should_be("UNKNOWN_COMMAND")


def check_frame_of(host: FirmwareLibrary) -> None:
    assert frame.decode(host.frame_of(b"any \0 thing")[:-1]) == b"any \0 thing"
    host.send_raw_bytes(host.frame_of(b"any thing at all"))
    host.error_should_be("NOT_A_FLATBUFFER")


def check_flip_bit(host: FirmwareLibrary) -> None:
    host.send_raw_bytes(host.flip_bit(host.write_frame()))
    host.error_should_be("BAD_CHECKSUM")
    whole = b"\x05abcd\x00"
    assert host.flip_bit(whole, 8) == b"\x05\x60bcd\x00"
    with pytest.raises(IndexError):
        host.flip_bit(whole, 8 * len(whole))


def check_first_part_of(host: FirmwareLibrary) -> None:
    host.send_raw_bytes(host.first_part_of(host.write_frame()))
    host.send_raw_bytes("00")
    host.error_should_be("BAD_CHECKSUM")
    with pytest.raises(ValueError, match="empty"):
        host.first_part_of(b"\x01\x00")


def check_let_time_pass(chip: FirmwareLibrary) -> None:
    before = chip._opened.target.now()
    chip.let_time_pass(0.25)
    assert chip._opened.target.now() == pytest.approx(before + 0.25, abs=0.001)  # the embedded target's step is 1 ms
    refuses(FirmwareLibrary().let_time_pass, 0.1, match="no target is open")


def check_start_inferring(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    assert chip.start_inferring() > 0
    chip.reset_target()
    chip.infer(seed=1)
    skips(host.start_inferring)


def check_run_for(chip: FirmwareLibrary, host: FirmwareLibrary) -> None:
    assert chip.run_for(100).microseconds == pytest.approx(100, abs=1)
    skips(host.run_for, 100)


def check_write_console_line(chip: FirmwareLibrary) -> None:
    chip.write_console_line("HELP")
    chip.console_should_say(".*CMD=1.*")
    skips(bare().write_console_line, "HELP")


def in_a_suite(tmp_path: Path, *lines: str) -> None:
    """The lines as a test of Robot, which must pass."""
    suite = tmp_path / "a.robot"
    body = "\n".join(f"    {line}" for line in lines)
    suite.write_text(f"*** Settings ***\nLibrary    renode_mnist.robot\n*** Test Cases ***\nIt Passes\n{body}\n")
    options = ["-v", "TARGET:host", "-v", f"MODEL:{MODEL}", "--outputdir", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "robot", *options, suite], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def check_open_target(tmp_path: Path) -> None:
    in_a_suite(
        tmp_path,
        "Open Target",
        "${first}=    Infer    seed=1",
        "Open Target",  # in the place of the first
        "Run Keyword And Expect Error    *nothing was inferred yet*    Scores Should Sum To One",
        "Infer    seed=1",
        "Output Should Equal    ${first}",
        "VAR    ${TARGET}    nowhere    scope=TEST",
        "Run Keyword And Expect Error    *target*nowhere*embedded*    Open Target",
        "Run Keyword And Expect Error    *no target is open*    Infer",
    )


def check_close_target(tmp_path: Path) -> None:
    in_a_suite(
        tmp_path,
        "Close Target",
        "Open Target",
        "Close Target",
        "Run Keyword And Expect Error    *no target is open*    Infer    seed=1",
    )


CHECKS = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}


@pytest.mark.parametrize("name", CHECKS)
def test_a_keyword_passes_and_fails_where_it_must(name: str, request: pytest.FixtureRequest) -> None:
    check: Any = CHECKS[name]
    code = check.__code__
    wanted = code.co_varnames[: code.co_argcount]
    check(**{fixture: request.getfixturevalue(fixture) for fixture in wanted})


def keywords() -> set[str]:
    return {name for name in dir(FirmwareLibrary) if hasattr(getattr(FirmwareLibrary, name, None), "robot_name")}


def test_every_keyword_is_among_them() -> None:
    assert keywords() == set(CHECKS)


def test_every_keyword_is_documented() -> None:
    assert [name for name in keywords() if not (getattr(FirmwareLibrary, name).__doc__ or "").strip()] == []


# More of the keywords that do something ----------------------------------------------------------------------------


def test_infer_takes_a_seed_a_file_and_arrays_by_name(host: FirmwareLibrary, tmp_path: Path) -> None:
    name = name_of_input()
    seeded = host.infer()
    assert host.infer(seed=1).inference.tensors == seeded.inference.tensors
    assert host.infer(seed=2).inputs[0].tobytes() != seeded.inputs[0].tobytes()
    stored = seeded.inputs[0]
    np.save(tmp_path / "x.npy", stored)
    ways: list[Callable[[], Record]] = [
        lambda: host.infer(str(tmp_path / "x.npy")),
        lambda: host.infer(stored),
        lambda: host.infer({name: stored}),
        lambda: host.infer(**{name: str(tmp_path / "x.npy")}),
        lambda: host.infer({name: str(tmp_path / "x.npy")}, sample=0),
    ]
    assert {way().inputs[0].tobytes() for way in ways} == {stored.tobytes()}
    host.infer(str(RECORDINGS), sample=20)
    host.class_should_be("Walking", labels=str(NAMES))


def test_the_inferences_of_a_test_are_counted(few: dict[str, Any], tmp_path: Path) -> None:
    with opened("host", MODEL) as library:
        assert library._evidence(("a test",), failed=False).inferences == 0
        library.infer(seed=1)
        library.infer(seed=2)
        assert library._evidence(("a test",), failed=False).inferences == 2
        library.accuracy_should_be_at_least(1, kept(tmp_path, **few))
        assert library._evidence(("a test",), failed=True).inferences == 6


def test_infer_refuses_what_does_not_fit(host: FirmwareLibrary) -> None:
    for call, said in [
        (lambda: host.infer(str(RECORDINGS)), "40 samples are given. Say which"),
        (lambda: host.infer(str(RECORDINGS), sample=40), "no sample 40 among 40"),
        (lambda: host.infer(str(RECORDINGS), sample=-1), "no sample -1 among 40"),
        (lambda: host.infer("nowhere.npy"), "there is no file nowhere.npy. .*CURDIR"),
        (lambda: host.infer(str(RECORDINGS), seed=1), "several things"),
        (lambda: host.infer(elsewhere=[1]), "given is 'elsewhere'"),
        (lambda: host.infer(np.zeros((3, 3), np.float32)), "has the shape 3x3"),
    ]:
        with pytest.raises(DataError, match=said):
            call()
    with pytest.raises(ModelError, match="a picture needs 1x28x28x1"):
        host.classify_digit("7")


def test_a_network_of_digits_is_shown_a_seven(digits: FirmwareLibrary) -> None:
    digits.infer()
    digits.class_should_be(7)
    digits.scores_should_sum_to_one()
    fails(digits.class_should_be, 1)


def test_several_inputs_and_outputs_go_by_their_names(tmp_path: Path) -> None:
    model = network_file("of_types")
    graph = codegen.load(model)
    ins, outs = ([tensor.name for tensor in tensors] for tensors in (graph.inputs, graph.outputs))
    with opened("host", model) as library:
        np.save(tmp_path / "b.npy", np.zeros(7, np.float32))
        others = dict(zip(ins, inputs.seeded(interface.inputs(graph), 1).sets[0], strict=True))
        by_name = {**others, ins[0]: np.full((1, 7), 130, np.uint8), ins[2]: str(tmp_path / "b.npy")}
        record = library.infer(**by_name)
        # 10 steps of 0.03, and nothing added.
        library.output_should_be_near([0.3] * 7, within=0.001, output=outs[0])
        library.output_should_equal(np.full(7, 2, np.int8), output="1")
        fails(library.output_should_equal, np.full(7, 3, np.int8), output=outs[1])
        fails(library.output_should_be_near, [0.35] * 7, within=0.001, output="3")
        with pytest.raises(DataError, match=f"{len(outs)} outputs, and none is named"):
            library.output_should_equal(np.zeros(7, np.int8))
        with pytest.raises(DataError, match=f"{len(outs)} outputs, and 99 is named"):
            library.output_should_equal(np.zeros(7, np.int8), output="99")
        library.output_should_equal(record)
        library.infer(seed=3)
        fails(library.output_should_equal, record)
        samples = inputs.seeded(interface.inputs(graph), 3)
        golden.write(golden.make(graph, samples, LiteRt(model.read_bytes(), graph)), tmp_path / "v.npz")
        library.golden_vectors_should_match(str(tmp_path / "v.npz"))


def test_an_autoencoder_is_held_to_its_input(tmp_path: Path) -> None:
    model = network_file("half_an_autoencoder")
    name = codegen.load(model).inputs[0].name
    ordinary, odd = np.full((3, 8), 0.5, np.float32), np.full((2, 8), -0.25, np.float32)
    data = str(tmp_path / "d.npz")
    with opened("host", model) as library:
        np.savez(tmp_path / "d.npz", **{name: np.concatenate([ordinary, odd]), "labels": [0, 0, 0, 1, 1]})
        assert library.area_under_curve_should_be_at_least(1, data) == 1
        assert library.mean_absolute_error_should_be_at_most(0.1, data) == pytest.approx(2 / 5 * 0.25)
        fails(library.mean_absolute_error_should_be_at_most, 0.099, data)
        np.savez(tmp_path / "d.npz", **{name: np.concatenate([ordinary, odd]), "labels": [1, 0, 0, 0, 1]})
        # Of six pairs the odd one of label 1 beats two and ties one, the ordinary one ties two.
        fails(library.area_under_curve_should_be_at_least, 0.6, data, match="is 0.5833")


def test_state_is_set_back_for_every_sample_and_by_keyword(tmp_path: Path) -> None:
    model = network_file("svdf")
    with opened("host", model) as library:
        first = library.infer(seed=5)
        library.infer(seed=5)
        fails(library.output_should_equal, first)
        library.reset_state()
        library.infer(seed=5)
        library.output_should_equal(first)
        name = codegen.load(model).inputs[0].name
        np.savez(
            tmp_path / "d.npz", **{name: np.stack([first.inputs[0]] * 3), "wanted": np.stack([first.reals[0]] * 3)}
        )
        library.mean_absolute_error_should_be_at_most(0.0001, str(tmp_path / "d.npz"), targets="wanted")


def test_what_needs_an_emulator_or_a_console_skips_elsewhere(host: FirmwareLibrary) -> None:
    skips(host.start_inferring)
    skips(host.run_for, 1)
    skips(bare().write_console_line, "HELP")
    with pytest.raises(RuntimeError, match="no target is open"):
        FirmwareLibrary().reset_target()
    with pytest.raises(RuntimeError, match="nothing was inferred yet"):
        FirmwareLibrary().class_should_be(1)


def test_virtual_time_goes_on_by_what_is_asked(chip: FirmwareLibrary) -> None:
    microseconds = chip.start_inferring()
    assert 10 < microseconds < 376
    stretch = chip.run_for(microseconds)
    assert stretch.instructions == round(stretch.microseconds * 216)
    assert stretch.microseconds == pytest.approx(microseconds, abs=1)
    chip.reset_target()
    chip.infer(seed=1)


def test_time_passes_and_what_comes_is_dropped(host: FirmwareLibrary) -> None:
    host.send_raw_bytes(host.stats_request_frame())
    before = time.monotonic()
    host.let_time_pass(0.1)
    assert time.monotonic() - before >= 0.1
    host.no_reply_should_come(within_seconds=0.05)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=700))
def test_damage_is_such_that_only_the_checksum_tells(content: bytes) -> None:
    library = FirmwareLibrary()
    whole = library.write_frame(content=content)
    assert isinstance(frame.decode(whole[:-1]), bytes)
    for damaged in (library.flip_bit(whole)[:-1], library.first_part_of(whole)):
        found = frame.decode(damaged)
        assert isinstance(found, frame.BadFrame)
        assert found.reason.startswith("bad checksum")
    assert library.flip_bit(b"\x03\x01\x02\x00", 17) == b"\x03\x01\x00\x00"
