"""Measures another commit of the user's repository as the head was measured: its models, or its ELF by its build."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from renode_mnist import paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure import commits, subject
from renode_mnist.measure.commits import CommitError
from renode_mnist.measure.judged import CaseVerdict
from renode_mnist.measure.measured import cost, sections_cost
from renode_mnist.measure.measurement import CaseCost, Commit
from renode_mnist.measure.of_commit import commit_here
from renode_mnist.measure.subject import CLOCK_MHZ, Subject
from renode_mnist.plain_text import one_line


def measure(
    asked: Subject, ref: str, progress: Callable[[str], None] = lambda case: None
) -> tuple[Commit, list[CaseCost]]:
    """Checks a commit out beside the current folder's repository, and measures it on the embedded target.

    Where that repository is this program's own and its models are asked for by name, the firmware is the commit's
    too, as for `renode-mnist compare`; else the firmware is this program's, as for the head.

    Args:
        asked: As it was for the head.
        ref: What git calls the commit.
        progress: Called before each part.

    Raises:
        CommitError: There is no such commit here.
        EnvironmentProblem: There is no git, or no repository.
        RenodeMnistError: It cannot be built there.
    """
    try:
        top = Path(_git(Path(), "rev-parse", "--show-toplevel"))
    except CommitError as error:
        raise CommitError(
            f"the current folder is in no repository of git that can be read ({one_line(error.what)})",
            "Call it in your repository, or give a measurement of the base commit: `--base`.",
        ) from error
    commit = _git(Path(), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    with _checked_out(top, commit) as tree:
        whose = commit_here({}, tree)
        files = [model for model in asked.models if Path(model).is_file()]
        if paths.is_checkout() and top == paths.root().resolve() and not files and not asked.elf:
            rows, _ = commits.measure(commit, asked.cases, CLOCK_MHZ, lambda case: progress(case.name))
            return whose, [cost(row, CaseVerdict(), None) for row in rows]
        found = subject.measure(_there(asked, tree / _below(top)), tree / _below(top), progress=progress)
    costs = [cost(row, CaseVerdict(), None) for row in found.rows]
    if found.unspoken is not None:
        elf = found.unspoken
        costs.append(sections_cost(elf.elf, elf.flash_bytes, elf.ram_bytes, CaseVerdict()))
    return whose, costs


def _below(top: Path) -> Path:
    """Where the current folder is in its repository."""
    return Path.cwd().resolve().relative_to(top.resolve())


def _there(asked: Subject, folder: Path) -> Subject:
    """Without the models that the commit does not have: they are new."""
    models = [model for model in asked.models if not Path(model).is_file() or (folder / model).is_file()]
    if not models and not asked.elf:
        raise CommitError("the base commit has none of the models", "They are new: there is nothing to compare.")
    return asked.model_copy(update={"models": models})


@contextmanager
def _checked_out(top: Path, commit: str) -> Iterator[Path]:
    """A worktree in the cache, at the same place each time, so that what is built there is found built again."""
    name = f"{hashlib.sha256(os.fsencode(top)).hexdigest()[:8]}-{commit[:12]}"
    folder = paths.made(paths.cache() / "bases").resolve() / name
    _discard(top, folder)
    _git(top, "worktree", "add", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        _discard(top, folder)


def _discard(top: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _git(top, "worktree", "prune")


def _git(folder: Path, *arguments: str) -> str:
    if (program := shutil.which("git")) is None:
        raise EnvironmentProblem("git is not installed", "Give a measurement of the base commit: `--base`.")
    done = subprocess.run([program, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"{arguments[-1].removesuffix('^{commit}')} is no commit of this repository"
        raise CommitError(said, "Fetch it: `git fetch --depth=1 origin COMMIT`.")
    return done.stdout.strip()
