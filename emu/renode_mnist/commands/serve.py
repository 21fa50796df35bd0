"""``renode-mnist serve``."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands.options import config_of, elf_option, image_of, image_options, options_from
from renode_mnist.session.target_options import EMULATED_TARGETS, ClockModel, OpenOptions, TargetOptions

if TYPE_CHECKING:
    from renode_mnist.session.serve import Behind

_LAST_PORT = 65535


@click.command()
@click.option("--pty", is_flag=True, help="As pseudo-terminals (the default).")
@click.option(
    "--tcp",
    "tcp_port",
    type=click.IntRange(0, _LAST_PORT - 1),
    help="As TCP ports on 127.0.0.1, this and the next; 0 takes free ones.",
)
@click.option("--target", type=click.Choice(EMULATED_TARGETS), default=OpenOptions.target, show_default=True)
@options_from(TargetOptions, names=("clock_model", "parameters"))
@image_options
@elf_option
def serve(
    pty: bool,
    tcp_port: int | None,
    target: str,
    clock_model: ClockModel,
    parameters: Path | None,
    elf: Path | None,
    **options: Any,
) -> None:
    """Make an emulated board reachable as a real one, in real time, until Ctrl-C.

    Prints a line for each port: `binary ADDRESS` and `console ADDRESS`. Reach them with `--target board --port
    ADDRESS`, or with any serial terminal.
    """
    from renode_mnist.session import serve as serving
    from renode_mnist.session.opening import make_target, require_target
    from renode_mnist.stream import TakenAtOnce
    from renode_mnist.targets.base import HasConsole
    from renode_mnist.targets.serial_line import DEFAULT_BAUD

    if pty and tcp_port is not None:
        raise click.UsageError("--pty and --tcp exclude each other.")
    config = config_of(options)
    asked = TargetOptions(board=config.board, clock_model=clock_model, parameters=parameters)
    require_target(target, asked)
    image = image_of(elf, config)
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with make_target(target, image.elf, asked) as board:
        assert isinstance(board, serving.Emulated)
        lines: dict[str, TakenAtOnce] = {"binary": board}
        if isinstance(board, HasConsole) and isinstance(board.console, TakenAtOnce):
            lines["console"] = board.console
        doors: dict[serving.Door, TakenAtOnce] = {}
        try:
            for number, (role, line) in enumerate(lines.items()):
                door: serving.Door
                if tcp_port is None:
                    door = serving.PseudoTerminal(DEFAULT_BAUD)
                else:
                    door = serving.TcpPort(tcp_port + number if tcp_port else 0)
                doors[door] = line
                click.echo(f"{role} {door.address}")
            serving.serve(board, doors, until=lambda: stopped, behind=_tell_behind)
        finally:
            for door in doors:
                door.close()


def _tell_behind(found: Behind) -> None:
    click.echo(
        f"note: the emulator has fallen {found.seconds:.2f} s behind real time, {found.after_seconds:.1f} s after "
        "its start; from here on it runs as fast as this machine lets it, and its answers come later than a board's.",
        err=True,
    )
