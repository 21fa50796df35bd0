"""``renode-mnist build``."""

from __future__ import annotations

from typing import Any

import click

from renode_mnist.commands.options import config_of, image_options


@click.command()
@image_options
@click.option("--host", is_flag=True, help="Build the program for this PC instead of the chip's ELF.")
@click.option("--verbose", is_flag=True, help="Show what CMake and the compiler print.")
def build(host: bool, verbose: bool, **options: Any) -> None:
    """Compile a model and the firmware around it to an ELF; prints its path, and nothing else on standard output."""
    from renode_mnist import build as building

    config = config_of(options, "host" if host else "stm32f746")
    image = building.build(config, verbose=verbose)
    if not image.is_prebuilt:
        from renode_mnist import codegen

        for line in codegen.prepared(codegen.load(config.model)).rewrites:
            click.echo(f"note: {line}", err=True)
    if not image.fresh:
        click.echo("came with this package:" if image.is_prebuilt else "up to date:", err=True)
    click.echo(image.elf)
