"""What a user gets: sdist and wheel from a clean clone, installed where nothing else of this project is."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import build
import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from filelock import FileLock

from environments import Environment
from known_compiler import is_known
from renode_mnist import paths
from renode_mnist.program.build_id import build_id
from tflite_builder import ModelBuilder

ROOT = paths.root()
NO_COMPILER = "arm-none-eabi-gcc"


def _shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this test run, made by the first process that asks."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "made").exists():
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder


@dataclass(frozen=True)
class Built:
    """What the build backend made of a clean clone.

    Attributes:
        folder: Holds all of it.
    """

    folder: Path

    @property
    def clone(self) -> Path:
        """The sources."""
        return self.folder / "clone"

    @property
    def unpacked(self) -> Path:
        """The sdist's sources."""
        return self._only("unpacked")

    @property
    def sdist(self) -> Path:
        """Of the clone."""
        return self._only("sdist")

    @property
    def wheel(self) -> Path:
        """Of the clone."""
        return self._only("wheel")

    @property
    def environment(self) -> Environment:
        """In which they were built."""
        return Environment(self.folder / "environment")

    def _only(self, name: str) -> Path:
        (file,) = (self.folder / name).iterdir()
        return file


def _builder(source: Path, environment: Environment) -> build.ProjectBuilder:
    def run(command: list[str], cwd: str | None = None, extra_environ: dict[str, str] | None = None) -> None:
        # Not PYTHONPATH: the environment has what it needs, or that is what the test is to find out.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        path = os.pathsep.join((str(environment.bin), os.environ["PATH"]))
        done = subprocess.run(
            command, cwd=cwd, env={**inherited, "PATH": path, **(extra_environ or {})}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    return build.ProjectBuilder(source, python_executable=str(environment.python), runner=run)


def _build(folder: Path) -> None:
    """Builds HEAD as it is in git, as pip does it, and unpacks the sdist."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], check=True)
    environment = Environment(folder / "environment")
    builder = _builder(clone, environment)
    environment.add(builder.build_system_requires)
    environment.add(builder.get_requires_for_build("sdist"))
    sdist = builder.build("sdist", folder / "sdist")
    environment.add(builder.get_requires_for_build("wheel"))
    builder.build("wheel", folder / "wheel")
    shutil.unpack_archive(sdist, folder / "unpacked")  # tarfile has no filter before Python 3.11.4


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(_shared(tmp_path_factory, "package", _build))


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment of its own, with what it requires and nothing else.

    Attributes:
        folder: Holds the environment.
        home: Empty at first.
    """

    folder: Path
    home: Path

    @cached_property
    def environment(self) -> Environment:
        """Guarded: it may neither read the sources, nor write into itself, nor ask the network."""
        return Environment(self.folder / "environment")

    def call(self, *words: str | Path, status: int = 0, **variables: str) -> str:
        """What a command prints; where it fails, what it says."""
        done = self.environment.run("renode-mnist", *words, home=self.home, **variables)
        assert done.returncode == status, done.stdout + done.stderr
        assert self.environment.told == ""
        return done.stdout if status == 0 else done.stderr


def _install(built: Built, folder: Path, *extras: str) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        (folder / "METADATA").write_bytes(archive.read(name))
    requires = importlib.metadata.PathDistribution(folder).requires or ()
    environment = Environment(folder / "environment")
    environment.add(text for text in requires if "extra ==" not in text)
    for extra in extras:
        environment.add(text.split(";")[0] for text in requires if f'extra == "{extra}"' in text)
    environment.install(built.wheel)
    environment.guard(ROOT, built.clone)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """As a plain ``pip install``."""
    folder = _shared(tmp_path_factory, "plain", lambda folder: _install(built, folder))
    return Installed(folder, tmp_path_factory.mktemp("home"))


# What was built ------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_wheel_of_the_sdist_is_the_wheel_of_the_clone_to_the_byte(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        archive.extractall(tmp_path, [name for name in archive.namelist() if "/prebuilt/" in name])
    monkeypatch.setenv("RENODE_MNIST_PREBUILT", str(tmp_path / "renode_mnist" / "_data" / "prebuilt"))
    monkeypatch.setenv("RENODE_MNIST_RELEASE", "1")
    again = Path(_builder(built.unpacked, built.environment).build("wheel", tmp_path / "wheel"))
    assert again.name == built.wheel.name
    with zipfile.ZipFile(built.wheel) as ours, zipfile.ZipFile(again) as theirs:
        assert [entry.filename for entry in theirs.infolist()] == [entry.filename for entry in ours.infolist()]
        assert [name for name in ours.namelist() if ours.read(name) != theirs.read(name)] == []
    assert again.read_bytes() == built.wheel.read_bytes()


def test_the_sdist_holds_what_git_holds(built: Built) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=built.clone, capture_output=True, text=True, check=True)
    there = {file.relative_to(built.unpacked).as_posix() for file in built.unpacked.rglob("*") if file.is_file()}
    assert set(tracked.stdout.split()) - there == {".gitattributes", ".git_archival.txt"}  # for git alone


