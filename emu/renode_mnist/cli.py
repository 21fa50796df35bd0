"""The command line: wires the commands together and turns errors into messages and exit codes.

It exits 0 when all is well, 1 when a check failed, 2 when the call or the environment is wrong, 70 at a defect of its
own, 129 after SIGHUP, 130 after Ctrl-C, 141 where who read its output has gone, and 143 after SIGTERM.
"""

from __future__ import annotations

import codecs
import errno
import importlib
import io
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from renode_mnist.commands import several, termination, verbosity
from renode_mnist.errors import EnvironmentProblem, RenodeMnistError
from renode_mnist.plain_text import harmless

# Each command is imported when it is called, so that `run` pays neither for training nor for plots.
_COMMANDS = {
    "init": "renode_mnist.commands.init:init",
    "run": "renode_mnist.commands.run:run",
    "build": "renode_mnist.commands.build:build",
    "inspect": "renode_mnist.commands.inspect:inspect",
    "verify": "renode_mnist.commands.verify:verify",
    "evaluate": "renode_mnist.commands.evaluate:evaluate",
    "faults": "renode_mnist.commands.faults:faults",
    "test": "renode_mnist.commands.test:test",
    "golden": "renode_mnist.commands.golden:golden",
    "parity": "renode_mnist.commands.parity:parity",
    "replay": "renode_mnist.commands.replay:replay",
    "bench": "renode_mnist.commands.bench:bench",
    "compare": "renode_mnist.commands.compare:compare",
    "ci": "renode_mnist.commands.ci:ci",
    "history": "renode_mnist.commands.history:history",
    "profile": "renode_mnist.commands.profile:profile",
    "calibrate": "renode_mnist.commands.calibrate:calibrate",
    "draw": "renode_mnist.commands.draw:draw",
    "emulate": "renode_mnist.commands.emulate:emulate",
    "console": "renode_mnist.commands.console:console",
    "serve": "renode_mnist.commands.serve:serve",
    "train": "renode_mnist.commands.model:train",
    "data": "renode_mnist.commands.model:data",
    "export": "renode_mnist.commands.model:export",
    "renode": "renode_mnist.commands.renode:renode",
    "doctor": "renode_mnist.commands.doctor:doctor",
    "completion": "renode_mnist.commands.completion:completion",
}

_WITHOUT_PROJECT = frozenset({"init", "doctor", "renode", "completion"})
"""They are wanted also, or just then, where a project's file is damaged."""


