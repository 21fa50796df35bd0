""".github: its steps are commands of this repository, and those of the emulated jobs pass here as they stand there.

jactionlint and zizmor (`make lint`) judge the rest: syntax, permissions, pins, time limits.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from called_steps import calls, execute, recording, refusal
from known_compiler import is_known
from renode_mnist import paths
from renode_mnist.measure import budgets

ROOT = paths.root()
# The README's first line: what has to be there before there is a make.
PREREQUISITES = ["git", "make", "ca-certificates"]


def read(file: str | Path) -> dict[str, Any]:
    """A file of .github with all scalars as text; `on` would else be a truth value."""
    return yaml.load((ROOT / ".github" / file).read_text(), yaml.BaseLoader)


def matrix_of(job: dict[str, Any]) -> list[dict[str, str]]:
    matrix = job.get("strategy", {}).get("matrix", {})
    axes = {name: values for name, values in matrix.items() if name != "exclude"}
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return [point for point in points if point not in matrix.get("exclude", [])]


def filled_in(text: str, values: dict[str, str]) -> str:
    """Expressions that are one name (`matrix.engine`), replaced; any other is an error."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], text)


def commands(job: dict[str, Any]) -> list[str]:
    """The `run` steps after the one that brings make."""
    runs = [step["run"] for step in job["steps"] if "run" in step]
    return [run for run in runs if not run.startswith("apt-get ")]


# Commands that exist ------------------------------------------------------------------------------------------


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    return recording(tmp_path)


@pytest.mark.parametrize("file", ["ci.yml", "board.yml", "release.yml", "audit.yml", "pages.yml"])
def test_a_step_is_an_action_or_one_command_of_this_repository(file: str) -> None:
    own = ("make", ".venv/bin/renode-mnist", *(["gh"] if file == "release.yml" else []))
    for job in read(f"workflows/{file}")["jobs"].values():
        for run in commands(job):
            words = shlex.split(run)
            assert words[0] in own, run
            assert not {";", "&&", "||", "|"} & set(words), run


def test_what_comes_before_make_is_what_the_readme_names() -> None:
    jobs = [job for file in ("ci.yml", "release.yml") for job in read(f"workflows/{file}")["jobs"].values()]
    (run,) = {job["steps"][0]["run"] for job in jobs if "container" in job}
    assert run.split()[-len(PREREQUISITES) :] == PREREQUISITES
    assert f"apt-get install {' '.join(PREREQUISITES)}" in (ROOT / "README.md").read_text()


def test_the_commands_of_ci_exist_with_their_options(recorder: Path) -> None:
    jobs = [
        item for file in ("ci.yml", "audit.yml", "pages.yml") for item in read(f"workflows/{file}")["jobs"].items()
    ]
    for name, job in jobs:
        for point in matrix_of(job):
            values = {f"matrix.{axis}": value for axis, value in point.items()}
            environment = {key: filled_in(value, values) for key, value in job.get("env", {}).items()}
            for run in commands(job):
                (call,) = calls(recorder, run, **environment)
                assert refusal(call) is None, f"{name}: {run}"


def needed(jobs: dict[str, Any], name: str) -> set[str]:
    """All jobs that have passed before this one starts."""
    direct = jobs[name].get("needs", [])
    names = {direct} if isinstance(direct, str) else set(direct)
    return names.union(*(needed(jobs, before) for before in names))


def test_the_site_is_deployed_by_a_job_that_runs_nothing_of_the_repository() -> None:
    workflow = read("workflows/pages.yml")
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    assert (workflow["permissions"], build["permissions"]) == ({}, {"contents": "read"})
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}
    assert [step["uses"].partition("@")[0] for step in deploy["steps"]] == ["actions/deploy-pages"]
    assert (commands(build), build["if"], deploy["needs"]) == (["make docs"], "${{ vars.PAGES == 'true' }}", "build")


def test_a_release_calls_what_exists(recorder: Path) -> None:
    for name, job in read("workflows/release.yml")["jobs"].items():
        for run in commands(job):
            (call,) = calls(recorder, run, TAG="v1.2.3")
            assert call[0] == "gh" or refusal(call) is None, f"{name}: {run}"


def test_a_tag_is_never_read_as_code(recorder: Path) -> None:
    jobs = read("workflows/release.yml")["jobs"]
    evil = f"v1$(touch {recorder}/pwned)`touch {recorder}/pwned`"
    (run,) = commands(jobs["github"])
    (call,) = calls(recorder, run, TAG=evil)
    assert call[:4] == ["gh", "release", "create", evil]
    for run in commands(jobs["check"]):  # the real make: it expands what it is told on its command line
        refused = execute(run, ROOT, TAG=f"{evil}$(shell touch {recorder}/pwned)")
        assert refused.returncode != 0
        assert "should be v and a version" in refused.stderr
    assert not (recorder / "pwned").exists()


def test_a_release_gives_each_job_the_least_right() -> None:
    jobs = read("workflows/release.yml")["jobs"]
    rights = {name: job["permissions"] for name, job in jobs.items() if job["permissions"] != {"contents": "read"}}
    assert rights == {
        "attest": {"id-token": "write", "attestations": "write"},
        "pypi": {"contents": "read", "id-token": "write"},
        "github": {"contents": "write"},
    }
    # Whoever may write runs after the tests, for a tag alone, and builds nothing.
    assert jobs["attest"]["if"] == "${{ github.event_name == 'push' }}"
    for name in rights:
        assert "attest" in {name} | needed(jobs, name)
        assert needed(jobs, name) >= {"check", "tests", "sources", "wheels", "page"}
        assert not {"cache", "setup"} & {word for step in jobs[name]["steps"] for word in re.split(r"\W", str(step))}


