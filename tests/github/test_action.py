"""The actions that other projects use, from their first push to a comment on a fork's pull request.

Their steps run as they stand in action.yml, in a repository of a model, budgets and nothing else. What installs the
package is left out: `tests/package` does that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock

from called_steps import calls, recording, refusal
from composite import Done, Runner, Store
from github_api import TOKEN, GitHubApi, github_api
from renode_mnist import paths
from tflite_builder import ModelBuilder

ACTIONS = paths.root() / ".github" / "actions"
TEST = ACTIONS / "test-firmware" / "action.yml"
COMMENT = ACTIONS / "comment-firmware" / "action.yml"
PRODUCT = "team/product"
PULL, FORKED = 7, 8


def network(kernel: int) -> bytes:
    """int8: a convolution whose window is as large as is said, and a fully connected layer."""
    b = ModelBuilder()
    rng = np.random.default_rng(3)
    x = b.activation((1, 6, 6, 4), "INT8", scale=0.05)
    y = b.activation((1, 6, 6, 8), "INT8", scale=0.1)
    weights = rng.integers(-127, 128, (8, kernel, kernel, 4)).astype(np.int8)
    b.conv_2d(x, b.constant(weights, scales=[0.01]), b.constant(np.zeros(8, np.int32)), y, padding="SAME")
    z = b.activation((1, 3), "INT8", scale=0.2)
    flat = b.activation((1, 288), "INT8", scale=0.1)
    shape = b.constant(np.array([1, 288], np.int32))
    b.operator("RESHAPE", (y, shape), (flat,), "ReshapeOptions", newShape=[1, 288])
    dense = rng.integers(-127, 128, (3, 288)).astype(np.int8)
    b.fully_connected(flat, b.constant(dense, scales=[0.01]), b.constant(np.zeros(3, np.int32)), z)
    return b.finish(x, z)


FAST, SLOW = network(1), network(3)


class Project:
    """A repository of somebody else, and what GitHub keeps of it."""

    def __init__(self, folder: Path, outside: Path, api: GitHubApi) -> None:
        self.folder, self.outside, self.api = folder, outside, api
        self.store = Store(outside / "store")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        bin_folder = outside / "bin"
        bin_folder.mkdir(parents=True)
        program = bin_folder / "renode-mnist"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from renode_mnist.cli import main; main()" "$@"\n')
        program.chmod(0o755)
        self.bin = bin_folder

    def git(self, *arguments: str) -> str:
        # Of one time and person, so that a commit's hash is the same in each run, and what is built for it is found.
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (
            ("NAME", "A. Person"), ("EMAIL", "a@example.org"), ("DATE", "2026-01-01T00:00:00+00:00"))}  # fmt: skip
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **who},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, model: bytes, message: str) -> str:
        (self.folder / "model.tflite").write_bytes(model)
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def run(self, event: str, content: dict[str, Any], action: Path = TEST, **inputs: str) -> Done:
        self.outside.joinpath("event.json").write_text(json.dumps(content))
        github = {
            "event": content, "event_name": event, "repository": PRODUCT, "server_url": "https://github.com",
            "run_id": "42", "sha": self.git("rev-parse", "HEAD"), "ref_name": "main" if event == "push" else "merge",
            "token": TOKEN,
        }  # fmt: skip
        environment = {
            "GITHUB_EVENT_PATH": str(self.outside / "event.json"), "GITHUB_REPOSITORY": PRODUCT,
            "GITHUB_API_URL": self.api.address, "GITHUB_RUN_ID": "42",
        }  # fmt: skip
        temporary = self.outside / "runner"
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(self.folder / "renode-mnist-reports", ignore_errors=True)
        setup = {"root": str(paths.root()), "bin": str(self.bin), "base": str(temporary / "base")}
        ready = {"setup": setup, "install": {"bin": str(self.bin)}}
        runner = Runner(self.folder, temporary, self.store, github, environment, ready)
        return runner.run(action, **inputs)


def pull_request(base: str, head: str, number: int = PULL, of: str = PRODUCT) -> dict[str, Any]:
    return {
        "pull_request": {
            "number": number, "title": "A larger | window @everyone", "user": {"login": "somebody"},
            "html_url": f"https://github.com/{PRODUCT}/pull/{number}",
            "base": {"sha": base}, "head": {"sha": head, "repo": {"full_name": of}},
        },
        "repository": {"full_name": PRODUCT, "default_branch": "main"},
    }  # fmt: skip


def workflow_run(head: str, of: str) -> dict[str, Any]:
    owner = of.partition("/")[0]
    return {
        "workflow_run": {
            "id": 42, "head_sha": head, "head_branch": "patch-1", "html_url": "https://github.com/team/product/runs/42",
            "head_repository": {"full_name": of, "owner": {"login": owner}},
        },
        "repository": {"full_name": PRODUCT, "default_branch": "main"},
    }  # fmt: skip


PUSH = {"repository": {"full_name": PRODUCT, "default_branch": "main"}}


@pytest.fixture(scope="module")
def api() -> Iterator[GitHubApi]:
    with github_api(PRODUCT) as serving:
        yield serving


@pytest.fixture(scope="module")
def project(api: GitHubApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    # At the same place in each run: a build's name holds its model's place.
    folder = paths.builds() / "tests" / "product"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        yield Project(folder, tmp_path_factory.mktemp("outside"), api)


INPUTS = {"models": "\n  model.tflite\n".replace("  ", ""), "budgets": "budgets.toml", "suites": ""}


@pytest.mark.long
def test_a_pull_request_that_slows_a_layer_is_red_and_its_fix_green(project: Project, api: GitHubApi) -> None:
    (project.folder / "model.tflite").write_bytes(FAST)
    (project.folder / ".gitignore").write_text("renode-mnist-reports\n")
    update = ["bench", "--models", "model.tflite", "--engines", "m7", "--budgets", "budgets.toml", "--update"]
    subprocess.run([project.bin / "renode-mnist", *update], cwd=project.folder, check=True, capture_output=True)
    base = project.commit(FAST, "The first model")

    # A push to the default branch writes the baseline.
    pushed = project.run("push", PUSH, **INPUTS)
    assert pushed.failed == "", pushed.said
    assert {"keep", "report"} <= set(pushed.ran)
    assert "comment" not in pushed.ran
    assert (pushed.outputs["verdict"], pushed.outputs["cases"]) == ("passed", "model/m7")
    fast = json.loads(pushed.outputs["json"])["model/m7"]
    assert str(fast["instructions"]) == pushed.outputs["instructions"]
    assert {name for name, value in pushed.outputs.items() if not value} == {"accuracy"}  # there were no samples
    assert {"milliseconds", "flash", "ram", "accuracy", "verdict"} < set(fast)
    assert [folder.name[:27] for folder in (project.store.folder / "caches").iterdir()] == [
        "renode-mnist-base-firmware-"
    ]

    # A pull request that makes one layer slower.
    for number in range(130):  # so that the comment is not on the first page
        api.add_comment(PULL, "somebody", f"comment {number}")
    head = project.commit(SLOW, "A larger window")
    slowed = project.run("pull_request", pull_request(base, head), **INPUTS | {"suites": "identity"})
    assert slowed.failed == "verdict", slowed.said
    assert slowed.outputs["verdict"] == "failed"
    assert int(slowed.outputs["instructions"]) > fast["instructions"]
    (key, found) = project.store.read[-1]
    assert key == found
    assert key.endswith(f"-{base}")
    budgets = (project.folder / "budgets.toml").read_text().splitlines()
    (line,) = re.findall(r"^::error file=budgets\.toml,line=(\d+),title=[^:]*::instructions", slowed.said, re.M)
    assert budgets[int(line) - 1].startswith("instructions = ")
    assert budgets[int(line) - 1] == f"instructions = {fast['instructions']}"
    (comment,) = api.by_the_bot(PULL)
    body = comment["body"]
    assert body.startswith("<!-- renode-mnist ci: firmware -->\n### ❌ Firmware: 1 failed\n")
    assert f"Baseline: what was kept of commit `{base[:12]}` `The first model`." in body
    changed = body[body.index("**1 layer changed") : body.index("<details>")]
    assert "0\u00a0`CONV_2D`" in changed
    assert "FULLY_CONNECTED" not in changed
    assert "`A larger ¦ window @everyone`" in body
    assert "[All figures, pages and test reports](https://github.com/team/product/actions/runs/42)" in body
    assert body.rstrip() == slowed.summary.rstrip()
    assert (project.store.artifact("firmware") / "robot" / "model-m7" / "log.html").is_file()

    # Without a cache the base commit is built, and says the same.
    head_folder = str(project.folder / "renode-mnist-reports")
    built = [project.bin / "renode-mnist", "ci", "report", "--head", head_folder, "--base-ref", base]
    subprocess.run(
        [*built, "--output", project.outside / "built"], cwd=project.folder, check=True, capture_output=True
    )
    again = json.loads((project.outside / "built" / "report.json").read_text())
    assert again["base"]["kind"] == "built"
    assert again["base"]["cases"][0]["instructions"] == fast["instructions"]
    assert again["base"]["commit"]["id"] == base

    # The fix updates that comment.
    fixed = project.commit(FAST, "Back to the small window")
    mended = project.run("pull_request", pull_request(base, fixed), **INPUTS)
    assert mended.failed == "", mended.said
    (updated,) = api.by_the_bot(PULL)
    assert updated["id"] == comment["id"]
    assert "### ✅ Firmware: 1 case within limits" in updated["body"]
    assert "No layer changed by 1 % or more." in updated["body"]
    assert [call.partition(" ")[0] for call in api.calls if "GET" not in call] == ["POST", "PATCH"]

    # The same from a fork: the measuring job comments nothing, the second workflow does.
    forked = project.run("pull_request", pull_request(base, fixed, FORKED, "friend/product"), **INPUTS)
    assert forked.failed == "", forked.said
    assert "comment" not in forked.ran
    assert api.by_the_bot(FORKED) == []
    head_of = {"sha": fixed, "ref": "patch-1", "user": {"login": "friend"}}
    api.pulls = [{"number": FORKED, "state": "open", "head": head_of}]
    commented = project.run("workflow_run", workflow_run(fixed, "friend/product"), COMMENT)
    assert commented.failed == "", commented.said
    (comment,) = api.by_the_bot(FORKED)
    assert "what the job of a fork says" in comment["body"]
    assert "(https://github.com/team/product/runs/42)" in comment["body"]

    # Whose newest commit is another one: its own run comments.
    head_of["sha"] = "0" * 40
    late = project.run("workflow_run", workflow_run(fixed, "friend/product"), COMMENT)
    assert late.failed == ""
    assert "nothing to comment on" in late.said
    # Of a report that is of another commit nothing is posted.
    other = project.run("workflow_run", workflow_run("1" * 40, "friend/product"), COMMENT)
    assert other.failed == "comment"
    # A run that left no report is none to comment on.
    shutil.rmtree(project.store.artifact("firmware-report"))
    nothing = project.run("workflow_run", workflow_run(fixed, "friend/product"), COMMENT)
    assert nothing.failed == ""
    assert len(api.by_the_bot(FORKED)) == 1


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    return recording(tmp_path)


# The steps themselves -----------------------------------------------------------------------------------------


def steps(action: Path) -> list[dict[str, Any]]:
    return list(yaml.load(action.read_text(), yaml.BaseLoader)["runs"]["steps"])


@pytest.mark.parametrize("action", [TEST, COMMENT])
def test_no_expression_stands_in_a_script(action: Path) -> None:
    assert [step["run"] for step in steps(action) if "${{" in step.get("run", "")] == []


def environments(**given: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The scripts of the steps that call renode-mnist, with their inputs in the environment."""
    declared = yaml.load(TEST.read_text(), yaml.BaseLoader)["inputs"]
    values = {f"inputs.{name}": each["default"] for name, each in declared.items()}
    values |= {f"inputs.{name}": value for name, value in given.items()}

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values.get(found[1], ""), text)

    for step in steps(TEST):
        if step.get("id") in ("key", "measure", "report", "comment"):
            yield step["run"], {name: filled(text) for name, text in step["env"].items()}


