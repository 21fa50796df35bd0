"""How much commands say beside their results: ``-q``, ``-v``, ``-vv``, for one logger, ``renode_mnist``.

All of it goes to the error stream. A warning is a note that who sees the result should know; an info is what is done
(tools that are called, files that are read, images that are there already, targets that are opened); a debug is a
frame on the wire. Modules log to children of the logger, each by its own name, and never print.
"""

from __future__ import annotations

import logging

import click

from renode_mnist.plain_text import harmless

LOGGER = "renode_mnist"
_QUIET, _VERBOSE, _CALLED = f"{__name__}.quiet", f"{__name__}.verbose", f"{__name__}.called"


class _ToErrorStream(logging.Handler):
    """Lines as commands print them: what other programs or files said in them can do no harm."""

    def emit(self, record: logging.LogRecord) -> None:
        """As ``logging.Handler``."""
        click.echo(harmless(record.getMessage()), err=True)


def add_options(command: click.Command) -> click.Command:
    """Gives a command, or each of a group, ``-q`` and ``-v``; once is enough."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            add_options(member)
    elif not any(parameter.name == _OPTIONS[0].name for parameter in command.params):
        command.params.extend(_OPTIONS)
    return command


def is_quiet() -> bool:
    """Whether results and errors are all that is wanted."""
    return logging.getLogger(LOGGER).level >= logging.ERROR


def is_verbose() -> bool:
    """Whether what is done is wanted too."""
    return logging.getLogger(LOGGER).isEnabledFor(logging.INFO)


def called(context: click.Context) -> click.Context | None:
    """The context of the command that was called, to whom a group's knows no way; None where it was not come to."""
    found: click.Context | None = context.meta.get(_CALLED)
    return found


def _hear(context: click.Context, parameter: click.Parameter, value: int | bool) -> None:
    context.meta[_CALLED] = context
    context.meta[_QUIET if parameter.name == _OPTIONS[0].name else _VERBOSE] = int(value)
    quiet, verbose = context.meta.get(_QUIET, 0), context.meta.get(_VERBOSE, 0)
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    if context.resilient_parsing:
        return
    _configure(logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    if verbose and value and (project := getattr(context.find_root().default_map, "file", None)) is not None:
        logging.getLogger(__name__).info("defaults of %s", project)


def _configure(level: int) -> None:
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level)
    if not any(isinstance(handler, _ToErrorStream) for handler in logger.handlers):
        logger.addHandler(_ToErrorStream())


_OPTIONS = (
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_hear,
        help="Results and errors alone.",
    ),
    click.Option(
        ["-v", "--verbose"],
        count=True,
        expose_value=False,
        is_eager=True,
        callback=_hear,
        help="Say what is done; -vv also what goes over the wire.",
    ),
)
"""One object for all commands: click changes none."""
