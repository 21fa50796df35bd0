"""`compare --first-worse`: the bisection, on figures that are made up; the commits, on a repository made for it."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from renode_mnist import paths
from renode_mnist.commands.compare import compare
from renode_mnist.errors import EnvironmentProblem, RenodeMnistError
from renode_mnist.measure import commits, first_worse
from renode_mnist.measure.bench import Case, LayerCost, Refused, Row
from renode_mnist.measure.commits import CommitError
from renode_mnist.measure.first_worse import Figures, Unmeasured
from renode_mnist.measure.metric import Metric

AUTHOR = ["-c", "user.name=Ana [b]Author[/]", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false"]
Costs = Mapping[str, int | str | Row]
"""By subject: a case's instructions, why it cannot be built, or a whole row."""


@given(st.lists(st.integers(90, 130) | st.none(), max_size=40), st.integers(0, 20))
def test_the_bisection_ends_between_a_good_and_a_bad_commit(between: list[int | None], percent: int) -> None:
    figures = [100, *between, 150]
    asked: list[int] = []

    def figures_of(commit: str) -> Figures:
        asked.append(int(commit))
        if (figure := figures[int(commit)]) is None:
            raise Unmeasured("no")
        return {"a": figure}

    found = first_worse.find([str(place) for place in range(len(figures))], figures_of, percent / 100)
    assert found.commit is not None
    limit = 100 + percent
    assert found.before["a"] <= limit < found.after["a"] == figures[int(found.commit)]
    assert len(asked) == len(set(asked)) == found.measured + len(found.skipped)
    assert found.measured <= 2 + math.ceil(math.log2(len(figures)))
    assert {*found.suspects} <= {*found.skipped} <= {str(n) for n, each in enumerate(figures) if each is None}
    good = int(found.commit) - len(found.suspects) - 1
    assert figures[good] == found.before["a"]


def row(instructions: int = 1000, *, case: str = "int8/m7", compiler: str = "GNU 12.2.1") -> Row:
    counts = {"instructions": instructions, "cycles_modelled": 2 * instructions}
    layers = tuple(
        LayerCost("", op, 1, {unit: count * share // 10 for unit, count in counts.items()})
        for op, share in (("CONV_2D", 2), ("FULLY_CONNECTED", 8))
    )
    firmware = {"compiler": compiler, "flags": "-O2", "model_sha256": "a", "model_name": "m", "commit": "c"}
    return Row(case, 216, counts, layers, 5000, 100, 900, {"target": "embedded", "version": "1"}, firmware)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Costs], Path]:
    """Makes a commit for each subject; what it costs is what the table says."""

    def make(costs: Costs) -> Path:
        git = ["git", "-C", str(tmp_path), *AUTHOR]
        subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
        for subject in costs:
            subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", subject], check=True)
        monkeypatch.setattr(paths, "root", lambda: tmp_path)
        monkeypatch.setattr(commits, "measure", lambda commit, wanted, *_: measure(commit, wanted, costs))
        return tmp_path

    return make


def measure(commit: str, wanted: Sequence[Case], costs: Costs) -> tuple[list[Row], list[Refused]]:
    MEASURED.append(commits.about(commit).subject)
    cost = costs[MEASURED[-1]]
    if isinstance(cost, int):
        return [row(cost, case=case.name) for case in wanted], []
    if isinstance(cost, Row):
        return [cost], []
    if cost == "no firmware":
        raise CommitError(f"commit {commit[:12]} has no firmware", "Choose a later one.")
    return [], [Refused(case.name, cost, cost.startswith("no compiler")) for case in wanted]


MEASURED: list[str] = []


def call(*arguments: str) -> Result:
    MEASURED.clear()
    given = ["--first-worse", "--models", "int8", "--engines", "m7", *arguments]
    return CliRunner().invoke(compare, given, env={"COLUMNS": "80"})


def refusal(done: Result) -> str:
    assert isinstance(done.exception, RenodeMnistError), done.output
    return str(done.exception)


def test_it_names_the_commit_with_what_it_was_before_and_after(repository: Callable[[Costs], Path]) -> None:
    costs = {f"change {number}": 1000 if number < 6 else 1100 for number in range(16)}
    repository({"start": 1000, **costs, "end": 1090})
    done = call("HEAD~17", "main")
    assert done.exit_code == 0, done.exception
    lines = done.stdout.splitlines()
    assert lines[0] == f"{commits.resolve('HEAD~10')[:12]} is the first worse commit (6 of 18 commits measured)."
    assert lines[1] == "  subject  change 6"
    assert re.fullmatch(r"  author   Ana \[b\]Author\[/\], \d{4}-\d\d-\d\d", lines[2])
    assert [cell.strip() for cell in lines[6].split("│")[1:-1]] == ["int8/m7", "2,000", "2,200", "+10 %", "+10 %"]
    assert max(map(len, lines)) <= 80
    assert MEASURED[:2] == ["start", "end"]


