"""distribution/release.py and page.py: what `make release-*` does beyond tools of others."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from renode_mnist import paths

ROOT = paths.root()
CHANGELOG = """# Changelog

## [Unreleased]

## [1.1.0rc1] - 2026-02-28
### Fixed
- `run` no longer says 8.

## [1.0.0] - 2026-01-31
It works.

### Added
- `run` says 7.

[Unreleased]: https://example.org/compare/v1.1.0rc1...HEAD
"""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"distribution_{name}", ROOT / "distribution" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # data classes look their module up
    spec.loader.exec_module(module)
    return module


release = load("release")
page = load("page")

UNKNOWN = f"{release.PLACEHOLDER}/renode-mnist"
"""Where a project lives that nobody has told; put together, since `make repository` writes in this file as well."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with the files that name version and repository."""
    actions = [f".github/actions/{action}/action.yml" for action in ("test-firmware", "comment-firmware")]
    for name in (
        "pyproject.toml",
        "CHANGELOG.md",
        "CITATION.cff",
        "README.md",
        "docs/ci.md",
        "docs/tutorial.md",
        *actions,
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    changelog = tmp_path / "CHANGELOG.md"  # which, right after a release, has nothing under Unreleased
    changelog.write_text(changelog.read_text().replace("## [Unreleased]\n", "## [Unreleased]\n### Added\n- More.\n"))
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    release.move(tmp_path, UNKNOWN)
    return tmp_path


# The changelog ------------------------------------------------------------------------------------------------


def test_a_releases_text_is_its_section_and_no_more() -> None:
    assert release.notes(CHANGELOG, "1.0.0") == "It works.\n\n### Added\n- `run` says 7.\n"
    assert release.notes(CHANGELOG, "1.1.0rc1") == "### Fixed\n- `run` no longer says 8.\n"


def test_a_release_without_text_is_refused() -> None:
    for title, said in [("Unreleased", "nothing stands under"), ("1.1.0", "release-prepare VERSION=1.1.0")]:
        with pytest.raises(release.NotReady, match=said):
            release.notes(CHANGELOG, title)


@pytest.mark.parametrize(
    "heading",
    ["1.0.0 - 2026-01-31", "[1.0] - 2026-01-31", "[1.0.0]", "[1.0.0] 31 January", "[Unreleased] - 2026-01-31"],
)
def test_a_heading_of_another_form_is_refused(heading: str) -> None:
    with pytest.raises(release.NotReady, match=re.escape(f"`## {heading}`")):
        release.sections(CHANGELOG.replace("[1.0.0] - 2026-01-31", heading))


def test_a_kind_of_change_that_keep_a_changelog_does_not_know_is_refused() -> None:
    with pytest.raises(release.NotReady, match="'Bugs'"):
        release.sections(CHANGELOG.replace("### Fixed", "### Bugs"))


def test_this_projects_changelog_has_something_to_say() -> None:
    assert release.check(ROOT, "")


# A version and a repository, wherever they are named ---------------------------------------------------------------


def test_a_prepared_version_is_ready_to_be_tagged_once_it_has_a_home(project: Path) -> None:
    pending = release.notes((project / "CHANGELOG.md").read_text(), "Unreleased")
    with pytest.raises(release.NotReady, match=r"no section 7\.8\.9"):
        release.check(project, "v7.8.9")
    release.prepare(project, "7.8.9", "2026-12-24")
    with pytest.raises(release.NotReady, match="make repository"):
        release.check(project, "v7.8.9")
    release.move(project, "somebody/renode-mnist")
    assert release.check(project, "v7.8.9") == "7.8.9"

    changelog = (project / "CHANGELOG.md").read_text()
    assert release.notes(changelog, "7.8.9") == pending
    assert "## [7.8.9] - 2026-12-24\n" in changelog
    assert "[Unreleased]: https://github.com/somebody/renode-mnist/compare/v7.8.9...HEAD\n" in changelog
    for page in ("ci.md", "tutorial.md"):
        shown = (project / "docs" / page).read_text()
        assert "somebody/renode-mnist/.github/actions/test-firmware@v7.8.9" in shown
        assert "version: checkout" not in shown
    assert "date-released: 2026-12-24\n" in (project / "CITATION.cff").read_text()
    for action in ("test-firmware", "comment-firmware"):
        installed = (project / ".github" / "actions" / action / "action.yml").read_text()
        assert '    default: "7.8.9" # `make release-prepare`' in installed


def test_the_next_version_replaces_the_last_one(project: Path) -> None:
    release.prepare(project, "7.8.9", "2026-12-24")
    release.move(project, "somebody/renode-mnist")
    changelog = project / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## [Unreleased]\n", "## [Unreleased]\n### Fixed\n- More.\n"))
    release.prepare(project, "7.9.0", "2026-12-31")
    assert release.check(project, "v7.9.0") == "7.9.0"
    with pytest.raises(release.NotReady, match="names another version"):
        release.check(project, "v7.8.9")
    assert "[7.9.0]: https://github.com/somebody/renode-mnist/compare/v7.8.9...v7.9.0\n" in changelog.read_text()
    assert (project / "CITATION.cff").read_text().count("version: 7") == 1


def test_a_version_is_prepared_once_and_not_without_changes(project: Path) -> None:
    release.prepare(project, "7.8.9", "2026-12-24")
    for version, date, said in [
        ("7.8.9", "2026-12-24", "has 7.8.9 already"),
        ("7.8.10", "2026-12-24", "nothing stands under Unreleased"),
        ("v7.8.10", "2026-12-24", "should be as"),
        ("7.8.10", "24.12.2026", "should be as"),
    ]:
        with pytest.raises(release.NotReady, match=said):
            release.prepare(project, version, date)


@pytest.mark.parametrize("tag", ["7.8.9", "v7.8", "v7.8.9-1", "v7.8.9 ", "version"])
def test_a_tag_that_is_no_version_is_refused(project: Path, tag: str) -> None:
    with pytest.raises(release.NotReady, match="should be v and a version"):
        release.check(project, tag)


def test_a_repository_moves_as_a_whole_and_back(project: Path) -> None:
    before = release.texts(project)
    moved = release.move(project, "some-body/digits")
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "docs/ci.md"} <= set(moved)
    assert not any(UNKNOWN in text for text in release.texts(project).values())
    release.move(project, UNKNOWN)
    assert release.texts(project) == before
    with pytest.raises(release.NotReady, match="OWNER/NAME"):
        release.move(project, "https://github.com/somebody/renode-mnist")


