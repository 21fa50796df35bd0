"""The command line as its user meets it: exit codes, messages, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from renode_mnist import paths
from renode_mnist.targets import auto


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def refused(*arguments: str | Path) -> str:
    """What a call that is wrong says."""
    done = call(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def test_run_shows_digit_scores_class_and_layers() -> None:
    done = call("run", "--target", "embedded")
    assert done.returncode == 0, done.stderr
    for part in ("class 7", "CONV_2D", "instructions", "target", "commit", "SHA-256"):
        assert part in done.stdout


def test_run_prints_the_record_as_json() -> None:
    record = json.loads(call("run", "--target", "embedded", "--image", paths.digits() / "3.png", "--json").stdout)
    assert record["class"] == 3
    assert record["target"]["counter_unit"] == "instructions"
    assert record["instructions"] >= sum(layer["instructions"] for layer in record["layers"]) > 0
    assert len(record["firmware"]["build_id"]) == 40


def test_runs_repeat_to_the_byte_the_picosecond_and_the_instruction() -> None:
    done = call("run", "--target", "embedded", "--repeat", "3", "--clock-model", "m7")
    assert done.returncode == 0, done.stderr
    assert "cycles (modelled)" in done.stdout
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("3 runs, digest"))
    assert len(line.rsplit(": ", 1)[1]) == 64


def test_a_target_in_real_time_does_not_claim_to_repeat() -> None:
    done = call("run", "--target", "host", "--repeat", "2")
    assert done.returncode == 2
    assert "no two runs are the same" in done.stderr


def test_an_expectation_that_fails_exits_with_1() -> None:
    done = call("run", "--image", paths.digits() / "3.png", "--expect", "4")
    assert done.returncode == 1
    assert "classified as 3, expected 4" in done.stderr


def test_a_defect_is_no_failed_check_and_says_where_its_details_are(tmp_path: Path) -> None:
    broken = "from renode_mnist import cli; cli.app.invoke = lambda context: {}['key of \\n a table']; cli.main()"
    environment = {**os.environ, "RENODE_MNIST_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", broken, "run", "--json"], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout) == (70, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: this is a defect of renode-mnist, and no check has failed: KeyError: ")
    (kept,) = (tmp_path / "defects").iterdir()
    assert f"The details are in {kept}: " in line
    report = kept.read_text()
    assert "called as 'run' '--json'" in report
    assert "Traceback (most recent call last)" in report


def test_a_defect_shows_where_nothing_can_be_kept(tmp_path: Path) -> None:
    broken = (
        "import tempfile; from renode_mnist import cli\n"
        "def full(*_, **__): raise OSError(28, 'No space left on device')\n"
        "tempfile.mkstemp = full; cli.app.invoke = lambda context: 1 / 0; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", broken, "run"], capture_output=True, text=True)
    assert done.returncode == 70
    assert "ZeroDivisionError: division by zero" in done.stderr.splitlines()[0]
    assert "Traceback (most recent call last)" in done.stderr


def test_ctrl_c_exits_with_130_and_a_closed_pipe_with_141() -> None:
    main = "from renode_mnist.cli import main; main()"
    interrupted = (
        "import os, signal, time; from renode_mnist import cli\n"
        "cli.app.invoke = lambda context: (os.kill(os.getpid(), signal.SIGINT), time.sleep(60)); cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", interrupted, "run"], capture_output=True, text=True)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "Interrupted."
    for command in ("--version", "run"):  # by Python at the end, and by Rich
        asked = subprocess.Popen(
            [sys.executable, "-c", main, command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert asked.stdout is not None
        asked.stdout.close()
        asked.stdout = None
        _, told = asked.communicate()
        assert (asked.returncode, b"rror" in told) == (141, False)


def test_a_large_dark_on_light_picture_is_classified(tmp_path: Path) -> None:
    digit = Image.open(paths.digits() / "5.png").convert("L")
    paper = Image.new("L", (2600, 3900), 250)
    paper.paste(digit.resize((1400, 1400)).point(lambda value: 250 - int(value * 0.9)), (700, 1800))
    paper.save(tmp_path / "scan.jpg")
    done = call("run", "--image", tmp_path / "scan.jpg", "--expect", "5")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.png", b"this is no picture", "text.png"),
        ("empty.png", b"", "is empty"),
        ("cut.png", (paths.digits() / "1.png").read_bytes()[:90], "cut.png"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused("run", "--image", tmp_path / name)


def test_a_blank_picture_is_refused(tmp_path: Path) -> None:
    Image.new("L", (300, 200), 255).save(tmp_path / "blank.png")
    assert "blank" in refused("run", "--image", tmp_path / "blank.png")


def test_a_model_that_is_not_there_names_those_that_are() -> None:
    assert "float32, int8" in refused("run", "--model", "int4")


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    whole = (paths.models() / "mnist_int8.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    assert "cut.tflite is damaged" in refused("build", "--model", tmp_path / "cut.tflite")


@pytest.mark.parametrize(
    ("file", "said"), [(Path(sys.executable).resolve(), "not for a 32-bit Arm core"), (paths.schema(), "no ELF file")]
)
def test_an_elf_for_another_core_or_none_is_refused(file: Path, said: str) -> None:
    assert said in refused("run", "--elf", file)


def test_a_combination_that_cannot_work_says_what_can() -> None:
    said = refused("build", "--model", "float32", "--engine", "cmsis-nn")
    assert "float" in said
    assert "m7" in said or "reference" in said


def test_no_board_is_an_answer_not_a_hang() -> None:
    assert "--port" in refused("run", "--target", "board")


@pytest.fixture(scope="module")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sessions") / "new folder" / "session.jsonl"
    assert call("run", "--target", "embedded", "--record", file).returncode == 0
    return file


def test_a_recording_is_replayed_on_another_target(session_file: Path) -> None:
    done = call("replay", session_file, "--target", "host")
    assert done.returncode == 0, done.stderr
    assert "3 requests recorded on embedded (Unicorn" in done.stdout
    assert "sent again to host: 0 difference(s)" in done.stdout


def test_a_recording_cut_off_in_mid_line_says_so(session_file: Path, tmp_path: Path) -> None:
    whole = session_file.read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(whole[: whole.rindex(b'"bytes"') + 300])
    done = call("replay", tmp_path / "cut.jsonl")
    assert done.returncode == 0, done.stderr
    assert "cut off in line 7; it was replayed up to there" in done.stdout


def test_a_recording_of_another_model_differs(session_file: Path) -> None:
    done = call("replay", session_file, "--model", "float32", "--engine", "reference")
    assert done.returncode == 1
    assert "line 2: " in done.stdout
    assert "model_sha256" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"\xff\xfe", "is no recording"), (b"{}\n", "line 1"), (b"[1]", "line 1")],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "session.jsonl").write_bytes(content)
    assert said in refused("replay", tmp_path / "session.jsonl")


def test_a_recording_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    assert "cannot write" in refused("run", "--target", "embedded", "--record", "/proc/session.jsonl")


def test_an_unknown_suite_names_the_known_ones() -> None:
    assert "classification" in refused("test", "--suite", "nope")


@pytest.mark.parametrize(
    "call_that_ends_early",
    [
        ("run", "--target", "auto", "--image", "nothing.png"),
        ("test", "--target", "auto", "--suite", "nope"),
        ("bench", "--target", "auto", "--engines", "m8"),
        ("replay", "--target", "auto", "nothing.jsonl"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_call_that_is_wrong_hears_of_no_target(call_that_ends_early: tuple[str, ...]) -> None:
    assert auto.choose().reason not in refused(*call_that_ends_early)


def test_auto_tells_what_it_took_and_why_beside_the_result() -> None:
    choice = auto.choose()
    shown = call("run", "--target", "auto")
    assert (shown.returncode, shown.stderr) == (0, "")
    (line,) = (line for line in shown.stdout.splitlines() if line.startswith(" target "))
    assert f"{choice.target} (" in line
    assert f", since {choice.reason}"[:20] in line
    as_json = call("run", "--target", "auto", "--json")
    assert as_json.stderr == f"target {choice.target}, since {choice.reason}\n"
    assert json.loads(as_json.stdout)["target"]["name"] == choice.target


def test_the_path_of_an_image_stands_alone() -> None:
    done = call("build")
    (path,) = done.stdout.splitlines()
    assert Path(path).is_file()
    assert done.stderr in ("", "up to date:\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "board"), "ST-LINK"),
        (("--elf", sys.executable), "not for a 32-bit Arm core"),
        (("--target", "host", "--elf", "/bin/true"), "true ended at once with status 0: it said nothing. Give"),
        (("--output", "/proc/new"), "/proc/new cannot be written: "),
    ],
    ids=["no board", "foreign ELF", "foreign program", "no folder"],
)
def test_what_no_test_could_do_is_one_error_before_the_first(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (line,) = refused("test", "--output", tmp_path / "robot", *options).splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_an_image_for_another_board_is_told_which_board_it_is_for() -> None:
    elf = call("build", "--board", "article").stdout.strip()
    said = refused("run", "--target", "embedded", "--elf", elf)
    assert "in app::" in said or "in board::" in said
    assert "_ZN" not in said
    assert "It listens on UART7, as for `--board article`: name that. Its log is empty." in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "gone.json", "also-gone.json"), "cannot read gone.json: No such file or directory."),
        (("bench", "--engines", ""), "there is no case to run."),
        (("profile", "--elf", str(paths.schema())), "mnist.fbs is no ELF file."),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_what_is_not_there_is_what_the_error_names(words: tuple[str, ...], said: str) -> None:
    assert said in refused(*words)


def test_parity_needs_two_targets() -> None:
    assert "Two targets" in refused("parity", "--target", "host")


def test_a_list_option_names_its_choices() -> None:
    assert "m7, reference" in refused("bench", "--engines", "m8")


def test_doctor_tells_what_is_there() -> None:
    done = call("doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, done.stderr
    assert all(finding["found"] for finding in findings.values() if finding["required"])
    assert all(finding["remedy"] for finding in findings.values() if not finding["found"])


def test_every_command_explains_itself() -> None:
    listed = call("--help").stdout.split("Commands:")[1]
    commands = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    assert {"run", "build", "test", "doctor"} <= set(commands)
    for command in commands:
        done = call(command, "--help")
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert done.stdout.startswith(f"Usage: renode-mnist {command}")


# Where it is called --------------------------------------------------------------------------------------------


def in_shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in which ``$R`` calls the program."""
    program = f'{sys.executable} -c "from renode_mnist.cli import main; main()"'
    return subprocess.run(
        ["sh", "-c", line.replace("$R", program)],
        capture_output=True, text=True, encoding="utf-8", env={**os.environ, **variables},
    )  # fmt: skip


