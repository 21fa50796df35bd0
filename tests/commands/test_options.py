"""Options are declared once: every face has what the two data classes declare, and leaves out what they say."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from renode_mnist import codegen, images, library, paths
from renode_mnist.cli import app
from renode_mnist.commands.options import options_from
from renode_mnist.draw.choice import Choice, NotOffered, Offers
from renode_mnist.errors import BuildError
from renode_mnist.images import BuildConfig, ImageOptions, cmake
from renode_mnist.library.arguments import takes
from renode_mnist.model import data, export, golden
from renode_mnist.option import Face, Option, option, options_of
from renode_mnist.robot import FirmwareLibrary
from renode_mnist.robot.variables import read, table
from renode_mnist.session import opening
from renode_mnist.session.target_options import FLASH_TOOLS, LineOptions, OpenOptions, SuiteOptions, TargetOptions
from renode_mnist.targets import embedded, flasher

IMAGE_COMMANDS = ("run", "build", "parity", "replay", "profile", "draw", "console", "serve")
TARGET_COMMANDS = ("run", "test", "parity", "replay", "bench", "draw", "console")
LIBRARY_CALLS = (library.open_target, library.classify, library.evaluate)


def of_image(name: str) -> bool:
    return any(each.name == name for each in fields(ImageOptions))


def every_option() -> list[Any]:
    """Those of an image, and what a build and a target have beyond them."""
    beyond = [each for declared in (BuildConfig, TargetOptions) for each in options_of(declared)]
    options = [*options_of(ImageOptions), *(each for each in beyond if not of_image(each.name))]
    return [pytest.param(each, id=each.name) for each in options]


def parameter_of(command: str, name: str) -> click.Option | None:
    found = app.get_command(click.Context(app), command)
    assert found is not None
    return next((each for each in found.params if isinstance(each, click.Option) and each.name == name), None)


def on_the_command_line(declared: Option) -> bool:
    commands = IMAGE_COMMANDS if of_image(declared.name) else TARGET_COMMANDS
    found = [parameter_of(command, declared.name) for command in commands]
    assert all(found) or not any(found), f"only some commands have {declared.name}"
    for each in filter(None, found):
        default = each.get_default(click.Context(app.commands.get("run", click.Command("run"))))
        assert (None if default is None else str(default)) == (
            None if declared.default is None else str(declared.default)
        )
        if declared.choices:
            assert isinstance(each.type, click.Choice)
            assert list(each.type.choices) == list(map(str, declared.choices))
    return all(found)


def in_the_library(declared: Option) -> bool:
    found = []
    for call in LIBRARY_CALLS:
        parameter = inspect.signature(call).parameters.get(declared.name)
        found.append(parameter is not None)
        if parameter is not None:
            assert parameter.default == declared.default
            assert f"\n    {declared.name}: " in (inspect.getdoc(call) or "")
            assert call.__annotations__[declared.name] == typing.get_type_hints(OpenOptions)[declared.name]
    assert all(found) or not any(found)
    return all(found)


def in_a_suite(declared: Option) -> bool:
    return f"| ``{declared.name.upper()}`` |" in (FirmwareLibrary.__doc__ or "")


def on_the_page(declared: Option) -> bool:
    return declared.name in Offers(Choice("embedded", ImageOptions()), None, TargetOptions()).choices()


FACES: dict[Face, Callable[[Option], bool]] = {
    Face.COMMAND_LINE: on_the_command_line,
    Face.LIBRARY: in_the_library,
    Face.SUITE: in_a_suite,
    Face.PAGE: on_the_page,
}


@pytest.mark.parametrize("face", Face)
@pytest.mark.parametrize("declared", every_option())
def test_a_face_has_an_option_or_its_declaration_says_why_not(declared: Option, face: Face) -> None:
    reason = declared.words.without.get(face)
    assert reason is None or reason
    assert FACES[face](declared) is (reason is None)


@pytest.mark.parametrize("declared", every_option())
def test_the_documents_name_every_option(declared: Option) -> None:
    documents = {path.name: path.read_text(encoding="utf-8") for path in (paths.root() / "docs").glob("*.md")}
    if Face.LIBRARY not in declared.words.without:
        assert f"`{declared.name}`" in documents["library.md"]
    if Face.COMMAND_LINE not in declared.words.without:
        flag = declared.words.flag or f"--{declared.name.replace('_', '-')}"
        assert any(flag in text for text in documents.values()), flag


@pytest.mark.parametrize("call", LIBRARY_CALLS)
def test_a_call_of_the_library_has_nothing_that_is_not_declared(call: Callable[..., object]) -> None:
    declared = {each.name for each in options_of(OpenOptions, Face.LIBRARY)}
    own = {"picture", "data", "images", "label_key", "target_key", "output", "reference"}
    own |= {"workers", "scheduler", "resume"}
    assert set(inspect.signature(call).parameters) - own == declared
    with pytest.raises(TypeError, match=rf"{call.__name__}\(\) got an unexpected keyword argument 'gdb_port'"):
        call("x", gdb_port=1)


def test_the_suites_get_every_variable_that_they_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[str] = []
    command = importlib.import_module("renode_mnist.commands.test")
    monkeypatch.setattr(command, "run", lambda _plan, call, *_, **__: given.extend(call.variables))
    firmware = SimpleNamespace(engine="", model_name="", commit="", clock="", build_id="", model_sha256="")
    firmware.compiler = firmware.flags = ""
    answers = SimpleNamespace(target=SimpleNamespace(target="", version="", cycle_parameters=""), firmware=firmware)
    monkeypatch.setattr(opening, "connect", lambda *_: answers)  # there is no such port
    monkeypatch.setattr(golden, "read", lambda _: SimpleNamespace(check_model=lambda *_: None))
    monkeypatch.setattr("renode_mnist.robot.asked.array_in", lambda *_: None)
    elf = tmp_path / "x.elf"
    elf.write_bytes(b"")
    call = ["test", "--elf", str(elf), "--record", str(tmp_path), "--port", "here", "--console-port", "there"]
    call += ["--golden", str(elf), "--data", str(elf), "--label-key", "truth", "--least-accuracy", "0.5"]
    call += ["--parameters", str(elf)]
    done = CliRunner().invoke(app, [*call, "--engine", "reference", "--baud", "9600"], catch_exceptions=False)
    assert done.exit_code == 0
    variables = dict(each.split(":", 1) for each in given)
    assert set(variables) == {each.name.upper() for each in options_of(SuiteOptions, Face.SUITE)}
    files = {name: str(elf) for name in ("elf", "golden", "data", "parameters")}
    asked = {"engine": "reference", "record": str(tmp_path), "label_key": "truth", "least_accuracy": 0.5}
    wanted = SuiteOptions(port="here", console_port="there", baud=9600, **files, **asked)
    assert read(SuiteOptions, variables.get) == wanted
    assert read(SuiteOptions, {"BAUD": "", "ENGINE": None}.get) == SuiteOptions()


def test_lists_of_other_rooms_are_those_of_the_options() -> None:
    assert {*flasher.TOOLS} == {*FLASH_TOOLS} - {"none"}
    assert {*embedded.BINARY_LINES} == {*images.BOARDS}
    assert {*codegen.ENGINES} < {*images.ENGINES}
    assert {each.value for each in codegen.Objective} == {*images.OBJECTIVES}
    variant, source = parameter_of("export", "variant"), parameter_of("data", "source")
    assert variant is not None
    assert source is not None
    assert (*typing.get_args(export.Variant), "all") == tuple(variant.type.to_info_dict()["choices"])
    assert typing.get_args(data.Source) == tuple(source.type.to_info_dict()["choices"])


def test_what_comparing_engines_takes_is_as_declared() -> None:
    declared = {each.name: each.default for each in options_of(OpenOptions)}
    taken = inspect.signature(library.compare_engines).parameters
    shared = {name: each.default for name, each in taken.items() if name in declared}
    assert {"clock_mhz", "target", "board", "port", "baud", "flash"} <= set(shared)
    assert shared == {name: declared[name] for name in shared}
    assert taken["engines"].default == images.ENGINES
    assert taken["objectives"].default == (ImageOptions.objective,)


@pytest.mark.parametrize(
    "call",
    [
        "run --engine reference --objective flash",
        "build --engine reference --objective flash",
        "profile --engine reference --objective flash",
        "draw --engine reference --objective flash",
        "inspect int8 --engine reference --objective flash",
        "bench --engines reference,tflm --objectives time,flash",
        "compare HEAD~1 HEAD --engines reference --objectives flash",
    ],
)
def test_an_objective_of_an_engine_that_has_none_is_refused(call: str) -> None:
    result = CliRunner().invoke(app, call.split())
    assert isinstance(result.exception, BuildError)
    assert str(result.exception) == (
        "engine reference has no objective, but flash is asked for. Leave it out, or take engine m7."
    )


# An option more, as somebody would add it: one line in a data class.


@dataclass(frozen=True, kw_only=True)
class MoreImage(ImageOptions):
    paint: Literal["red", "blue"] = option("red", "What it is painted in.")
    shine: bool = option(False, "Whether it shines.", without={Face.PAGE: "nobody looks"})


@dataclass(frozen=True, kw_only=True)
class MoreTarget(TargetOptions):
    patience: int = option(3, "How often it is asked.", least=1, without={Face.PAGE: "as often for all"})


@dataclass(frozen=True)
class MoreOpening(OpenOptions, MoreImage):
    patience: int = option(3, "How often it is asked.", least=1)


def test_an_option_more_is_on_the_command_line() -> None:
    got: dict[str, object] = {}

    @click.command()
    @options_from(MoreImage)
    @options_from(MoreTarget)
    def command(**options: object) -> None:
        got.update(options)

    assert CliRunner().invoke(command, ["--paint", "blue", "--shine"]).exit_code == 0
    names = ("paint", "shine", "patience", "engine", "baud")
    assert [got[name] for name in names] == ["blue", True, 3, "m7", 115200]
    said = CliRunner().invoke(command, ["--help"]).output
    assert "--paint [red|blue]" in said
    assert "What it is painted in." in said
    assert "x>=1" in said
    refused = CliRunner().invoke(command, ["--paint", "green"])
    assert refused.exit_code == 2
    assert "'green' is not one of 'red', 'blue'" in refused.output
    assert CliRunner().invoke(command, ["--patience", "0"]).exit_code == 2


def test_an_option_more_is_an_argument_of_the_library() -> None:
    @takes(MoreOpening)
    def call(asked: MoreOpening) -> tuple[str, str, int]:
        """Opens.

        Raises:
            RenodeMnistError: Never.
        """
        return asked.target, asked.paint, asked.patience

    assert call("host", paint="blue") == ("host", "blue", 3)
    assert inspect.signature(call).parameters["paint"].default == "red"
    assert "\n    paint: What it is painted in: ``red`` or ``blue``.\n" in (inspect.getdoc(call) or "")
    assert typing.get_type_hints(call)["paint"] == Literal["red", "blue"]
    with pytest.raises(TypeError, match=r"call\(\) got an unexpected keyword argument 'pain'"):
        call("host", pain="blue")


def test_an_option_more_is_a_variable_of_the_suites() -> None:
    rows = table(MoreOpening).splitlines()
    assert "| ``PAINT`` | what it is painted in | ``red`` |" in rows
    assert "| ``PATIENCE`` | how often it is asked | 3 |" in rows
    asked = read(MoreOpening, {"PAINT": "blue", "SHINE": "True", "PATIENCE": "7", "TARGET": "host"}.get)
    assert (asked.paint, asked.shine, asked.patience, asked.target) == ("blue", True, 7, "host")
    assert read(MoreOpening, {"SHINE": "False"}.get) == MoreOpening()


def test_an_option_more_is_another_build_and_reaches_cmake() -> None:
    @dataclass(frozen=True, kw_only=True)
    class MoreBuild(MoreImage, BuildConfig):
        pass

    model = images.resolve_model("int8")
    plain, blue = (MoreBuild(model=model, paint=paint) for paint in typing.get_args(Literal["red", "blue"]))
    assert plain.name == BuildConfig(model).name
    assert blue.name != plain.name
    assert cmake.settings_of(blue) == {**cmake.settings_of(BuildConfig(model)), "PAINT": "blue", "SHINE": False}


def test_an_option_more_is_switched_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "built", list)
    offers = Offers(Choice("embedded", MoreImage()), None, TargetOptions())
    assert json.loads(json.dumps(offers.to_json()))["choices"]["paint"] == ["red", "blue"]
    asked = {**offers.first.to_json(), "paint": "blue"}
    assert asked == {"target": "embedded", "model": "int8", "engine": "m7", "paint": "blue"}
    chosen = offers.choose(asked)
    assert isinstance(chosen.image, MoreImage)
    assert chosen.image.paint == "blue"
    with pytest.raises(NotOffered, match="the paint green is not on offer"):
        offers.choose({**asked, "paint": "green"})


def test_what_is_asked_reaches_what_is_built_and_what_is_opened() -> None:
    other = {each.name: each.choices[-1] for each in options_of(ImageOptions) if each.choices}
    assert all(value != getattr(ImageOptions, name) for name, value in other.items())
    for own in ("engine", "objective"):  # which exclude each other
        asked = {**other, own: getattr(ImageOptions, own)}
        config = BuildConfig.of(ImageOptions(**asked), "host")
        assert {name: getattr(config, name) for name in asked} == asked
    assert (config.model, config.machine) == (images.resolve_model("int8"), "host")
    line = LineOptions(port="p", console_port="c", baud=9, flash="openocd", clock_model="m7")
    options = TargetOptions.of(line, "article")
    assert all(getattr(options, each.name) == getattr(line, each.name) for each in fields(LineOptions))
    assert options.board == "article"


def test_a_field_that_says_nothing_of_itself_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Silent(ImageOptions):
        paint: str = "red"

    with pytest.raises(TypeError, match="the field paint says nothing of itself"):
        options_of(Silent)


def test_help_imports_nothing_that_takes_long() -> None:
    heavy = ("numpy", "tflite", "rich.console", "robot", "pydantic", "filelock", "elftools", "PIL", "asyncio")
    program = (
        "import sys; from renode_mnist.cli import app; app(['--help'], standalone_mode=False); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
