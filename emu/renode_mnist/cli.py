"""The command line: wires the commands together and turns errors into messages and exit codes.

It exits 0 when all is well, 1 when a check failed, 2 when the call or the environment is wrong.
"""

from __future__ import annotations

import importlib
import sys

import click

from renode_mnist.errors import RenodeMnistError

# Each command is imported when it is called, so that `run` pays neither for training nor for plots.
_COMMANDS = {
    "run": "renode_mnist.commands.run:run",
    "build": "renode_mnist.commands.build:build",
    "inspect": "renode_mnist.commands.inspect:inspect",
    "verify": "renode_mnist.commands.verify:verify",
    "test": "renode_mnist.commands.test:test",
    "golden": "renode_mnist.commands.golden:golden",
    "parity": "renode_mnist.commands.parity:parity",
    "replay": "renode_mnist.commands.replay:replay",
    "bench": "renode_mnist.commands.bench:bench",
    "compare": "renode_mnist.commands.bench:compare",
    "profile": "renode_mnist.commands.profile:profile",
    "draw": "renode_mnist.commands.draw:draw",
    "console": "renode_mnist.commands.console:console",
    "serve": "renode_mnist.commands.serve:serve",
    "train": "renode_mnist.commands.model:train",
    "data": "renode_mnist.commands.model:data",
    "export": "renode_mnist.commands.model:export",
    "renode": "renode_mnist.commands.renode:renode",
    "doctor": "renode_mnist.commands.doctor:doctor",
    "completion": "renode_mnist.commands.completion:completion",
}


def _tell_version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from renode_mnist import paths, prebuilt, version

    click.echo(f"renode-mnist {version.version()}, commit {version.commit()}")
    if not paths.is_checkout():
        images = prebuilt.images()
        compilers = ", ".join(sorted({image.compiler for image in images}))
        click.echo(f"prebuilt firmware: {f'{len(images)} images by {compilers}' if images else 'none'}")
    context.exit()


class Commands(click.Group):
    """A group whose members are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one command."""
        if (place := _COMMANDS.get(cmd_name)) is None:
            return None
        module, name = place.split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Whole sentences, wrapped; click would cut each to what is left of a line."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(limit=200)) for name, command in commands if command]
            )


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show version, commit, and the firmware that came along, and exit.",
)
def app() -> None:
    """Test machine-learning firmware for the STM32F746 without the board, and then with it."""


def main() -> None:
    """Entry point of ``renode-mnist``."""
    try:
        status = app.main(prog_name="renode-mnist", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(2)
    except RenodeMnistError as error:
        click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(status if isinstance(status, int) else 0)
