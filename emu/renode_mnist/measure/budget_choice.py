"""Which budget of a case is exact for an image: that of the toolchain that the image says it was made by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from renode_mnist.measure.budgets import UNNAMED, Bounds, Budgets, Toolchain

_FLOAT_FLAGS = re.compile(r"-m(fpu|float-abi)=\S+ ?")
"""They follow from a case's ``-soft``, so that a toolchain is one with and without FPU."""


@dataclass(frozen=True)
class Maker:
    """What an image says of who made it.

    Attributes:
        compiler: With its C library; the kernels call its ``memcpy``, a softmax of floats its ``expf``.
        flags: See ``budgets.Toolchain``; None of a program of others, whose flags are its own affair.
        is_soft: Whether floats are computed without FPU.
    """

    compiler: str
    flags: str | None
    is_soft: bool

    @classmethod
    def of(cls, firmware: Mapping[str, Any]) -> Self:
        """From the plain values of ``record.firmware_json``, or of ``wire.messages.Stats``."""
        flags = firmware["flags"]
        return cls(firmware["compiler"], _FLOAT_FLAGS.sub("", flags).strip(), "-mfloat-abi=soft" in flags)

    @property
    def toolchain(self) -> Toolchain:
        """As it is written for an image that no toolchain of a file is for."""
        return Toolchain(compiler=self.compiler, flags=self.flags)

    def is_of(self, toolchain: Toolchain) -> bool:
        """Whether all that the toolchain names is as the image says."""
        return toolchain.compiler == self.compiler and (self.flags is None or toolchain.flags in (None, self.flags))


@dataclass(frozen=True)
class Unjudged:
    """Figures that no budget is for.

    Attributes:
        case: See ``bench.Case.name``.
        what: Which of its figures; empty for all.
        reason: A sentence without its full stop.
        remedy: What to do, as a sentence.
    """

    case: str
    what: str
    reason: str
    remedy: str


def toolchain_of(budgets: Budgets, maker: Maker) -> str | None:
    """The name of the image's toolchain in the file."""
    return next((name for name, toolchain in budgets.toolchains.items() if maker.is_of(toolchain)), None)


def choose(budgets: Budgets, case: str, maker: Maker, file: Path) -> Bounds | Unjudged:
    """The budget of a case that is exact for an image.

    Args:
        budgets: What ``file`` holds; it has the case.
        case: See ``bench.Case.name``.
        maker: Of the image.
        file: For the reason.
    """
    bounds = budgets.cases[case]
    if UNNAMED in bounds:
        return bounds[UNNAMED]
    for name, bound in bounds.items():
        if maker.is_of(budgets.toolchains[name]):
            return bound
    toolchains = [budgets.toolchains[name] for name in bounds]
    if of_this_compiler := [each for each in toolchains if each.compiler == maker.compiler]:
        written, made = " or ".join(f"`{each.flags}`" for each in of_this_compiler), f"`{maker.flags}`"
        remedy = "Build with these flags"
    else:
        written, made = " or ".join(map(_told, toolchains)), maker.compiler
        places = list(dict.fromkeys(each.found_in for each in toolchains if each.found_in))
        remedy = f"Build with the compiler of {' or '.join(places)}" if places else "Build with that compiler"
    return Unjudged(
        case,
        "",
        f"{file.name} is exact for {written}, and this is {made}",
        f"{remedy}, or keep budgets of your own beside those: `renode-mnist bench --update`.",
    )


def _told(toolchain: Toolchain) -> str:
    return toolchain.compiler + (f" ({toolchain.found_in})" if toolchain.found_in else "")
