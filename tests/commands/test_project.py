"""What a project says once, and the files with which it begins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from renode_mnist import paths
from renode_mnist.cli import app
from renode_mnist.commands import project, project_key, starter
from renode_mnist.errors import RenodeMnistError

MOTIONS = paths.models() / "motions" / "motions_int8.tflite"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As a program of its own: its entry point tells what `call` only raises."""
    program = [sys.executable, "-c", "from renode_mnist.cli import main; main()"]
    return subprocess.run([*program, *arguments], capture_output=True, text=True)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def defaults(text: str, *names: str) -> dict[str, Any]:
    found = project.find(write(Path("renode-mnist.toml"), text).parent)
    assert found is not None
    given: Any = project.default_map(found, app, click.Context(app))
    for name in names:
        given = given.get(name)
    return dict(given)


# Where it is found ------------------------------------------------------------------------------------------------


def test_the_nearest_file_up_to_the_repositorys_root_counts(here: Path) -> None:
    outer = write(here / "renode-mnist.toml", "")
    root = here / "repository"
    (root / ".git").mkdir(parents=True)
    deep = root / "a" / "b"
    deep.mkdir(parents=True)
    assert project.find(deep) is None  # what is above the root is another's
    assert project.find(here) == project.Project(outer, {})
    write(root / "pyproject.toml", '[tool.renode-mnist]\nmodel = "int8"\n')
    assert project.find(deep) == project.Project(root / "pyproject.toml", {"model": "int8"})
    nearer = write(root / "a" / "renode-mnist.toml", 'engine = "m7"')
    assert project.find(deep) == project.Project(nearer, {"engine": "m7"})


def test_outside_a_repository_only_this_folder_counts(here: Path) -> None:
    write(here / "renode-mnist.toml", "")
    (here / "a").mkdir()
    assert project.find(here / "a") is None


def test_a_pyproject_of_others_says_nothing(here: Path) -> None:
    write(here / "pyproject.toml", "[tool.other]\nmodel = 7\n")
    assert project.find(here) is None


# What commands take of it -----------------------------------------------------------------------------------------


def test_options_of_image_and_target_reach_each_command_that_has_them(here: Path) -> None:
    (here / "mine.tflite").write_bytes(b"")
    text = 'model = "mine.tflite"\ntarget = "renode"\nbaud = 921600\nclock = 288\nengine = "reference"\n'
    assert defaults(text, "run") == {
        "model": "mine.tflite", "target": "renode", "baud": 921600, "clock_mhz": "288", "engine": "reference"
    }  # fmt: skip
    assert defaults(text, "verify")["model"] == "mine.tflite"
    assert defaults(text, "bench") == {
        "models": "mine.tflite", "engines": "reference", "clocks": "288", "target": "renode", "baud": 921600
    }  # fmt: skip
    assert defaults(text, "ci", "measure")["models"] == ["mine.tflite"]
    assert "targets" not in defaults(text, "parity")  # one target alone is nothing to compare
    assert defaults(text, "compare") == {}
    assert defaults('target = "board"', "serve") == {}  # what it can't take stays its own


@pytest.mark.parametrize("name", app.list_commands(click.Context(app)))  # type: ignore[attr-defined]
def test_no_command_stumbles_over_options_of_others(name: str) -> None:
    text = 'model = "int8"\ntarget = "host"\nport = "/dev/null"\nobjective = "time"\nwatchdog = 250\n'
    given = defaults(text, name)
    command = app.get_command(click.Context(app), name)  # type: ignore[attr-defined]
    if not isinstance(command, click.Group):
        for parameter in command.params:
            if parameter.name in given:
                parameter.type_cast_value(click.Context(command), given[parameter.name])


def test_a_table_is_of_one_command_and_comes_before_the_top(here: Path) -> None:
    (here / "own.robot").write_text("")
    text = 'engine = "m7"\n[test]\nsuite = ["own.robot", "protocol"]\nengine = "reference"\nleast-accuracy = 0.9\n'
    assert defaults(text, "test") == {
        "engine": "reference", "suites": ["own.robot", "protocol"], "least_accuracy": 0.9
    }  # fmt: skip
    assert defaults(text, "run") == {"engine": "m7"}
    assert defaults('[bench]\nmodels = ["int8", "float32"]\nsplit = true\n', "bench") == {
        "models": "int8,float32", "split": True
    }  # fmt: skip
    assert defaults("[ci.measure]\nleast-accuracy = 1\n", "ci", "measure") == {"least_accuracy": 1}


def test_files_are_meant_from_the_projects_file_and_flags_come_first(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / ".git").mkdir()
    shutil.copy(MOTIONS, here / "mine.tflite")
    write(here / "renode-mnist.toml", 'model = "mine.tflite"\n')
    (here / "sub").mkdir()
    monkeypatch.chdir(here / "sub")
    assert "'motion' int8 1x100x6" in call("inspect").output
    assert "mine.tflite, " in call("inspect").output
    given = call("inspect", "int8").output
    assert "mnist_int8.tflite, " in given
    assert "motion" not in given


