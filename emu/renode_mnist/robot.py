"""Keywords for Robot Framework: the firmware on whichever target, in sentences."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from robot.api import SkipExecution, logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from renode_mnist import build as building
from renode_mnist import paths
from renode_mnist.build import BuildConfig
from renode_mnist.errors import RenodeMnistError, TargetError, TargetTimeout
from renode_mnist.model import preprocess
from renode_mnist.session.opening import TargetOptions, machine_of, open_session
from renode_mnist.session.record import Record
from renode_mnist.session.recording import Recorder
from renode_mnist.session.session import Session
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets import auto
from renode_mnist.targets.base import CounterUnit, CountsInstructions, HasConsole, ReachesMemory, RunsVirtualTime
from renode_mnist.wire import frame, messages
from renode_mnist.wire.client import Direction
from renode_mnist.wire.messages import ErrorReport, Stats

_DAMAGED_REQUEST_NUMBER = 0x5EED
_DWT_CYCCNT = 0xE000_1004

_LOOK_SECONDS = 0.0002
_ARRIVAL_SECONDS = 0.5
"""A request of 860 bytes takes 75 ms at 115200 baud."""


class Stretch(NamedTuple):
    """What a stretch of virtual time took."""

    microseconds: float
    instructions: int
    cyccnt: int


@library(scope="SUITE", auto_keywords=False)
class FirmwareLibrary:
    """Runs the firmware on a target and says what it must answer.

    The same suite runs on every target; variables choose, on the command line (``robot -v TARGET:renode``) or
    by ``renode-mnist test``:

    | = variable = | = meaning = | = default = |
    | ``TARGET`` | ``embedded``, ``renode``, ``board``, ``host`` or ``auto`` | ``embedded`` |
    | ``MODEL`` | a committed model's name or a ``.tflite`` file | ``int8`` |
    | ``ENGINE`` | ``m7``, ``reference``, ``cmsis-nn`` or ``tflm`` | the default of ``renode-mnist build`` |
    | ``BOARD`` | which UARTs carry the two lines | ``disco-f746ng`` |
    | ``PORT`` | of a board: device or pyserial URL | its ST-LINK |
    | ``CONSOLE_PORT`` | the same of its text console | none: console tests are skipped |
    | ``BAUD`` | of a board's lines | 115200 |
    | ``FLASH`` | what programs a board: ``openocd``, ``pyocd``, ``st-flash`` or ``none`` | ``none`` |
    | ``CLOCK_MODEL`` | what the embedded target's counter returns: ``instructions`` or ``m7`` | ``instructions`` |
    | ``ELF`` | an image to run instead of building one | |
    | ``RECORD`` | a folder in which each suite's session is kept, for ``renode-mnist replay`` | none |

    A suite opens the target once (``Open Target`` in its set-up, ``Close Target`` in its teardown). What a target
    can't do skips the test with the reason. When a test fails, the log holds the last request, the bytes on the lines
    and what the target has to say. The tags ``needs-console``, ``needs-instruction-counts`` and ``needs-emulator``
    stand at what not every target can do: ``--exclude`` leaves it out instead of skipping it. All times are the
    target's own: virtual in emulation.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._session: Session | None = None
        self._recorder: Recorder | None = None
        self._record: Record | None = None
        self._traffic: list[str] = []
        self._last_request = ""
        self._failed = False
        self._console_text = ""

    # Target ---------------------------------------------------------------------------------------------------

    @keyword
    def open_target(self, board: str | None = None) -> None:
        """Builds the image where there is none, starts the target with it, and asks who it is.

        An open target is closed first. ``board`` is used instead of the variable ``BOARD``.
        """
        variables = BuiltIn()

        def variable(name: str, default: str) -> str:
            return str(variables.get_variable_value(f"${{{name}}}", default) or default)

        self.close_target()
        name = _target_named(variable("TARGET", "embedded"))
        config = BuildConfig(
            machine=machine_of(name),
            model=building.resolve_model(variable("MODEL", "int8")),
            engine=variable("ENGINE", BuildConfig.engine),  # type: ignore[arg-type]
            board=board or variable("BOARD", BuildConfig.board),  # type: ignore[arg-type]
        )
        elf = variable("ELF", "")
        image = Path(elf) if elf else building.build(config).elf
        options = TargetOptions(
            board=config.board,
            port=variable("PORT", "") or None,
            console_port=variable("CONSOLE_PORT", "") or None,
            baud=int(variable("BAUD", str(TargetOptions.baud))),
            flash=variable("FLASH", TargetOptions.flash),
            clock_model=variable("CLOCK_MODEL", TargetOptions.clock_model),  # type: ignore[arg-type]
        )
        if folder := variable("RECORD", ""):
            suite = Path(variable("SUITE SOURCE", "suite"))
            self._recorder = Recorder(Path(folder) / f"{suite.stem}.jsonl")
            self._recorder.__enter__()
        self._session = open_session(name, image, options, observer=self._observe).__enter__()
        if self._recorder is not None:
            self._recorder.identify(self._session)
        identity = self._session.identity()
        logger.info(f"{identity.target} {identity.version}, firmware {self._session.firmware}")

    @keyword
    def close_target(self) -> None:
        """Stops the target; does nothing where none is open."""
        if self._session is not None:
            # A target that is left by an error keeps the files that its messages point to.
            if self._failed:
                self._session.__exit__(TargetError, TargetError("a test failed"), None)
            else:
                self._session.__exit__(None, None, None)
            self._session = None
            self._failed = False
        if self._recorder is not None:
            self._recorder.__exit__(None, None, None)
            self._recorder = None

    @keyword
    def reset_target(self) -> None:
        """Resets the chip and waits until the same firmware is there again; what it had not answered is lost."""
        self._opened.reset()
        self._console_text = ""

    @keyword
    def firmware_identity(self) -> Stats:
        """What the firmware says of itself: its fields are those of ``renode_mnist.wire.messages.Stats``."""
        return self._opened.client.stats()

    @keyword
    def target_should_count_instructions(self) -> None:
        """Skips the test where the target can't count instructions exactly."""
        unit = self._opened.identity().counter_unit
        if not isinstance(self._opened.target, CountsInstructions) or unit is not CounterUnit.INSTRUCTIONS:
            raise SkipExecution(f"this target's counter counts {unit}, not instructions")

    # Platform -------------------------------------------------------------------------------------------------

    @keyword
    def target_should_be_an_emulator(self) -> None:
        """Skips the test where the chip, if there is one, is what it is."""
        if not isinstance(self._opened.target, RunsVirtualTime):
            raise SkipExecution("this target is no emulator")

    @keyword
    def target_should_have_nothing_to_say(self) -> None:
        """Fails where the emulator's log has a line: an access to nothing, a download that failed, a fault."""
        self.target_should_be_an_emulator()
        if said := self._opened.target.log():
            raise AssertionError(f"the target says:\n{said}")

    @keyword
    def memory_should_be_reachable(self) -> None:
        """Skips the test where nobody but the core gets at the chip's memory."""
        _ = self._memory

    @keyword
    def memory_should_have_size(self, first: int, size_kib: int) -> None:
        """Fails unless a memory begins at that address and its last word is the last of anything there."""
        memory, last = self._memory, first + 1024 * size_kib - 4
        with suppress(TargetError):
            raise AssertionError(f"behind the memory there is {memory.read_memory(last + 4, 4).hex()}")
        for address in (first, last):
            kept = memory.read_memory(address, 4)
            for value in (bytes(4), b"\xff\x00\xaa\x55"):
                memory.write_memory(address, value)
                if (found := memory.read_memory(address, 4)) != value:
                    raise AssertionError(f"{address:#010x} holds {found.hex()} after {value.hex()} was written")
            memory.write_memory(address, kept)

    @keyword
    def memories_should_be_one(self, first: int, other: int, size_kib: int) -> None:
        """Fails unless two ranges of addresses are the same memory, at their first and at their last word."""
        memory = self._memory
        for offset in (0, 1024 * size_kib - 4):
            kept = memory.read_memory(first + offset, 4)
            memory.write_memory(first + offset, b"one?")
            found = memory.read_memory(other + offset, 4)
            memory.write_memory(first + offset, kept)
            if found != b"one?" or memory.read_memory(other + offset, 4) != kept:
                raise AssertionError(f"{first + offset:#010x} and {other + offset:#010x} are not the same memory")

    @keyword
    def start_classifying(self, digit: int = 7) -> None:
        """Sends a request and runs until the core computes the answer, which the test has to wait for.

        Skips where the target's time is not virtual, or its instructions can't be counted.
        """
        self.target_should_be_an_emulator()
        self.target_should_count_instructions()
        self._opened.client.send_raw(self.request_frame(digit))
        enough = self._opened.firmware.freq_hz * _LOOK_SECONDS / 2  # receiving takes a tenth of that
        for _ in range(round(_ARRIVAL_SECONDS / _LOOK_SECONDS)):
            if self.run_for(_LOOK_SECONDS * 1e6).instructions > enough:
                return
        raise AssertionError(f"the core does not compute {_ARRIVAL_SECONDS} s after a request")

    @keyword
    def run_for(self, microseconds: float) -> Stretch:
        """Runs for a virtual time, or to the end of the straight piece of code under way then.

        Returns ``microseconds`` that went by, ``instructions`` that were executed, and the difference of two reads of
        DWT's ``cyccnt``. Skips as ``Start Classifying`` does.
        """
        self.target_should_be_an_emulator()
        self.target_should_count_instructions()
        target, memory = self._opened.target, self._memory
        assert isinstance(target, RunsVirtualTime)
        assert isinstance(target, CountsInstructions)

        def look() -> tuple[float, int, int]:
            cyccnt = int.from_bytes(memory.read_memory(_DWT_CYCCNT, 4), "little")
            return 1e6 * target.now(), target.instructions(), cyccnt

        before = look()
        target.run_for(microseconds / 1e6)
        after = look()
        return Stretch(after[0] - before[0], after[1] - before[1], (after[2] - before[2]) % 2**32)

    # Classification -------------------------------------------------------------------------------------------

    @keyword
    def classify_digit(self, picture: str) -> Record:
        """Classifies a sample digit (``7``) or a picture file, and keeps the record for the keywords below."""
        file = paths.digits() / f"{picture}.png" if re.fullmatch(r"\d", str(picture)) else Path(picture)
        self._record = self._opened.classify(preprocess.read(file).pixels, file.name)
        return self._record

    @keyword
    def class_should_be(self, expected: int) -> None:
        """Fails unless the last digit was classified as this."""
        winner = self._last_record.inference.winner
        if winner != expected:
            raise AssertionError(f"class is {winner}, expected {expected}")

    @keyword
    def scores_should_sum_to_one(self, within: float = 0.02) -> None:
        """Fails unless the scores sum to one; int8 scores are multiples of 1/256, so they may miss it."""
        total = float(np.sum(self._last_record.inference.scores, dtype=np.float64))
        if abs(total - 1) > within:
            raise AssertionError(f"scores sum to {total:.6f}, not to 1 within {within}")

    @keyword
    def output_should_equal(self, other: Record) -> None:
        """Fails unless the last output tensor equals another record's to the byte."""
        mine, theirs = self._last_record.inference.tensor, other.inference.tensor
        if mine != theirs:
            raise AssertionError(f"output {mine.hex(' ')} differs from {theirs.hex(' ')}")

    @keyword
    def instructions_should_not_exceed(self, limit: int, layer: int | None = None) -> None:
        """Fails where the last inference, or one layer of it (counted from 0), took more instructions."""
        self.target_should_count_instructions()
        inference = self._last_record.inference
        counted = inference.counter if layer is None else inference.layers[layer].counter
        what = "the inference" if layer is None else f"layer {layer} ({inference.layers[layer].op})"
        logger.info(f"{what}: {counted:,} instructions, at most {limit:,} allowed")
        if counted > limit:
            raise AssertionError(f"{what} took {counted:,} instructions, more than {limit:,}")

    @keyword
    def instructions_should_be_within_budget(self) -> None:
        """Fails where the last inference took more instructions than ``budgets.toml`` allows its model and engine.

        A counter that advances in steps may read one step more. Skips where the file has no such case.
        """
        from renode_mnist.measure import budgets  # what validates the file takes 0.15 s to import

        self.target_should_count_instructions()
        record = self._last_record
        model = record.firmware.model_name.removeprefix("mnist_").removesuffix(".tflite")
        case = f"{model}/{record.firmware.engine}"
        bounds = budgets.load(paths.budgets()).cases.get(case)
        if bounds is None:
            raise SkipExecution(f"budgets.toml has no case {case}")
        slack = record.target.counter_step if record.target.counter_step > 1 else 0
        figures = [("the inference", record.inference.counter, bounds.instructions)]
        for number, (layer, bound) in enumerate(zip(record.inference.layers, bounds.layers or (), strict=False)):
            figures.append((f"layer {number} ({layer.op})", layer.counter, bound))
        for what, counted, bound in figures:
            logger.info(f"{what}: {counted:,} instructions, at most {bound:,} allowed")
            if counted > bound + slack:
                raise AssertionError(f"{what} took {counted:,} instructions, more than {bound:,} (+{slack} a step)")

    # Wire -----------------------------------------------------------------------------------------------------

    @keyword
    def send_raw_bytes(self, data: bytes | str) -> None:
        """Puts bytes on the line as they are; a string is hexadecimal: ``01 02 ff``."""
        self._opened.client.send_raw(bytes.fromhex(data) if isinstance(data, str) else data)

    @keyword
    def request_frame(self, digit: int = 7, number: int = _DAMAGED_REQUEST_NUMBER) -> bytes:
        """A good inference request as it stands on the line, to be damaged."""
        pixels = preprocess.read(paths.digits() / f"{digit}.png").pixels
        return frame.encode(messages.encode_pixels(number, pixels))

    @keyword
    def stats_request_frame(self, number: int = _DAMAGED_REQUEST_NUMBER) -> bytes:
        """The shortest good request, 34 bytes: a fast engine has not answered the one before when it is in."""
        return frame.encode(messages.encode_get_stats(number))

    @keyword
    def pixels_request_frame(self, count: int, number: int = _DAMAGED_REQUEST_NUMBER) -> bytes:
        """An inference request with so many black pixels, whatever the model takes."""
        return frame.encode(messages.encode_pixels(number, np.zeros(count, np.uint8)))

    @keyword
    def reals_request_frame(self, value: float, number: int = _DAMAGED_REQUEST_NUMBER) -> bytes:
        """The article's inference request, 784 times the same number (``nan``)."""
        return frame.encode(messages.encode_digit(number, np.full(784, value, np.float32)))

    @keyword
    def command_frame(self, command: int, number: int = _DAMAGED_REQUEST_NUMBER) -> bytes:
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

    @keyword
    def error_should_be(self, code: str, timeout_seconds: float = 5.0) -> ErrorReport:
        """Fails unless the next reply is an error of this name (``BAD_CHECKSUM``)."""
        reply = self._opened.client.next_reply(timeout_seconds)
        if not isinstance(reply.body, ErrorReport) or reply.body.code_name != code:
            raise AssertionError(f"the firmware answered {reply.body}, expected the error {code}")
        return reply.body

    @keyword
    def reply_should_be_class(self, expected: int, number: int = _DAMAGED_REQUEST_NUMBER) -> None:
        """Fails unless the next reply answers that request by this class."""
        reply = self._opened.client.next_reply()
        if not isinstance(reply.body, messages.Inference) or reply.request != number:
            raise AssertionError(f"the firmware answered {reply}, expected an inference for request {number}")
        if reply.body.winner != expected:
            raise AssertionError(f"class is {reply.body.winner}, expected {expected}")

    @keyword
    def let_time_pass(self, seconds: float) -> None:
        """Lets the target run on; what it says meanwhile is dropped."""
        target = self._opened.target
        deadline = Deadline.after(target, seconds)
        with suppress(TargetTimeout):
            while True:
                target.receive(deadline)

    @keyword
    def no_reply_should_come(self, within_seconds: float = 0.5) -> None:
        """Fails where the firmware says anything in that time."""
        try:
            reply = self._opened.client.next_reply(within_seconds)
        except TargetTimeout:
            return
        raise AssertionError(f"the firmware answered {reply}, expected silence")

    # Console --------------------------------------------------------------------------------------------------

    @keyword
    def target_should_have_a_console(self) -> None:
        """Skips the test where the text console can't be reached."""
        if not isinstance(self._opened.target, HasConsole):
            raise SkipExecution("the text console of this target can't be reached")

    @keyword
    def write_console_line(self, line: str) -> None:
        """Types a line and the return key."""
        self._console.send(f"{line}\r".encode("latin-1"))

    @keyword
    def console_should_say(self, pattern: str, timeout_seconds: float = 5.0) -> str:
        """Waits for a line that the regular expression matches from its start to its end.

        Lines before it are passed over; the next call goes on behind it.
        """
        deadline = Deadline.after(self._console, timeout_seconds)
        expression = re.compile(pattern)
        while True:
            while "\n" in self._console_text:
                line, self._console_text = self._console_text.split("\n", 1)
                line = line.strip("\r")
                logger.info(f"console: {line}")
                if expression.fullmatch(line):
                    return line
            try:
                self._console_text += self._console.receive(deadline).decode("latin-1")
            except TargetTimeout as silence:
                raise AssertionError(f"no console line matches '{pattern}': {silence}") from silence

    # --------------------------------------------------------------------------------------------------------

    def end_test(self, data: Any, result: Any) -> None:
        """Robot calls it after each test: a failed one's log gets what was on the lines and what the target says."""
        if result.failed and self._session is not None:
            self._failed = True
            try:
                said = self._session.target.log()
            except RenodeMnistError as error:
                said = str(error)
            unfinished = self._session.client.unfinished.hex(" ")
            for title, text in (
                ("The last request", self._last_request),
                ("On the line in this test", "\n".join(self._traffic)),
                ("The beginning of a reply that did not end", unfinished),
                ("Not yet read from the console", self._console_text),
                ("The target says", said),
            ):
                logger.info(f"{title}:\n{text or '(nothing)'}")
        self._traffic.clear()

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise RuntimeError("no target is open; put `Suite Setup    Open Target` into the suite's settings")
        return self._session

    @property
    def _memory(self) -> ReachesMemory:
        target = self._opened.target
        if not isinstance(target, ReachesMemory):
            raise SkipExecution("nobody but the core gets at this target's memory")
        return target

    @property
    def _last_record(self) -> Record:
        if self._record is None:
            raise RuntimeError("nothing was classified yet; use `Classify Digit` first")
        return self._record

    @property
    def _console(self) -> ByteStream:
        self.target_should_have_a_console()
        target = self._opened.target
        assert isinstance(target, HasConsole)
        return target.console

    def _observe(self, direction: Direction, data: bytes, seconds: float) -> None:
        line = f"{seconds:12.6f} s  {direction:8}  {len(data):4} bytes  {data.hex(' ')}"
        self._traffic.append(line)
        if direction == "sent":
            self._last_request = line
        if self._recorder is not None:
            self._recorder.observe(direction, data, seconds)


def _target_named(name: str) -> str:
    if name != "auto":
        return name
    choice = auto.choose()
    logger.info(f"target {choice.target}: {choice.reason}", also_console=True)
    return choice.target
