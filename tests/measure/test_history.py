"""The history of commits: its file, who may write it, what is told from it, and the other format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from histories import commit, cost, measurement
from renode_mnist import paths
from renode_mnist.measure import benchmark_action, history, history_series, kept_file
from renode_mnist.measure.benchmark_action import DataFileError
from renode_mnist.measure.history import HistoryError
from renode_mnist.measure.kept_file import KeptFileError
from renode_mnist.measure.measurement import Layer, Measurement, save
from renode_mnist.measure.metric import Metric

HOSTILE = "[red]<b onclick=alert(1)>x</b>[/] </script>"


def call(*arguments: str | Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", "history", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(columns)},
    )


def kept(tmp_path: Path, *measurements: Measurement) -> Path:
    file = tmp_path / "history.jsonl"
    for each in measurements:
        history.add(file, each)
    return file


def test_a_line_is_a_commit_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(2), measurement(0), measurement(1))
    lines = file.read_text().splitlines()
    assert [json.loads(line)["commit"]["message"] for line in lines] == ["Change 0", "Change 1", "Change 2"]
    assert history.load(file) == [measurement(number) for number in range(3)]


def test_times_of_other_zones_are_compared_as_moments(tmp_path: Path) -> None:
    late = measurement(0, timestamp="2026-03-01T23:30:00-05:00")
    early = measurement(1, timestamp="2026-03-02T01:00:00+00:00")
    assert history.load(kept(tmp_path, late, early)) == [early, late]


def test_the_same_commit_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(0), measurement(1), measurement(0, cost(instructions=7)))
    assert history.load(file) == [measurement(0, cost(instructions=7)), measurement(1)]


def test_commits_of_the_same_second_stay_as_they_came(tmp_path: Path) -> None:
    same = [measurement(number, timestamp="2026-03-01T12:00:00+00:00") for number in (2, 1, 0)]
    assert history.load(kept(tmp_path, *same, same[0])) == same


def test_without_a_commit_nothing_is_added(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"of no commit\. Measure in a repository"):
        history.add(tmp_path / "history.jsonl", measurement(0, id=""))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (b'{"schema": "renode-mnist/mea', "line 2 of .*history.jsonl is no measurement"),
        (b"<<<<<<< HEAD\n", "line 2 of .*history.jsonl is no measurement"),
        (b"{}\n", "line 2 of .*history.jsonl is no measurement: schema: Field required"),
        (None, "line 2 of .*history.jsonl is of commit .* as one above it"),
    ],
)
def test_a_file_that_is_damaged_is_refused_by_its_line_and_left_alone(
    tmp_path: Path, end: bytes | None, said: str
) -> None:
    file = kept(tmp_path, measurement(0))
    content = file.read_bytes() + (file.read_bytes() if end is None else end)
    file.write_bytes(content)
    with pytest.raises(HistoryError, match=said):
        history.add(file, measurement(1))
    assert file.read_bytes() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == [".history.jsonl.lock", "history.jsonl"]


def test_a_last_line_without_its_end_is_no_reason_to_lose_it(tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(0))
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    history.add(file, measurement(1))
    assert history.load(file) == [measurement(0), measurement(1)]


ADD_FOUR = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from histories import measurement
from renode_mnist.measure import history
for number in map(int, sys.argv[3:]):
    history.add(Path(sys.argv[2]), measurement(number))
"""


def test_writers_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    support = Path(__file__).parent.parent / "support"
    writers = [
        subprocess.Popen([sys.executable, "-c", ADD_FOUR, support, file, *map(str, range(first, 24, 3))])
        for first in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert history.load(file) == [measurement(number) for number in range(24)]


def test_a_file_that_another_process_keeps_is_not_written(tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(0))
    before = file.read_bytes()
    with (
        FileLock(tmp_path / ".history.jsonl.lock"),
        pytest.raises(KeptFileError, match="written by another process for 0 s"),
    ):
        kept_file.change(file, lambda content: content + b"more", patience_seconds=0)
    assert file.read_bytes() == before


def test_what_cannot_be_written_leaves_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept(tmp_path, measurement(0))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeptFileError, match="No space left on device"):
        history.add(file, measurement(1))
    assert history.load(file) == [measurement(0)]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_and_the_mode_of_a_file_stay(tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(0))
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)
    history.add(link, measurement(1))
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert len(history.load(file)) == 2


def points(*measurements: Measurement, layer: int | None = None, metric: Metric = Metric.CYCLES) -> list[Any]:
    found = history_series.series(measurements, "int8/m7", layer, metric)
    return [(point.figure, point.percent, [each.split(" ")[0] for each in point.breaks]) for point in found.points]


