"""Where the package's files are: the same answer from a checkout and from an installed wheel.

Nothing else in the package does path arithmetic. A checkout holds ``schema/``, ``firmware/``, ``models/`` and
``robot/`` at its top level; a wheel carries copies in ``renode_mnist/_data`` (see setup.py).
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_WHEEL_DATA = _PACKAGE / "_data"


def root() -> Path:
    """The folder that holds ``schema/``, ``firmware/``, ``models/`` and ``robot/``."""
    return _WHEEL_DATA if _WHEEL_DATA.is_dir() else _PACKAGE.parent.parent


def package() -> Path:
    """The folder of this Python package."""
    return _PACKAGE


def is_checkout() -> bool:
    """Whether the package runs from a source checkout."""
    return not _WHEEL_DATA.is_dir()


def project() -> Path:
    """``pyproject.toml``, which a checkout has."""
    return root() / "pyproject.toml"


def prebuilt() -> Path:
    """The images that a wheel carries, with their index; a checkout has none, and some wheels."""
    return _WHEEL_DATA / "prebuilt"


def schema() -> Path:
    """``mnist.fbs``."""
    return root() / "schema" / "mnist.fbs"


def firmware() -> Path:
    """The CMake project of the firmware."""
    return root() / "firmware"


def suites() -> Path:
    """The Robot Framework suites."""
    return root() / "robot"


def models() -> Path:
    """The trained models and the model card."""
    return root() / "models"


def digits() -> Path:
    """Ten sample digits, ``0.png`` to ``9.png``."""
    return models() / "digits"


def budgets(*, to_write: bool = False) -> Path:
    """What each benchmark case may cost: the checkout's file; else the working directory's, or that of the wheel.

    Args:
        to_write: Whether it is to be made or changed; a wheel's file is not.
    """
    own = Path("budgets.toml")
    return own if not is_checkout() and (to_write or own.is_file()) else root() / own


def platform_description() -> Path:
    """Renode's description of the chip."""
    return _PACKAGE / "stm32f746" / "stm32f746.repl"


def draw_page() -> Path:
    """The page of ``renode-mnist draw``: HTML, style and scripts."""
    return _PACKAGE / "draw" / "static"


def builds() -> Path:
    """Where firmware builds go, one folder an identity: in the checkout, else in the user's cache."""
    return root() / "build" if is_checkout() else cache() / "build"


def cache() -> Path:
    """The user's cache (data sets, Renode); ``RENODE_MNIST_CACHE`` overrides it."""
    override = os.environ.get("RENODE_MNIST_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("renode-mnist"))


def scripts() -> Path:
    """The scripts folder of this Python environment (flatc, cmake, ninja)."""
    return Path(sysconfig.get_path("scripts"))
