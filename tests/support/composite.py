"""Runs a composite action of GitHub as its runner does: conditions, expressions, steps in bash, outputs, caches.

Of an expression it knows names, texts, comparison, `&&`, `||` and `!`; of actions those that keep files. What is not
known is an error, so that an action.yml which needs more is noticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
_TOKEN = re.compile(r"\s*(?:(?P<text>'[^']*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<operator>==|!=|&&|\|\||!|\(|\)))")
_OPERATORS = {"&&": " and ", "||": " or ", "!": " not ", "==": "==", "!=": "!=", "(": "(", ")": ")"}


@dataclass
class Store:
    """What lives longer than a job: caches and artifacts, as folders.

    Attributes:
        folder: Holds both.
        read: The keys of the caches that were asked for, with the one that was found.
    """

    folder: Path
    read: list[tuple[str, str]] = field(default_factory=list)

    def artifact(self, name: str) -> Path:
        return self.folder / "artifacts" / name

    def restore(self, key: str, prefixes: list[str], place: Path) -> None:
        caches = sorted(
            (self.folder / "caches").glob("*"), key=lambda folder: folder.stat().st_mtime_ns, reverse=True
        )
        found = [cache for cache in caches if cache.name == key]
        found += [cache for prefix in prefixes for cache in caches if cache.name.startswith(prefix)]
        if found:
            shutil.copytree(found[0], place, dirs_exist_ok=True)
        self.read.append((key, found[0].name if found else ""))

    def keep(self, key: str, place: Path) -> None:
        kept = self.folder / "caches" / key
        if place.exists() and not kept.exists():  # a key is written once
            shutil.copytree(place, kept)


@dataclass
class Done:
    """A job that has ended.

    Attributes:
        failed: The step that ended it; empty where none did.
        said: What its steps printed.
        outputs: Of the action.
        summary: What the job shows.
        ran: The steps that ran, by their ids.
    """

    failed: str
    said: str
    outputs: dict[str, str]
    summary: str
    ran: list[str]


@dataclass
class Runner:
    """A machine for one job.

    Attributes:
        workspace: Where the repository is checked out.
        temporary: `RUNNER_TEMP`.
        store: Of the repository.
        github: The context of that name.
        environment: Beside what a runner sets.
        ready: Outputs of steps that are not run, by their ids: what installs the package.
    """

    workspace: Path
    temporary: Path
    store: Store
    github: dict[str, Any]
    environment: dict[str, str]
    ready: Mapping[str, Mapping[str, str]]

    def run(self, action: Path, **inputs: str) -> Done:
        declared = yaml.load(action.read_text(), yaml.BaseLoader)
        unknown = inputs.keys() - declared["inputs"].keys()
        assert not unknown, f"{action} has no {unknown}"
        context: dict[str, Any] = {"github": self.github, "runner": {"os": "Linux", "arch": "X64"}, "steps": {}}
        defaults = {name: _filled(given["default"], context) for name, given in declared["inputs"].items()}
        context["inputs"] = defaults | inputs
        self.temporary.mkdir(parents=True, exist_ok=True)
        summary = self.temporary / "summary.md"
        done = Done("", "", {}, "", [])
        for step in declared["runs"]["steps"]:
            if "if" in step and not _value(_EXPRESSION.fullmatch(step["if"].strip())[1], context):  # type: ignore[index]
                continue
            name = step.get("id", step.get("uses", "step"))
            done.ran.append(name)
            if name in self.ready:
                context["steps"][name] = {"outputs": dict(self.ready[name]), "outcome": "success"}
                continue
            with_ = {key: _filled(value, context) for key, value in step.get("with", {}).items()}
            env = {key: _filled(value, context) for key, value in step.get("env", {}).items()}
            if "uses" in step:
                status, outputs = self._use(step["uses"], with_), {}
            else:
                status, said, outputs = self._execute(step["run"], env, action, summary)
                done.said += said
            context["steps"][name] = {"outputs": outputs, "outcome": "failure" if status else "success"}
            if status and step.get("continue-on-error") != "true":
                done.failed = name
                break
        declared_outputs = declared.get("outputs", {})
        done.outputs = {name: _filled(output["value"], context) for name, output in declared_outputs.items()}
        done.summary = summary.read_text() if summary.exists() else ""
        return done

    def _execute(
        self, script: str, env: dict[str, str], action: Path, summary: Path
    ) -> tuple[int, str, dict[str, str]]:
        output = self.temporary / "output"
        output.write_text("")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "RUNNER_", "CI_"))
        }
        runner = {
            "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(action.parent), "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temporary),
        }  # fmt: skip
        called = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.workspace, env={**inherited, **runner, **self.environment, **env},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return called.returncode, called.stdout, outputs_of(output.read_text())

    def _use(self, action: str, given: dict[str, str]) -> int:
        name = action.partition("@")[0]
        place = self.workspace / Path(given["path"]).expanduser()
        if name == "actions/cache":
            return 0  # pip, Renode and builds: what a test does without
        if name == "actions/cache/restore":
            self.store.restore(given["key"], given["restore-keys"].split(), place)
        elif name == "actions/cache/save":
            self.store.keep(given["key"], place)
        elif name == "actions/upload-artifact":
            shutil.rmtree(self.store.artifact(given["name"]), ignore_errors=True)
            if place.is_dir():
                shutil.copytree(place, self.store.artifact(given["name"]))
            else:
                self.store.artifact(given["name"]).mkdir(parents=True)
                shutil.copy(place, self.store.artifact(given["name"]))
        elif name == "actions/download-artifact":
            if not self.store.artifact(given["name"]).is_dir():
                return 1
            shutil.copytree(self.store.artifact(given["name"]), place, dirs_exist_ok=True)
        else:
            raise AssertionError(f"no idea what {action} does")
        return 0


def outputs_of(written: str) -> dict[str, str]:
    """What a file of GITHUB_OUTPUT holds: ``name=value``, or lines up to a mark."""
    found: dict[str, str] = {}
    lines = iter(written.splitlines())
    for line in lines:
        if multi := re.fullmatch(r"([\w-]+)<<(.+)", line):
            inside = []
            while (each := next(lines)) != multi[2]:
                inside.append(each)
            found[multi[1]] = "\n".join(inside)
        else:
            name, equals, value = line.partition("=")
            assert equals, line
            found[name] = value
    return found


def _filled(text: str, context: Mapping[str, Any]) -> str:
    def value(found: re.Match[str]) -> str:
        given = _value(found[1], context)
        return {True: "true", False: "false"}.get(given, str(given)) if isinstance(given, bool) else str(given)

    return _EXPRESSION.sub(value, text)


def _value(expression: str, context: Mapping[str, Any]) -> Any:
    words, rest = "", expression.strip()
    while rest:
        token = _TOKEN.match(rest)
        assert token, f"no idea what {rest} means"
        rest = rest[token.end() :].strip()
        if token["text"] is not None:
            words += repr(token["text"][1:-1])
        elif token["name"] is not None:
            words += repr(_looked_up(token["name"], context))
        else:
            words += _OPERATORS[token["operator"]]
    return eval(words, {"__builtins__": {}})


def _looked_up(name: str, context: Mapping[str, Any]) -> Any:
    found: Any = context
    first = name.partition(".")[0]
    assert first in context, f"no context {first} in {name}"
    for part in name.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return found