def test_no_other_placeholder_waits_to_be_filled_in() -> None:
    own = re.escape(release.repository(ROOT))
    unfilled = rf"(?!{own})\b(?:OWNER|REPOSITORY)\b|@COMMIT\b|\bYOUR[-_]"
    elsewhere = rf"github\.com/(?!{own})[\w-]+/renode-mnist\b"
    placeholder = re.compile(f"{unfilled}|{elsewhere}")
    spoken_of = {"distribution/release.py", "tests/github/test_release.py"}
    found = {
        f"{name}: {match[0]}"
        for name, text in release.texts(ROOT).items()
        for match in placeholder.finditer(text)
        if name not in spoken_of
    }
    assert found == set()


# What the release's page gets --------------------------------------------------------------------------------------


def test_the_bill_of_materials_names_what_images_are_linked_from() -> None:
    versions = {package: f"{position}-1" for position, (_, package, _) in enumerate(page.LINKED)}
    declared = [{"license": {"name": "BSD License"}}]
    sbom = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [{"name": "numpy", "licenses": declared}, {"name": "unicorn", "licenses": declared}],
        "dependencies": [{"ref": "numpy"}, {"ref": "root", "dependsOn": ["numpy"]}],
    }
    page.describe(sbom, page.flatbuffers_version(ROOT), versions)
    numpy, unicorn, *linked = sbom["components"]
    assert [part["version"] for part in linked] == ["25.12.19", "0-1", "1-1", "2-1"]
    assert sbom["dependencies"][1]["dependsOn"] == ["numpy", *(part["bom-ref"] for part in linked)]
    assert numpy["licenses"] == declared
    assert unicorn["licenses"][0]["license"]["id"] == "GPL-2.0-only"  # as NOTICE.md says
    notice = (ROOT / "NOTICE.md").read_text()
    assert "Unicorn is GPL-2.0" in notice
    for library in ("FlatBuffers", "newlib", "libgcc"):
        assert library in notice
        assert any(part["name"].startswith(library) for part in linked)


def test_the_debian_packages_of_the_bill_are_those_of_the_set_up() -> None:
    wanted = (ROOT / "requirements" / "system.sh").read_text()
    for _, package, _ in page.LINKED:
        assert f"want {package} " in wanted


def test_the_checksums_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    files = [tmp_path / "a.whl", tmp_path / "b c.elf"]
    for file in files:
        file.write_text(file.name)
    (tmp_path / "SHA256SUMS").write_text(page.checksums(files))
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