def _tell_version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from renode_mnist import paths, version
    from renode_mnist.images import prebuilt

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
        return verbosity.add_options(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, and what the project says of its options, unless it is help that is wanted."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            several.refuse_loose(command, rest)
        if not ctx.resilient_parsing and name not in _WITHOUT_PROJECT and not {"-h", "--help"} & set(rest):
            from renode_mnist.commands import project

            if (found := project.find(Path(os.curdir))) is not None:
                ctx.default_map = project.default_map(found, self, ctx)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an error about what the project's file said has its lines as notes."""
        try:
            return super().invoke(ctx)
        except (RenodeMnistError, click.UsageError) as error:
            if (called := verbosity.called(ctx)) is not None:
                from renode_mnist.commands import project_key

                project_key.explain(error, called)
            raise

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
    """Test machine-learning firmware for the STM32F746 without the board, and then with it.

    Exit status: 0 all is well, 1 a check failed, 2 the call or the environment is wrong, 70 a defect of this program,
    129 SIGHUP, 130 Ctrl-C (0 where that is how it ends: draw, serve, console), 141 nobody reads the output, 143
    SIGTERM (0 of draw and serve).
    """


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system says of a user's files and not of a defect."""

_INTERRUPTED = 128 + signal.SIGINT
_NOBODY_READS = 128 + 13
"""As a shell has it for a program that SIGPIPE (13; Windows has none) has ended."""


def main() -> None:
    """Entry point of ``renode-mnist``."""
    termination.heed()
    try:
        _main()
    except SystemExit:
        if ended_by := termination.status():
            sys.exit(ended_by)
        raise
    except KeyboardInterrupt:  # where it was no longer, or not yet, the command's
        sys.exit(termination.status() or _INTERRUPTED)


def _main() -> None:
    _take_streams()
    _take_width()
    output = sys.stdout
    try:
        status = app.main(prog_name="renode-mnist", standalone_mode=False)
        sys.stdout.flush()  # here, where an error still becomes a message
    except SystemExit as leaving:
        # Rich leaves at a closed pipe by itself, and so does click, which puts another stream into the place of
        # stdout; both with 1, which means here that a check failed.
        if isinstance(leaving.__context__, BrokenPipeError) or sys.stdout is not output:
            sys.exit(_NOBODY_READS)
        raise
    except click.ClickException as error:
        error.show()
        _tell_notes(error)
        sys.exit(2)
    except click.Abort:
        with suppress(OSError):  # the terminal may have gone
            click.echo("Interrupted.", err=True)
        sys.exit(_INTERRUPTED)
    except RenodeMnistError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except OSError as error:
        _drop_output()
        if error.errno == errno.EPIPE:
            sys.exit(_NOBODY_READS)
        if error.errno not in (*_NO_ROOM, *_FORBIDDEN):
            _end_by_defect(error)
        place = error.filename or "what the output goes to"
        what = "Make room there" if error.errno in _NO_ROOM else "Check its permissions"
        _tell(EnvironmentProblem(f"{place} cannot be used ({error.strerror})", f"{what}, or name another."))
        sys.exit(EnvironmentProblem.exit_code)
    except Exception as error:
        _end_by_defect(error)
    sys.exit(status if isinstance(status, int) else 0)


def _tell(error: RenodeMnistError) -> None:
    from renode_mnist import remedies

    said = harmless(remedies.as_called(str(error)))  # it may hold names of files, and what other programs said
    click.echo(f"{click.style('error:', fg='red')} {said}", err=True)
    _tell_notes(error)


def _tell_notes(error: Exception) -> None:
    for note in getattr(error, "__notes__", ()):
        click.echo(harmless(note), err=True)


def _end_by_defect(error: Exception) -> NoReturn:
    from renode_mnist.commands import defect

    with suppress(OSError, ValueError):  # what was said up to here, unless that is what fails
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        click.echo(f"{click.style('error:', fg='red')} {harmless(defect.tell(error))}", err=True)
    sys.exit(defect.EXIT_CODE)


_LEAST_COLUMNS = 20
"""The fewest in which every figure stands whole. Some programs export COLUMNS=0, which means that they know none."""


def _take_width() -> None:
    """A width in which something can be shown."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) == 0:
        del os.environ["COLUMNS"]
    elif columns.isdecimal() and int(columns) < _LEAST_COLUMNS:
        os.environ["COLUMNS"] = str(_LEAST_COLUMNS)


def _take_streams() -> None:
    """Standard streams that can be used: one that was closed is empty, and no character is too much for one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by who called, as by `<&-`; open until this process ends
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
        elif name == "stdout" and isinstance(stream, io.TextIOWrapper):
            codecs.register_error(_WHAT_CAN_BE, _what_can_be)
            stream.reconfigure(errors=_WHAT_CAN_BE)


_WHAT_CAN_BE = "renode_mnist.what_can_be"


def _what_can_be(error: UnicodeError) -> tuple[bytes, int]:
    """The bytes of a file's name as they are, and a question mark for what an ASCII locale lacks: boxes, bars."""
    assert isinstance(error, UnicodeEncodeError)
    unknown = error.object[error.start : error.end]
    return b"".join(os.fsencode(each) if "\udc80" <= each <= "\udcff" else b"?" for each in unknown), error.end


def _drop_output() -> None:
    """Forgets what could not be written, so that Python does not try again when it ends."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
