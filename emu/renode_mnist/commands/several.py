"""Several values of one option, written as a shell's words: told how they are joined, where click would say less."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import PurePath

import click

_MODEL_SUFFIX = ".tflite"
_SAMPLE_SUFFIXES = frozenset({".npy", ".npz", ".csv", ".json", ".bin"})


def refuse_loose(command: click.Command, words: Sequence[str]) -> None:
    """Refuses ``--models int8 float32``: the second word would be taken for something else.

    Args:
        command: Which is called.
        words: What it is given.

    Raises:
        UsageError: A word behind an option's value is plainly another value of it.
    """
    if isinstance(command, click.Group):
        member = command.commands.get(words[0]) if words else None
        if member is not None:
            refuse_loose(member, words[1:])
        return
    options = {flag: each for each in command.params if isinstance(each, click.Option) for flag in each.opts}
    for flag, value, loose in zip(words, words[1:], words[2:], strict=False):
        option = options.get(flag)
        if option is None or loose.startswith("-") or not _is_value(option, value, loose):
            continue
        if option.type.name == "list":
            raise click.UsageError(f"{flag} takes several values joined by commas: {flag} {value},{loose}")
        if option.multiple:
            raise click.UsageError(f"{flag} is given again for each value: {flag} {value} {flag} {loose}")


def _is_value(option: click.Option, value: str, word: str) -> bool:
    if word in _choices(option):
        return True
    suffix = PurePath(word).suffix.lower()
    if option.name == "models" and suffix == _MODEL_SUFFIX:
        return True
    return option.multiple and suffix in _SAMPLE_SUFFIXES and suffix == PurePath(value).suffix.lower()


def _choices(option: click.Option) -> Collection[str]:
    from renode_mnist import paths
    from renode_mnist.images import committed_models

    if option.name == "models":
        return committed_models()
    if option.name == "suites":
        return [path.stem for path in paths.suites().glob("*.robot")]
    return tuple(map(str, getattr(option.type, "choices", ())))
