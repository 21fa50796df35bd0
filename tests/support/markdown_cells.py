"""Text as a cell of a Markdown table."""

from __future__ import annotations


def cell(text: str) -> str:
    """On one line, without what would end the cell or begin markup."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """A piece of such a line; its spaces stay."""
    for mark, written in (("|", "\\|"), ("<", "&lt;"), ("*", "\\*"), ("\n", " ")):
        text = text.replace(mark, written)
    return text
