"""What is said where another firmware answers than the options name: a board keeps what was loaded last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from renode_mnist.build import Image
    from renode_mnist.wire.messages import Stats


def tell_another_image(target: str, firmware: Stats, image: Image) -> None:
    """Says so on the error stream where a board runs another image than the one that was built for the options."""
    from renode_mnist.program.build_id import build_id

    if target != "board" or firmware.build_id == build_id(image.elf):
        return
    click.echo(
        f"note: the board runs another image than the options name: {firmware.model_name} by engine "
        f"{firmware.engine}, commit {firmware.commit}; --flash loads theirs",
        err=True,
    )
