"""What a commit of this repository costs: its firmware, models and codegen, run on this program's emulator.

Both sides of a comparison are measured by the same ruler: only what makes the image comes from the commit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from renode_mnist import paths, remedies
from renode_mnist.errors import EnvironmentProblem, RenodeMnistError
from renode_mnist.images import Tree, toolchain
from renode_mnist.measure import bench
from renode_mnist.measure.bench import Case, Refused, Row

HERE = "."
"""Names the working tree as it stands, committed or not."""


class CommitError(RenodeMnistError):
    """A commit that is not there or cannot be measured."""


def resolve(name: str) -> str:
    """The full hash of what git calls ``name``.

    Raises:
        CommitError: It knows no such commit.
        EnvironmentProblem: There is no git, or this program does not run from a checkout.
    """
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        shallow = _git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        raise CommitError(
            f"'{name}' is neither a benchmark file nor a commit of renode-mnist's own repository, {paths.root()}",
            "Fetch the history first: git fetch --unshallow."
            if shallow
            else f"Look it up with `git -C {paths.root()} log`. Commits of a project of your own: "
            "`renode-mnist ci report --base-ref COMMIT`.",
        )
    return found.stdout.strip()


@dataclass(frozen=True)
class About:
    """What a commit says of itself."""

    subject: str
    author: str
    date: str


def about(commit: str) -> About:
    """What git knows of a commit, given by its full hash; control characters are left out."""
    said = _git("show", "--no-patch", "--format=%s%x00%an%x00%as", commit).stdout.rstrip("\n")
    fields = ("".join(each for each in part if each.isprintable()) for part in said.split("\0"))
    return About(*fields)


def line(first: str, last: str) -> list[str]:
    """The commits from one to the other by first parents, both among them: what was on a branch, one after another.

    Args:
        first: Full hash of the older one.
        last: Of the newer.

    Raises:
        CommitError: The first is not on the second's line.
    """
    if first == last:
        raise CommitError(f"both are commit {first[:12]}", "Name an older and a newer one.")
    found = _git("rev-list", "--first-parent", "--reverse", f"{first}..{last}").stdout.split()
    start = _git("rev-parse", "--verify", "--quiet", f"{found[0]}^1").stdout.strip() if found else ""
    if start != first:
        # Without one of them, as where the first is the newer or no history is shared, git names no commit.
        base = start if start and _git("merge-base", "--is-ancestor", start, first).returncode == 0 else ""
        remedy = f"Name {base[:12]}, from which both come, as the first." if base else "Name the older one first."
        raise CommitError(f"commit {first[:12]} is not among the first parents of {last[:12]}", remedy)
    return [first, *found]


def is_dirty() -> bool:
    """Whether the working tree differs from its commit in what images are made from."""
    made_from = ("firmware", "schema", "models", "emu/renode_mnist/codegen")
    return bool(_git("status", "--porcelain", "--", *made_from).stdout.strip())


def measure(
    commit: str, wanted: Sequence[Case], clock_mhz: int, progress: Callable[[Case], None] = lambda case: None
) -> tuple[list[Row], list[Refused]]:
    """Benchmarks a commit on the embedded target, or finds it measured before.

    Args:
        commit: Its full hash.
        wanted: The matrix.
        clock_mhz: Core clock.
        progress: Called before each case.

    Raises:
        CommitError: It has no firmware that could be built.
        EnvironmentProblem: There is no git, or no compiler.
    """
    kept = paths.builds() / "commits" / f"{commit[:12]}-{_identity(commit, wanted, clock_mhz)}.json"
    if kept.is_file():
        return bench.load(kept), bench.load_refused(kept)
    with _checked_out(commit) as tree:
        if not (tree.root / "firmware" / "CMakeLists.txt").is_file():
            raise CommitError(f"commit {commit[:12]} has no firmware", "Choose a later one.")
        rows, refused = bench.run(wanted, [clock_mhz], progress=progress, tree=tree)
    if not any(refusal.for_want_of_tools for refusal in refused):
        paths.made(kept.parent)
        bench.save(kept, rows, refused)
    return rows, refused


def _identity(commit: str, wanted: Sequence[Case], clock_mhz: int) -> str:
    """All that a measurement depends on: commit, matrix, compiler, and the program that measures."""
    digest = hashlib.sha256()
    compiler = toolchain.version_of(toolchain.find(toolchain.COMPILER))
    digest.update(json.dumps([commit, [asdict(case) for case in wanted], clock_mhz, compiler]).encode())
    for name, value in sorted(os.environ.items()):
        if name.endswith("_SOURCE_DIR"):  # libraries that the build takes from there
            digest.update(f"{name}={value}".encode())
    for case in wanted:
        if (file := Path(case.model)).is_file():
            digest.update(file.read_bytes())
    package = paths.package()
    for file in sorted([*package.rglob("*.py"), *package.rglob("*.c")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _checked_out(commit: str) -> Iterator[Tree]:
    """The commit's files, in a worktree of their own that goes when this ends."""
    with tempfile.TemporaryDirectory(prefix="renode-mnist-") as folder:
        root = Path(folder) / commit[:12]
        added = _git("worktree", "add", "--detach", str(root), commit)
        if added.returncode:
            raise CommitError(f"git cannot check out {commit[:12]}: {added.stderr.strip()}", "Mend what it says.")
        try:
            yield Tree(root, root / "emu", root / "build")
        finally:
            _git("worktree", "remove", "--force", str(root))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("git")
    if program is None:
        raise EnvironmentProblem(
            "git is not installed", f"{remedies.run_install('git')} Or compare two files of `bench --json`."
        )
    if not paths.is_checkout():
        raise EnvironmentProblem(
            "renode-mnist does not run from a checkout, so it knows no commits",
            "Compare two files of `bench --json`.",
        )
    call = [program, "-C", str(paths.root()), *arguments]
    result = subprocess.run(call, capture_output=True, text=True, check=False)
    if "not a git repository" in result.stderr:
        raise EnvironmentProblem(
            f"{paths.root()} is no git repository", "Clone it, or compare two files of `bench --json`."
        )
    return result
