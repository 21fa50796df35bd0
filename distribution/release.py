"""What a release takes beyond building: its version and repository stand in every file that names them, or it stops.

The version of a release is its tag's; `prepare` writes it to the files that show it before they are tagged. Where the
project lives stands in pyproject.toml, `project.urls`; `repository` is the one way to change it, here and wherever
else it is spelled. `check` refuses a tag for which either was forgotten. Standard library only: it runs before
anything is installed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
"""As PEP 440 normalises it, so that tag, file names and the index's page agree."""

PLACEHOLDER = "OWNER"
_SLUG = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_ACTION = re.compile(r"(/\.github/actions/(?:test|comment)-firmware)@\S+")
_INSTALLED = re.compile(r'(default: )"[^"]*"( # `make release-prepare`)')
"""What the actions install, in each action.yml: the release that they are of."""
_UNRELEASED = "          version: checkout # until there is a release\n"
"""A line of an example that a release takes away."""
_ENTRY = r"^- "
_KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


class NotReady(Exception):
    """Why this can't be released; the text ends with what to do."""


@dataclass(frozen=True)
class Section:
    """One version of the changelog.

    Attributes:
        title: ``Unreleased`` or the version.
        date: As written, ``YYYY-MM-DD``; None for what is unreleased.
        text: All between this heading and the next, without the references at the file's end.
    """

    title: str
    date: str | None
    text: str


def sections(changelog: str) -> list[Section]:
    """The changelog's versions, newest first.

    Raises:
        NotReady: It is not in the form of Keep a Changelog.
    """
    body = re.split(r"^\[[^\]]+\]: ", changelog, maxsplit=1, flags=re.M)[0]
    found = []
    for part in re.split(r"^## ", body, flags=re.M)[1:]:
        heading, _, text = part.partition("\n")
        match = re.fullmatch(rf"\[(Unreleased|{VERSION.pattern})\](?: - (\d{{4}}-\d\d-\d\d))?", heading)
        if match is None or (match[1] == "Unreleased") is (match[2] is not None):
            raise NotReady(f"CHANGELOG.md: `## {heading}` should be `## [Unreleased]` or `## [1.2.3] - 2026-01-31`.")
        kinds = re.findall(r"^### (.+)$", text, re.M)
        if wrong := sorted(set(kinds) - set(_KINDS)):
            raise NotReady(f"CHANGELOG.md, {match[1]}: {wrong} should be of {', '.join(_KINDS)}.")
        found.append(Section(match[1], match[2], text.strip()))
    return found


def notes(changelog: str, title: str) -> str:
    """What one version changed, as the text of its release.

    Raises:
        NotReady: There is no such version, or nothing stands there.
    """
    for section in sections(changelog):
        if section.title == title:
            if not re.search(_ENTRY, section.text, re.M):
                raise NotReady(f"CHANGELOG.md: nothing stands under {title}.")
            return section.text + "\n"
    raise NotReady(f"CHANGELOG.md has no section {title}: run `make release-prepare VERSION={title}` before the tag.")