def test_no_value_of_an_input_is_run(recorder: Path) -> None:
    own = str(recorder / ".venv" / "bin")
    files = {"BIN": own, "GITHUB_OUTPUT": str(recorder / "output")}
    reached = set()
    declared = yaml.load(TEST.read_text(), yaml.BaseLoader)["inputs"]
    for name in declared.keys() - {"version", "comment", "token"}:
        evil = f"$(touch {recorder}/pwned) `touch {recorder}/pwned`; touch {recorder}/pwned"
        for script, environment in environments(**{name: evil}):
            words = {word for call in calls(recorder, script, **{**environment, **files}) for word in call}
            assert not (recorder / "pwned").exists(), name
            if any("$(touch" in word for word in words):
                reached.add(name)
    assert reached == declared.keys() - {"version", "comment", "token"}


def test_the_commands_exist_with_every_input(recorder: Path) -> None:
    files = {"BIN": str(recorder / ".venv" / "bin"), "GITHUB_OUTPUT": str(recorder / "output")}
    given = {"models": "a b.tflite\nint8\n", "engines": "m7 reference", "port": "/dev/ttyACM0", "target": "board"}
    given |= {"suites": " identity  all ", "elf": "my firmware.elf", "build": "make -C app"}
    given |= {name: str(TEST) for name in ("golden", "data", "budgets")} | {"least-accuracy": "0.9"}
    for inputs in ({}, given):
        called = [
            call
            for script, environment in environments(**inputs)
            for call in calls(recorder, script, **{**environment, **files})
        ]
        assert [call[1:3] for call in called] == [["ci", name] for name in ("key", "measure", "report", "comment")]
        assert [refusal(call) for call in called] == [None] * 4
    (measure,) = (call for call in called if call[2] == "measure")
    assert [word for word in measure if word.startswith(("--model", "--engine", "--suite"))] == [
        "--model=a b.tflite", "--model=int8", "--engine=m7", "--engine=reference", "--suite=identity", "--suite=all"
    ]  # fmt: skip
    assert measure[measure.index("--build") + 1] == "make -C app"


