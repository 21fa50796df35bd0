"""Options that choose a matrix of models and engines, several values each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from renode_mnist.commands.options import complete_model, complete_words
from renode_mnist.images import ImageOptions, committed_models
from renode_mnist.option import options_of

F = TypeVar("F", bound=Callable[..., Any])

MODELS = ("float32", "int8", "uint8")


class _List(click.ParamType[tuple[str, ...]]):
    """Words joined by commas, each one of the choices where there are any."""

    name = "list"

    def __init__(self, choices: tuple[str, ...] = ()) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Splits and checks."""
        if isinstance(value, tuple):
            return value
        words = tuple(word.strip() for word in str(value).split(",") if word.strip())
        for word in words:
            if self.choices and word not in self.choices:
                self.fail(f"'{word}' is not one of {', '.join(self.choices)}", param, ctx)
        return words


def list_option(flag: str, field: str, default: Sequence[object] = (), help: str = "") -> Callable[[F], F]:
    """Several values of an option of the image, as ``--engines m7,reference``; its default where none is given."""
    declared = next(each for each in options_of(ImageOptions) if each.name == field)

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        if field == "model" and "," not in begun:
            return complete_model(context, parameter, begun)
        return complete_words(map(str, declared.choices) if declared.choices else committed_models(), begun)

    return click.option(
        flag,
        f"{flag.strip('-').removesuffix('s')}s",
        type=_List(tuple(map(str, declared.choices))),
        shell_complete=complete,
        default=",".join(map(str, default or [declared.default])),
        show_default=True,
        help=help or None,
    )
