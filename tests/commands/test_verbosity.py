"""What commands say beside their results: nothing with -q, what is done with -v, a bar on a terminal alone."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pexpect
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from renode_mnist.cli import app
from renode_mnist.commands import progress_bar, verbosity
from renode_mnist.report import prose
from renode_mnist.session.target_options import OpenOptions

PROGRAM = ["-c", "from renode_mnist.cli import main; main()"]


@pytest.fixture(autouse=True)
def as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The same campaign may be under way in another test, and is refused then.
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "cache"))
    yield
    logging.getLogger(verbosity.LOGGER).setLevel(logging.NOTSET)


def call(*arguments: str) -> Result:
    logging.getLogger(verbosity.LOGGER).setLevel(logging.NOTSET)  # as a program of its own begins
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_has_both_once() -> None:
    assert isinstance(app, click.Group)
    commands = dict(leaves(app))
    assert len(commands) > 30
    for path, command in [*commands.items(), *dict(leaves(app)).items()]:
        flags = [flag for parameter in command.params for flag in parameter.opts]
        assert (flags.count("-q"), flags.count("-v")) == (1, 1), path


def test_v_says_what_is_done_and_vv_what_goes_over_the_wire() -> None:
    usual, told, wire = (call("run", "--target", "embedded", *more) for more in ([], ["-v"], ["-vv"]))
    assert usual.stdout == told.stdout == wire.stdout
    assert usual.stderr == ""
    lines = told.stderr.splitlines()
    assert lines[0].startswith("model int8 is ")
    assert any(re.fullmatch(r"image .*firmware\.elf (is up to date|came with this package)", line) for line in lines)
    assert any(re.fullmatch(r"target embedded with .*firmware\.elf", line) for line in lines)
    assert any(re.fullmatch(r"reading .*7\.png", line) for line in lines)
    frame = re.compile(r" +\d+\.\d{3} ms (sent|received) +\d+ B  \w\w ")
    frames = list(filter(frame.match, wire.stderr.splitlines()))
    assert len(frames) >= 6
    assert len(wire.stderr.splitlines()) == len(lines) + len(frames)


def test_a_build_says_its_commands(tmp_path: Path) -> None:
    model = tmp_path / "once.tflite"
    model.write_bytes((Path(__file__).parents[2] / "models" / "motions" / "motions_int8.tflite").read_bytes())
    done = call("run", "--target", "embedded", "--model", str(model), "-v", "--watchdog", "251")
    assert re.search(r"^building .*firmware\.elf by \S+gcc$", done.stderr, re.M) or "is up to date" in done.stderr
    if "is up to date" not in done.stderr:
        assert re.search(r"^\S+cmake -S .* -DENGINE=m7 ", done.stderr, re.M)


def test_q_leaves_results_and_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRENODE_BIN", "/nowhere/renode")
    noted = call("run", "--target", "auto", "--json")
    quiet = call("run", "--target", "auto", "--json", "-q")
    assert noted.stderr.startswith("target embedded, since ")
    assert quiet.stderr == ""
    assert quiet.stdout == noted.stdout
    wrong = call("run", "-q", "--engine", "m8")
    assert wrong.exit_code == 2
    assert "'m8' is not one of" in wrong.stderr


def test_why_auto_took_a_target_stands_once_and_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRENODE_BIN", "/nowhere/renode")
    done = call("run", "--target", "auto")
    assert done.stderr == ""
    assert done.stdout.count(", since") == 1
    assert OpenOptions.target == "embedded"


def test_both_at_once_are_refused() -> None:
    done = call("doctor", "-q", "-v")
    assert (done.exit_code, "exclude each other" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ((0, 0, 0, 3.0), ""),
        ((0, 40, 0, 0.0), "0/40"),
        ((12, 40, 0, 3.0), "12/40  4.0/s  0:07 left"),
        ((12, 40, 10, 1.0), "12/40  2.0/s  0:14 left"),  # what was there before says nothing of the rate
        ((1, 101, 0, 70.0), "1/101  70.0 s each  1:56:40 left"),
        ((2_000, 10_000, 0, 10.0), "2,000/10,000  200.0/s  0:40 left"),
    ],
)
def test_a_bar_has_rate_and_time_left(work: tuple[int, int, int, float], said: str) -> None:
    assert progress_bar.told(*work) == said


FAULTS = ["faults", "int8", "--count", "40", "--workers", "1"]


@pytest.mark.parametrize(("more", "is_shown"), [([], True), (["-q"], False)])
def test_progress_is_for_terminals_and_not_for_the_quiet(more: list[str], is_shown: bool) -> None:
    shown = pexpect.spawn(
        sys.executable, [*PROGRAM, *FAULTS, *more], env=os.environ | {"COLUMNS": "100", "TERM": "xterm"}, timeout=120
    )
    shown.expect(pexpect.EOF)
    text = shown.before.decode()
    assert ("trying faults …" in text) == is_shown
    assert bool(re.search(r"\d+/40  [\d.]+(/s| s each)  \d+:\d\d left", text)) == is_shown


def test_progress_is_not_for_pipes() -> None:
    for arguments in (FAULTS, ["bench", "--models", "int8", "--engines", "m7", "--clocks", "216"]):
        done = call(*arguments)
        assert done.stderr == ""
        assert "━" not in done.stdout.replace("┏", "").split("\n")[0]


def test_what_takes_a_minute_says_so_first_where_no_terminal_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    begun = call("init", "--model", "int8")
    assert begun.stderr.splitlines()[0].endswith("building and measuring it ...")
    assert "..." not in begun.stdout
    assert call("init", "--model", "int8", "--force", "-q").stderr == ""
    assert call("compare", ".", ".", "--models", "int8").stderr == "building and measuring . ...\n" * 2
    assert call("compare", ".", ".", "--models", "int8", "-q").stderr == ""


def test_how_inputs_came_to_be_is_a_note(tmp_path: Path) -> None:
    motions = str(Path(__file__).parents[2] / "models" / "motions" / "motions_int8.tflite")
    output = ["--output", str(tmp_path / "vectors.npz")]
    for arguments, note in (
        (["run", "--target", "embedded"], "7.png: "),
        (["run", "--target", "embedded", "--model", motions], "no input was given"),
        (["golden", motions, *output], "seed"),
        (["verify", motions, "--target", "embedded", "--count", "1"], "edge cases"),
    ):
        usual, quiet = call(*arguments), call(*arguments, "-q")
        assert note in usual.stdout.splitlines()[0]
        assert usual.stdout.endswith(quiet.stdout)
        assert note not in quiet.stdout
        assert quiet.stdout


@pytest.mark.parametrize("arguments", [
    ["verify", "int8", "--count", "1"],
    ["bench", "--models", "int8", "--engines", "m7", "--clocks", "216", "--check"],
])  # fmt: skip
def test_sentences_are_wrapped_at_words_on_a_terminal_and_not_in_a_pipe(arguments: list[str]) -> None:
    environment = os.environ | {"COLUMNS": "50", "TERM": "xterm"}  # Rich takes a dumb one for 80 columns
    shown = pexpect.spawn(sys.executable, [*PROGRAM, *arguments, "-q"], env=environment, timeout=300)
    shown.expect(pexpect.EOF)
    text = re.sub(r"\x1b\[[\d;]*m", "", shown.before.decode())
    assert max(map(len, text.splitlines())) <= 50
    assert max(map(len, call(*arguments, "-q").stdout.splitlines())) > 80


def test_a_sentence_is_wrapped_between_words() -> None:
    sentence = "None of these twelve words may be cut by the terminal [x]."
    wrapped = ["None of these twelve", "words may be cut by", "the terminal [x]."]
    for is_terminal, lines in ((True, wrapped), (False, [sentence])):
        console = Console(width=20, force_terminal=is_terminal, color_system=None)
        with console.capture() as captured:
            prose.say(console, sentence)
        assert [line.rstrip() for line in captured.get().splitlines()] == lines