@pytest.mark.parametrize(
    ("version", "asked"),
    [("", "renode-mnist[build,plots]"), ("1.2.3", "renode-mnist[build,plots]==1.2.3"), ("checkout", "[build,plots]")],
)
def test_the_released_package_is_installed_or_the_actions_own_sources(
    version: str, asked: str, tmp_path: Path
) -> None:
    (script,) = (step["run"] for step in steps(TEST) if step.get("id") == "install")
    place = tmp_path / "place"
    python = (
        f'#!/bin/sh\n[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"\necho "$@" >> {tmp_path}/calls\n'
    )
    (tmp_path / "python3").write_text(python)
    (tmp_path / "python3").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "VERSION": version, "ROOT": str(paths.root()),
        "BIN": str(place / "bin"), "ENGINES": "m7 cmsis-nn",
    }  # fmt: skip
    subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=environment, check=True, cwd=tmp_path)
    said = (tmp_path / "calls").read_text().splitlines()
    root = str(paths.root()) if version == "checkout" else ""
    assert said[1].endswith(f" {root}{asked}")
    assert "--require-hashes" in said[2]
    assert (place / "cmsis-nn.txt").read_text().count("--hash=sha256:") == 1


def test_a_comment_that_is_refused_is_a_warning_and_no_verdict(tmp_path: Path) -> None:
    (script,) = (step["run"] for step in steps(TEST) if step.get("id") == "comment")
    (tmp_path / "renode-mnist").write_text("#!/bin/sh\necho no >&2\nexit 2\n")
    (tmp_path / "renode-mnist").chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "BIN": str(tmp_path), "REPORTS": "x", "NAME": "x"}
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=")