def test_commits_that_do_not_build_are_skipped_and_named(repository: Callable[[Costs], Path]) -> None:
    repository({"start": 1000, "a": 1000, "b": "it does not compile", "c": "no firmware", "d": 1500, "end": 1500})
    done = call("HEAD~5", "HEAD")
    assert "  subject  d" in done.stdout
    b, c = commits.resolve("HEAD~3")[:12], commits.resolve("HEAD~2")[:12]
    assert f"skipped {b} (b): int8/m7 is not there: it does not compile" in done.stdout
    assert f"skipped {c} (c): commit {c} has no firmware" in done.stdout
    assert f"in front of it as well, which could not be measured: {b}, {c}." in done.stdout


def test_what_was_measured_otherwise_is_skipped(repository: Callable[[Costs], Path]) -> None:
    repository({"start": 1000, "a": row(9, compiler="GNU 1"), "end": 1500})
    done = call("HEAD~2", "HEAD")
    assert "  subject  end" in done.stdout
    assert "another compiler (GNU 12.2.1 against GNU 1)" in done.stdout


def test_a_layer_is_followed_by_its_place(repository: Callable[[Costs], Path]) -> None:
    heavy = row(1000)
    heavy = replace(heavy, layers=(replace(heavy.layers[0], counts={"instructions": 201, "cycles_modelled": 500}),))
    other = replace(row(1000), layers=row(1000).layers[1:])
    repository({"start": 1000, "a": row(1000), "b": other, "c": heavy, "end": heavy})
    done = call("HEAD~4", "HEAD", "--layer", "0")
    assert "  subject  c" in done.stdout
    assert "int8/m7 layer 0" in done.stdout
    assert "+25 %" in done.stdout
    assert "layer 0 of int8/m7 is FULLY_CONNECTED there, not CONV_2D" in done.stdout
    assert "Nothing is worse" in call("HEAD~4", "HEAD", "--layer", "0", "--metric", "instructions").stdout
    assert "int8/m7: no cycles modelled of layer 7" in refusal(call("HEAD~4", "HEAD~3", "--layer", "7"))


def test_a_layer_behind_the_last_is_none_and_a_case_of_one_layer_has_its_figure() -> None:
    two, one = row(1000), replace(row(1000), layers=row(1000).layers[:1])
    first_worse.require_all([one], [one], 1)
    with pytest.raises(Unmeasured, match="layer 1 of int8/m7 is none there, not FULLY_CONNECTED"):
        first_worse.require_all([one], [two], 1)
    with pytest.raises(Unmeasured, match="layer 1 of int8/m7 is FULLY_CONNECTED there, not none"):
        first_worse.require_all([two], [one], 1)
    cycles = Metric.CYCLES
    assert first_worse.figures([one], cycles, None) == {"int8/m7": 2000}
    assert first_worse.figures([one], cycles, 0) == {"int8/m7": 400}
    assert first_worse.figures([one], cycles, 1) == {}
    assert first_worse.figures([two], cycles, 1) == {"int8/m7": 1600}


def test_what_crept_is_said_to_have(repository: Callable[[Costs], Path]) -> None:
    repository({f"c{number}": 1000 + 6 * number for number in range(8)})
    done = call("HEAD~7", "HEAD")
    assert "  subject  c2" in done.stdout
    assert "It adds no more than 1 % itself" in done.stdout
    assert "  subject  c1" in call("HEAD~7", "HEAD", "--threshold", "0.5 %").stdout
    assert (
        "Nothing is worse by more than 5 % of the first commit's (2 of 8 commits measured)."
        in call("HEAD~7", "HEAD", "--threshold", "5").stdout
    )


