"""Options that several commands share: which image, which target. Made from the data classes that declare them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from renode_mnist import images
from renode_mnist.images import BuildConfig, Image, ImageOptions, Machine
from renode_mnist.option import Face, Option, options_of
from renode_mnist.session.target_options import TARGETS, OpenOptions, ProgramOptions, TargetOptions

F = TypeVar("F", bound=Callable[..., Any])
_LOG = logging.getLogger(__name__)


def options_from(
    declared: type, *, names: Collection[str] | None = None, silent: Collection[str] = ()
) -> Callable[[F], F]:
    """A decorator that gives a command the options that a data class declares.

    Args:
        declared: The data class.
        names: Which of its fields; all that the command line takes without it.
        silent: Those whose choices say enough here, so that their help stays away.
    """
    wanted = [each for each in options_of(declared, Face.COMMAND_LINE) if names is None or each.name in names]

    def decorate(command: F) -> F:
        for each in reversed(wanted):
            command = _parameter(each, silent=each.name in silent)(command)
        return command

    return decorate


def _parameter(declared: Option, *, silent: bool) -> Callable[[F], F]:
    flag = declared.words.flag or f"--{declared.name.replace('_', '-')}"
    unset = f"  [default: {declared.words.unset}]" if declared.words.unset else ""
    default = declared.default
    return click.option(
        f"{flag}/--no-{flag.removeprefix('--')}" if declared.kind is bool else flag,
        declared.name,
        type=_type(declared),
        default=str(default) if declared.choices else default,
        callback=(lambda context, parameter, text: declared.value(text)) if declared.choices else None,
        shell_complete=complete_model if declared.name == "model" else None,
        show_default=not declared.words.many,
        metavar=declared.words.metavar or None,
        multiple=declared.words.many,
        help=None if silent else _plain(declared) + unset,
    )


def complete_model(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The committed models of that beginning; a file where there is none."""
    # In this order: bash forgets what stands before "file", and completes a file only where nothing stands after it.
    names = [name for name in images.committed_models() if name.startswith(begun)]
    return [CompletionItem(begun, type="file"), *map(CompletionItem, names)]


def complete_words(choices: Iterable[str], begun: str) -> list[CompletionItem]:
    """The choices that the last of several words, joined by commas, begins."""
    before, comma, last = begun.rpartition(",")
    return [CompletionItem(before + comma + choice) for choice in choices if choice.startswith(last)]


def _plain(declared: Option) -> str:
    return declared.words.for_face(Face.COMMAND_LINE).replace("``", "")


def _type(declared: Option) -> Any:
    if declared.choices:
        return click.Choice([str(choice) for choice in declared.choices])
    if declared.words.path:
        is_file = declared.words.path == "file"
        return click.Path(exists=is_file, file_okay=is_file, dir_okay=not is_file, path_type=Path)
    if declared.words.least is not None or declared.words.most is not None:
        range_ = click.FloatRange if declared.kind is float else click.IntRange
        return range_(declared.words.least, declared.words.most)
    return declared.kind if declared.kind in (int, float, bool) else str


image_options = options_from(ImageOptions)
"""``--model``, ``--engine`` and their like: what to build."""

target_options = options_from(TargetOptions)
"""``--port``, ``--flash`` and their like: how a target is run."""

elf_option = options_from(OpenOptions, names=("elf",))
"""``--elf``: an image that is there already."""


def _taken(declared: type, options: dict[str, Any]) -> dict[str, Any]:
    return {each.name: options.pop(each.name) for each in options_of(declared, Face.COMMAND_LINE)}


def image_options_of(options: dict[str, Any]) -> ImageOptions:
    """Takes the image options out of a command's keyword arguments."""
    return ImageOptions(**_taken(ImageOptions, options))


def config_of(options: dict[str, Any], machine: Machine = "stm32f746") -> BuildConfig:
    """The same, with the model found."""
    return BuildConfig.of(image_options_of(options), machine)


def program_options_of(options: dict[str, Any]) -> ProgramOptions:
    """Takes the options of a program of others out of a command's keyword arguments."""
    return ProgramOptions(**_taken(ProgramOptions, options))


def target_options_of(options: dict[str, Any]) -> Callable[[ImageOptions], TargetOptions]:
    """Takes the target options out of a command's keyword arguments; the board comes from the image's."""
    taken = _taken(TargetOptions, options)
    return lambda image: TargetOptions(board=image.board, **taken)


def image_of(elf: Path | None, config: BuildConfig) -> Image:
    """The given ELF, or the image of ``config``, built where it has to be; says so on the error stream then."""
    if elf is not None:
        return Image(elf, None, fresh=False)
    from renode_mnist.commands import progress_bar

    with ExitStack() as shown:
        return images.build(
            config, starting=lambda: shown.enter_context(progress_bar.doing(f"configuring {config.name}"))
        )


def target_option(*, default: str = OpenOptions.target, choices: tuple[str, ...] = TARGETS) -> Callable[[F], F]:
    """``--target``: the command gets one of ``choices``, never ``auto``, which is decided here; see `why_target`."""
    declared = next(each for each in options_of(OpenOptions) if each.name == "target")
    return click.option(
        "--target",
        type=click.Choice(("auto", *choices)),
        default=default,
        show_default=True,
        callback=_decided,
        help=_plain(declared),
    )


def _decided(context: click.Context, parameter: click.Parameter, target: str) -> str:
    if target != "auto" or context.resilient_parsing:
        return target
    from renode_mnist.targets import auto

    choice = auto.choose()
    context.meta[_WHY] = choice.reason
    return choice.target


_WHY = f"{__name__}.why"


def why_target() -> str:
    """Why ``--target auto`` took what it did, to be shown with what ran there; empty where somebody named it."""
    return str(click.get_current_context().meta.get(_WHY, ""))


def tell_target(target: str) -> None:
    """The same as a line on the error stream, where no table has it; for when arguments have been checked."""
    if why := why_target():
        _LOG.warning("target %s, since %s", target, why)


picture_option = click.option(
    "--image",
    "picture",
    type=click.Path(path_type=Path),
    help="Picture of a digit, any size and polarity.  [default: a 7 of the MNIST test set]",
)
"""``--image``: what is classified."""
