"""Sentences beside tables: wrapped at words on a terminal, which would cut them, and in one line in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def say(console: Console, sentence: str, style: str = "") -> None:
    """Prints a sentence.

    Args:
        console: Where.
        sentence: Plain; brackets in it are no mark-up.
        style: Of Rich.
    """
    console.print(Text(sentence, style=style), soft_wrap=not console.is_terminal)