@pytest.mark.parametrize("command", ["doctor --json", "inspect int8"], ids=["click", "rich"])
def test_a_full_device_is_told(command: str) -> None:
    done = in_shell(f"$R {command} > /dev/full")
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith("error: what the output goes to cannot be used (No space left on device). Make room")


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}])
def test_a_terminal_of_few_characters_gets_what_it_can(variables: dict[str, str]) -> None:
    done = in_shell("$R inspect int8 && $R run --target embedded", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "class 7" in done.stdout


def test_a_closed_input_is_an_empty_one() -> None:
    done = in_shell("$R console <&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_who_stops_reading_is_told_nothing() -> None:
    done = in_shell("$R doctor --json | true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("run --model i", "int8"),
        ("inspect i", "int8"),
        ("inspect int8 --engine r", "reference"),
        ("bench --engines m7,r", "m7,reference"),
        ("bench --models int8,fl", "int8,float32"),
        ("compare a b --models fl", "float32"),
        ("test --suite c", "classification"),
    ],
)
def test_values_are_completed(words: str, completed: str) -> None:
    done = in_shell(
        "$R", _RENODE_MNIST_COMPLETE="bash_complete", COMP_WORDS=f"renode-mnist {words}",
        COMP_CWORD=str(len(words.split())),
    )  # fmt: skip
    assert f"plain,{completed}" in done.stdout.splitlines()


def test_the_help_of_completion_keeps_its_lines() -> None:
    lines = [line.strip() for line in call("completion", "--help").stdout.splitlines()]
    assert [line.split()[0] for line in lines[-3:]] == ["bash", "zsh", "fish"]
    assert all("\b" not in line and "\\b" not in line for line in lines)
