"""Opens a program of others on the emulator that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from renode_mnist.errors import TargetError
from renode_mnist.session.emulation import Emulation
from renode_mnist.session.opening import gdb_command, parameters_for
from renode_mnist.session.target_options import EMULATED_TARGETS, ProgramOptions, TargetOptions
from renode_mnist.targets.any_elf import AnyElf, Heard


def plugged(program: ProgramOptions) -> str:
    """What of the embedded target's own is asked for, in words; empty where nothing is."""
    asked = {
        "peripherals of your own": program.peripherals,
        "devices on SPI and I2C buses": program.devices,
        "analog values": program.analog,
        "seed of the RNG": program.rng_seed,
        "picture of the LCD": program.ltdc,
        "content of the QUADSPI's flash": program.qspi,
    }
    return next((what for what, given in asked.items() if given), "")


def open_emulation(
    elf: Path,
    target: str = "embedded",
    options: TargetOptions | None = None,
    program: ProgramOptions | None = None,
    *,
    hear: Heard | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Emulation:
    """A program on an emulator, to be used as a context manager.

    Args:
        elf: Any program for the STM32F746.
        target: ``embedded`` or ``renode``.
        options: Clock model, parameters, debugger and board.
        program: See `ProgramOptions`.
        hear: Told what the program says, as it comes.
        waiting: Told how to attach the debugger, once the emulator waits for it.

    Raises:
        ElfError: The chip cannot run it.
        TargetError: There is no such emulator, or it lacks what is asked for.
        EnvironmentProblem: It is not installed.
    """
    options, program = options or TargetOptions(), program or ProgramOptions()
    files = None if program.files is None else Path(program.files)
    if files is not None and not files.is_dir():
        raise TargetError(f"there is no folder {files} for the program's files", "Make it, or name another.")
    picture = None if program.ltdc is None else Path(program.ltdc)
    if picture is not None and picture.suffix.lower() != ".png":
        raise TargetError(f"the picture of the LCD is a .png, and {picture} is called otherwise", "Name a .png.")
    if picture is not None and (picture.is_dir() or not picture.parent.is_dir()):
        raise TargetError(
            f"{picture} cannot be written at the end of the run", "Name a file in a folder that is there."
        )
    if target not in EMULATED_TARGETS:
        raise TargetError(
            f"the target {target} runs no program but this project's firmware",
            f"Choose one of: {', '.join(EMULATED_TARGETS)}.",
        )
    port = options.gdb_port
    attach = partial(waiting, gdb_command(elf, port)) if waiting is not None and port is not None else None
    if target != "embedded" and options.clock_model != "instructions":
        raise TargetError(
            f"the target {target} has no clock model", "Take `--target embedded`, or leave --clock-model out."
        )
    parameters = parameters_for(target, options)
    if target != "embedded" and (asked := plugged(program)):
        raise TargetError(f"the target {target} takes no {asked}", "Take `--target embedded`.")

    def embedded(heard: Heard) -> AnyElf:
        from renode_mnist.stm32f746.analog_sources import analog_sources
        from renode_mnist.stm32f746.devices import attached_devices
        from renode_mnist.stm32f746.flash_file import flash_content
        from renode_mnist.stm32f746.peripherals.own import own_peripheral
        from renode_mnist.stm32f746.surroundings import Surroundings
        from renode_mnist.targets import embedded as _  # noqa: F401  (tells where Unicorn is missing)
        from renode_mnist.targets.embedded_elf import EmbeddedElf

        return EmbeddedElf(
            elf,
            heard,
            files=files,
            board=options.board,
            clock_model=options.clock_model,
            parameters=parameters,
            gdb_port=port,
            on_waiting=attach,
            trace_locked=program.trace_locked,
            ltdc=picture,
            own_peripherals=[own_peripheral(each) for each in program.peripherals],
            surroundings=Surroundings(
                seed=program.rng_seed,
                analog=analog_sources(program.analog),
                devices=attached_devices(program.devices),
                qspi=b"" if program.qspi is None else flash_content(Path(program.qspi)),
            ),
        )

    def renode(heard: Heard) -> AnyElf:
        from renode_mnist.targets.renode_elf import RenodeElf

        return RenodeElf(elf, heard, files=files, gdb_port=port, on_waiting=attach, trace_locked=program.trace_locked)

    return Emulation(elf, embedded if target == "embedded" else renode, hear)
