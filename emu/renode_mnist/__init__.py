"""Tests machine-learning firmware for the STM32F746 without the board, and then with it.

The library's calls are here by name; what they need is imported when the first one is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from renode_mnist.library import (
        calibrate,
        classify,
        compare_engines,
        convert,
        digit_header,
        draw_digit,
        evaluate,
        evaluate_on_pc,
        infer,
        inject_fault,
        inject_faults,
        inspect_model,
        mnist_subset,
        open_program,
        open_target,
        plot_layers,
        sample,
        train,
        verify,
    )

__all__ = [
    "calibrate",
    "classify",
    "compare_engines",
    "convert",
    "digit_header",
    "draw_digit",
    "evaluate",
    "evaluate_on_pc",
    "infer",
    "inject_fault",
    "inject_faults",
    "inspect_model",
    "mnist_subset",
    "open_program",
    "open_target",
    "plot_layers",
    "sample",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from renode_mnist.version import version

        return version()
    if name not in __all__:
        raise AttributeError(f"module 'renode_mnist' has no attribute {name!r}")
    from renode_mnist import library

    return getattr(library, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
