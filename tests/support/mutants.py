"""Changes the sources on purpose, one place at a time, and tells which changes no test notices (docs/testing.md).

Usage: mutants.py ROOM... [--python PYTHON] [--workers N] [--fresh]. Rooms, their files and their tests stand in
mutants.toml. Cosmic Ray makes the mutants of Python files; those of room `planted` are written down there, whatever
the language. Copies of the checkout are changed, a copy a worker, and never the checkout.

What was killed is remembered in build/mutants/ROOM.json for as long as the file is the same, so that a run that was
stopped goes on, and one after new tests tries the survivors alone; --fresh forgets it.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code

CHECKOUT = Path(__file__).parents[2]
KEPT = CHECKOUT / "build" / "mutants"
ROOMS = Path(__file__).with_name("mutants.toml")

# Of Cosmic Ray's 213 those that a test can be asked to notice one by one: a comparison's boundary and its opposite,
# an operator's inverse. `a + b` made `a ** b` dies of whatever kills `a - b`.
OPERATORS = [
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer"),
    *("RemoveDecorator", "ZeroIterationForLoop"),
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in (
            *("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
            *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
        )
    ),
    *(
        f"ReplaceBinaryOperator_{pair}"
        for pair in (
            *("Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul", "Div_Mul", "Mod_FloorDiv", "Pow_Mul"),
            *("LShift_RShift", "RShift_LShift", "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd"),
        )
    ),
    *(f"ReplaceUnaryOperator_{pair}" for pair in ("USub_UAdd", "Delete_Not", "Delete_Invert")),
]


@dataclass(frozen=True)
class Mutant:
    """A changed file.

    Attributes:
        name: Of a planted one what it is, else the operator.
        file: From the checkout on.
        source: The whole file, changed.
        tests: What pytest is asked for.
        native: Whether the emulator's C extension has to be built again.
    """

    name: str
    file: Path
    source: str
    tests: tuple[str, ...]
    native: bool = False

    @property
    def key(self) -> str:
        """The same for the same change."""
        return hashlib.sha256(f"{self.file}\0{self.source}".encode()).hexdigest()

    def change(self) -> str:
        """The lines that differ."""
        before = (CHECKOUT / self.file).read_text().splitlines()
        lines = difflib.unified_diff(before, self.source.splitlines(), n=0, lineterm="")
        shown = [f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if line[0] in "+-"]
        return "  ".join(shown)

    def line(self) -> int:
        """The first that differs."""
        pairs = zip((CHECKOUT / self.file).read_text().splitlines(), self.source.splitlines(), strict=False)
        return next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 0)


def mutants_of(room: dict[str, Any]) -> Iterator[Mutant]:
    """All of a room, in the order of its files."""
    tests = tuple(room.get("tests", ()))
    for each in room.get("planted", ()):
        source = (CHECKOUT / each["file"]).read_text()
        if source.count(each["was"]) != 1:
            sys.exit(
                f"error: '{each['was']}' is {source.count(each['was'])} times in {each['file']}; mend {ROOMS.name}"
            )
        changed = source.replace(each["was"], each["becomes"])
        yield Mutant(each["name"], Path(each["file"]), changed, tuple(each["tests"]), "/native/" in each["file"])
    for name in room.get("files", ()):
        seen = set()
        for operator, source in _changed(CHECKOUT / name):
            if source not in seen:
                seen.add(source)
                yield Mutant(operator, Path(name), source, tests)


def _changed(path: Path) -> Iterator[tuple[str, str]]:
    source, tree = path.read_text(), get_ast_from_path(path)
    meaning = _meaning(source)
    for name in OPERATORS:
        operator = plugins.get_operator(f"core/{name}")()
        places = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))
        for occurrence in range(places):
            changed = mutate_code(source, operator, occurrence)
            # Cosmic Ray takes the bare `*` among parameters for a product.
            with suppress(SyntaxError):
                if changed is not None and _meaning(changed) != meaning:
                    yield name, changed


def _meaning(source: str) -> str:
    """The syntax tree without what is never evaluated here: annotations, which every file postpones."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
    return ast.dump(tree)


