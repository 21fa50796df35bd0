"""What the site makes of the pages' links, and what it refuses; `make docs` builds it."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from renode_mnist import paths

ROOT = paths.root()
HOME = "https://example.com/code"


@pytest.fixture(scope="module")
def site() -> ModuleType:
    where = importlib.util.spec_from_file_location("docs_site", ROOT / "distribution" / "docs_site.py")
    assert where is not None
    assert where.loader is not None
    module = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module


def on(name: str) -> Any:
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("wire.md", "[x](boards.md#the-console)", "[x](boards.md#the-console)"),
        ("wire.md", "[x](../schema/mnist.fbs)", f"[x]({HOME}/blob/main/schema/mnist.fbs)"),
        ("wire.md", "[x](../models/digits)", f"[x]({HOME}/tree/main/models/digits)"),
        ("wire.md", "[x](../CHANGELOG.md#unreleased)", "[x](changelog.md#unreleased)"),
        ("contributing.md", "[`x`](docs/wire.md)", "[`x`](wire.md)"),
        ("motions.md", "[x](../../docs/suites.md)", "[x](suites.md)"),
        ("wire.md", "![a [b] c](img/draw.png)", "![a [b] c](img/draw.png)"),
        ("wire.md", "[x](https://example.com/a.md), [y](#z)", "[x](https://example.com/a.md), [y](#z)"),
        ("wire.md", "```\n[x](../NOTICE.md)\n```\n[x](../NOTICE.md)", "```\n[x](../NOTICE.md)\n```\n[x](notice.md)"),
    ],
)
def test_a_link_of_the_repository_becomes_one_of_the_site(site: ModuleType, page: str, link: str, led: str) -> None:
    config = SimpleNamespace(extra={"repository": HOME})
    assert site.on_page_markdown(link, page=on(page), config=config, files=None) == led


def test_the_index_leads_to_every_page(site: ModuleType) -> None:
    listed = set(re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)) - {"index.md"}
    index = (ROOT / "docs" / "index.md").read_text()
    config = SimpleNamespace(extra={"repository": HOME})
    led = site.on_page_markdown(index, page=on("index.md"), config=config, files=None)
    assert len(listed) > 40
    assert sorted(page for page in listed if f"]({page}" not in led) == []


def test_a_link_to_nothing_is_a_warning_which_ends_the_build(
    site: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    config = SimpleNamespace(extra={"repository": HOME})
    site.on_page_markdown("[x](../firmware/none.cpp)", page=on("wire.md"), config=config, files=None)
    assert caplog.messages == ["docs/wire.md links to ../firmware/none.cpp, which is not in the repository"]
    assert "mkdocs build --strict\n" in (ROOT / "Makefile").read_text()  # --quiet would hide them from it


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p>text\n- one\n- two</p>", 2),
        ("<p>text\n| a | b |\n| --- | --- |</p>", 2),
        ("<p>a - b | c</p><ul><li>- one</li></ul>", 0),
    ],
)
def test_a_list_or_table_that_only_github_shows_is_refused(
    site: ModuleType, caplog: pytest.LogCaptureFixture, html: str, count: int
) -> None:
    site.on_page_content(html, page=on("wire.md"), config=None, files=None)
    assert len(caplog.messages) == count


@pytest.mark.parametrize(
    ("html", "is_fetched"),
    [
        ('<script src="https://example.com/x.js">', True),
        ("<img alt=x src=//example.com/x.png>", True),
        ('<link rel="stylesheet" href="https://fonts.example.com/css">', True),
        ('<a href="https://example.com">x</a><script src="assets/x.js"></script><img src="img/draw.png">', False),
    ],
)
def test_what_a_browser_would_fetch_elsewhere_is_refused(
    site: ModuleType, caplog: pytest.LogCaptureFixture, html: str, is_fetched: bool
) -> None:
    site.on_post_page(html, page=on("wire.md"), config=None)
    assert bool(caplog.messages) is is_fetched


def test_the_theme_fetches_no_font_and_asks_no_forge(site: ModuleType) -> None:
    settings = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in settings
    assert "repo_url:" not in settings
