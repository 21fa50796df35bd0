"""``renode-mnist draw``."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click

from renode_mnist.commands.asked import Specs
from renode_mnist.commands.options import (
    config_of,
    elf_option,
    image_options,
    image_options_of,
    target_option,
    target_options,
    target_options_of,
    tell_target,
)
from renode_mnist.errors import ModelError

_PORT = 7460


@click.command()
@image_options
@elf_option
@target_option(default="auto")
@target_options
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="Port of the page on 127.0.0.1; 0 is a free one.",
)
@click.option(
    "--deadline",
    "deadline_seconds",
    type=click.FloatRange(0.1),
    default=30.0,
    show_default=True,
    help="Seconds in which the target must start, and answer each time.",
)
@click.option("--no-browser", is_flag=True, help="Print the page's address and open no browser.")
def draw(
    elf: Path | None,
    target: str,
    http_port: int,
    deadline_seconds: float,
    no_browser: bool,
    **options: Any,
) -> None:
    """Draw a digit in the browser and see how the firmware classifies it, until Ctrl-C.

    Target, model and engine can be switched on the page; the other options hold for all of them.
    """
    from renode_mnist.draw import server
    from renode_mnist.draw.choice import Choice, Offers

    if elf is None and not Specs.of_model(config := config_of(dict(options))).takes_digits:
        raise ModelError(
            f"the model {config.model.name} is none for 28x28 pictures of ten classes",
            "Draw for one that is, such as `--model int8`; ask this one by `renode-mnist run --input FILE`.",
        )
    given = target_options_of(options)
    image = image_options_of(options)
    first = Choice(target, image)
    offers = Offers(first, elf, given(image))
    offers.job(first)  # refuses what cannot be before there is a page
    with server.listen(http_port) as door:
        tell_target(target)
        address = f"http://{server.LOOPBACK}:{door.getsockname()[1]}/"
        click.echo(f"{address}  (Ctrl-C ends it)")
        if not no_browser and _has_screen():
            webbrowser.open(address)
        server.serve(door, offers, deadline_seconds)


def _has_screen() -> bool:
    """Whether a browser would have a window; without one, one in the terminal may come up and take it over."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