def test_a_release_takes_only_what_its_own_jobs_have_left() -> None:
    jobs = read("workflows/release.yml")["jobs"]

    def names(kind: str, job: dict[str, Any]) -> set[str]:
        given = [step["with"] for step in job["steps"] if f"/{kind}-artifact@" in step.get("uses", "")]
        return {artifact.get("name", artifact.get("pattern", "")) for artifact in given}

    left = {name: names("upload", job) for name, job in jobs.items() if names("upload", job)}
    assert left == {
        "sources": {"dist-sources", "images"},
        "wheels": {"dist-${{ matrix.runner }}"},
        "page": {"page"},
    }
    for name, job in jobs.items():
        before = set().union(*(left.get(other, set()) for other in needed(jobs, name)))
        for wanted in names("download", job):
            assert any(Path(found).match(wanted) for found in before), f"{name}: {wanted}"


def board_settings() -> Iterator[dict[str, str]]:
    """The environment of the board's job: as at night, then each choice that a person has."""
    inputs = read("workflows/board.yml")["on"]["workflow_dispatch"]["inputs"]
    nightly = {name.upper(): given["default"] for name, given in inputs.items()} | {"CONSOLE_PORT": ""}
    yield nightly
    yield nightly | {"PORT": "/dev/serial by id/$(id)", "CONSOLE_PORT": "/dev/ttyUSB0"}
    for name, given in inputs.items():
        yield from ({**nightly, name.upper(): choice} for choice in given.get("options", []))


def test_the_commands_of_the_board_exist_with_every_choice(recorder: Path) -> None:
    job = read("workflows/board.yml")["jobs"]["suites"]
    for setting in board_settings():
        assert set(setting) == set(job["env"])
        for run in commands(job):
            (call,) = calls(recorder, run, **setting)
            assert refusal(call) is None, f"{setting}: {run}"
            if setting["PORT"] and call[0] != "make":
                assert call[call.index("--port") + 1] == setting["PORT"]


def test_a_command_that_rots_is_noticed(recorder: Path) -> None:
    for run, said in [
        ("make no-such-target", "no-such-target"),
        (".venv/bin/renode-mnist tset", "tset"),
        (".venv/bin/renode-mnist test --traget host", "--traget"),
        (".venv/bin/renode-mnist bench --engines m8", "m8"),
        (".venv/bin/renode-mnist renode instal", "instal"),
        (".venv/bin/renode-mnist renode install --form x", "--form"),
    ]:
        (call,) = calls(recorder, run)
        assert said in (refusal(call) or ""), run


def test_each_action_has_one_pin_with_its_version_beside_it() -> None:
    pins: dict[str, set[str]] = {}
    for file in [*(ROOT / ".github").rglob("*.yml"), *(ROOT / "docs" / page for page in ("ci.md", "tutorial.md"))]:
        for uses in re.findall(r"\buses: (.+)", file.read_text()):
            if uses.startswith("./"):
                assert (ROOT / uses.split()[0] / "action.yml").is_file()
                continue
            if "/.github/actions/" in uses:  # of this project, in docs/ci.md; test_release.py looks at its version
                continue
            found = re.fullmatch(r"([\w/-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", uses)
            assert found, f"{file.name}: {uses}"
            pins.setdefault(found[1], set()).add(found[2])
    assert pins
    assert {name: pin for name, pin in pins.items() if len(pin) > 1} == {}


# The emulated jobs --------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", ["embedded", "another-network", "bench"])
def test_the_commands_of_an_emulated_job_pass_here(name: str, tmp_path: Path) -> None:
    job = read("workflows/ci.yml")["jobs"][name]
    summary = tmp_path / "summary.md"
    point = {"engine": "m7", "model": "float32"} if matrix_of(job) != [{}] else {}
    assert point in matrix_of(job)
    values = {f"matrix.{axis}": value for axis, value in point.items()}
    environment = {key: filled_in(value, values) for key, value in job.get("env", {}).items()}
    for run in commands(job):
        done = execute(run, ROOT, GITHUB_STEP_SUMMARY=str(summary), **environment)
        unjudged = "bench --check" in run and not is_known()
        assert done.returncode == (2 if unjudged else 0), f"{run}\n{done.stdout}{done.stderr}"
    (upload,) = (step["with"] for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    kept = {file.name for file in ROOT.glob(upload["path"])}
    if name == "bench":
        assert kept >= {"bench.json", "bench.html"}
        assert "| total, instructions | " in summary.read_text()
        assert f"### Budgets: {'kept' if is_known() else 'not judged'}\n" in summary.read_text()
        headings = " ".join(line for line in summary.read_text().splitlines() if line.startswith("| layer"))
        assert [case for case in budgets.load(paths.budgets()).cases if case not in headings] == []
    else:
        for folder in ROOT.glob(upload["path"]):
            assert {file.name for file in folder.iterdir()} >= {"log.html", "report.html", "xunit.xml"}


# Comments -----------------------------------------------------------------------------------------------------


def test_what_comments_runs_nothing_of_the_pull_request() -> None:
    workflow = read("workflows/comment.yml")
    assert workflow["on"]["workflow_run"]["workflows"] == [read("workflows/ci.yml")["name"]]
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {}
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    checkout, comment = job["steps"]
    assert checkout["with"] == {"persist-credentials": "false"}  # the default branch
    assert comment["uses"] == "./.github/actions/comment-firmware"
    assert "comment" not in str(read("workflows/ci.yml")["jobs"]["action"]["permissions"])
