"""The Python library: what a notebook or a script does with a target or a model is one call.

Everything public here can be had from ``renode_mnist`` itself. The calls are thin: each sets what lies below it
to work and hands back a typed result that shows itself, in a notebook as HTML.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypedDict, Unpack

from renode_mnist import paths
from renode_mnist.build import Board, BuildConfig, Engine, Fpu, Image, Objective, build, resolve_model
from renode_mnist.errors import ImageError
from renode_mnist.model.preprocess import Picture
from renode_mnist.opening import ClockModel, TargetOptions, machine_of, open_session
from renode_mnist.report.record import Record
from renode_mnist.session import Session

__all__ = ["Settings", "classify", "open_target", "sample"]

StrPath = str | os.PathLike[str]


class Settings(TypedDict, total=False):
    """The keyword arguments of ``open_target``, for the calls that hand them on."""

    model: StrPath
    engine: Engine
    objective: Objective
    board: Board
    clock_mhz: int
    fpu: Fpu
    elf: StrPath | None
    clock_model: ClockModel
    port: str | None
    console_port: str | None
    baud: int
    flash: str


def open_target(
    target: str = "embedded",
    *,
    model: StrPath = "int8",
    engine: Engine = BuildConfig.engine,
    objective: Objective = BuildConfig.objective,
    board: Board = BuildConfig.board,
    clock_mhz: int = BuildConfig.clock_mhz,
    fpu: Fpu = BuildConfig.fpu,
    elf: StrPath | None = None,
    clock_model: ClockModel = TargetOptions.clock_model,
    port: str | None = None,
    console_port: str | None = None,
    baud: int = TargetOptions.baud,
    flash: str = TargetOptions.flash,
) -> Session:
    """A target that runs the firmware, built first where it must be; to be used as a context manager.

    Args:
        target: ``embedded``, ``renode``, ``board``, ``host``, or ``auto``: Renode where it is installed, else
            ``embedded``.
        model: A committed model's name (``int8``) or a ``.tflite`` file.
        engine: What computes the network: ``m7``, ``reference``, ``cmsis-nn`` or ``tflm``.
        objective: What engine ``m7`` minimises: ``instructions``, ``cycles`` or ``flash``.
        board: Which UARTs carry the two lines: ``disco-f746ng``, ``nucleo-f746zg`` or ``article``.
        clock_mhz: Core clock, 216 or 288 (overclocked).
        fpu: ``hard`` or ``soft`` floating point.
        elf: Run this image in place of building one.
        clock_model: What the embedded target's cycle counter returns: ``instructions``, or modelled cycles (``m7``).
        port: Serial port or pyserial URL of a board's binary line; its ST-LINK is looked for without one.
        console_port: The same of its text console, where that is wired.
        baud: Of a board's lines.
        flash: The tool that gives a board its firmware: ``none``, ``openocd``, ``pyocd`` or ``st-flash``.

    Returns:
        A session: ``session.classify(picture)`` gives a ``Record``, ``session.check()`` a ``Connection``.

    Raises:
        RenodeMnistError: The model, the build or the target refuses; the message ends with what to do next.
    """
    if target == "auto":
        from renode_mnist.targets import auto

        target = auto.choose().target
    config = BuildConfig(
        resolve_model(os.fspath(model)),
        engine=engine,
        objective=objective,
        board=board,
        clock_mhz=clock_mhz,
        fpu=fpu,
        machine=machine_of(target),
    )
    image = build(config) if elf is None else Image(Path(elf), None, fresh=False)
    options = TargetOptions(
        board=board, clock_model=clock_model, port=port, console_port=console_port, baud=baud, flash=flash
    )
    return open_session(target, image.elf, options)


def classify(picture: Picture, target: str = "embedded", **settings: Unpack[Settings]) -> Record:
    """Classifies one picture of a digit by the firmware on a target.

    Args:
        picture: A file, a Pillow image or an array of any size and polarity; uint8 of 28x28, white ink on black,
            is sent as it is.
        target: See ``open_target``.
        **settings: See ``Settings``.

    Raises:
        RenodeMnistError: As ``open_target``, or it is no picture of a digit.
    """
    with open_target(target, **settings) as session:
        return session.classify(picture)


def sample(digit: int) -> Path:
    """The file of a sample digit, a typical one of the MNIST test set.

    Raises:
        ImageError: There is none.
    """
    file = paths.digits() / f"{digit}.png"
    if not file.is_file():
        raise ImageError(f"there is no sample digit {digit!r}", "Take one of 0 to 9.")
    return file
