"""Options that several commands share: which image, which target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from renode_mnist import build as building
from renode_mnist.build import BuildConfig, Image, Machine
from renode_mnist.session.opening import CLOCK_MODELS, FLASH_TOOLS, TARGETS, TargetOptions

F = TypeVar("F", bound=Callable[..., Any])


def image_options(command: F) -> F:
    """``--model``, ``--engine``, ``--objective``, ``--board``, ``--clock``, ``--fpu``: what to build."""
    for option in reversed(
        [
            click.option(
                "--model",
                default="int8",
                show_default=True,
                help="A committed model's name, or a .tflite file.",
            ),
            click.option(
                "--engine",
                type=click.Choice(building.ENGINES),
                default=BuildConfig.engine,
                show_default=True,
                help="What computes the network.",
            ),
            click.option(
                "--objective",
                type=click.Choice(building.OBJECTIVES),
                default=BuildConfig.objective,
                show_default=True,
                help="What engine m7 minimises.",
            ),
            click.option(
                "--board",
                type=click.Choice(building.BOARDS),
                default=BuildConfig.board,
                show_default=True,
                help="Which UARTs carry the binary line and the console.",
            ),
            click.option(
                "--clock",
                "clock_mhz",
                type=click.Choice([str(clock) for clock in building.CLOCKS_MHZ]),
                default=str(BuildConfig.clock_mhz),
                show_default=True,
                help="Core clock in MHz; 288 is overclocked.",
            ),
            click.option(
                "--fpu",
                type=click.Choice(["hard", "soft"]),
                default=BuildConfig.fpu,
                show_default=True,
                help="Floating point by the FPU, or in software.",
            ),
        ]
    ):
        command = option(command)
    return command


def config_of(options: dict[str, Any], machine: Machine = "stm32f746") -> BuildConfig:
    """Takes the image options out of a command's keyword arguments."""
    return BuildConfig(
        machine=machine,
        model=building.resolve_model(options.pop("model")),
        engine=options.pop("engine"),
        objective=options.pop("objective"),
        board=options.pop("board"),
        clock_mhz=int(options.pop("clock_mhz")),
        fpu=options.pop("fpu"),
    )


def elf_option(command: F) -> F:
    """``--elf``: an image that is there already."""
    return click.option(
        "--elf",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Run this ELF instead of building one.",
    )(command)


def image_of(elf: Path | None, config: BuildConfig) -> Image:
    """The given ELF, or the image of ``config``, built where it has to be; says so on the error stream."""
    if elf is not None:
        return Image(elf, None, fresh=False)
    from rich.console import Console

    with Console(stderr=True).status(f"building {config.name} …"):
        return building.build(config)


def target_option(*, default: str = "embedded", choices: tuple[str, ...] = TARGETS) -> Callable[[F], F]:
    """``--target``: the command gets one of ``choices``, never ``auto``, which is decided and told here."""
    return click.option(
        "--target",
        type=click.Choice(("auto", *choices)),
        default=default,
        show_default=True,
        callback=_decided,
        help="auto is Renode where it is installed, else embedded.",
    )


def _decided(context: click.Context, parameter: click.Parameter, target: str) -> str:
    if target != "auto" or context.resilient_parsing:
        return target
    from renode_mnist.targets import auto

    choice = auto.choose()
    click.echo(f"target {choice.target}: {choice.reason}", err=True)
    return choice.target


def target_options(command: F) -> F:
    """``--port``, ``--console-port``, ``--baud``, ``--flash``, ``--clock-model``, ``--gdb``: how a target is run."""
    for option in reversed(
        [
            click.option("--port", help="Serial port or pyserial URL of a board.  [default: its ST-LINK]"),
            click.option("--console-port", help="The same of its text console, where that is wired."),
            click.option("--baud", type=click.IntRange(1), default=TargetOptions.baud, show_default=True),
            click.option(
                "--flash",
                type=click.Choice(FLASH_TOOLS),
                default=TargetOptions.flash,
                show_default=True,
                help="What programs a board that runs another image.",
            ),
            click.option(
                "--clock-model",
                type=click.Choice(CLOCK_MODELS),
                default=TargetOptions.clock_model,
                show_default=True,
                help="What the embedded target's cycle counter returns: instructions, or modelled cycles (m7).",
            ),
            click.option(
                "--gdb", "gdb_port", type=click.IntRange(1, 65535), help="Let GDB attach to the emulator there."
            ),
        ]
    ):
        command = option(command)
    return command


def target_options_of(options: dict[str, Any]) -> Callable[[BuildConfig], TargetOptions]:
    """Takes the target options out of a command's keyword arguments; the board comes from the image's."""
    taken = {name: options.pop(name) for name in ("port", "console_port", "baud", "flash", "clock_model", "gdb_port")}
    return lambda config: TargetOptions(board=config.board, **taken)
