"""``renode-mnist build``."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any

import click

from renode_mnist.commands import progress_bar, verbosity
from renode_mnist.commands.options import config_of, image_options

_LOG = logging.getLogger(__name__)


@click.command()
@image_options
@click.option("--host", is_flag=True, help="Build the program for this PC instead of the chip's ELF.")
def build(host: bool, **options: Any) -> None:
    """Compile a model and the firmware around it to an ELF; prints its path, and nothing else on standard output.

    With -v what CMake and the compiler print stands before it.
    """
    from renode_mnist import images

    config = config_of(options, "host" if host else "stm32f746")
    with ExitStack() as shown:
        image = images.build(
            config,
            verbose=verbosity.is_verbose(),
            starting=lambda: shown.enter_context(progress_bar.doing(f"configuring {config.name}")),
        )
    if not image.is_prebuilt:
        from renode_mnist import codegen

        for line in codegen.prepared(codegen.load(config.model)).rewrites:
            _LOG.warning("note: %s", line)
    if not image.fresh:
        _LOG.warning("came with this package:" if image.is_prebuilt else "up to date:")
    click.echo(image.elf)
