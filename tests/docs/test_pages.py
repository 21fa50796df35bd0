"""What the pages show is what happens: every call exists with its options, every block of commands is run."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import page_blocks
from page_blocks import Block
from renode_mnist import paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import locate

ROOT = paths.root()
MOTIONS = paths.models() / "motions"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader stands: a folder with a model and data of theirs, a clone at home, the programs on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in (("renode-mnist", "renode_mnist.cli"), ("robot", "robot"), ("libdoc", "robot.libdoc")):
        call = f"import sys; from {module} import main; main()" if name == "renode-mnist" else ""
        how = f'-c "{call}"' if call else f"-m {module}"
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {how} "$@"\n')
        (programs / name).chmod(0o755)
    (tmp_path / "gitconfig").write_text("[user]\nname = A. Reader\nemail = reader@example.com\n")
    (tmp_path / "renode-mnist").symlink_to(ROOT)
    here = tmp_path / "here"
    here.mkdir()
    shutil.copytree(MOTIONS, here / "models" / "motions")
    shutil.copy(MOTIONS / "motions_int8.tflite", here / "mine.tflite")
    for name in ("samples.npz", "test.npz"):
        shutil.copy(MOTIONS / "test.npz", here / name)
    np.save(here / "sample.npy", np.load(MOTIONS / "test.npz")["motion"][20])
    (here / "own.robot").write_text((MOTIONS / "motions.robot").read_text())
    for name in ("golden_int8.npz", "labels.txt"):
        shutil.copy(MOTIONS / name, here)
    return here


def has_renode() -> bool:
    try:
        locate.find()
    except EnvironmentProblem:
        return False
    return True


def with_need(*needs: str) -> list[Path]:
    return [page for page in page_blocks.pages() if any(each.need in needs for each in page_blocks.blocks(page))]


def shown(page: Path, *needs: str) -> list[Block]:
    return [each for each in page_blocks.blocks(page) if each.need in needs]


@pytest.mark.parametrize("page", page_blocks.pages(), ids=lambda page: page.name)
def test_each_call_that_a_page_names_exists_with_its_options(page: Path) -> None:
    wrong = {call: why for call in page_blocks.commands(page) if (why := page_blocks.mistake(call))}
    assert wrong == {}


@pytest.mark.parametrize("page", with_need(""), ids=lambda page: page.name)
def test_what_a_page_shows_happens(page: Path, folder: Path) -> None:
    wrong = page_blocks.run(shown(page, ""), folder)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("page", with_need("long", "renode"), ids=lambda page: page.name)
def test_what_a_page_shows_and_takes_long_happens(page: Path, folder: Path) -> None:
    needs = ("", "long", "renode") if has_renode() else ("", "long")
    wrong = page_blocks.run(shown(page, *needs), folder)
    assert not wrong, "\n\n".join(wrong)


def test_a_block_says_what_it_needs_in_a_word_that_is_known_and_why_it_is_not_run() -> None:
    for page in page_blocks.pages():
        for block in page_blocks.blocks(page):
            assert block.need in ("", "long", "renode", "not run"), f"{block.page}:{block.line}"
            assert (block.need == "not run") is bool(block.why), f"{block.page}:{block.line}"


def test_the_notice_names_what_an_installation_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    notice = (
        (ROOT / "NOTICE.md").read_text(encoding="utf-8").lower().replace("litert (ai-edge-litert", "ai-edge-litert")
    )
    names = {re.match(r"[\w-]+", one)[0].removesuffix("-cpu") for one in wanted} - {"renode-mnist"}  # type: ignore[index]
    assert (
        sorted(name for name in names if name.lower().replace("robotframework", "robot framework") not in notice)
        == []
    )


def test_the_budget_that_is_shown_is_that_of_this_repository() -> None:
    shown, *_ = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8"), re.S)
    own = tomllib.loads((ROOT / "budgets.toml").read_text(encoding="utf-8"))
    for table, cases in tomllib.loads(shown).items():
        for case, values in cases.items():
            assert values == {key: _part(own[table][case][key], value) for key, value in values.items()}


def _part(whole: Any, of: Any) -> Any:
    return {key: whole[key] for key in of} if isinstance(of, dict) else whole


# The check itself ---------------------------------------------------------------------------------------------


def page(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "page.md"
    file.write_text(text)
    return file


def test_an_output_that_differs_is_told_and_dots_stand_for_anything(tmp_path: Path, folder: Path) -> None:
    text = "```console\n$ printf 'a 1\\nb\\nc\\nd\\n'\na ...\n...\nd\n$ echo other\nthis\n$ false\n```\n"
    wrong = page_blocks.run(page_blocks.blocks(page(tmp_path, text)), folder)
    assert [each.splitlines()[0].partition("$ ")[2] for each in wrong] == ["echo other", "false"]
    assert wrong[0].endswith("says\nother\n-- the page has\nthis\n")


def test_folder_and_variables_go_on_from_block_to_block(tmp_path: Path, folder: Path) -> None:
    text = "```sh\nmkdir x && cd x\nWORD=said\n```\n\n    $ echo $WORD > f; cd ..; cat x/f\n    said\n"
    assert page_blocks.run(page_blocks.blocks(page(tmp_path, text)), folder) == []


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("renode-mnist bench --models int8,float32", None),
        ("renode-mnist doctor now", r"Got unexpected extra argument \(now\)"),
        ("renode-mnist run --modle x", "No such option.*--modle"),
        ("renode-mnist rum", "No such command 'rum'"),
        ("renode-mnist run --elf NOWHERE.elf --target NAME   # a comment --nothing", None),
        ("renode-mnist evaluate --json > scores.json", None),
    ],
)
def test_a_call_that_does_not_exist_is_found(call: str, why: str | None) -> None:
    found = page_blocks.mistake(call)
    assert found is None if why is None else re.match(why, found or "")
