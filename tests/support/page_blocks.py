"""The commands that pages show: taken out of them, run in one shell a page, and held to the output that is shown.

A block of commands is a fence of ``sh`` (commands alone; without a language where it begins with one) or any
block with lines that begin with ``$ `` (commands, each with its output). In an output ``...`` stands for anything in
a line, and on a line of its own for any lines. A comment on the line before a block says what it needs, and no reader
sees it:

``<!-- run: long -->``      takes more than a few seconds
``<!-- run: renode -->``    the same, and Renode
``<!-- not run: WHY -->``   a board, a network, a file that only the reader has
``<!-- end of: CALL -->``   the block is how the output of a call ends

`make docs-test` runs all but ``not run``, the tests of each day leave out ``run: long`` and ``run: renode`` too.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from called_steps import refusal_of
from renode_mnist import paths

Need = Literal["", "long", "renode", "not run"]
_FENCE = re.compile(r"^([ ]*)```([\w-]*)\n(.*?)^\1```$", re.M | re.S)
_INDENTED = re.compile(r"(?:(?<=\n\n)|(?<=-->\n))((?:    .*\n|\n(?=    ))+)")
_COMMENT = re.compile(r"<!-- (run|not run|end of): (.*?) -->\n\s*$")
_CALLED = re.compile(r"renode-mnist |cmake |cd |\w+=\$\(")
_COMMIT = re.compile(r"commit [0-9a-f]{12}\+?")
_INLINE = re.compile(r"`(renode-mnist [^`\n]+)`")


@dataclass(frozen=True)
class Step:
    """A command, and what it must say; None where the page does not show it."""

    command: str
    said: str | None


@dataclass(frozen=True)
class Block:
    """Commands that stand together.

    Attributes:
        page: The file's name.
        line: Of its first line, from 1.
        need: What it takes to be run.
        why: Of one that is not run.
        steps: In order.
    """

    page: str
    line: int
    need: Need
    why: str
    steps: tuple[Step, ...]


def pages() -> list[Path]:
    """All that are written for users and contributors."""
    root = paths.root()
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The page's blocks of commands, in order."""
    text = page.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(text))
    found = [(match.start(), match[2], match[3]) for match in fences]
    spans = [match.span() for match in fences]
    for match in _INDENTED.finditer(text):
        if not any(start <= match.start() < end for start, end in spans):
            found.append((match.start(), "", re.sub(r"^    ", "", match[1], flags=re.M)))
    told = []
    for start, language, content in sorted(found):
        comment = _COMMENT.search(text[:start])
        if comment and comment[1] == "end of":
            step = Step(comment[2], f"...\n{content}")
            told.append(Block(page.name, text.count("\n", 0, start) + 1, "", "", (step,)))
        elif steps := _steps(language, content):
            need: Need = "" if comment is None else comment[2] if comment[1] == "run" else "not run"  # type: ignore[assignment]
            why = comment[2] if comment and comment[1] == "not run" else ""
            told.append(Block(page.name, text.count("\n", 0, start) + 1, need, why, tuple(steps)))
    return told


def _steps(language: str, content: str) -> list[Step]:
    lines = content.splitlines()
    if any(line.startswith("$ ") for line in lines):
        steps: list[Step] = []
        for line in lines:
            if line.startswith("$ "):
                steps.append(Step(line.removeprefix("$ "), ""))
            elif steps and steps[-1].command.endswith("\\"):
                steps[-1] = Step(f"{steps[-1].command}\n{line}", "")
            elif steps:
                steps[-1] = Step(steps[-1].command, f"{steps[-1].said}{line}\n")
        return steps
    if language == "sh" or (not language and lines and _CALLED.match(lines[0])):
        return [Step(line, None) for line in lines if line and not line.startswith("#")]
    return []


def commands(page: Path) -> list[str]:
    """Each call of renode-mnist that a page names, in blocks and within its text; not names of formats."""
    text = page.read_text(encoding="utf-8")
    in_blocks = [step.command for block in blocks(page) for step in block.steps]
    called = [one for one in in_blocks if re.match(r"(?:\.venv/bin/)?renode-mnist\b", one)]
    in_text = [call.replace("\\|", "|") for call in _INLINE.findall(_FENCE.sub("", text))]
    return [*called, *(call for call in in_text if not re.fullmatch(r"renode-mnist (\w+ 1|COMMAND.*)", call))]


def mistake(command: str) -> str | None:
    """What no release of this command line would take: a command, an option or an argument that there is not.

    Values are the reader's (``FILE``, ``mine.tflite``), so of them nothing is said.
    """
    try:
        words = shlex.split(re.split(r"\s#|[|>;]|&&", command)[0], comments=False)[1:]
    except ValueError as error:
        return str(error)
    words = [word for word in words if word not in ("...", "…")]
    words = [word.split("|")[0] for word in words]
    error = refusal_of(words)
    if isinstance(error, click.NoSuchOption):
        return error.format_message()
    if isinstance(error, click.UsageError) and re.match(r"No such command|Got unexpected", error.message):
        return error.format_message()
    return None


def run(shown: list[Block], folder: Path) -> list[str]:
    """Runs blocks of a page in one shell; what came out otherwise than the page says, a text each.

    Args:
        shown: In order.
        folder: Empty but for what the reader is taken to have.
    """
    steps = [(block, step) for block in shown for step in block.steps]
    mark = "@@step@@"
    script = "".join(f"printf '\\n{mark}\\n'\n{step.command}\nprintf '\\n{mark}%d\\n' $?\n" for _, step in steps)
    python = Path(sys.executable).parent
    environment = {
        name: value for name, value in os.environ.items() if name not in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "CI")
    } | {
        "PATH": f"{folder.parent / 'bin'}:{python}:{os.environ['PATH']}",
        "PYTHONPATH": str(paths.package().parent),
        "HOME": str(folder.parent),
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "GIT_CONFIG_GLOBAL": str(folder.parent / "gitconfig"),
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", script],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    ran = re.findall(rf"\n{mark}\n(.*?)\n{mark}(\d+)\n", done.stdout, re.S)
    wrong = [] if len(ran) == len(steps) else [f"{len(ran)} of {len(steps)} steps ran: {done.stdout[-600:]}"]
    for (block, step), (said, status) in zip(steps, ran, strict=False):
        place = f"{block.page}:{block.line}: $ {step.command}"
        may_fail = step.said is not None and re.search(r"^error: ", step.said, re.M)
        if status != "0" and not may_fail:
            wrong.append(f"{place}\nexit status {status}\n{said[-1500:]}")
        elif step.said is not None and not _matches(step.said, said):
            wrong.append(f"{place}\nsays\n{said.rstrip()}\n-- the page has\n{step.said}")
    return wrong


def _matches(expected: str, said: str) -> bool:
    pattern = ""
    for line in _plain(expected).split("\n"):
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, f"{_plain(said)}\n") is not None


def _plain(text: str) -> str:
    """Without what no reader compares: spaces at ends, empty lines at both, what a bar overwrote, which commit."""
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\N{NO-BREAK SPACE}", " ").splitlines()]
    return _COMMIT.sub("commit 0", "\n".join(lines).strip("\n"))