# What the page shows ------------------------------------------------------------------------------------------


def shown() -> list[str]:
    page = (paths.root() / "docs" / "ci.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", page, re.S)


def test_the_workflows_that_the_page_shows_are_clean_and_give_inputs_that_exist(tmp_path: Path) -> None:
    workflows = [text for text in shown() if "jobs:" in text]
    used = set()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for number, text in enumerate(workflows):
        named = "name: Firmware\n" + text.replace("runs-on:", f"name: Job {number}\n    runs-on:")
        # A commit in the place of the branch, as the page advises.
        pinned = re.sub(r"(-firmware)@\S+ # or, safer.*", rf"\1@{'a' * 40} # v1.2.3", named)
        concurrency = "\nconcurrency:\n  group: ${{ github.ref }}\n  cancel-in-progress: true\n"
        (folder / f"{number}.yml").write_text(pinned + concurrency)
        for job in yaml.load(text, yaml.BaseLoader)["jobs"].values():
            for step in job["steps"]:
                if found := re.search(r"/actions/([\w-]+)@", step["uses"]):
                    used.add(found[1])
                    declared = yaml.load((ACTIONS / found[1] / "action.yml").read_text(), yaml.BaseLoader)["inputs"]
                    assert step.get("with", {}).keys() <= declared.keys()
    assert used == {"test-firmware", "comment-firmware"}
    zizmor = [Path(sys.executable).parent / "zizmor", "--offline", "--strict-collection", "--persona=pedantic", "-q"]
    done = subprocess.run([*zizmor, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands_that_the_page_shows_exist(recorder: Path) -> None:
    page = (paths.root() / "docs" / "ci.md").read_text()
    (section,) = re.findall(r"```sh\n(renode-mnist ci.*?)```", page, re.S)
    (recorder / "budgets.toml").write_text("")
    for line in section.splitlines():
        (call,) = calls(recorder, line.replace("budgets.toml", str(recorder / "budgets.toml")))
        assert refusal(call) is None, line


def test_the_commands_of_gitlabs_template_exist(recorder: Path) -> None:
    template = paths.root() / "distribution" / "gitlab-ci.yml"
    job = yaml.load(template.read_text(), yaml.BaseLoader)[".renode-mnist"]
    assert [name for text in shown() if "include:" in text for name in yaml.safe_load(text)["firmware"]["variables"]]
    given = {name: value for name, value in job["variables"].items() if "$" not in value}
    given |= {"MODELS": "a b.tflite\nint8\n", "BUDGETS": str(TEST), "CI_MERGE_REQUEST_DIFF_BASE_SHA": "a" * 40}
    given |= {"CI_MERGE_REQUEST_IID": "3", "CI_JOB_URL": "https://gitlab.example/1", "REPORTS": "out"}
    given |= {"RENODE_MNIST_GITLAB_TOKEN": "token"}
    (recorder / "out").mkdir()
    (recorder / "out" / "measurement.json").write_text("{}")
    (script,) = job["script"]
    called = calls(recorder, script, **given)
    assert [call[1:3] for call in called] == [["ci", name] for name in ("measure", "report", "comment")]
    assert [refusal(call) for call in called] == [None] * 3
    assert called[0][3:5] == ["--model=a b.tflite", "--model=int8"]
    assert "token" not in " ".join(" ".join(call) for call in called)
    assert (
        job["image"]
        == yaml.safe_load((paths.root() / ".github/workflows/ci.yml").read_text())["jobs"]["lint"]["container"]
    )
