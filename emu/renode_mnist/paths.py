"""Where the package's files are: the same answer from a checkout and from an installed wheel.

Nothing else in the package does path arithmetic. A checkout holds ``schema/``, ``firmware/``, ``models/`` and
``robot/`` at its top level; a wheel carries copies in ``renode_mnist/_data`` (see setup.py).
"""

from __future__ import annotations

import os
import sysconfig
import tempfile
from pathlib import Path

import platformdirs

from renode_mnist.errors import EnvironmentProblem

_PACKAGE = Path(__file__).resolve().parent
_WHEEL_DATA = _PACKAGE / "_data"

CACHE_VARIABLE = "RENODE_MNIST_CACHE"
_ANOTHER_CACHE = f"{{}} {CACHE_VARIABLE} to a folder of yours."


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


def report_static() -> Path:
    """What pages of reports are made of beside their data: templates, style and scripts."""
    return _PACKAGE / "report" / "static"


def builds() -> Path:
    """Where firmware builds go, one folder an identity: in the checkout, else in the user's cache."""
    return root() / "build" if is_checkout() else cache() / "build"


def cache() -> Path:
    """The user's cache (data sets, Renode, locks of ports; a wheel's builds); ``RENODE_MNIST_CACHE`` overrides it.

    Where it is there it can be looked into; to write, ask `made` for the folder in it.

    Raises:
        EnvironmentProblem: Nobody can say where it is, it is no folder, or this user may not read it.
    """
    if override := os.environ.get(CACHE_VARIABLE):
        folder = Path(override)
    else:
        try:
            folder = Path(platformdirs.user_cache_dir("renode-mnist"))
        except RuntimeError:  # neither HOME nor an entry of this user id in the system's list
            raise EnvironmentProblem(
                "this user has no home folder to keep a cache in", _ANOTHER_CACHE.format("Set")
            ) from None
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        pass  # nothing has been put there yet
    except OSError as error:
        raise EnvironmentProblem(
            f"the cache {folder} cannot be read ({error.strerror})", _ANOTHER_CACHE.format("Set")
        ) from None
    return folder


def made(folder: Path) -> Path:
    """A folder to write into, made where it is not there: of the cache, or a checkout's builds.

    Raises:
        EnvironmentProblem: It cannot be made, or this user may not write into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # modes alone do not tell of file systems that are read-only or full
    except OSError as error:
        raise EnvironmentProblem(
            f"{folder} cannot be written ({error.strerror})",
            f"Make room, or check its permissions. {_ANOTHER_CACHE.format('Or set')}",
        ) from None
    return folder


def scripts() -> Path:
    """The scripts folder of this Python environment (flatc, cmake, ninja)."""
    return Path(sysconfig.get_path("scripts"))