def test_building_leaves_the_clone_as_it_was(built: Built) -> None:
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=built.clone, capture_output=True, text=True)
    assert changed.stdout == ""


def test_twine_and_check_wheel_contents_have_nothing_to_say(built: Built) -> None:
    for call in (["twine", "check", "--strict", built.sdist, built.wheel], ["check_wheel_contents", built.wheel]):
        done = subprocess.run([sys.executable, "-m", *call], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_has_no_name_of_this_machine(built: Built) -> None:
    places = [str(place).encode() for place in (ROOT, built.clone, built.environment.folder)]
    with zipfile.ZipFile(built.wheel) as archive:
        found = [(name, place) for name in archive.namelist() for place in places if place in archive.read(name)]
    assert found == []


def test_the_hook_looks_for_libraries_where_every_machine_does(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        (name,) = (name for name in archive.namelist() if "_blockhook" in name)
        elf = ELFFile(io.BytesIO(archive.read(name)))
    tags = [tag.entry.d_tag for tag in elf.get_section_by_name(".dynamic").iter_tags()]
    assert "DT_NEEDED" in tags
    assert not {"DT_RPATH", "DT_RUNPATH"} & set(tags)


def test_a_wheel_without_a_compiler_says_so_and_is_no_release(built: Built, tmp_path: Path) -> None:
    environment = {"PATH": str(built.environment.bin), "HOME": str(tmp_path)}
    call = [built.environment.python, "-c", "import backend; backend.build_wheel('out')"]
    source = tmp_path / "source"
    shutil.copytree(built.unpacked, source)
    path = {"PYTHONPATH": str(source / "distribution")}
    refused = subprocess.run(
        call, cwd=source, env={**environment, **path, "RENODE_MNIST_RELEASE": "1"}, capture_output=True, text=True
    )
    assert refused.returncode != 0
    assert "a release carries prebuilt firmware" in refused.stderr
    done = subprocess.run(call, cwd=source, env={**environment, **path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"NO PREBUILT FIRMWARE: {NO_COMPILER} is not installed" in done.stderr


# What a user sees ----------------------------------------------------------------------------------------------


def test_run_classifies_without_compiler_checkout_network_or_home(installed: Installed) -> None:
    record = json.loads(installed.call("run", "--target", "embedded", "--expect", "7", "--json"))
    assert record["firmware"]["engine"] == "m7"


def test_version_names_the_commit_and_the_images(built: Built, installed: Installed) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=built.clone, capture_output=True, text=True, check=True
    ).stdout.strip()
    first, second = installed.call("--version").splitlines()
    assert head in first
    assert built.wheel.name.split("-")[1] in first
    assert second.startswith("prebuilt firmware: 15 images by arm-none-eabi-gcc")
    record = json.loads(installed.call("run", "--target", "embedded", "--json"))
    assert head in record["firmware"]["commit"]
    assert "+" not in first + record["firmware"]["commit"]


@pytest.mark.parametrize("board", ["nucleo-f746zg", "article"])
@pytest.mark.parametrize("model", ["float32", "size"])
def test_every_board_and_model_is_ready_made(installed: Installed, board: str, model: str) -> None:
    installed.call("run", "--target", "embedded", "--board", board, "--model", model, "--expect", "7")


def test_the_suites_pass(installed: Installed) -> None:
    # There are no golden vectors and no labelled data; of a compiler that no budget is for, none is judged either.
    counts = "54 passed, 0 failed, 2 skipped" if is_known() else "53 passed, 0 failed, 3 skipped"
    assert f"56 tests, {counts}" in installed.call("test")


def test_bench_stays_within_the_budgets_that_came_along(installed: Installed) -> None:
    command = ("bench", "--engines", "m7", "--models", "int8", "--check", "--clocks", "216")
    if is_known():
        assert "Within " in installed.call(*command)
    else:
        assert "judged" in installed.call(*command, status=2)


def test_profile_knows_functions_and_lines(installed: Installed) -> None:
    said = json.loads(installed.call("profile", "--json", "--top", "3"))
    assert said["functions"]
    assert any(line["file"].startswith("firmware/") for line in said["lines"])


def test_doctor_has_all_that_run_needs(installed: Installed) -> None:
    findings = {finding["what"]: finding for finding in json.loads(installed.call("doctor", "--json"))["findings"]}
    assert [name for name, finding in findings.items() if finding["state"] == "missing"] == []
    assert findings[NO_COMPILER]["state"] == "absent"
    assert findings["prebuilt firmware"]["found"].startswith("15 images")


def test_inspect_takes_a_foreign_model(installed: Installed) -> None:
    model = ModelBuilder()
    image = model.activation((1, 9, 7, 2))
    weights = model.constant(np.ones((3, 3, 3, 2), np.float32))
    result = model.activation((1, 7, 5, 3))
    model.conv_2d(image, weights, None, result, padding="VALID")
    (installed.home / "own.tflite").write_bytes(model.finish(image, result))
    assert json.loads(installed.call("inspect", "own.tflite", "--json"))["macs"] == 9 * 2 * 3 * 7 * 5


def test_what_needs_a_compiler_is_one_error_up_front(installed: Installed) -> None:
    for call in (["run", "--target", "embedded", "--engine", "reference"], ["test", "--engine", "reference"]):
        (said,) = installed.call(*call, status=2).splitlines()
        assert said.startswith(f"error: building this image takes {NO_COMPILER}")
        assert "Ready-made are float32, int8" in said
        assert "make" not in said.split()


def test_bench_without_options_has_what_is_ready_made_and_says_what_is_not(installed: Installed) -> None:
    said = installed.call("bench", COLUMNS="120")
    assert "int8/m7" in said
    assert "float32/m7" in said
    (left_out,) = (line for line in said.splitlines() if line.startswith("Not there: ") and NO_COMPILER in line)
    assert "int8/reference" in left_out


def test_a_page_of_a_benchmark_needs_no_extra(installed: Installed, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert "int8/m7" in installed.call("bench", "--models", "int8", "--engines", "m7", "--html", page)
    assert "What int8/m7 waits for" in page.read_text()


@pytest.mark.parametrize(("shell", "word"), [("bash", "1"), ("zsh", "1"), ("fish", "comp")])
def test_completion_completes(installed: Installed, shell: str, word: str) -> None:
    script = installed.call("completion", shell, PATH=f"{installed.environment.bin}:/usr/bin:/bin")
    assert f"_RENODE_MNIST_COMPLETE={shell}_complete" in script
    said = installed.call(_RENODE_MNIST_COMPLETE=f"{shell}_complete", COMP_WORDS="renode-mnist comp", COMP_CWORD=word)
    assert "compare" in said
    assert "completion" in said


def test_the_guard_of_all_these_calls_tells_what_it_is_there_for(built: Built, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    environment.install(built.wheel)
    environment.guard(ROOT)
    for program, told in (
        (f"open({str(paths.project())!r})", f"opened {paths.project()}"),
        ("import renode_mnist.version as v; open(v.__file__, 'a')", f"wrote {environment.packages}"),
        ("import socket; socket.getaddrinfo('example.org', 443)", "looked up example.org"),
    ):
        assert told not in environment.told
        environment.run("python", "-c", program, home=tmp_path)
        assert told in environment.told


# Firmware of an installed package ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_build_tools(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """With the extra ``build``."""
    folder = _shared(tmp_path_factory, "with-build-tools", lambda folder: _install(built, folder, "build"))
    return Installed(folder, tmp_path_factory.mktemp("home"))


def _files(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}


def test_an_image_is_built_from_the_package_into_the_cache_and_is_the_prebuilt_one(
    with_build_tools: Installed,
) -> None:
    environment = with_build_tools.environment
    data = environment.packages / "renode_mnist" / "_data"
    ready_made = data / "prebuilt" / "mnist_int8-m7-disco-f746ng.elf"
    (data / "prebuilt" / "index.json").unlink(missing_ok=True)  # as a wheel built without a compiler
    before = _files(environment.folder)
    assert "prebuilt firmware: none" in with_build_tools.call("--version")
    elf = Path(with_build_tools.call("build", PATH=f"{environment.bin}:{os.environ['PATH']}").strip())
    assert elf.is_relative_to(with_build_tools.home)
    assert build_id(elf) == build_id(ready_made)  # linked of the same bytes, debug information included
    assert _files(environment.folder) == before


def test_the_presets_work_from_the_package(with_build_tools: Installed) -> None:
    """The call that docs/firmware.md shows."""
    environment = with_build_tools.environment
    firmware = environment.say("from renode_mnist import paths; print(paths.firmware())")
    done = environment.run(
        "cmake", "--preset", "disco-f746ng", "-S", firmware, "-B", "own", f"-DPYTHON={environment.python}",
        home=with_build_tools.home, path=os.environ["PATH"],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (with_build_tools.home / "own" / "build.ninja").is_file()


# Installed from the registries ---------------------------------------------------------------------------------


@pytest.mark.long
def test_a_plain_installation_downloads_less_than_60_mb(built: Built, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "download", "--dest", tmp_path, built.wheel], check=True)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 60_000_000


@pytest.mark.long
def test_pip_installs_from_the_clone_at_the_first_try(built: Built, tmp_path: Path) -> None:
    """With an isolated build, whose packages come from the registry."""
    clone, environment = tmp_path / "clone", tmp_path / "environment"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", clone], check=True, env=inherited)
    call = [environment / "bin" / "renode-mnist", "run", "--target", "embedded", "--expect", "7"]
    subprocess.run(call, check=True, cwd=tmp_path, env=inherited)
