"""Opens the target that a flag or an argument names: the one place that knows all of them."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem, TargetError
from renode_mnist.images import BuildConfig, Machine, build, toolchain
from renode_mnist.session.record import Connection
from renode_mnist.session.session import Programmer, Session
from renode_mnist.session.target_options import (
    CHIP_TARGETS,
    EMULATED_TARGETS,
    FLASH_TOOLS,
    TARGETS,
    RunOptions,
    TargetOptions,
)
from renode_mnist.stream import ByteStream
from renode_mnist.targets.base import HasConsole, RunsVirtualTime, Target
from renode_mnist.wire.client import DEFAULT_TIMEOUT_SECONDS, Observer

if TYPE_CHECKING:
    from renode_mnist.timing import AdjustedParameters

_LOG = logging.getLogger(__name__)


def available() -> list[str]:
    """The targets that this machine has without being told more."""
    return [name for name in ("embedded", "renode", "host") if lacks(name) is None]


def lacks(name: str) -> EnvironmentProblem | None:
    """What keeps this machine from having a target that needs not be told more; None where nothing does."""
    try:
        require_target(name)
        if name == "host":
            toolchain.require("host")
    except EnvironmentProblem as problem:
        return problem
    return None


def require_target(name: str, options: TargetOptions | None = None) -> None:
    """Raises where this machine cannot have a target, whatever firmware would run on it; opens nothing.

    Raises:
        EnvironmentProblem: There is no Renode.
        TargetError: There is no board, or more than one, or it has no use for parameters.
        ParameterError: Their file cannot be used.
    """
    if options is not None:
        parameters_for(name, options)
    if name == "renode":
        from renode_mnist.renode_install import locate

        locate.find()
    if name == "board" and (options is None or options.port is None):
        from renode_mnist.targets.board import find_port

        find_port()


def machine_of(target: str) -> Machine:
    """For which machine an image of this target is built.

    Raises:
        TargetError: There is no target of that name.
    """
    if target not in TARGETS:
        raise _no_target(target)
    return "stm32f746" if target in CHIP_TARGETS else "host"


def elf_of(asked: RunOptions, target: str) -> Path:
    """The ELF that is asked for, built for that target where none is given.

    Raises:
        RenodeMnistError: The model or the build refuses.
    """
    config = BuildConfig.of(asked, machine_of(target))
    return build(config).elf if asked.elf is None else Path(asked.elf)


def make_target(
    name: str, elf: Path, options: TargetOptions | None = None, *, waiting: Callable[[str], None] | None = None
) -> Target:
    """A target, not opened yet, to be used as a context manager.

    Args:
        name: One of ``TARGETS``.
        elf: The firmware; for ``host`` the program built for this PC.
        options: See ``TargetOptions``.
        waiting: Told how to attach the debugger, once the target waits for it.

    Raises:
        TargetError: There is no target of that name, or it lacks something.
        ElfError: The target cannot run this ELF.
    """
    options = options or TargetOptions()
    _LOG.info("target %s with %s", name, elf)
    if options.gdb_port is not None and name not in EMULATED_TARGETS:
        raise TargetError(
            f"the target {name} serves no debugger", f"Debug with --target {' or '.join(EMULATED_TARGETS)}."
        )
    parameters = parameters_for(name, options)
    port = options.gdb_port
    attach = partial(waiting, gdb_command(elf, port)) if waiting is not None and port is not None else None
    # Each target is imported when it is asked for: they need packages that not every installation has.
    if name == "embedded":
        from renode_mnist.targets.embedded import EmbeddedTarget

        return EmbeddedTarget(
            elf,
            board=options.board,
            clock_model=options.clock_model,
            parameters=parameters,
            gdb_port=port,
            on_waiting=attach,
        )
    if name == "renode":
        from renode_mnist.targets.renode import RenodeTarget

        return RenodeTarget(elf, gdb_port=port, on_waiting=attach)
    if name == "board":
        from renode_mnist.targets.board import BoardTarget, BoardTargetWithConsole

        if options.console_port is not None:
            return BoardTargetWithConsole(options.port, options.console_port, options.baud)
        return BoardTarget(options.port, options.baud)
    if name == "host":
        from renode_mnist.targets.host import HostTarget

        return HostTarget(elf)
    raise _no_target(name)


def parameters_for(name: str, options: TargetOptions) -> AdjustedParameters | None:
    """The figures that are asked for, of a target that has a use for them.

    Raises:
        TargetError: It has none.
        ParameterError: Their file cannot be used.
    """
    if options.parameters is None:
        return None
    if name != "embedded":
        raise TargetError(
            f"the target {name} models no cycles, so that it has no use for parameters",
            "Take `--target embedded`, or leave --parameters out.",
        )
    from renode_mnist.timing.parameter_file import load

    return load(options.parameters)


def gdb_command(elf: Path, port: int) -> str:
    """What to type to attach the debugger to a target with this ``gdb_port``."""
    return shlex.join(["gdb-multiarch", "-ex", f"target remote localhost:{port}", str(elf)])


def _no_target(name: str) -> TargetError:
    return TargetError(f"there is no target '{name}'", f"Choose one of: {', '.join(TARGETS)}.")


@dataclass(frozen=True)
class ConsoleLine:
    """A text console that can be talked to.

    Attributes:
        stream: Its line.
        place: Whose it is, for a message.
        virtual_time: Whether its time passes only while it is read.
    """

    stream: ByteStream
    place: str
    virtual_time: bool


@contextmanager
def open_console(name: str, elf: Callable[[], Path], options: TargetOptions | None = None) -> Iterator[ConsoleLine]:
    """The text console of a target; of a board only that port is opened, unless it is to be programmed.

    Args:
        name: One of ``TARGETS``.
        elf: Gives the firmware where one is needed.
        options: See ``TargetOptions``.

    Raises:
        TargetError: The target has no console that can be reached, or cannot be opened.
        ElfError: The target cannot run this ELF.
    """
    options = options or TargetOptions()
    if name == "board" and options.console_port is not None and options.flash == "none":
        from renode_mnist.targets.serial_line import SerialLine

        with SerialLine(options.console_port, options.baud) as line:
            yield ConsoleLine(line, f"the board at {line.port}", virtual_time=False)
        return
    if name == "board" and options.console_port is None:
        raise TargetError(
            "the board's console is on a UART of its own, not on the ST-LINK's port",
            f"Wire it to a serial adapter ({remedies.page('boards')}) and name that: `--console-port`.",
        )
    opened = open_session(name, elf(), options) if name == "board" else make_target(name, elf(), options)
    with opened as inside:
        target = inside.target if isinstance(inside, Session) else inside
        if not isinstance(target, HasConsole):
            raise TargetError(f"the console of target {name} can't be reached", "Choose another target.")
        identity = target.identity()
        place = f"{identity.target} ({identity.version})"
        yield ConsoleLine(target.console, place, virtual_time=isinstance(target, RunsVirtualTime))


def prepare(
    name: str, elf: Path, options: TargetOptions | None = None, *, waiting: Callable[[str], None] | None = None
) -> tuple[Target, Programmer | None]:
    """What a session is made of: a target, not opened yet, and what gives a board its firmware where it must be.

    Raises:
        TargetError: As ``make_target``, or there is no such flash tool.
        ElfError: As ``make_target``.
    """
    options = options or TargetOptions()
    if options.flash not in FLASH_TOOLS:
        raise TargetError(f"there is no flash tool '{options.flash}'", f"Choose one of: {', '.join(FLASH_TOOLS)}.")
    programmer = None
    if name == "board" and options.flash != "none":
        from renode_mnist.targets.board import find_port, probe_of
        from renode_mnist.targets.flasher import Programmer as BoardProgrammer

        options = replace(options, port=options.port or find_port())
        assert options.port is not None
        programmer = BoardProgrammer(elf, options.board, options.flash, probe_of(options.port))
    return make_target(name, elf, options, waiting=waiting), programmer


def connect(name: str, elf: Path, options: TargetOptions) -> Connection:
    """Who answers there: opened once before suites run, so that what is missing is told once and not by each test.

    Raises:
        RenodeMnistError: The target cannot be had, cannot run this ELF, or its firmware does not answer.
    """
    require_target(name, options)
    with open_session(name, elf, options) as session:
        return session.check()


def open_session(
    name: str,
    elf: Path,
    options: TargetOptions | None = None,
    *,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    observer: Observer | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Session:
    """A session on a target, to be used as a context manager; a board is given its firmware where it must be.

    Raises:
        TargetError: As ``prepare``.
        ElfError: As ``make_target``.
    """
    target, programmer = prepare(name, elf, options, waiting=waiting)
    return Session(target, timeout_seconds=timeout_seconds, observer=observer, programmer=programmer)
