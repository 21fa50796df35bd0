"""``renode-mnist renode``: the emulator that pip cannot bring."""

from __future__ import annotations

from pathlib import Path

import click

from renode_mnist.commands import verbosity
from renode_mnist.renode_install.releases import DEFAULT_VERSION


@click.group()
def renode() -> None:
    """Install Renode and pyrenode3, or tell where they are."""


@renode.command()
@click.option("--version", default=DEFAULT_VERSION, show_default=True, help="The release of Renode.")
@click.option(
    "--from",
    "archives",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take this archive of Renode or pyrenode3 instead of downloading it; may be given twice.",
)
def install(version: str, archives: tuple[Path, ...]) -> None:
    """Fetch the portable build for this machine and pyrenode3, check them, put them into the cache."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from renode_mnist.renode_install import releases
    from renode_mnist.renode_install.install import install as install_release

    release = releases.release_for(version, releases.this_machine())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    is_shown = console.is_terminal and not verbosity.is_quiet()
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as progress:
        tasks = {}

        def report(name: str, done_bytes: int, expected_bytes: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name)
            progress.update(tasks[name], completed=done_bytes, total=expected_bytes or None)

        new = install_release(release, releases.PYRENODE3, archives=archives, report=report)
    for folder in new:
        click.echo(f"installed {folder}")
    if not new:
        click.echo(f"Renode {version} and pyrenode3 are installed already.")
    _print_where()


@renode.command()
def where() -> None:
    """Print which Renode is used, why, and what to export to use it by hand."""
    _print_where()


def _print_where() -> None:
    from renode_mnist.renode_install.locate import find

    found = find()
    click.echo(f"Renode:    {found.path} (found by {found.found_by})")
    click.echo(f"pyrenode3: {found.pyrenode3 or 'in this Python environment'}")
    for name, value in found.variables.items():
        click.echo(f"export {name}={value}")