# What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('modle = "int8"', "modle is unknown. Did you mean model?"),
        ('max_flash = 7', "max_flash is unknown. Did you mean max-flash?"),
        ("zzzz = 1", "zzzz is unknown. There are baud, bench, board, build,"),
        ("suite = 5", "suite is an option of single commands. Write it into the table of its command: [test], "),
        ('engine = "m8"', "engine = \"m8\" is none of its values. Did you mean m7?"),
        ("clock = 217", "clock = 217 is none of its values. Did you mean 216?"),
        ('baud = "fast"', "baud = \"fast\" is not a whole number"),
        ("baud = true", "baud = true is not a whole number"),
        ("baud = 0", "baud = 0 is out of range. Take at least 1."),
        ("watchdog = 40000", "watchdog = 40000 is out of range. Take 0 to 32768."),
        ("model = 7", "model = 7 is not a string"),
        ('trace = "yes"', "trace = \"yes\" is not true or false"),
        ("[benhc]", "[benhc] is unknown. Did you mean [bench]?"),
        ("[bench]\nmodel = 1", "[bench] model is unknown. Did you mean models?"),
        ("[bench]\nsplit = 1", "[bench] split = 1 is not true or false"),
        ('[bench]\nengines = "m7,m8"', "[bench] engines = \"m7,m8\": 'm8' is not one of m7"),
        ('[test]\nleast-accuracy = "0.9"', "[test] least-accuracy = \"0.9\" is no number"),
        ("[test]\nleast-accuracy = 2", "[test] least-accuracy = 2: 2.0 is not in the range 0<=x<=1"),
        ('[test]\ngolden = {a = 1}', "[test] golden = {\"a\": 1} is no value of it"),
        ("[ci.measrue]", "[ci] measrue is unknown. Did you mean measure?"),
        ("[ci]\nmeasure = 1", "ci.measure is no table. Write [ci.measure]."),
        ("model = ", "is no TOML: "),
    ],
)  # fmt: skip
def test_what_nobody_knows_is_refused_with_file_key_and_the_nearest_name(here: Path, text: str, said: str) -> None:
    file = write(here / "renode-mnist.toml", text)
    with pytest.raises(project.ProjectError) as refused:
        defaults(text, "run")
    line = str(len(text.splitlines()))
    assert str(refused.value).startswith(f"{file} {said}" if "no TOML" in said else f"{file}:{line}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "arguments", "line"),
    [
        ('model = "nosuch.tflite"', ["run"], '1 says model = "nosuch.tflite"'),
        ('# a\n\nengine = "m7"\nmodel = "no.tflite"', ["inspect"], '4 says model = "no.tflite"'),
        ("[test]\nsuite = 5", ["test"], "2 says [test] suite = 5"),
        ('[test]\nsuite = [\n  "reset",\n  "nosuch"\n]', ["test"], '2 says [test] suite = ["reset", "nosuch"]'),
        ('test = {suite = "nosuch"}', ["test"], '1 says [test] suite = "nosuch"'),
        ('[bench]\nmodels = "int8,no.tflite"', ["bench"], '2 says [bench] models = "int8,no.tflite"'),
        ('[bench]\n\ncheck = true\nbudgets = "no.toml"', ["bench"], '4 says [bench] budgets = "no.toml"'),
        ('engine = "reference"\nobjective = "ram"', ["build"], '2 says objective = "ram"'),
        ("[run]\npixel-range = [1, 1]", ["run"], "2 says [run] pixel-range = [1, 1]"),
        ('[evaluate]\nworkers = "x"', ["evaluate"], '2 says [evaluate] workers = "x"'),
        ('[ci.measure]\nmodel = "no.tflite"', ["ci", "measure"], '2 says [ci.measure] model = "no.tflite"'),
    ],
)
@pytest.mark.parametrize("in_pyproject", [False, True])
def test_an_error_about_what_the_file_said_names_file_line_and_key(
    here: Path, text: str, arguments: list[str], line: str, in_pyproject: bool
) -> None:
    if in_pyproject:
        text = "[tool.renode-mnist]\n" + re.sub(r"^\[(?=[a-z])", "[tool.renode-mnist.", text, flags=re.M)
        line = re.sub(r"^\d+", lambda found: str(int(found[0]) + 1), line)
    file = write(here / ("pyproject.toml" if in_pyproject else "renode-mnist.toml"), text)
    with pytest.raises((RenodeMnistError, click.UsageError)) as refused:
        app.main(arguments, standalone_mode=False)
    assert f"{file}:{line}" in refused.value.__notes__


@pytest.mark.parametrize("text", ['model = "nosuch.tflite"', 'workers = "x"'])
def test_the_line_stands_below_the_error(here: Path, text: str) -> None:
    file = write(here / "renode-mnist.toml", f"[evaluate]\n{text}\n")
    done = called("evaluate")
    *_, error, line = done.stderr.splitlines()
    assert (done.returncode, "rror: " in error, line) == (2, True, f"{file}:2 says [evaluate] {text}")


