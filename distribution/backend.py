"""The build backend: setuptools, which asks for more where firmware is going to be prebuilt.

| variable | a wheel |
| --- | --- |
| | carries firmware images where this machine has the cross compiler, else none, and says so |
| ``RENODE_MNIST_PREBUILT=FOLDER`` | takes the images that ``python -m renode_mnist.images.prebuild FOLDER`` made |
| ``RENODE_MNIST_PREBUILT=none`` | carries none |
| ``RENODE_MNIST_RELEASE=1`` | fails where the images or the C block hook are missing |
| ``SOURCE_DATE_EPOCH`` | dates its files so; without it, by the commit |
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (the hooks of PEP 517 and 660 that stay as they are)

ROOT = Path(__file__).parent.parent

# What the steps of renode_mnist.images.prebuild import, of the dependencies in pyproject.toml.
_IMPORTED = ("click", "numpy", "pillow", "flatbuffers", "tflite", "platformdirs", "filelock", "pyelftools")


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What building a wheel takes: with the compiler there, what generates and compiles the firmware too."""
    wanted = build_meta.get_requires_for_build_wheel(config_settings)
    given = os.environ.get("RENODE_MNIST_PREBUILT", "")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # From pyproject.toml, so that images are built by what users build with.
    to_identify = [line for line in project["dependencies"] if re.split(r"[=<>]", line)[0] in _IMPORTED]
    to_build = project["optional-dependencies"]["build"]
    if given not in ("", "none"):
        return [*wanted, *to_identify]
    if not given and shutil.which("arm-none-eabi-gcc"):
        return [*wanted, *to_identify, *to_build]
    return wanted


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Builds a wheel; the same sources give the same bytes."""
    _date_by_commit()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Builds an sdist, dated by the commit; a wheel made of it equals the clone's to the byte."""
    _date_by_commit()
    return build_meta.build_sdist(sdist_directory, config_settings)


def _date_by_commit() -> None:
    os.umask(0o022)  # modes are part of the bytes
    sys.path.insert(0, str(ROOT / "emu"))
    from renode_mnist import version

    if seconds := version.commit_seconds():
        os.environ.setdefault("SOURCE_DATE_EPOCH", str(seconds))