def test_change_is_told_against_the_last_commit_that_has_the_figure() -> None:
    measured = (
        measurement(0, cost(instructions=1000)),
        measurement(1, cost("float32/m7")),
        measurement(2, cost().model_copy(update={"instructions": None})),
        measurement(3, cost(instructions=1010)),
    )
    assert points(*measured, metric=Metric.INSTRUCTIONS) == [
        (1000, None, []),
        (None, None, []),
        (None, None, []),
        (1010, pytest.approx(1.0), []),
    ]


def test_no_change_is_told_across_another_compiler_target_model_of_cycles_or_clock() -> None:
    measured = (
        measurement(0),
        measurement(1, cost(compiler="GNU 14.2.0")),
        measurement(2, cost(compiler="GNU 14.2.0", cycle_model="b" * 64)),
        measurement(3, cost(compiler="GNU 14.2.0", cycle_model="b" * 64, clock_mhz=288)),
        measurement(4, cost(compiler="GNU 14.2.0", cycle_model="b" * 64, clock_mhz=288, target="board")),
    )
    assert [breaks for _, _, breaks in points(*measured)] == [[], ["compiler"], ["cycle"], ["clock"], ["target"]]
    assert [percent for _, percent, _ in points(*measured)] == [None] * 5
    # What no model is of goes on across another one.
    instructions = points(*measured, metric=Metric.INSTRUCTIONS)
    assert [breaks for _, _, breaks in instructions] == [[], ["compiler"], [], [], ["target"]]
    assert [percent for _, percent, _ in instructions] == [None, None, 0, 0, None]


def test_another_operator_at_a_layers_place_is_no_change_of_it() -> None:
    other = [Layer(op="SOFTMAX", instructions=9, cycles_modelled=9)]
    measured = measurement(0), measurement(1, cost(layers=other)), measurement(2, cost(layers=[]))
    assert points(*measured, layer=0) == [(1000, None, []), (9, None, ["operator"]), (None, None, [])]
    assert points(*measured, layer=1, metric=Metric.INSTRUCTIONS)[1:] == [(None, None, [])] * 2


def test_show_fits_eighty_columns_and_says_where_figures_break(tmp_path: Path) -> None:
    first = cost(instructions=1_409_324)
    file = kept(
        tmp_path,
        measurement(0, first),
        measurement(1, cost(instructions=1_423_417), message=HOSTILE * 4),
        measurement(2, cost(instructions=1_300_000, compiler="GNU 14.2.0"), message="漢字" * 60),
        measurement(3, cost(instructions=1_300_000, compiler="GNU 14.2.0", verdict="failed")),
    )
    done = call("show", "--file", file, "--metric", "instructions")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    table = [line for line in lines if line and line[0] in "│┃"]
    assert max(map(len, lines)) <= 80
    assert all(line.rstrip()[-1] in "│┃" for line in table)  # nothing is cut off
    cells = [[cell.strip() for cell in line.split("│")[1:5]] for line in table[1:]]
    assert cells == [
        [commit(0).id[:10], "2026-03-01", "1,409,324", ""],
        [commit(1).id[:10], "2026-03-02", "1,423,417", "+1 %"],
        [commit(2).id[:10], "2026-03-03", "1,300,000", "break"],
        [commit(3).id[:10], "2026-03-04", "1,300,000", "="],
    ]
    assert "│ [red]<b onclick=alert(1)>… │" in table[2]
    assert "[failed] Change 3" in table[4]
    told = " ".join(line.strip() for line in lines[-2:])
    assert f"break at {commit(2).id[:10]}: compiler GNU 12.2.1, newlib 3.3.0 → GNU 14.2.0" in told


@pytest.mark.parametrize(
    ("columns", "headings"),
    [(61, ["commit", "date", "instructions", "change", "message"]),
     (51, ["commit", "date", "instructions", "change"])],
)  # fmt: skip
def test_a_narrower_terminal_loses_messages_and_no_digit(columns: int, headings: list[str], tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(0, cost(instructions=1_409_324)), measurement(1, cost(instructions=1_423_417)))
    done = call("show", "--file", file, "--metric", "instructions", columns=columns)
    lines = [line for line in done.stdout.splitlines() if line and line[0] in "│┃"]
    assert [cell.strip() for cell in lines[0].split("┃")[1:-1]] == headings
    assert "1,409,324" in lines[1]
    assert "1,423,417" in lines[2]
    assert commit(1).id[:10] in lines[2]
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [40, 30])
def test_without_room_for_a_table_a_commit_is_a_block_of_lines(columns: int, tmp_path: Path) -> None:
    file = kept(tmp_path, measurement(0, cost(instructions=1_409_324)), measurement(1, cost(instructions=1_423_417)))
    done = call("show", "--file", file, "--metric", "instructions", columns=columns)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[lines.index(commit(1).id[:10]) :] == [
        commit(1).id[:10],
        "  date         2026-03-02",
        "  instructions  1,423,417",
        "  change             +1 %",
        "  message      Change 1",
    ]


