"""Options by which several commands take a model's inputs from files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from renode_mnist.commands import verbosity

if TYPE_CHECKING:
    from renode_mnist.model.inputs import Samples
    from renode_mnist.model.interface import TensorSpec

F = TypeVar("F", bound=Callable[..., Any])

_KINDS = (
    "a .npy, .npz, .csv, .json or .bin file, or a picture; NAME=FILE for one of several inputs, given again for each"
)


def file_option(flag: str, name: str, what: str) -> Callable[[F], F]:
    """An option that names files with inputs."""
    return click.option(flag, name, metavar="FILE", multiple=True, help=f"{what}: {_KINDS}.")


def _two_numbers(
    context: click.Context, parameter: click.Parameter, value: tuple[float, float] | None
) -> tuple[float, float] | None:
    if value is not None and not (all(map(math.isfinite, value)) and value[0] != value[1]):
        raise click.BadParameter("black and white are two different numbers.")
    return value


pixel_range_option = click.option(
    "--pixel-range",
    type=(float, float),
    callback=_two_numbers,
    metavar="BLACK WHITE",
    help="Real numbers that a picture's black and white stand for.  [default: as the model's metadata says, else of "
    "0..1, -1..1 and 0..255 the nearest to the tensor's range]",
)
seed_option = click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of seeded inputs.")


def tell_inputs(notes: Iterable[str]) -> None:
    """Says how inputs came to be, before the result; not with ``-q``."""
    from rich.console import Console

    from renode_mnist.report.prose import say

    console = Console(highlight=False, markup=False)
    for note in () if verbosity.is_quiet() else notes:
        say(console, note)


def from_files(
    specs: Sequence[TensorSpec],
    files: Sequence[str],
    pixel_range: tuple[float, float] | None,
    content: bytes | None,
) -> Samples:
    """The inputs that options name.

    Args:
        specs: What the model takes.
        files: As `file_option` gives them.
        pixel_range: As `pixel_range_option` gives it.
        content: The model file, where it is at hand.
    """
    from renode_mnist.model import inputs
    from renode_mnist.model.picture_tensor import Range

    given = None
    if pixel_range is not None:
        given = Range((pixel_range[0],), (pixel_range[1],), "--pixel-range")
    return inputs.from_files(specs, inputs.assigned(files), inputs.pixel_ranges(specs, content, given))
