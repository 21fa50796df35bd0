""".github: its steps are commands of this repository, and those of the emulated jobs pass here as they stand there.

jactionlint and zizmor (`make lint`) judge the rest: syntax, permissions, pins, time limits.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import yaml

from known_compiler import is_known
from renode_mnist import paths
from renode_mnist.cli import app
from renode_mnist.measure import budgets

ROOT = paths.root()
ACTION = ROOT / ".github" / "actions" / "test-firmware" / "action.yml"
BIN = Path(sys.executable).parent
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


def execute(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As the runner does, in a folder; what an outer make has put into the environment is none of its business."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env={**inherited, **environment}, capture_output=True, text=True,
    )  # fmt: skip


# Commands that exist ------------------------------------------------------------------------------------------


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A folder in which make, renode-mnist and gh do nothing but write down, NUL by NUL, how they were called."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("make", "renode-mnist", "gh"):
        (programs / name).write_text(f'#!/bin/bash\nprintf "%s\\0" {name} "$@" $\'\\n\' >> {tmp_path}/calls\n')
        (programs / name).chmod(0o755)
    return tmp_path


def calls(recorder: Path, script: str, **environment: str) -> list[list[str]]:
    """What a script calls, as its shell splits and quotes it."""
    log = recorder / "calls"
    log.unlink(missing_ok=True)
    path = f"{recorder / '.venv' / 'bin'}:{os.environ['PATH']}"
    done = execute(script, recorder, PATH=path, GITHUB_STEP_SUMMARY=str(recorder / "summary.md"), **environment)
    assert done.returncode == 0, done.stderr
    return [call.rstrip("\0").split("\0") for call in log.read_text().split("\n\0") if call]


def refusal(call: list[str]) -> str | None:
    """Why this repository would not take a call; None where it would."""
    program, *arguments = call
    if program == "make":
        rules = (ROOT / "Makefile").read_text()
        missing = [target for target in arguments if not re.search(rf"^{re.escape(target)}:", rules, re.M)]
        return f"the Makefile has no {missing}" if missing else None
    command: click.Command = app
    try:
        context = app.make_context("renode-mnist", arguments)
        while isinstance(command, click.Group):
            name, command, arguments = command.resolve_command(context, arguments)
            assert command is not None
            context = command.make_context(name, arguments, parent=context)
            arguments = [*context._protected_args, *context.args]
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("file", ["ci.yml", "board.yml", "release.yml"])
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
    for name, job in read("workflows/ci.yml")["jobs"].items():
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
    for file in [*(ROOT / ".github").rglob("*.yml"), ROOT / "docs" / "ci.md"]:
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


# The action ---------------------------------------------------------------------------------------------------


def action_environment(**inputs: str) -> dict[str, str]:
    """What the action's last step finds in its environment, `bin` aside."""
    action = read(ACTION)
    given = {name: field["default"] for name, field in action["inputs"].items()} | inputs
    values = {f"inputs.{name}": value for name, value in given.items()}
    values["steps.setup.outputs.bin"] = str(BIN)
    return {name: filled_in(value, values) for name, value in action["runs"]["steps"][-1]["env"].items()}


def action_script() -> str:
    return str(read(ACTION)["runs"]["steps"][-1]["run"])


def test_the_action_runs_no_value_of_an_input(recorder: Path) -> None:
    own = str(recorder / ".venv" / "bin")
    harmless = {"elf": "", "budgets": ""}
    for name in read(ACTION)["inputs"]:
        evil = f"$(touch {recorder}/pwned) `touch {recorder}/pwned`; touch {recorder}/pwned"
        environment = action_environment(**{**harmless, name: evil}) | {"BIN": own}
        words = {word for call in calls(recorder, action_script(), **environment) for word in call}
        assert not (recorder / "pwned").exists(), name
        assert any("$(touch" in word for word in words), f"{name} gets nowhere"


