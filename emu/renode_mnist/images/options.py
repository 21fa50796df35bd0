"""What can be asked of an image, and what it is built from."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, Self, get_args

from renode_mnist.errors import BuildError
from renode_mnist.images.toolchain import Machine
from renode_mnist.images.tree import resolve_model
from renode_mnist.option import Face, StrPath, alternatives, argument, inner, option, options_of

Engine = Literal["m7", "reference", "cmsis-nn", "tflm"]
Objective = Literal["time", "flash", "ram", "instructions"]
Board = Literal["disco-f746ng", "nucleo-f746zg", "article"]
Fpu = Literal["hard", "soft"]
UartWay = Literal["dma", "interrupt"]

ENGINES: tuple[Engine, ...] = get_args(Engine)
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
BOARDS: tuple[Board, ...] = get_args(Board)
UARTS: tuple[UartWay, ...] = get_args(UartWay)
CLOCKS_MHZ = (216, 288)

_MOST_OF_A_NAME = 60

_SUITES_HOLD_FOR_ALL = "a suite checks what holds for every value of it"
_SAME_FOR_ALL_CHOICES = "as the command line says, for every choice on the page"


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """What can be asked of an image; a new option is a field here, and every face has it."""

    model: StrPath = option(
        "int8",
        "A committed model's name (float32, int8, qat, size, uint8), or a .tflite file.",
        wording={
            Face.LIBRARY: "A committed model's name (``int8``) or a ``.tflite`` file.",
            Face.SUITE: "a committed model's name or a ``.tflite`` file",
        },
    )
    engine: Engine = option(
        "m7",
        "What computes the network.",
        wording={Face.SUITE: alternatives(ENGINES)},
        suite_default="the default of ``renode-mnist build``",
    )
    objective: Objective = option(
        "time",
        "What engine ``m7`` minimises: modelled cycles with memory, flash, RAM, or instructions.",
        wording={Face.LIBRARY: "What engine ``m7`` minimises: ``time`` is modelled cycles with memory."},
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    max_flash: int | None = option(
        None,
        "Bytes of flash that the image may take; within them engine ``m7`` keeps the objective.",
        least=1,
        unset="all of the chip's",
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    max_ram: int | None = option(
        None,
        "Bytes of RAM that the image may take, its stack included; likewise.",
        least=1,
        unset="all of the chip's",
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    board: Board = option(
        "disco-f746ng",
        "Which UARTs carry the binary line and the console.",
        wording={Face.SUITE: "which UARTs carry the two lines"},
        without={Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    clock_mhz: int = option(
        216,
        "Core clock in MHz; 288 is overclocked.",
        choices=CLOCKS_MHZ,
        flag="--clock",
        wording={Face.LIBRARY: "Core clock, 216 or 288 (overclocked)."},
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    fpu: Fpu = option(
        "hard",
        "Floating point by the FPU, or in software.",
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    uart: UartWay = option(
        "dma",
        "How the UARTs are driven: by DMA, or by an interrupt for each byte.",
        wording={
            Face.LIBRARY: "How the UARTs are driven: by ``dma``, or by an ``interrupt`` for each byte.",
            Face.SUITE: f"how the UARTs are driven: {alternatives(UARTS)}",
        },
        without={Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    watchdog_ms: int = option(
        0,
        "Milliseconds without the main loop after which the watchdog resets the chip, 250 to 32768; 0 is never.",
        flag="--watchdog",
        least=0,
        most=32768,
        wording={
            Face.LIBRARY: "Milliseconds without the main loop until the watchdog resets, 250 to 32768; 0: never.",
        },
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    trace: bool = option(
        False,
        "Let the firmware send tensors between layers; no image for measurements.",
        wording={Face.LIBRARY: "Let the firmware send tensors between layers (``Client.run_traced``)."},
        without={
            Face.SUITE: "a suite tests the image that is used",
            Face.PAGE: "the page shows what the image that is used answers",
        },
    )


def refuse_objective(engine: str, objective: Objective) -> None:
    """Refuses an objective of an engine that has none: it would be ignored.

    Raises:
        BuildError: It is another than the default, and the engine is not ``m7``.
    """
    if engine != "m7" and objective != ImageOptions.objective:
        raise BuildError(
            f"engine {engine} has no objective, but {objective} is asked for", "Leave it out, or take engine m7."
        )


@dataclass(frozen=True)
class BuildConfig(ImageOptions):
    """What an image is built from: `ImageOptions` whose model is found, and what no face asks for.

    Attributes:
        model: A ``.tflite`` file.
        machine: The chip, or ``host``: the same app and engine as a program for this PC.
        definitions: Further CMake settings, such as ``("TFLM_KERNELS", "reference")``.
    """

    model: Path = field(metadata=argument("A ``.tflite`` file."))
    machine: Machine = field(
        default="stm32f746", kw_only=True, metadata=inner("follows from the target, or from `build --host`")
    )
    definitions: tuple[tuple[str, str], ...] = field(
        default=(), kw_only=True, metadata=inner("for the variants that tests compare")
    )

    @classmethod
    def of(cls, asked: ImageOptions, machine: Machine = "stm32f746") -> Self:
        """What is to be built for somebody's options.

        Raises:
            ModelError: There is no such model.
            BuildError: As below, or an engine that has no objective is asked to keep one.
        """
        refuse_objective(asked.engine, asked.objective)
        names = [each.name for each in fields(ImageOptions) if each.name != "model"]
        model = resolve_model(os.fspath(asked.model))
        return cls(model, machine=machine, **{name: getattr(asked, name) for name in names})

    def __post_init__(self) -> None:
        """Refuses what no build knows.

        Raises:
            BuildError: A setting has another value than those it may have.
        """
        for setting in options_of(type(self)):
            if setting.choices and (value := getattr(self, setting.name)) not in setting.choices:
                raise BuildError(
                    f"there is no {setting.name.replace('_', ' ')} {value!r}",
                    f"Choose one of: {', '.join(map(str, setting.choices))}.",
                )

    @property
    def name(self) -> str:
        """The folder's name: readable, and different for models that only share their file name."""
        place = hashlib.sha256(os.fsencode(self.model.resolve())).hexdigest()[:6]
        # CMake and ninja read this name as they read code: ";" splits it, a newline ends it.
        parts = [re.sub(r"[^\w.-]", "_", self.model.stem, flags=re.ASCII)[:_MOST_OF_A_NAME], place, self.engine]
        if self.engine == "m7":
            parts.append(self.objective)
        chip = [self.board, str(self.clock_mhz), self.fpu] if self.machine == "stm32f746" else ["host"]
        # Options that are none of those above, and CMake settings.
        told = {"model", "engine", "objective", "board", "clock_mhz", "fpu"}
        other = [each.name for each in options_of(type(self), Face.COMMAND_LINE) if each.name not in told]
        more = [f"{name}={value}" for name in other if (value := getattr(self, name)) != getattr(type(self), name)]
        more += [f"{name}={value}" for name, value in self.definitions]
        digest = [hashlib.sha256("\n".join(more).encode()).hexdigest()[:6]] if more else []
        return "-".join(parts + chip + digest)
