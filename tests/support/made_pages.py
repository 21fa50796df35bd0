"""The pages of docs/ that are reference made from code: `make docs-tables` writes them, a test holds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import calls_page
import cli_page
import json_page
import keywords_page
import messages_page
from renode_mnist import paths

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page.page,
    "keywords.md": keywords_page.page,
    "api.md": calls_page.page,
    "json.md": json_page.page,
    "messages.md": messages_page.page,
}


def file(name: str) -> Path:
    """Where a page is."""
    return paths.root() / "docs" / name


if __name__ == "__main__":
    for name, page in PAGES.items():
        file(name).write_text(page(), encoding="utf-8")