def test_what_a_flag_said_is_not_told_as_the_files(here: Path) -> None:
    write(here / "renode-mnist.toml", 'engine = "m7"\nmodel = "nosuch.tflite"\n[run]\npixel-range = [1, 1]\n')
    for given, told in (["--pixel-range", "0", "1"], True), (["--model", "nosuch.tflite"], False):
        with pytest.raises((RenodeMnistError, click.UsageError)) as refused:
            app.main(["run", "--pixel-range", "0", "1", *given], standalone_mode=False)
        assert any("nosuch" in note for note in getattr(refused.value, "__notes__", ())) == told


def test_a_check_that_failed_is_not_the_files_fault(here: Path) -> None:
    write(here / "renode-mnist.toml", "[run]\nexpect = 4\n")
    done = called("run")
    assert (done.returncode, "expected 4" in done.stderr, ".toml" in done.stderr) == (1, True, False)


def test_two_files_in_one_folder_are_refused(here: Path) -> None:
    write(here / "renode-mnist.toml", "")
    write(here / "pyproject.toml", "[tool.renode-mnist]")
    with pytest.raises(project.ProjectError, match=r"say both\. Keep one of them"):
        project.find(here)


def test_help_and_init_do_without_a_file_that_is_damaged(here: Path) -> None:
    write(here / "renode-mnist.toml", "nonsense")
    assert call("run", "--help").exit_code == 0
    assert call("completion", "bash").exit_code == 0
    assert isinstance(call("run").exception, project.ProjectError)


# A project that begins --------------------------------------------------------------------------------------------


def test_what_init_writes_beside_a_model_passes_at_once(here: Path) -> None:
    shutil.copy(MOTIONS, here / "mine.tflite")
    made = call("init")
    assert made.exit_code == 0, made.output
    written = {path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()}
    assert written == {
        "mine.tflite", ".gitignore", project_key.FILE,
        starter.SUITE, starter.VECTORS, starter.BUDGETS, starter.WORKFLOW,
    }  # fmt: skip
    tested = call("test")
    assert tested.exit_code == 0, tested.output
    checked = call("bench", "--check")
    assert checked.exit_code == 0, checked.output
    assert "Within budgets.toml: mine/m7" in checked.output


def test_what_init_writes_in_an_empty_folder_passes_at_once(here: Path) -> None:
    assert call("init").exit_code == 0
    assert 'model = "int8"' in (here / project_key.FILE).read_text()
    assert "A Seven Is Recognised" in (here / starter.SUITE).read_text()
    tested = call("test")
    assert tested.exit_code == 0, tested.output


def test_init_never_writes_over_what_is_there(here: Path) -> None:
    write(here / starter.SUITE, "mine")
    refused = call("init")
    assert "firmware.robot is here already" in str(refused.exception)
    assert [path.name for path in here.iterdir()] == [starter.SUITE]
    assert (here / starter.SUITE).read_text() == "mine"
    write(here / ".gitignore", "mine")
    assert call("init", "--force").exit_code == 0
    assert (here / starter.SUITE).read_text().startswith("*** Settings ***")
    assert (here / ".gitignore").read_text() == "mine"


def test_init_of_what_no_engine_takes_writes_nothing(here: Path) -> None:
    (here / "broken.tflite").write_bytes(b"no model")
    assert call("init").exit_code != 0
    assert [path.name for path in here.iterdir()] == ["broken.tflite"]
    shutil.copy(MOTIONS, here / "other.tflite")
    assert "there are several models here: broken.tflite, other.tflite" in str(call("init").exception)


@pytest.mark.parametrize("container", ["", starter.CONTAINER])
def test_the_workflow_is_valid_and_gives_inputs_that_exist(here: Path, container: str) -> None:
    begun = starter.Starter(
        model="my model's.tflite", digit=False, sums_to_one=True, has_vectors=True, has_budgets=bool(container),
        container=container, action=f"OWNER/renode-mnist/.github/actions/test-firmware@{'a' * 40} # v1.2.3",
        from_checkout=True,
    )  # fmt: skip
    workflow = write(here / starter.WORKFLOW, begun.files()[starter.WORKFLOW])
    job = yaml.load(workflow.read_text(), yaml.BaseLoader)["jobs"]["firmware"]
    given = job["steps"][-1]["with"]
    declared = yaml.load((paths.root() / ".github/actions/test-firmware/action.yml").read_text(), yaml.BaseLoader)
    assert given.keys() <= declared["inputs"].keys()
    assert given["models"] == "my model's.tflite"
    assert ("budgets" in given) == bool(container)
    tools = Path(sys.executable).parent
    for check in (
        [tools / "jactionlint", f"--shellcheck={tools / 'shellcheck'}", workflow],
        [tools / "zizmor", "--offline", "--strict-collection", "--persona=pedantic", "-q", here],
    ):
        done = subprocess.run(check, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_is_the_one_of_this_projects_own_workflows() -> None:
    text = (paths.root() / ".github" / "workflows" / "ci.yml").read_text()
    assert f"&debian {starter.CONTAINER}\n" in text