def test_the_actions_commands_exist_with_every_input(recorder: Path) -> None:
    given = {"port": "/dev/ttyACM0", "suites": " identity  protocol ", "budgets": "budgets.toml", "target": "board"}
    given |= {name: str(ACTION) for name in ("golden", "data")} | {"least-accuracy": "0.9"}
    for inputs in ({}, given, {**given, "elf": str(ACTION)}):
        environment = action_environment(**inputs) | {"BIN": str(recorder / ".venv" / "bin")}
        called = calls(recorder, action_script(), **environment)
        assert [call[1] for call in called] == (["test"] if "elf" in inputs else ["test", "bench"])
        assert [refusal(call) for call in called] == [None] * len(called)
    assert [word for word in called[0] if word.startswith("--suite")] == ["--suite=identity", "--suite=protocol"]


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as the runner unpacks an action: without git."""
    folder = tmp_path_factory.mktemp("actions") / "renode-mnist"
    for name in ("emu", "firmware", "models", "robot", "schema"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


MOTIONS = paths.models() / "motions"


@pytest.mark.long
def test_the_workflow_that_the_page_shows_is_green(download: Path, tmp_path: Path) -> None:
    """With another network than MNIST's, and all that the page tells to make for it."""
    page = (ROOT / "docs" / "ci.md").read_text()
    (shown,) = (text for text in re.findall(r"```yaml\n(.*?)```", page, re.S) if "/test-firmware@" in text)
    (step,) = (each for each in yaml.safe_load(shown)["jobs"]["firmware"]["steps"] if each.get("id") == "firmware")
    given = {name: str(value) for name, value in step["with"].items()}
    for name in ("model", "golden"):
        (tmp_path / given[name]).parent.mkdir(exist_ok=True)
    shutil.copy(MOTIONS / "motions_int8.tflite", tmp_path / given["model"])
    (suite,) = (each for each in given["suites"].split() if "/" in each)
    (tmp_path / suite).parent.mkdir()
    own = "Library    renode_mnist.robot\nSuite Setup    Open Target\nSuite Teardown    Close Target\n"
    body = "Infer\n    Scores Should Sum To One\n"
    (tmp_path / suite).write_text(f"*** Settings ***\n{own}*** Test Cases ***\nOwn\n    {body}")
    np.save(tmp_path / "samples.npy", np.load(MOTIONS / "test.npz")["motion"])
    runner = {"PYTHONPATH": str(download / "emu"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    told = re.findall(
        r"`renode-mnist ((?:bench|golden) models/keywords[^`]*|bench --models models/keywords[^`]*)`", page
    )
    assert len(told) == 2
    for command in told:
        arguments = shlex.split(command.replace("samples.npz", "samples.npy"))
        done = execute(shlex.join([str(BIN / "renode-mnist"), *arguments]), tmp_path, **runner)
        assert done.returncode == 0, done.stdout + done.stderr
    done = execute(action_script(), tmp_path, **runner, **action_environment(**given))
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = ElementTree.parse(tmp_path / "renode-mnist-reports" / "xunit.xml").getroot()
    assert {outcomes.get(kind) for kind in ("failures", "errors")} == {"0"}
    assert int(outcomes.get("tests", "")) - int(outcomes.get("skipped", "")) > 25
    assert "| total, instructions | " in (tmp_path / "summary.md").read_text()


@pytest.mark.long
def test_the_action_tests_another_projects_model(download: Path, tmp_path: Path) -> None:
    model = tmp_path / "my model.tflite"
    shutil.copy(MOTIONS / "motions_int8.tflite", model)
    summary = tmp_path / "summary.md"
    runner = {"PYTHONPATH": str(download / "emu"), "GITHUB_STEP_SUMMARY": str(summary)}
    inputs = {"model": model.name, "suites": "identity golden accuracy", "reports": "out"}
    inputs |= {"golden": str(MOTIONS / "golden_int8.npz"), "data": str(MOTIONS / "test.npz"), "least-accuracy": "0.9"}

    done = execute(action_script(), tmp_path, **runner, **action_environment(**inputs))
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = ElementTree.parse(tmp_path / "out" / "xunit.xml").getroot()
    assert int(outcomes.get("tests", "")) == 5
    assert {outcomes.get(kind) for kind in ("failures", "errors", "skipped")} == {"0"}
    assert {"log.html", "report.html", "bench.json", "bench.html"} <= {
        file.name for file in (tmp_path / "out").iterdir()
    }
    assert "my model/m7 216 MHz" in summary.read_text()

    update = ["bench", "--models", model.name, "--engines", "m7", "--budgets", "budgets.toml", "--update"]
    done = execute(shlex.join([str(BIN / "renode-mnist"), *update]), tmp_path, **runner)
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "budgets.toml").read_text()
    one_less = re.sub(r"(?m)^instructions = (\d+)", lambda found: f"instructions = {int(found[1]) - 1}", written)
    assert one_less != written
    (tmp_path / "budgets.toml").write_text(one_less)
    inputs |= {"suites": "identity", "budgets": "budgets.toml", "data": "", "least-accuracy": ""}
    done = execute(action_script(), tmp_path, **runner, **action_environment(**inputs))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 case(s) grew past budgets.toml" in done.stderr
