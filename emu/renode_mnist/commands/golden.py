"""``renode-mnist golden``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from renode_mnist.commands.inputs import file_option, from_files, pixel_range_option, seed_option, tell_inputs
from renode_mnist.commands.options import complete_model
from renode_mnist.commands.output import print_json


@click.command()
@click.argument("model", shell_complete=complete_model)
@file_option("--inputs", "files", "Inputs, a leading axis of N for N samples")
@click.option(
    "--count",
    type=click.IntRange(1),
    help="How many samples, evenly spread over --inputs.  [default: all of them, else 8 seeded ones]",
)
@seed_option
@pixel_range_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("vectors.npz"),
    show_default=True,
    help="Where to write them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written, and by which yardstick, as JSON.")
def golden(
    model: str,
    files: tuple[str, ...],
    count: int | None,
    seed: int,
    pixel_range: tuple[float, float] | None,
    output: Path,
    as_json: bool,
) -> None:
    """Write inputs with the answers of LiteRT's reference kernels, for suites that hold firmware to them.

    MODEL is a committed model's name (int8) or a .tflite file. Without --inputs they are seeded. Where LiteRT can't
    judge the model, the yardstick is that of `renode-mnist verify`; the last line says which it was.
    """
    from renode_mnist import codegen
    from renode_mnist.images import BuildConfig, resolve_model
    from renode_mnist.measure.verify_image import golden_vectors
    from renode_mnist.model import golden as vectors
    from renode_mnist.model import inputs, interface

    file = resolve_model(model)
    content, graph = file.read_bytes(), codegen.load(file)
    specs = interface.inputs(graph)
    if files:
        samples = from_files(specs, files, pixel_range, content)
        samples = samples if count is None else samples.spread(count)
    else:
        samples = inputs.seeded(specs, count or 8, seed)
    made = golden_vectors(BuildConfig(file), content, graph, samples)
    vectors.write(made, output)
    if as_json:
        print_json("golden", {"file": str(output), "samples": len(made), **asdict(made.identity)})
        return
    tell_inputs(samples.notes)
    click.echo(
        f"{output}: {len(made)} samples of {graph.name} (SHA-256 {graph.sha256[:12]}…) by {made.identity.yardstick}"
    )
