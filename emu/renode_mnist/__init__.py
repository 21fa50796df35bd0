"""Tests machine-learning firmware for the STM32F746 without the board, and then with it.

The library's calls are here by name; what they need is imported when the first one is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from renode_mnist.library import classify as classify
    from renode_mnist.library import open_target as open_target
    from renode_mnist.library import sample as sample

__version__ = "0.1.0"

__all__ = ["__version__", "classify", "open_target", "sample"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'renode_mnist' has no attribute {name!r}")
    return getattr(importlib.import_module("renode_mnist.library"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
