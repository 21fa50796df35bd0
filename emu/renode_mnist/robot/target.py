"""The target of a suite: opened as the suite's variables say, reset, closed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from robot.api import logger
from robot.api.deco import keyword
from robot.libraries.BuiltIn import BuiltIn

from renode_mnist.errors import TargetError
from renode_mnist.images import BuildConfig
from renode_mnist.robot.opened import OpenedTarget
from renode_mnist.robot.variables import read
from renode_mnist.session.opening import elf_of, machine_of, open_session
from renode_mnist.session.record import identity_lines
from renode_mnist.session.recording import Recorder
from renode_mnist.session.target_options import SuiteOptions, TargetOptions
from renode_mnist.targets import auto
from renode_mnist.wire.client import Direction
from renode_mnist.wire.messages import Stats


class TargetKeywords(OpenedTarget):
    """Which target, which image, and who it says it is."""

    def __init__(self) -> None:
        super().__init__()
        self._recorder: Recorder | None = None

    @keyword
    def open_target(self, board: str | None = None) -> None:
        """Builds the image where there is none, starts the target with it, and asks who it is.

        An open target is closed first. ``board`` is used instead of the variable ``BOARD``.
        """
        self.close_target()
        asked = read(SuiteOptions, lambda name: (board if name == "BOARD" else None) or _variable(name))
        name = _target_named(asked.target)
        elf = elf_of(asked, name)
        if asked.record is not None:
            suite = Path(str(_variable("SUITE SOURCE") or "suite"))
            self._recorder = Recorder(Path(asked.record) / f"{suite.stem}.jsonl")
            self._recorder.__enter__()
        options = TargetOptions.of(asked, asked.board)
        self._session = open_session(name, elf, options, observer=self._observe).__enter__()
        if self._recorder is not None:
            self._recorder.identify(self._session)
        identity, firmware = self._session.identity(), self._session.firmware
        logger.info(f"{identity.target} {identity.version}, firmware {firmware}")
        for title, value in identity_lines(identity, firmware).items():
            BuiltIn().set_suite_metadata(title, value)
        model = BuildConfig.of(asked, machine_of(name)).model
        runs = hashlib.sha256(model.read_bytes()).hexdigest() == firmware.model_sha256
        self._model = model if runs else None

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
            self._model = None
            self._failed = False
            self._record = None  # another target's answer is none of the next one's
            self._console_text = ""
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

    def _observe(self, direction: Direction, data: bytes, seconds: float) -> None:
        self._traffic.append((direction, data, seconds))
        if direction == "sent":
            self._last_request = self._traffic[-1]
        if self._recorder is not None:
            self._recorder.observe(direction, data, seconds)


def _variable(name: str) -> object:
    return BuiltIn().get_variable_value(f"${{{name}}}")


def _target_named(name: str) -> str:
    if name != "auto":
        return name
    choice = auto.choose()
    logger.info(f"target {choice.target}: {choice.reason}", also_console=True)
    return choice.target
