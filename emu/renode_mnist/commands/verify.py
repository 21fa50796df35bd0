"""``renode-mnist verify``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands import progress_bar
from renode_mnist.commands.inputs import file_option, from_files, pixel_range_option, seed_option, tell_inputs
from renode_mnist.commands.options import (
    complete_model,
    config_of,
    elf_option,
    options_from,
    target_option,
    target_options,
    target_options_of,
    why_target,
)
from renode_mnist.commands.output import print_json
from renode_mnist.errors import CheckFailed
from renode_mnist.images import ImageOptions
from renode_mnist.option import Face, options_of

if TYPE_CHECKING:
    from renode_mnist.images import BuildConfig
    from renode_mnist.measure.verify import Verification
    from renode_mnist.model.inputs import Samples


def _number(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("it is no number.")
    return value


@click.command()
@click.argument("model", default="int8", shell_complete=complete_model)
@file_option("--data", "files", "Inputs, a leading axis of N for N samples")
@click.option(
    "--count",
    type=click.IntRange(1),
    help="How many samples, evenly spread over --data.  [default: all of them, else 4 seeded ones]",
)
@seed_option
@pixel_range_option
@click.option(
    "--against",
    metavar="MODEL",
    help="The float model (.tflite, .keras, or a committed one's name) that this one was quantised from: shows what "
    "that cost, by tensor.",
)
@click.option(
    "--ulp",
    type=click.FloatRange(0),
    callback=_number,
    help="Up to which a difference of float32 counts as rounding, in units in the last place.  [default: 64]",
)
@target_option()
@options_from(
    ImageOptions,
    names=[each.name for each in options_of(ImageOptions, Face.COMMAND_LINE) if each.name not in ("model", "trace")],
)
@elf_option
@target_options
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with plots here.")
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
def verify(
    model: str,
    files: tuple[str, ...],
    count: int | None,
    seed: int,
    pixel_range: tuple[float, float] | None,
    against: str | None,
    ulp: float | None,
    target: str,
    elf: Path | None,
    html: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Hold the firmware to what the PC computes, to the bit, and name the first tensor that differs.

    MODEL is a committed model's name (int8) or a .tflite file. Without --data seeded inputs and the ends of the
    input's range are tried. The yardstick is LiteRT's reference kernels. Exits with 1 on a difference.
    """
    from renode_mnist.images import resolve_model
    from renode_mnist.measure.verify_image import verify_image
    from renode_mnist.model.difference import FLOAT_BOUND_ULP
    from renode_mnist.session.opening import machine_of

    given = target_options_of(options)
    config = config_of({"model": model, "trace": False, **options}, machine_of(target))
    samples = _samples(config, files, count, seed, pixel_range)
    with progress_bar.shown() as show:
        show("reading the model")
        found = verify_image(
            config,
            target,
            given(config),
            samples,
            elf=elf,
            against=resolve_model(against) if against is not None else None,
            float_bound_ulp=FLOAT_BOUND_ULP if ulp is None else ulp,
            progress=show,
        )
    if html is not None:
        from renode_mnist.model.tensor_files import write_bytes
        from renode_mnist.report import verification_page

        write_bytes(html, verification_page.render(found).encode())
    if as_json:
        from renode_mnist.report import verification

        print_json("verify", verification.to_json(found))
    else:
        _show(found)
    if found.first is not None:
        raise CheckFailed(
            f"the firmware differs from the yardstick, first in step {found.first.row.step}",
            "Look at that step's kernel and at the constants that it is given.",
        )


def _samples(
    config: BuildConfig,
    files: tuple[str, ...],
    count: int | None,
    seed: int,
    pixel_range: tuple[float, float] | None,
) -> Samples:
    from renode_mnist import codegen
    from renode_mnist.model import inputs, interface

    specs = interface.inputs(codegen.load(config.model))
    if files:
        given = from_files(specs, files, pixel_range, config.model.read_bytes())
        return given if count is None else given.spread(count)
    return inputs.edge_cases(specs) + inputs.seeded(specs, count or 4, seed)


def _show(found: Verification) -> None:
    from rich.console import Console

    from renode_mnist.report import grid, terminal, verification
    from renode_mnist.report.prose import say

    console = Console(highlight=False, markup=False)
    tell_inputs(found.notes)
    layers = verification.tensors(found)
    console.print(grid.table(layers, boxed=False))
    for note in layers.notes:
        say(console, note, "dim")
    if found.quantisation:
        errors = verification.quantisation(found)
        console.print(grid.table(errors, boxed=False))
        for note in errors.notes:
            say(console, note, "dim")
    console.print(terminal.identity(found.connection.target, found.connection.firmware, why_target()))
    say(console, f"Yardstick: {found.yardstick}.")
    if found.default_runtime is not None:
        said = verification.default_runtime(found.default_runtime, len(found.samples))
        say(console, said)
    say(console, verification.verdict(found), "bold")
    if found.first is not None:
        say(console, verification.first_difference(found.first))