class Worker:
    """A copy of the checkout and the process that runs tests in it."""

    def __init__(self, number: int, python: Path) -> None:
        self.folder = KEPT / f"worker-{number}"
        self._python = python
        _copy(self.folder)
        ours, theirs = os.pipe()
        rooms = [self.folder / "emu", self.folder / "tests" / "support"]
        environment = os.environ | {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, rooms)),
        }
        self._environment = environment
        worker = Path(__file__).with_name("mutants_worker.py")
        self._process = subprocess.Popen(
            [python, worker, str(theirs)],
            cwd=self.folder,
            env=environment,
            pass_fds=[theirs],
            stdin=subprocess.PIPE,
            text=True,
        )
        os.close(theirs)
        self._answers = os.fdopen(ours)

    def run(self, tests: tuple[str, ...], cpu_seconds: float, *, warm: bool = False) -> dict[str, Any]:
        """As mutants_worker.run says."""
        asked = {"tests": tests, "cpu_seconds": cpu_seconds, "warm": warm, "log": str(self.folder / "pytest.log")}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def try_one(self, mutant: Mutant, cpu_seconds: float) -> dict[str, Any]:
        """Runs the mutant's tests with it in place: whether it was killed, and by what."""
        path = self.folder / mutant.file
        before = path.read_text()
        try:
            self._write(path, mutant.source)
            if mutant.native and not self._build():
                return {"outcome": "killed", "by": "the compiler"}
            answer = self.run(mutant.tests, cpu_seconds)
        finally:
            self._write(path, before)
            if mutant.native:
                self._build()
        if answer["code"] is None:
            return {"outcome": "killed", "by": "the time or the memory that it takes"}
        if answer["code"] == 0:
            return {"outcome": "survived", "by": ""}
        return {"outcome": "killed", "by": answer["failed"] or f"pytest's exit code {answer['code']}"}

    def close(self) -> None:
        """Ends the process; the copy is kept, since firmware is built in it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._answers.close()

    def _write(self, path: Path, source: str) -> None:
        path.write_text(source)
        # Byte code is told from older by whole seconds, in which two mutants of one length may follow each other.
        for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            cached.unlink()

    def _build(self) -> bool:
        command = [self._python, "setup.py", "-q", "build_ext", "--inplace"]
        return not subprocess.run(command, cwd=self.folder, env=self._environment, capture_output=True).returncode


def _copy(folder: Path) -> None:
    """The checkout as it stands, with what the set-up has made of it, over what an earlier run has left there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    package = CHECKOUT / "emu" / "renode_mnist"
    made = [*package.glob("wire/_generated/*.py"), *package.glob("stm32f746/*.so"), *package.glob("_version.py")]
    for name in [*filter(None, listed.split("\0")), *(str(path.relative_to(CHECKOUT)) for path in made)]:
        source, target = CHECKOUT / name, folder / name
        if not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    if not (folder / ".git").exists():
        # Firmware knows its commit, and some tests ask git.
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        identity = ["-c", "user.name=mutants", "-c", "user.email=mutants@localhost"]
        subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "copy"], cwd=folder, check=True)


def run_room(name: str, room: dict[str, Any], workers: list[Worker], *, fresh: bool) -> bool:
    """Tries what is not known to be killed, prints as it goes, and tells whether all were."""
    file = KEPT / f"{name}.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() and not fresh else {}
    mutants = list(mutants_of(room))
    wanted: queue.Queue[Mutant] = queue.Queue()
    for mutant in mutants:
        if known.get(mutant.key, {}).get("outcome") != "killed":
            wanted.put(mutant)
    print(f"{name}: {len(mutants)} mutants, {wanted.qsize()} to be tried", flush=True)
    lock = threading.Lock()
    trouble: list[str] = []

    def work(worker: Worker) -> None:
        limits: dict[tuple[str, ...], float] = {}
        while not trouble:
            try:
                mutant = wanted.get_nowait()
            except queue.Empty:
                return
            if mutant.tests not in limits:
                # Once to build what tests need, once to measure.
                answer = [worker.run(mutant.tests, 3600, warm=True) for _ in range(2)][-1]
                if answer["code"] != 0:
                    trouble.append(f"{' '.join(mutant.tests)} fails without any mutant: {worker.folder}/pytest.log")
                    return
                limits[mutant.tests] = 10 + 5 * answer["cpu_seconds"]
            outcome = worker.try_one(mutant, limits[mutant.tests])
            with lock:
                known[mutant.key] = outcome
                file.write_text(json.dumps(known))
                what = f"killed by {outcome['by']}" if outcome["by"] else "SURVIVED"
                print(f"  {mutant.file.name}:{mutant.line()} {mutant.name}: {what}", flush=True)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble:
        sys.exit(f"error: {trouble[0]}")
    _report(mutants, known)
    return all(known[mutant.key]["outcome"] == "killed" for mutant in mutants)


def _report(mutants: list[Mutant], known: dict[str, Any]) -> None:
    counts = Counter((mutant.file, known[mutant.key]["outcome"]) for mutant in mutants)
    for file in dict.fromkeys(mutant.file for mutant in mutants):
        killed, survived = counts[file, "killed"], counts[file, "survived"]
        print(f"{file}: {killed + survived} mutants, {killed} killed, {survived} survived")
    for mutant in mutants:
        if known[mutant.key]["outcome"] == "survived":
            print(f"  {mutant.file}:{mutant.line()}  {mutant.change()}")


def main() -> None:
    """Exits 1 where a mutant of a named room has survived."""
    rooms = tomllib.loads(ROOMS.read_text())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("room", nargs="+", choices=sorted(rooms))
    parser.add_argument("--python", type=Path, default=CHECKOUT / ".venv" / "bin" / "python")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    workers = [Worker(number, asked.python.absolute()) for number in range(asked.workers)]
    try:
        verdicts = [run_room(name, rooms[name], workers, fresh=asked.fresh) for name in asked.room]
    finally:
        for worker in workers:
            worker.close()
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
