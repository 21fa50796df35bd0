"""Runs the scripts of workflows and actions: as the runner does, or with programs that only write down their call."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import click

from renode_mnist import paths
from renode_mnist.cli import app


def execute(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As the runner does, in a folder; what an outer make has put into the environment is none of its business."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env={**inherited, **environment}, capture_output=True, text=True,
    )  # fmt: skip


def recording(tmp_path: Path) -> Path:
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
        rules = (paths.root() / "Makefile").read_text()
        missing = [target for target in arguments if not re.search(rf"^{re.escape(target)}:", rules, re.M)]
        return f"the Makefile has no {missing}" if missing else None
    error = refusal_of(arguments)
    return error.format_message() if error else None


def refusal_of(arguments: list[str]) -> click.ClickException | None:
    """What the command line says against these words; None where it takes them."""
    command: click.Command = app
    try:
        context = app.make_context("renode-mnist", arguments)
        while isinstance(command, click.Group):
            name, command, arguments = command.resolve_command(context, arguments)
            assert command is not None
            context = command.make_context(name, arguments, parent=context)
            arguments = [*context._protected_args, *context.args]
    except click.ClickException as error:
        return error
    except click.exceptions.Exit:  # --version, --help
        return None
    return None
