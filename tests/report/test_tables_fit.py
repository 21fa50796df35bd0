"""No figure is cut by a narrow terminal, in whatever a command shows: what stands in 120 columns stands in 40."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import rich.console
from click.testing import CliRunner
from rich.console import Console
from rich.table import Table
from rich.text import Text

from histories import cost, measurement
from renode_mnist import paths
from renode_mnist.cli import app
from renode_mnist.measure import history
from renode_mnist.measure.history_series import series
from renode_mnist.measure.metric import Metric
from renode_mnist.report import grid, history_table
from renode_mnist.report.fitted import Fitted
from renode_mnist.report.grid import Grid

WIDTHS = (40, 60, 80, 120)
COMMANDS = {
    "run": ["run", "--target", "embedded"],
    "run of any model": ["run", "--target", "embedded", "--model", "MOTIONS"],
    "bench": ["bench", "--models", "int8", "--engines", "m7,reference"],
    "bench --wide --split": ["bench", "--models", "int8", "--engines", "m7", "--wide", "--split"],
    "bench of a program": ["bench", "ELF", "--until", "ready", "--wall", "20s"],
    "bench --check": ["bench", "--models", "int8", "--engines", "m7", "--check", "--budgets", "GROWN"],
    "profile": ["profile", "--top", "5", "--unit", "cycles", "--wide"],
    "verify": ["verify", "int8", "--count", "1"],
    "evaluate": ["evaluate", "MOTIONS", "--data", "LABELLED", "--images", "12", "--workers", "1"],
    "faults": ["faults", "int8", "--count", "12", "--workers", "1"],
    "inspect": ["inspect", "int8", "--tensors"],
    "calibrate": ["calibrate", "--rounds", "1"],
    "compare": ["compare", "BEFORE", "AFTER"],
}


def figures(text: str) -> Counter[str]:
    """Figures with how often they stand there: not those within words, names of symbols or cells of a drawing."""
    return Counter(re.findall(r"(?<![\w.,…/:<-])[-+~]?\d[\d,]*(?:\.\d+)?(?![\w.,…:>/-]*[\w…>])", text))


def in_columns(columns: int, *shown: Any) -> list[str]:
    """The lines of what is shown in a terminal of that width."""
    console = Console(width=columns, color_system=None, highlight=False)
    with console.capture() as captured:
        for each in shown:
            console.print(each)
    return captured.get().splitlines()


def hold(*shown: Any) -> None:
    """Asserts that no width cuts a figure or goes past its terminal."""
    widest = figures("\n".join(in_columns(240, *shown)))
    assert widest
    for columns in WIDTHS:
        lines = in_columns(columns, *shown)
        assert max(map(len, lines)) <= columns
        lost = widest - figures("\n".join(lines))
        assert not lost, f"{columns} columns lose {dict(lost)}:\n" + "\n".join(lines)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What commands are given, by the words that stand for it."""
    folder = tmp_path_factory.mktemp("files")
    bench = ["bench", "--models", "int8", "--engines", "m7"]
    before, after, grown = (folder / name for name in ("before.json", "after.json", "budgets.toml"))
    made = CliRunner().invoke(app, [*bench, "--json", str(before), "--update", "--budgets", str(grown)])
    assert made.exit_code == 0, made.output
    grown.write_text(re.sub(r"(instructions|flash_bytes) = \d+", r"\1 = 7", grown.read_text()))
    rows = json.loads(before.read_text())
    for row in rows["rows"]:
        row["counts"] = {unit: count + 1_234_567 for unit, count in row["counts"].items()}
    after.write_text(json.dumps(rows))
    motions = paths.models() / "motions"
    built = CliRunner().invoke(app, ["build", "--engine", "m7"])
    return {
        "BEFORE": str(before),
        "AFTER": str(after),
        "GROWN": str(grown),
        "MOTIONS": str(motions / "motions_int8.tflite"),
        "LABELLED": str(motions / "test.npz"),
        "ELF": built.stdout.split()[-1],
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_shows_keeps_its_figures(
    name: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    class Keeping(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            if not self.stderr and not options.get("soft_wrap"):  # a sentence is wrapped by its terminal
                shown.extend(Text(each) if isinstance(each, str) else each for each in objects)
            super().print(*objects, **options)

    monkeypatch.setattr(rich.console, "Console", Keeping)
    arguments = [files.get(each, each) for each in COMMANDS[name]]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert any(isinstance(each, Fitted) or not isinstance(each, Text) for each in shown), done.output
    hold(*shown)


def test_a_history_keeps_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    for number in range(2):
        history.add(file, measurement(number, cost(instructions=1_409_324 + 99_999 * number)))
    found = series(history.load(file), "int8/m7", None, Metric.INSTRUCTIONS)
    wide = figures("\n".join(in_columns(240, history_table.table(found, 240))))
    for columns in WIDTHS:
        lines = in_columns(columns, history_table.table(found, columns))
        assert max(map(len, lines)) <= columns
        assert not wide - figures("\n".join(lines) + " 0 1"), lines  # those of the messages "Change 0", "Change 1"


def test_rows_without_room_are_blocks_of_lines() -> None:
    wide = Grid(("layer", "MACs", "ms\nmodelled"), (("CONV_2D", "2,230,272", "12.345"), ("total", "7", "")), totals=1)
    assert [line.rstrip() for line in in_columns(26, grid.table(wide))] == [
        "CONV_2D",
        "  MACs        2,230,272",
        "  ms modelled    12.345",
        "────────",
        "total",
        "  MACs 7",
    ]
    assert "  modelled" in (narrow := [line.rstrip() for line in in_columns(20, grid.table(wide))])
    assert "  MACs     2,230,272" in narrow


def test_text_gives_way_to_figures_as_far_as_its_words() -> None:
    shown = Table()
    shown.add_column("what")
    shown.add_column("count", justify="right")
    shown.add_row("several words that wrap", "1,234,567")
    assert in_columns(26, Fitted(shown))[3:6] == [
        "│ several    │ 1,234,567 │",
        "│ words that │           │",
        "│ wrap       │           │",
    ]
