"""What many tests share: built images and the sample digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image as Picture

from renode_mnist import paths
from renode_mnist.images import BuildConfig, build, resolve_model

# Hypothesis holds each example to 200 ms of the host's clock, which a busy machine does not keep.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


@pytest.fixture(scope="session")
def host_program() -> Path:
    """The int8 network on engine `reference`, for this PC."""
    return build(BuildConfig(resolve_model("int8"), engine="reference", machine="host")).elf


@pytest.fixture(scope="session")
def digits() -> dict[str, npt.NDArray[np.uint8]]:
    """The ten sample digits as the network sees them, by name."""
    files = sorted(paths.digits().glob("?.png"))
    return {file.stem: np.asarray(Picture.open(file).convert("L"), np.uint8) for file in files}
