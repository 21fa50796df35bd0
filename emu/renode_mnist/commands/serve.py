"""``renode-mnist serve``."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import click

from renode_mnist.commands.options import config_of, elf_option, image_of, image_options
from renode_mnist.opening import TargetOptions, make_target
from renode_mnist.stream import ByteStream
from renode_mnist.targets.base import HasConsole


@click.command()
@click.option("--pty", is_flag=True, help="As pseudo-terminals (the default).")
@click.option("--tcp", "tcp_port", type=click.IntRange(0, 65535), help="As TCP ports on 127.0.0.1; 0 is a free one.")
@image_options
@elf_option
def serve(pty: bool, tcp_port: int | None, elf: Path | None, **options: Any) -> None:
    """Make the emulated board reachable as a real one, in real time, until Ctrl-C.

    Prints a line for each port: `binary ADDRESS` and `console ADDRESS`. Reach them with `--target board --port
    ADDRESS`, or with any serial terminal.
    """
    from renode_mnist import serve as serving

    if pty and tcp_port is not None:
        raise click.UsageError("--pty and --tcp exclude each other.")
    config = config_of(options)
    image = image_of(elf, config)
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with make_target("embedded", image.elf, TargetOptions(board=config.board)) as target:
        lines: dict[str, ByteStream] = {"binary": target}
        if isinstance(target, HasConsole):
            lines["console"] = target.console
        doors: dict[serving.Door, ByteStream] = {}
        try:
            for number, (role, line) in enumerate(lines.items()):
                # The console's port is always a free one, unless the user named the first: then the next.
                port = tcp_port + number if tcp_port else 0
                door: serving.Door = serving.PseudoTerminal() if tcp_port is None else serving.TcpPort(port)
                doors[door] = line
                click.echo(f"{role} {door.address}")
            serving.serve(target, doors, until=lambda: stopped)
        finally:
            for door in doors:
                door.close()
