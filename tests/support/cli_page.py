"""Makes docs/cli.md of the commands themselves."""

from __future__ import annotations

import inspect
import re

import click

from markdown_cells import cell
from renode_mnist import errors
from renode_mnist.cli import app
from renode_mnist.commands import defect, program_end

_HEAD = (
    "# Command line\n\n"
    "Every command with its options; made from the commands (`make docs-tables`). `renode-mnist COMMAND "
    "--help` prints the same, `renode-mnist completion` completes it. In a clone the program is "
    "`.venv/bin/renode-mnist`, and plain `renode-mnist` after `. .venv/bin/activate`.\n\n"
    "Every command has these two as well, for what goes to the error stream beside its result:\n\n"
    "| option | what is said |\n| --- | --- |\n"
    "| `-q`, `--quiet` | results and errors alone: no notes, no progress |\n"
    "| `-v`, `--verbose` | what is done: tools that are called, files that are read, images that are there already, "
    "targets that are opened; `-vv` also each frame on the wire |\n\n"
    "Long work shows what it is at, its rate and the time left, on a terminal alone; elsewhere `init` and `compare` "
    "say in one line what they begin. Python programs have the same "
    "from the logger `renode_mnist` of `logging`.\n\n"
)
_OF_ALL = {"--help", "--quiet", "--verbose"}
_EXTRA = re.compile(r"\s*((?:\s*\[[^\[\]]*\])+)$")


def _statuses() -> str:
    ended = program_end._FAILED
    rows = [
        (0, "all is well"),
        (
            errors.CheckFailed.exit_code,
            "a check failed: a wrong class, a budget exceeded, a difference, a failed test",
        ),
        (errors.RenodeMnistError.exit_code, "the call or the environment is wrong, or a check could not be made"),
        (ended["wall"], "`emulate` and `profile` of a program: `--wall` is over"),
        (ended["fault"], "likewise: a fault"),
        (ended["hang"], "likewise: it waits for what will never come"),
        (program_end.STRICT, "likewise: `--strict`, and it used what is not modelled"),
        (defect.EXIT_CODE, "a defect of this program; the message says where its report is"),
        (129, "SIGHUP: the terminal has gone"),
        (130, "Ctrl-C; `draw`, `serve` and `console`, which end in that way, have 0"),
        (141, "who read the output has gone, as `head` does"),
        (143, "SIGTERM, as `timeout` and CI systems send it; `draw` and `serve` have 0"),
    ]
    lines = "".join(f"| {status} | {meaning} |\n" for status, meaning in rows)
    return (
        f"## Exit status\n| status | |\n| ---: | --- |\n{lines}\n"
        "SIGTERM and SIGHUP end a command as Ctrl-C does: temporary folders, worktrees of git and what it has "
        "started go with it, and what `evaluate`, `faults` and `test` have done is kept.\n\n"
        "A program that `emulate` runs and that exits by semihosting gives its own status "
        "([how it ends](emulate.md#how-it-ends)).\n\n"
    )


def _command(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = [f"{'#' * len(context.command_path.split())} {context.command_path}\n"]
    text.append(f"{_prose(command.help or '')}\n\n```text\n{usage}\n```\n")
    # Without --help: click keeps its names from whoever asked first, here or in another test. -q, -v: in the head.
    rows = [_row(each, context) for each in command.get_params(context) if not _OF_ALL & set(each.opts)]
    told = "".join(row for row in rows if row)
    if told:
        text.append(f"\n| option | meaning | default, range |\n| --- | --- | --- |\n{told}")
    if isinstance(command, click.Group):
        members = ((name, command.get_command(context, name)) for name in command.list_commands(context))
        text += [f"\n{_command(click.Context(one, context, name))}" for name, one in members if one]
    return "".join(text)


def _row(parameter: click.Parameter, context: click.Context) -> str:
    record = parameter.get_help_record(context)
    if record is None:
        return ""
    names, said = record[0].replace(" RANGE", ""), record[1]
    extra = _EXTRA.search(said)
    meaning = said[: extra.start()] if extra else said
    rest = "; ".join(re.findall(r"\[([^\[\]]*)\]", extra[1])) if extra else ""
    return (
        f"| `{names.replace('|', '&#124;')}` | {cell(meaning)} | {cell(rest.removeprefix('default: '))} |\n".replace(
            "&#124;", "\\|"
        )
    )


def _prose(text: str) -> str:
    """A help text as Markdown; what click was told not to wrap stays as it is."""
    parts = []
    for part in inspect.cleandoc(text).split("\n\n"):
        if part.startswith("\b\n"):
            parts.append("```text\n" + part.removeprefix("\b\n") + "\n```")
        else:
            parts.append(" ".join(part.split()))
    return "\n\n".join(parts)


def page() -> str:
    """The page's text."""
    context = click.Context(app, info_name="renode-mnist")
    commands = ((name, app.get_command(context, name)) for name in app.list_commands(context))
    told = [_command(click.Context(command, context, name)) for name, command in commands if command]
    return _HEAD + _statuses() + "\n".join(told)