def repository(root: Path) -> str:
    """``owner/name`` on GitHub, from pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Repository"]).removeprefix("https://github.com/")


def move(root: Path, slug: str) -> list[str]:
    """Writes ``owner/name`` wherever the old one stands; the files that changed.

    Raises:
        NotReady: It is no ``owner/name``.
    """
    if not _SLUG.fullmatch(slug):
        raise NotReady(f"{slug!r} should be OWNER/NAME, as in the address of the repository on GitHub.")
    old = re.compile(rf"(?<![\w.-]){re.escape(repository(root))}(?![\w-])")
    changed = []
    for name, text in texts(root).items():
        replaced = old.sub(slug, text)
        if replaced != text:
            (root / name).write_text(replaced, encoding="utf-8")
            changed.append(name)
    return changed


def texts(root: Path) -> dict[str, str]:
    """The files that git tracks or would, as far as they are text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = {}
    for name in listed.split("\0"):
        try:
            found[name] = (root / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
    return found


def prepare(root: Path, version: str, date: str) -> None:
    """Names a version where its release will be looked for: changelog, citation, the action's example.

    Raises:
        NotReady: The version or date is not written as one, is in the changelog already, or nothing has changed.
    """
    if not VERSION.fullmatch(version) or not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        raise NotReady(f"{version} of {date} should be as 1.2.3 (or 1.2.3rc1) of 2026-01-31.")
    file = root / "CHANGELOG.md"
    changelog = file.read_text(encoding="utf-8")
    versions = [section.title for section in sections(changelog)]
    if version in versions:
        raise NotReady(f"CHANGELOG.md has {version} already: choose the next one.")
    notes(changelog, "Unreleased")
    address = f"https://github.com/{repository(root)}"
    changelog = changelog.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - {date}\n", 1)
    previous = next((title for title in versions if title != "Unreleased"), None)
    span = f"compare/v{previous}...v{version}" if previous else f"releases/tag/v{version}"
    changelog = re.sub(
        r"^\[Unreleased\]: .*$",
        f"[Unreleased]: {address}/compare/v{version}...HEAD\n[{version}]: {address}/{span}",
        changelog,
        flags=re.M,
    )
    file.write_text(changelog, encoding="utf-8")

    file = root / "CITATION.cff"
    kept = re.sub(r"^(version|date-released): .*\n", "", file.read_text(encoding="utf-8"), flags=re.M)
    file.write_text(f"{kept.rstrip()}\nversion: {version}\ndate-released: {date}\n", encoding="utf-8")

    for file in _examples(root):
        text = _ACTION.sub(rf"\1@v{version}", file.read_text(encoding="utf-8"))
        file.write_text(text.replace(_UNRELEASED, ""), encoding="utf-8")
    for file in _actions(root):
        text = _INSTALLED.sub(rf'\1"{version}"\2', file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")


def _examples(root: Path) -> list[Path]:
    return [root / "docs" / "ci.md", root / "docs" / "tutorial.md"]


def _actions(root: Path) -> list[Path]:
    return sorted(root.glob(".github/actions/*/action.yml"))


def check(root: Path, tag: str) -> str:
    """Whether all is ready for a tag, or, without one, for a rehearsal; the title of the changelog's section.

    Raises:
        NotReady: What is missing.
    """
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not tag:
        newest = next(section for section in sections(changelog) if re.search(_ENTRY, section.text, re.M))
        return newest.title
    version = tag.removeprefix("v")
    if tag == version or not VERSION.fullmatch(version):
        raise NotReady(f"tag {tag} should be v and a version, as v1.2.3 or v1.2.3rc1.")
    notes(changelog, version)
    if repository(root).startswith(f"{PLACEHOLDER}/"):
        raise NotReady("pyproject.toml doesn't know where this project lives: run `make repository SLUG=owner/name`.")
    cited = re.search(r"^version: (.+)$", (root / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    shown = "".join(file.read_text(encoding="utf-8") for file in _examples(root))
    used = {each[0].partition("@")[2] for each in _ACTION.finditer(shown)}
    written = [file.read_text(encoding="utf-8") for file in _actions(root)]
    installed = {"v" + each[0].split('"')[1] for text in written for each in _INSTALLED.finditer(text)}
    if not cited or cited[1] != version or used != {f"v{version}"} or installed != {f"v{version}"}:
        raise NotReady(
            "CITATION.cff, docs/ci.md, docs/tutorial.md or an action.yml names another version: "
            f"`make release-prepare VERSION={version}`."
        )
    return version


def main() -> int:
    """The command line; 1 where something is not ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    checking = actions.add_parser("check", help="is all ready for a tag, or without one for a rehearsal?")
    checking.add_argument("tag", nargs="?", default="")
    noting = actions.add_parser("notes", help="print what the version of a tag, or what is newest, changed")
    noting.add_argument("tag", nargs="?", default="")
    preparing = actions.add_parser("prepare", help="write a version to the files that name it")
    preparing.add_argument("version")
    preparing.add_argument("date", help="as 2026-01-31")
    moving = actions.add_parser("repository", help="write owner/name wherever the repository is named")
    moving.add_argument("slug")
    given = parser.parse_args()
    root = Path(__file__).parents[1]
    try:
        if given.action == "check":
            print(f"Ready: {check(root, given.tag)}")
        elif given.action == "notes":
            print(notes((root / "CHANGELOG.md").read_text(encoding="utf-8"), check(root, given.tag)), end="")
        elif given.action == "prepare":
            prepare(root, given.version, given.date)
        else:
            print("\n".join(move(root, given.slug)))
    except NotReady as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