def test_show_of_the_last_commits_tells_their_change_against_one_that_is_not_shown(tmp_path: Path) -> None:
    file = kept(tmp_path, *(measurement(number, cost(instructions=100 * (number + 1))) for number in range(3)))
    done = call("show", "--file", file, "--last", "1", "--layer", "0", "--case", "int8/m7")
    assert "int8/m7, layer 0 CONV_2D: cycles modelled" in done.stdout
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("│"))
    assert "│    300 │  +50 % │ Change 2 │" in row


def test_json_has_each_case_with_whole_hashes(tmp_path: Path) -> None:
    both = [cost(instructions=1000), cost("float32/m7", compiler="other")]
    file = kept(tmp_path, measurement(0), measurement(1, *both))
    shown = json.loads(call("show", "--file", file, "--json", "--metric", "ram").stdout)["figures"]
    assert [(each["case"], each["metric"], each["unit"]) for each in shown] == [
        ("int8/m7", "ram", "bytes"),
        ("float32/m7", "ram", "bytes"),
    ]
    assert [each["id"] for each in shown[0]["commits"]] == [commit(0).id, commit(1).id]
    assert [each["figure"] for each in shown[1]["commits"]] == [None, 9000]
    assert [each["change_percent"] for each in shown[0]["commits"]] == [None, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", "int8/m8"], "no commit has the case int8/m8. There are: int8/m7."),
        (["--layer", "3"], "int8/m7 has no layer 3. It has 0 to 2."),
        (["--layer", "1", "--metric", "ram"], "RAM is of a whole image, not of a layer. Take `--metric cycles`"),
        (["--file", "nowhere"], "cannot read nowhere: No such file"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = call("show", "--file", kept(tmp_path, measurement(0)), *arguments)
    assert done.returncode == 2
    assert f"error: {said}" in done.stderr


def as_the_action_reads_it(file: Path) -> dict[str, Any]:
    """``loadDataJs`` of its ``src/write.ts``: the prefix's length is taken off, the rest is JSON."""
    text = file.read_text()
    assert text.startswith("window.BENCHMARK_DATA = ")
    data: dict[str, Any] = json.loads(text[len("window.BENCHMARK_DATA = ") :])
    return data


def test_add_keeps_the_benchmark_actions_file_as_well(tmp_path: Path) -> None:
    file, data_js = tmp_path / "history.jsonl", tmp_path / "data.js"
    for number in (0, 1):
        measured = tmp_path / f"{number}.json"
        save(measured, measurement(number, message=HOSTILE))
        done = call("add", measured, "--file", file, "--data-js", data_js)
        assert done.stdout == f"{file}: commit {commit(number).id[:10]}, 1 case(s); {number + 1} commit(s) in all\n"
    data = as_the_action_reads_it(data_js)
    assert data["repoUrl"] == "https://forge.example/team/project"
    assert data["lastUpdate"] > 0
    entries = data["entries"]["renode-mnist"]
    assert [entry["commit"]["id"] for entry in entries] == [commit(0).id, commit(1).id]
    assert {entry["tool"] for entry in entries} == {"customSmallerIsBetter"}
    assert entries[0]["date"] == 1772366400000  # 2026-03-01 12:00 UTC
    assert entries[0]["commit"] == {
        "author": {"name": "A. Uthor", "username": "A. Uthor"},
        "committer": {"name": "A. Uthor", "username": "A. Uthor"},
        "id": commit(0).id,
        "message": HOSTILE,
        "timestamp": "2026-03-01T12:00:00+00:00",
        "url": commit(0).url,
    }
    benches = {bench["name"]: (bench["value"], bench["unit"]) for bench in entries[0]["benches"]}
    assert benches["int8/m7: cycles modelled"] == (2000, "cycles")
    assert benches["int8/m7 layer 2 FULLY_CONNECTED: instructions"] == (166, "instructions")
    assert benches["int8/m7: flash"] == (50_000, "bytes")
    assert benches["int8/m7: RAM"] == (9_000, "bytes")
    assert len(benches) == 10
    assert "GNU 12.2.1" in entries[0]["benches"][0]["extra"]


def test_other_suites_and_commits_of_the_actions_file_stay(tmp_path: Path) -> None:
    file = tmp_path / "data.js"
    theirs = {"commit": {"id": "1"}, "date": 5, "tool": "pytest", "benches": [{"name": "x", "value": 1, "unit": "s"}]}
    older = {**theirs, "commit": {"id": "2"}, "tool": "customSmallerIsBetter"}
    data = {"lastUpdate": 1, "repoUrl": "https://u.example", "entries": {"speed": [theirs], "renode-mnist": [older]}}
    file.write_text("window.BENCHMARK_DATA = " + json.dumps(data))
    benchmark_action.keep(file, [measurement(0)])
    found = as_the_action_reads_it(file)["entries"]
    assert found["speed"] == [theirs]
    assert [entry["commit"]["id"] for entry in found["renode-mnist"]] == ["2", commit(0).id]
    again = file.read_bytes()
    benchmark_action.keep(file, [measurement(0)])
    assert file.read_bytes() == again
    with pytest.raises(DataFileError, match=r"the suite speed of .* is of the tool pytest\. Name another"):
        benchmark_action.keep(file, [measurement(0)], "speed")
    assert file.read_bytes() == again


def test_the_json_that_the_action_keeps_outside_of_a_page_has_no_prefix(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    benchmark_action.keep(file, [measurement(0)])
    assert json.loads(file.read_text())["entries"]["renode-mnist"][0]["commit"]["id"] == commit(0).id


@pytest.mark.parametrize(
    "content",
    ["{}", "window.BENCHMARK_DATA = {", "window.BENCHMARK_DATA = {}", "window.BENCHMARK_DATA = []",
     'window.BENCHMARK_DATA = {"entries": {"a": [1]}}'],
)  # fmt: skip
def test_a_file_of_another_format_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "data.js"
    file.write_text(content)
    with pytest.raises(DataFileError, match="Name a file of github-action-benchmark"):
        benchmark_action.keep(file, [measurement(0)])
    assert file.read_text() == content
    (tmp_path / "measurement.json").write_text(measurement(0).model_dump_json())
    done = call("add", tmp_path / "measurement.json", "--file", tmp_path / "history.jsonl", "--data-js", file)
    assert done.returncode == 2
    assert not (tmp_path / "history.jsonl").exists()  # checked before anything is written


def test_a_place_in_the_actions_file_is_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "data.js"
    file.write_text('window.BENCHMARK_DATA = {"entries" 5}')
    with pytest.raises(DataFileError, match=r"line 1 column 36 \(char 35\)"):
        benchmark_action.check(file)


def test_the_branch_of_the_documentation_grows_by_each_commit(tmp_path: Path) -> None:
    text = (paths.root() / "docs" / "ci.md").read_text()
    (script,) = (block for block in text.split("```")[1::2] if block.startswith("sh\ngit fetch origin history"))
    environment = {
        **os.environ,
        "PATH": f"{paths.scripts()}{os.pathsep}{os.environ['PATH']}",
        **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "origin"], check=True)
    for number in (0, 1):
        job = tmp_path / str(number) / "project"
        subprocess.run(["git", "clone", "--quiet", tmp_path / "origin", job], check=True, capture_output=True)
        (job / "renode-mnist-reports").mkdir(exist_ok=True)
        save(job / "renode-mnist-reports" / "measurement.json", measurement(number))
        done = subprocess.run(
            ["sh", "-ec", script.removeprefix("sh\n")],
            cwd=job,
            capture_output=True,
            text=True,
            env={**environment, "GITHUB_SHA": commit(number).id},
        )
        assert done.returncode == 0, done.stderr
    show = ["git", "-C", str(tmp_path / "origin"), "ls-tree", "--name-only", "history"]
    listed = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert listed.split() == ["data.js", "history.jsonl", "index.html"]
    show[3:] = ["show", "history:history.jsonl"]
    content = subprocess.run(show, capture_output=True, check=True).stdout
    assert history.read(content, Path("h")) == [measurement(0), measurement(1)]


def test_the_parts_of_the_page_are_files_of_the_package() -> None:
    there = {file.name for file in paths.report_static().iterdir()}
    assert there >= {"base.html", "parts.html", "colours.css", "page.css", "page.js"}  # what all pages share
    assert there >= {"history.html", "history.css", "history.js"}
