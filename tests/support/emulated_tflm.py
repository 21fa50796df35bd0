"""Builds a model into firmware with engine `tflm` and runs it on the embedded emulator.

The engine's sources come from GitHub, or from the folders that TFLM_SOURCE_DIR, GEMMLOWP_SOURCE_DIR, RUY_SOURCE_DIR
and CMSIS_NN_SOURCE_DIR name. Where neither can be had, what needs them is skipped with CMake's reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from emulated_engine import Emulated, emulate_image
from firmware_builds import configure, cross, made
from renode_mnist import paths


def run(model: Path, kernels: str, inputs: tuple[np.ndarray, ...], fpu: str = "hard") -> Emulated:  # type: ignore[type-arg]
    """Runs a model; one folder for each way to build the library, which is most of the work."""
    name = f"tflm-{kernels}-{fpu}"
    settings = cross("ENGINE=tflm", f"TFLM_KERNELS={kernels}", f"FPU={fpu}", f"MODEL={model}")
    folder = paths.builds() / "tests" / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".run.lock")):
        said = " ".join(configure(folder, *settings).stdout.split())
        if unreachable := re.search(r"ENGINE=tflm: (github\S+ can't be reached \([^)]*\))", said):
            pytest.skip(unreachable[1])
        return emulate_image(made(name, *settings) / "firmware.elf", model, inputs)
