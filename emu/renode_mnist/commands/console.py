"""``renode-mnist console``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands.options import (
    config_of,
    elf_option,
    image_of,
    image_options,
    target_option,
    target_options,
    target_options_of,
    tell_target,
)

if TYPE_CHECKING:
    from renode_mnist.session.console import Console


@click.command()
@target_option()
@image_options
@elf_option
@target_options
def console(target: str, elf: Path | None, **options: Any) -> None:
    """Talk to the firmware's text console; HELP there lists its commands.

    A terminal with line editing until Ctrl-D; where standard input is no terminal, its lines are sent one by one,
    each once the one before is answered: `echo CMD=1 | renode-mnist console`.
    """
    import asyncio

    from renode_mnist.session.console import Console
    from renode_mnist.session.opening import machine_of, open_console

    given = target_options_of(options)
    config = config_of(options, machine_of(target))
    with open_console(target, lambda: image_of(elf, config).elf, given(config)) as line:
        tell_target(target)
        talk = Console(line.stream, _show, virtual_time=line.virtual_time)
        try:
            if sys.stdin.isatty() and sys.stdout.isatty():
                click.echo(f"The console of {line.place}. HELP lists its commands, Ctrl-D ends.")
                asyncio.run(_interact(talk))
            else:
                talk.converse(sys.stdin.buffer)
        except KeyboardInterrupt:
            click.echo()


def _show(line: str) -> None:
    # Not click.echo, which may hold on to the stream that the prompt replaces; and in one piece, since that stream
    # draws the prompt over what does not end in a newline.
    sys.stdout.write(f"{line}\n")
    if not sys.stdout.isatty():
        sys.stdout.flush()


async def _interact(talk: Console) -> None:
    import asyncio
    import queue

    from prompt_toolkit import PromptSession
    from prompt_toolkit.patch_stdout import patch_stdout

    prompt: PromptSession[str] = PromptSession("> ")
    typed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    async def ask() -> None:
        try:
            while True:
                typed.put((await prompt.prompt_async()).encode(errors="replace"))
        except (EOFError, KeyboardInterrupt):
            typed.put(None)

    # What comes is printed above the line that is being typed.
    with patch_stdout():
        asking = asyncio.create_task(ask())
        try:
            await asyncio.to_thread(talk.attend, typed)
        finally:
            typed.put(None)  # who attends has to end where a signal ends this
            asking.cancel()  # the target may be gone while the prompt waits
            await asyncio.gather(asking, return_exceptions=True)
