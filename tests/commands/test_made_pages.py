"""The reference in docs/ is what the package has: commands, keywords, calls, fields of JSON, messages, variables."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import histories
import json_page
import made_pages
from renode_mnist import images, paths
from renode_mnist.cli import app
from renode_mnist.images import ImageOptions
from renode_mnist.measure import history
from renode_mnist.option import options_of
from renode_mnist.session.opening import lacks

ROOT = paths.root()
MOTIONS = paths.models() / "motions"
MODEL = str(MOTIONS / "motions_int8.tflite")


@pytest.mark.parametrize("name", made_pages.PAGES)
def test_a_page_is_made_from_the_package(name: str) -> None:
    assert made_pages.file(name).read_text(encoding="utf-8") == made_pages.PAGES[name](), "make docs-tables"


# JSON ---------------------------------------------------------------------------------------------------------

UNITS = {"instructions", "cycles_modelled", "cycles_measured", "nanoseconds"}


def output(*arguments: str) -> Any:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def names_in(value: Any, told: set[str], unit: str, place: str = "") -> Iterator[str]:
    """Where values stand, as the page writes it; not within what the page tells as a whole."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from names_in(each, told, unit, f"{place}[]")
    elif isinstance(value, dict) and (place not in told or any(each.startswith(f"{place}.") for each in told)):
        yield from [place] if place in told else []
        for name, each in value.items():
            shown = name.replace(unit, "COUNTER") if unit and f"{place}.{name}".strip(".") not in told else name
            yield from names_in(each, told, unit, f"{place}.{shown}" if place else shown)
    else:
        yield place


JSON_CALLS: dict[str, tuple[str, ...]] = {
    "run": ("run", "--target", "embedded"),
    "verify": ("verify", MODEL, "--against", str(MOTIONS / "motions_float32.tflite")),
    "evaluate": (
        *("evaluate", MODEL, "--data", str(MOTIONS / "test.npz"), "--images", "8"),
        *("--workers", "1", "--target", "embedded"),
    ),
    "profile": ("profile",),
    "calibrate": ("calibrate", "--rounds", "1"),
}  # fmt: skip
SELDOM = {
    "run": {"inputs_sha256", "outputs[].label"},
    "verify": set[str](),
    "evaluate": {"classes[]"},
    "profile": {"record.inputs_sha256"},
    "calibrate": set[str](),
}
"""What the calls above do not print: tensors in the place of a picture, names of classes."""


@pytest.mark.parametrize("name", JSON_CALLS)
def test_each_field_of_json_is_on_the_page_and_each_of_the_page_is_printed(name: str) -> None:
    said = output(*JSON_CALLS[name], "--json")
    assert next(iter(said)) == "schema"
    assert said.pop("schema") == f"renode-mnist/{name}/1"
    told = set(json_page.COMMANDS[name][1])
    unit = {"profile": "instructions", "calibrate": "cycles_modelled"}.get(name, "instructions")
    found = {re.sub(r"^parameters\..*\.(\w+)$", r"parameters.NAME.\1", one) for one in names_in(said, told, unit)}
    always = {one for one in told if one not in SELDOM[name] and "cycle_parameters" not in one}
    assert (sorted(found - told), sorted(always - found)) == ([], [])


