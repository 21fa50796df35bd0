"""What mkdocs has to know of this repository to make a site of docs/ (mkdocs.yml, `make docs`).

The pages are written for GitHub, where a link may lead to any file of the repository. Here such a link becomes one to
the repository's address, or to the page where the file is one of the site; a file that is not there is refused. So is
what GitHub's Markdown shows otherwise than the site's, and what would make a reader's browser ask another host.
"""

from __future__ import annotations

import logging
import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TOP = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "NOTICE.md": "notice.md",
    "SECURITY.md": "security.md",
    "models/README.md": "model-card.md",
    "models/motions/README.md": "motions.md",
}
"""Files of the repository that are pages of the site, and their names there."""

_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)#\s]*)(#[^)\s]*)?(\))")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//"
    r"|<link\b[^>]*\brel=\"?(?:stylesheet|preload|preconnect|icon)\"?[^>]*href=\"?(?:https?:)?//"
)
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.S)
_NOT_READ = re.compile(r"^(?:[-*] |\d+\. |\| ?).*", re.M)
log = logging.getLogger("mkdocs.hooks.docs_site")


def on_config(config: Any) -> Any:
    """Takes the repository's address from where it is kept; not as `repo_url`, of which the theme asks GitHub."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.extra["repository"] = project["urls"]["Repository"]
    config.copyright = f'<a href="{project["urls"]["Repository"]}">{project["urls"]["Repository"]}</a>, MIT licence'
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that stand elsewhere in the repository."""
    from mkdocs.structure.files import File  # here, so that tests need no mkdocs

    for source, page in TOP.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Makes links of the repository ones of the site; what is within code stays."""
    page_of = {name: source for source, name in TOP.items()}
    here = page_of.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    pieces, end = [], 0
    for fence in _FENCE.finditer(markdown):
        pieces += [_LINK.sub(lambda link: _led(link, here, config), markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*pieces, _LINK.sub(lambda link: _led(link, here, config), markdown[end:])])


def _led(link: re.Match[str], here: str, config: Any) -> str:
    before, target, anchor, after = link[1], link[2], link[3] or "", link[4]
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
    if meant in TOP:
        return f"{before}{TOP[meant]}{anchor}{after}"
    if meant.startswith("docs/"):
        return f"{before}{meant.removeprefix('docs/')}{anchor}{after}"
    if not (ROOT / meant).exists():
        log.warning("%s links to %s, which is not in the repository", here, target)
    kind = "tree" if (ROOT / meant).is_dir() else "blob"
    return f"{before}{config.extra['repository']}/{kind}/main/{meant}{anchor}{after}"


def on_page_content(html: str, *, page: Any, config: Any, files: Any) -> str:
    """Refuses lists and tables that GitHub shows and the site's Markdown takes for a paragraph."""
    for paragraph in _PARAGRAPH.finditer(html):
        for found in _NOT_READ.finditer(paragraph[1]):
            log.warning("%s: no list or table for want of an empty line: %s", page.file.src_uri, found[0][:90])
    return html


def on_post_page(output: str, *, page: Any, config: Any) -> str:
    """Refuses what a browser would fetch from elsewhere."""
    for found in _FETCHED.finditer(output):
        log.warning("%s would make a browser fetch %s", page.file.src_uri, found[0])
    return output
