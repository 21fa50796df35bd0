"""What can be asked of a target, and all that opens one."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, Self, get_args

from renode_mnist.images import Board, ImageOptions
from renode_mnist.option import Face, StrPath, alternatives, inner, option

EMULATED_TARGETS = ("embedded", "renode")
"""They can wait for a debugger, and be served as a board."""
CHIP_TARGETS = (*EMULATED_TARGETS, "board")
"""They run the image for the chip."""
TARGETS = (*CHIP_TARGETS, "host")
FLASH_TOOLS = ("none", "openocd", "pyocd", "st-flash")
ClockModel = Literal["instructions", "m7"]
CLOCK_MODELS: tuple[ClockModel, ...] = get_args(ClockModel)

_ONE_FOR_ALL = "as the command line says, for every target on the page"


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """How a target is reached and counts; a new option is a field here, and every face has it."""

    port: str | None = option(
        None,
        "Serial port or pyserial URL of a board.",
        unset="its ST-LINK",
        wording={
            Face.LIBRARY: "Serial port or pyserial URL of a board's binary line; its ST-LINK is looked for without "
            "one.",
            Face.SUITE: "of a board: device or pyserial URL",
        },
        without={Face.PAGE: _ONE_FOR_ALL},
    )
    console_port: str | None = option(
        None,
        "The same of its text console, where that is wired.",
        wording={Face.SUITE: "the same of its text console"},
        suite_default="none: console tests are skipped",
        without={Face.PAGE: _ONE_FOR_ALL},
    )
    baud: int = option(
        115200,
        "Of a board's lines.",
        least=1,
        wording={Face.COMMAND_LINE: ""},
        without={Face.PAGE: _ONE_FOR_ALL},
    )
    flash: str = option(
        "none",
        "What programs a board that runs another image.",
        choices=FLASH_TOOLS,
        wording={Face.SUITE: f"what programs a board: {alternatives((*FLASH_TOOLS[1:], FLASH_TOOLS[0]))}"},
        without={Face.PAGE: _ONE_FOR_ALL},
    )
    clock_model: ClockModel = option(
        "instructions",
        "What the embedded target's cycle counter returns: ``instructions``, or modelled cycles (``m7``).",
        wording={Face.SUITE: f"what the embedded target's counter returns: {alternatives(CLOCK_MODELS)}"},
        without={Face.PAGE: _ONE_FOR_ALL},
    )
    parameters: StrPath | None = option(
        None,
        "Figures for modelled cycles, as `calibrate` writes them.",
        path="file",
        unset="the model's own",
        wording={
            Face.LIBRARY: "A file of figures for modelled cycles, as ``calibrate`` writes it, in the place of the "
            "model's own.",
            Face.SUITE: "a file of figures for modelled cycles, as ``renode-mnist calibrate`` writes it",
        },
        suite_default="the model's own",
        without={Face.PAGE: _ONE_FOR_ALL},
    )


@dataclass(frozen=True, kw_only=True)
class TargetOptions(LineOptions):
    """What a target may want to know beyond the ELF; each takes what concerns it.

    Attributes:
        board: For which the image was built: says which UARTs carry the two lines.
        gdb_port: Where an emulator serves GDB; opening it then waits for the debugger.
    """

    gdb_port: int | None = option(
        None,
        "Let GDB attach to the emulator there.",
        least=1,
        most=65535,
        flag="--gdb",
        without={
            Face.LIBRARY: "a notebook's call would hang until a debugger comes",
            Face.SUITE: "each suite would hang until a debugger comes",
            Face.PAGE: _ONE_FOR_ALL,
        },
    )
    board: Board = field(default=ImageOptions.board, metadata=inner("is the image's"))

    @classmethod
    def of(cls, asked: LineOptions, board: Board) -> Self:
        """The options of a target that runs an image for that board."""
        return cls(board=board, **{each.name: getattr(asked, each.name) for each in fields(LineOptions)})


@dataclass(frozen=True, kw_only=True)
class ProgramOptions:
    """What a program of others may need beside ``TargetOptions``."""

    files: StrPath | None = option(
        None, "Let the program open files below this folder by semihosting.", path="folder", unset="none"
    )
    trace_locked: bool = option(False, "DWT and ITM are locked after a reset, as on a board that no probe started.")
    peripherals: tuple[str, ...] = option(
        (),
        "A peripheral of your own: a Python class, at an address.",
        flag="--peripheral",
        metavar="MODULE:CLASS@ADDRESS",
        many=True,
        wording={Face.LIBRARY: "Peripherals of your own, each as ``module:Class@0x40011000``."},
    )
    devices: tuple[str, ...] = option(
        (),
        "A device on an SPI or I2C bus: a Python class, at SPI1, SPI1:PA4 (its chip select) or I2C1:0x48.",
        flag="--device",
        metavar="MODULE:CLASS@BUS",
        many=True,
        wording={
            Face.LIBRARY: "Devices on SPI and I2C buses, each as ``module:Class@SPI1:PA4`` or "
            "``module:Class@I2C1:0x48``."
        },
    )
    analog: tuple[str, ...] = option(
        (),
        "What an ADC sees at a pin: volts, a .csv or .npy file, or a function of the seconds.",
        metavar="PIN=VALUE",
        many=True,
        wording={
            Face.LIBRARY: "What an ADC sees at pins, each as ``PA0=1.65``, ``PA0=file.csv`` or "
            "``PA0=module:function``."
        },
    )
    qspi: StrPath | None = option(None, "What the flash at the QUADSPI holds.", path="file", unset="blank")
    ltdc: StrPath | None = option(
        None, "Write what the LCD controller shows at the end to this .png.", metavar="PNG", unset="none"
    )
    rng_seed: int = option(0, "Of the random number generator, whose numbers are the same for the same seed.")


@dataclass(frozen=True, kw_only=True)
class RunOptions(LineOptions, ImageOptions):
    """What runs on a target, and how."""

    elf: StrPath | None = option(
        None,
        "Run this ELF instead of building one.",
        path="file",
        wording={
            Face.LIBRARY: "Run this image in place of building one.",
            Face.SUITE: "an image to run instead of building one",
        },
        without={Face.PAGE: "with an ELF there is nothing else to choose"},
    )


def which_target() -> str:
    """Declares the field ``target``, which stands first or second where it is positional."""
    return option(
        "embedded",
        "auto is Renode where it is installed, else embedded.",
        choices=("auto", *TARGETS),
        wording={
            Face.LIBRARY: f"{alternatives((*TARGETS, 'auto'))}: Renode where it is installed, else ``embedded``.",
            Face.SUITE: alternatives((*TARGETS, "auto")),
        },
    )


@dataclass(frozen=True)
class OpenOptions(RunOptions):
    """All that opens a target."""

    target: str = which_target()


_FOR_SUITES = {
    Face.LIBRARY: "what a suite checks, a call hands out",
    Face.PAGE: "what is drawn is no test",
}


@dataclass(frozen=True, kw_only=True)
class SuiteOptions(OpenOptions):
    """All that a suite of Robot takes."""

    record: str | None = option(
        None,
        "Keep each suite's session in this folder, for `replay`.",
        path="folder",
        wording={Face.SUITE: "a folder in which each suite's session is kept, for ``renode-mnist replay``"},
        suite_default="none",
        without={
            Face.LIBRARY: "a call hands out what a recording would hold",
            Face.PAGE: "what is drawn is no test to repeat",
        },
    )
    golden: str | None = option(
        None,
        "Golden vectors (`renode-mnist golden`), for the suite `golden`.",
        path="file",
        wording={Face.SUITE: "golden vectors, made by ``renode-mnist golden``, for the suite ``golden``"},
        suite_default="none: skipped",
        without=_FOR_SUITES,
    )
    data: str | None = option(
        None,
        "Labelled samples, inputs by their names and an array of labels, for the suite `accuracy`.",
        path="file",
        wording={Face.SUITE: "labelled samples, inputs by their names and an array of labels, for ``accuracy``"},
        suite_default="none: skipped",
        without=_FOR_SUITES,
    )
    label_key: str = option(
        "labels",
        "The array in --data that holds each sample's class, or a file of its own.",
        wording={Face.SUITE: "the array in ``DATA`` that holds each sample's class, or a file of its own"},
        without=_FOR_SUITES,
    )
    least_accuracy: float | None = option(
        None,
        "The share of --data, 0 to 1, that must be classified as labelled.",
        least=0,
        most=1,
        wording={Face.SUITE: "the share of ``DATA``, 0 to 1, that must be classified as labelled"},
        suite_default="none; ``DATA`` needs one",
        without=_FOR_SUITES,
    )