def with_json(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Commands that print JSON."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from with_json(command, (*path, name))
        elif command is not None and any(each.name == "as_json" for each in command.params):
            yield *path, name


def test_each_command_that_prints_json_heads_it_by_its_schema(tmp_path: Path) -> None:
    bench = output_file(tmp_path / "bench.json", "bench", "--models", "int8", "--engines", "m7", "--clocks", "216")
    history.add(tmp_path / "history.jsonl", histories.measurement(0))
    elf = output_text("build").split()[-1]
    recording = str(tmp_path / "session.jsonl")
    output_text("run", "--target", "embedded", "--record", recording)
    calls: dict[tuple[str, ...], tuple[str, ...]] = {
        ("inspect",): ("int8",),
        ("faults",): ("int8", "--count", "2", "--workers", "1"),
        ("compare",): (bench, bench),
        ("replay",): (recording,),
        ("history", "show"): ("--file", str(tmp_path / "history.jsonl")),
        ("emulate",): (elf, "--for", "1ms"),
        ("golden",): (MODEL, "--count", "1", "--output", str(tmp_path / "vectors.npz")),
        ("doctor",): (),
    }
    of_others = {(name,) for name in JSON_CALLS} | {("parity",), ("train",)}  # above; these have tests of their own
    assert isinstance(app, click.Group)
    assert set(with_json(app)) == set(calls) | of_others
    for command, arguments in calls.items():
        said = output(*command, *arguments, "--json")
        assert next(iter(said)) == "schema"
        assert said["schema"] == f"renode-mnist/{'-'.join(command)}/1"
        if (name := " ".join(command)) in json_page.COMMANDS:
            del said["schema"]
            told = set(json_page.COMMANDS[name][1])
            assert set(names_in(said, told, "")) <= told | {"changes", "differences", "not_compared", "alone"}, name


def output_text(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def output_file(file: Path, *arguments: str) -> str:
    output_text(*arguments, "--json", str(file))
    return str(file)


def test_parity_tells_every_answer_as_json() -> None:
    if lacks("host") is not None:
        pytest.skip("this PC has no compiler")
    said = output("parity", "--target", "embedded", "--target", "host", "--json")
    assert said.pop("schema") == "renode-mnist/parity/1"
    told = set(json_page.COMMANDS["parity"][1])
    found = set(names_in(said, told, "nanoseconds"))
    assert found - told == set()
    assert [each["input"] for each in said["answers"]] == list("0123456789")
    assert [each["class"] for each in said["answers"]] == list(range(10))
    assert all(each["differences"] == [] for each in said["answers"])


def test_target_and_tensors_have_the_fields_of_the_page() -> None:
    said = output("run", "--target", "embedded", "--json")
    assert set(said["target"]) == set(json_page.TARGET) - {"cycle_parameters"}
    assert set(said["firmware"]["input"]) == set(json_page.TENSOR)
    page = made_pages.file("json.md").read_text(encoding="utf-8")
    assert [name for name in said["firmware"] if f"| `{name}` |" not in page] == []


def test_what_doctor_and_inspect_print_is_on_the_page() -> None:
    page = made_pages.file("json.md").read_text(encoding="utf-8")
    assert [name for name in output("doctor", "--json")["findings"][0] if f"`findings[].{name}`" not in page] == [
        "state"
    ]
    whole = output("inspect", "int8", "--json")
    assert [name for name in whole if f"`{name}`" not in page] == []
    derived = {"fits", "flash_bytes", "ram_static_bytes"}
    assert {name for name in whole["engines"][0] if f"`engines[].{name}`" not in page} == derived


# Variables ----------------------------------------------------------------------------------------------------

VARIABLE = re.compile(r"(RENODE_MNIST|PYRENODE|GITHUB|CI|XDG|DASK)_[A-Z0-9_]+|\w*DISPLAY|TMPDIR|[A-Z]+_DATE_EPOCH")
OF_OTHERS = {"NO_COLOR", "COLUMNS", "XDG_CACHE_HOME", "FUZZ_SECONDS", "LAYERS", "BESIDE"}
"""On the page, and read by libraries or by make."""


def read_by_the_code() -> set[str]:
    """Names that the code asks the environment for, or keeps as texts that look like one."""
    found = set()
    for file in [*paths.package().rglob("*.py"), ROOT / "setup.py", *(ROOT / "distribution").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value=str(text)) if VARIABLE.fullmatch(text):
                    found.add(text)
                case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(text))):
                    found.add(text)
                case ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="environ")), args=[ast.Constant(value=str(t)), *_]
                ):
                    found.add(t)
    return found


def test_the_page_of_variables_has_all_that_the_code_reads_and_no_other() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`\$?([A-Z][A-Z0-9_]{3,})`", page)) | set(re.findall(r"`\$(\w+)`", page))
    read = read_by_the_code()
    own = {"PYTHONPATH", "PATH"}
    sources = {name for name in named if name.endswith("_SOURCE_DIR")}
    assert read - named - own == set()
    assert named - read - OF_OTHERS - sources - {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "RENODE_CI_MODE"} == set()
    engines = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    assert sources == set(re.findall(r"`(\w+_SOURCE_DIR)`", engines))


# Names --------------------------------------------------------------------------------------------------------


def test_the_help_and_the_glossary_name_the_models_that_come_along() -> None:
    models = set(images.committed_models())
    (model,) = (each for each in options_of(ImageOptions) if each.name == "model")
    assert set(re.findall(r"\((.*)\)", model.words.help)[0].split(", ")) == models
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    table = glossary.partition("## Models that come along")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == models


def test_each_page_is_in_the_navigation_and_none_is_there_twice() -> None:
    listed = re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    assert len(listed) == len(set(listed))
    assert {file.name for file in (ROOT / "docs").glob("*.md")} <= set(listed)