def test_only_cases_that_are_worse_at_the_end_are_built_in_between(
    repository: Callable[[Costs], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository({"start": 1000, "a": 1000, "end": row(2000)})
    asked: list[int] = []
    plain = commits.measure

    def noted(commit: str, wanted: Sequence[Case], *rest: object) -> tuple[list[Row], list[Refused]]:
        asked.append(len(wanted))
        return plain(commit, wanted, *rest)

    monkeypatch.setattr(commits, "measure", noted)
    done = call("HEAD~2", "HEAD", "--models", "int8,float32")
    assert "  subject  end" in done.stdout
    assert asked == [2, 2, 1]


def test_a_merge_is_one_commit(repository: Callable[[Costs], Path]) -> None:
    folder = repository({"start": 1000, "main": 1000, "slow": 1500, "merge": 1500, "end": 1500})
    git = ["git", "-C", str(folder), *AUTHOR]
    for arguments in (
        ["reset", "--quiet", "--hard", "HEAD~3"],
        ["checkout", "--quiet", "-b", "side", "HEAD~1"],
        ["commit", "--quiet", "--allow-empty", "--message", "slow"],
        ["checkout", "--quiet", "main"],
        ["merge", "--quiet", "--no-ff", "--message", "merge", "side"],
        ["commit", "--quiet", "--allow-empty", "--message", "end"],
    ):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    done = call("HEAD~3", "HEAD")
    assert "  subject  merge" in done.stdout
    assert "slow" not in MEASURED
    said = refusal(call("side", "HEAD"))
    assert f"is not among the first parents of {commits.resolve('HEAD')[:12]}. Name " in said
    assert f"Name {commits.resolve('HEAD~3')[:12]}, from which both come, as the first." in said


@pytest.mark.parametrize(
    ("costs", "ends", "said"),
    [
        ({"a": 1, "b": 1}, ("HEAD", "HEAD~1"), r"is not among the first parents of .*\. Name the older one first\."),
        ({"a": 1}, ("HEAD", "main"), "both are commit .* Name an older and a newer one"),
        ({"a": "broken", "b": 1}, ("HEAD~1", "HEAD"), "cannot be compared: int8/m7: broken. Choose another end"),
        ({"a": 1, "b": row(1, compiler="GNU 1")}, ("HEAD~1", "HEAD"), "cannot be compared: .*another compiler"),
    ],
    ids=["order", "same", "broken", "compiler"],
)
def test_ends_that_do_not_fit_are_refused(
    repository: Callable[[Costs], Path], costs: Costs, ends: tuple[str, str], said: str
) -> None:
    repository(costs)
    assert re.search(said, refusal(call(*ends)))


def test_what_the_machine_lacks_is_no_commits_fault(repository: Callable[[Costs], Path]) -> None:
    repository({"a": 1, "b": "no compiler here", "c": 2})
    done = call("HEAD~2", "HEAD")
    assert isinstance(done.exception, EnvironmentProblem)
    assert "int8/m7 cannot be measured: no compiler here" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--first-worse", "a.json", "HEAD"], "--first-worse takes commits, and a.json is none"),
        (["--first-worse", "HEAD", "."], "--first-worse takes commits, and . is none"),
        (["--first-worse", "HEAD~1", "HEAD", "--layer", "1", "--metric", "flash"], "a layer has no flash of its own"),
        (["--first-worse", "HEAD~1", "HEAD", "--threshold", "much"], "'much' is no percentage from 0 on, as 1%"),
        (["--first-worse", "HEAD~1", "HEAD", "--threshold", "-1%"], "'-1%' is no percentage from 0 on, as 1%"),
        (["HEAD~1", "HEAD", "--threshold", "1%"], "--threshold is for --first-worse"),
    ],
)
def test_calls_that_are_wrong_are_refused(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(compare, arguments)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.long
def test_the_commit_that_slowed_a_kernel_is_found_by_building(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, clone = paths.root(), tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(own), str(clone)], check=True)
    generated = Path("emu/renode_mnist/wire/_generated")
    shutil.copytree(own / generated, clone / generated, dirs_exist_ok=True)
    kernel = clone / "firmware/engine/reference/fully_connected.cpp"
    text = kernel.read_text()
    slow = text.replace(
        "      const std::int32_t sum =", "      for (volatile int i = 0; i < 99; ++i) {}\n      const auto sum ="
    )
    assert slow != text
    changes = {"fine": text + "\n", "broken": "#error\n" + slow, "slow": slow, "as slow": slow + "\n", "end": slow}
    for subject, content in changes.items():
        kernel.write_text(content)
        subprocess.run(["git", "-C", str(clone), *AUTHOR, "commit", "--quiet", "-am", subject], check=True)
    monkeypatch.setattr(paths, "root", lambda: clone)
    asked = "HEAD~5 HEAD --first-worse --layer 5 --metric instructions --models int8 --engines reference"
    done = CliRunner().invoke(compare, asked.split(), env={"COLUMNS": "80"}, catch_exceptions=False)
    assert "  subject  slow" in done.output
    (skipped,) = (line for line in done.output.splitlines() if line.startswith("skipped "))
    assert re.match(r"skipped [0-9a-f]{12} \(broken\): int8/reference is not there: .*: error: #error", skipped)
