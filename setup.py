"""Build steps beyond pyproject.toml: flatc's Python code, the optional C hook, data for the wheel.

The data of a checkout (schema, firmware, models, suites) lives at the top level; a wheel carries a copy of it
in ``renode_mnist/_data``. ``renode_mnist.paths`` finds either.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PACKAGE = ROOT / "emu" / "renode_mnist"
NATIVE = PACKAGE / "stm32f746" / "native"
DATA = ("schema", "firmware", "models", "robot")


def find_flatc() -> str:
    """The flatc of the environment that builds, else the one on the path."""
    own = Path(sysconfig.get_path("scripts")) / "flatc"
    return str(own) if own.exists() else (shutil.which("flatc") or "flatc")


def generate_schema(destination: Path) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [find_flatc(), "--python", "--gen-object-api", "--gen-onefile",
         "-o", str(destination), str(ROOT / "schema" / "mnist.fbs")],
        check=True,
    )  # fmt: skip
    (destination / "__init__.py").write_text('"""Made by flatc from schema/mnist.fbs."""\n')


def native(pattern: str) -> list[str]:
    """Files of the C part, relative as setuptools wants them."""
    return sorted(str(file.relative_to(ROOT)) for file in NATIVE.glob(pattern))


class BuildWithGenerated(build_py):
    def run(self) -> None:
        generate_schema(PACKAGE / "wire" / "_generated")
        super().run()
        if not self.editable_mode:
            for name in DATA:
                shutil.copytree(
                    ROOT / name,
                    Path(self.build_lib) / "renode_mnist" / "_data" / name,
                    ignore=shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints"),
                    dirs_exist_ok=True,
                )


setup(
    cmdclass={"build_py": BuildWithGenerated},
    package_data={"renode_mnist": ["py.typed", "stm32f746/*.repl", "stm32f746/*.resc", "draw/static/*"]},
    ext_modules=[
        # Without a C compiler the emulator counts in Python: slower, the same counts.
        Extension(
            "renode_mnist.stm32f746._blockhook",
            native("*.c"),
            depends=native("*.h"),
            extra_compile_args=["-O2", "-fvisibility=hidden"],
            optional=True,
        )
    ],
)
