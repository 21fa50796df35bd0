"""Keywords for Robot Framework: the firmware on whichever target, in sentences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from robot.api import SkipExecution, logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from renode_mnist import budgets, paths
from renode_mnist import build as building
from renode_mnist.build import BuildConfig
from renode_mnist.errors import RenodeMnistError, TargetTimeout
from renode_mnist.model import preprocess
from renode_mnist.opening import TargetOptions, machine_of, open_session
from renode_mnist.report.record import Record
from renode_mnist.session import Session
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets.base import CounterUnit, CountsInstructions, HasConsole
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import ErrorReport, Reply, Stats

_DAMAGED_REQUEST_NUMBER = 0x5EED


@library(scope="SUITE", auto_keywords=False)
class FirmwareLibrary:
    """Runs the firmware on a target and says what it must answer.

    The same suite runs on every target; variables choose, on the command line (``robot -v TARGET:renode``) or
    by ``renode-mnist test``:

    | = variable = | = meaning = | = default = |
    | ``TARGET`` | ``embedded``, ``renode``, ``board`` or ``host`` | ``embedded`` |
    | ``MODEL`` | a committed model's name or a ``.tflite`` file | ``int8`` |
    | ``ENGINE`` | ``m7``, ``reference``, ``cmsis-nn`` or ``tflm`` | the default of ``renode-mnist build`` |
    | ``BOARD`` | which UARTs carry the two lines | ``disco-f746ng`` |
    | ``PORT`` | of a board: device or pyserial URL | its ST-LINK |
    | ``CONSOLE_PORT`` | the same of its text console | none: console tests are skipped |
    | ``BAUD`` | of a board's lines | 115200 |
    | ``FLASH`` | what programs a board: ``openocd``, ``pyocd``, ``st-flash`` or ``none`` | ``none`` |
    | ``CLOCK_MODEL`` | what the embedded target's counter returns: ``instructions`` or ``m7`` | ``instructions`` |
    | ``ELF`` | an image to run instead of building one | |

    A suite opens the target once (``Open Target`` in its set-up, ``Close Target`` in its teardown). What a target
    can't do skips the test with the reason. When a test fails, the log holds the bytes on the line and what the
    target has to say. All times are the target's own: virtual in emulation.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._session: Session | None = None
        self._record: Record | None = None
        self._replies: list[Reply] = []
        self._traffic: list[str] = []
        self._console_text = ""

    # Target ---------------------------------------------------------------------------------------------------

    @keyword
    def open_target(self) -> None:
        """Builds the image where there is none, starts the target with it, and asks who it is."""
        variables = BuiltIn()

        def variable(name: str, default: str) -> str:
            return str(variables.get_variable_value(f"${{{name}}}", default) or default)

        name = variable("TARGET", "embedded")
        config = BuildConfig(
            machine=machine_of(name),
            model=building.resolve_model(variable("MODEL", "int8")),
            engine=variable("ENGINE", BuildConfig.engine),  # type: ignore[arg-type]
            board=variable("BOARD", BuildConfig.board),  # type: ignore[arg-type]
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
        self._session = open_session(name, image, options, observer=self._observe).__enter__()
        identity = self._session.target.identity()
        logger.info(f"{identity.target} {identity.version}, firmware {self._session.firmware}")

    @keyword
    def close_target(self) -> None:
        """Stops the target; does nothing where none is open."""
        if self._session is not None:
            self._session.__exit__(None, None, None)
            self._session = None

    @keyword
    def reset_target(self) -> None:
        """Resets the chip; what it had not answered is lost."""
        self._opened.target.reset()
        self._replies.clear()
        self._console_text = ""

    @keyword
    def firmware_identity(self) -> Stats:
        """What the firmware says of itself: its fields are those of ``renode_mnist.wire.messages.Stats``."""
        return self._opened.client.stats()

    @keyword
    def target_should_count_instructions(self) -> None:
        """Skips the test where the target can't count instructions exactly."""
        unit = self._opened.target.identity().counter_unit
        if not isinstance(self._opened.target, CountsInstructions) or unit is not CounterUnit.INSTRUCTIONS:
            raise SkipExecution(f"this target's counter counts {unit}, not instructions")

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
        self.target_should_count_instructions()
        record = self._last_record
        model = record.firmware.model_name.removeprefix("mnist_").removesuffix(".tflite")
        case = f"{model}/{record.firmware.engine}"
        bounds = budgets.load(paths.budgets()).cases.get(case)
        if bounds is None:
            raise SkipExecution(f"budgets.toml has no case {case}")
        slack = record.target.counter_step if record.target.counter_step > 1 else 0
        figures = [("the inference", record.inference.counter, bounds["instructions"])]
        for number, (layer, bound) in enumerate(zip(record.inference.layers, bounds.get("layers", ()), strict=False)):
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
        """Robot calls it after each test: what was on the line goes to the log of a failed one."""
        if result.failed and self._session is not None:
            logger.info("On the line:\n" + "\n".join(self._traffic))
            try:
                logger.info(f"The target says:\n{self._session.target.log()}")
            except RenodeMnistError as error:
                logger.info(f"The target says nothing: {error}")
        self._traffic.clear()

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise RuntimeError("no target is open; put `Suite Setup    Open Target` into the suite's settings")
        return self._session

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

    def _observe(self, direction: str, data: bytes, seconds: float) -> None:
        self._traffic.append(f"{seconds:12.6f} s  {direction:8}  {data.hex(' ')}")
