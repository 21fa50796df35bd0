"""``renode-mnist replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from renode_mnist.commands.options import (
    config_of,
    elf_option,
    image_of,
    image_options,
    target_option,
    target_options,
    target_options_of,
    tell_target,
)
from renode_mnist.commands.output import print_json
from renode_mnist.errors import CheckFailed


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@target_option()
@image_options
@elf_option
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def replay(file: Path, target: str, elf: Path | None, as_json: bool, **options: Any) -> None:
    """Send the requests of a recorded session (`--record` of `run` and `test`) again and report what differs."""
    from renode_mnist.session import recording
    from renode_mnist.session.opening import machine_of, open_session

    kept = recording.load(file)
    given = target_options_of(options)
    config = config_of(options, machine_of(target))
    with open_session(target, image_of(elf, config).elf, given(config)) as session:
        found = list(recording.replay(kept, session))
    differences = [each for each in found if isinstance(each, recording.Difference)]
    damaged = [each for each in found if isinstance(each, recording.Damaged)]
    tell_target(target)
    recorded = kept.identity["target"]
    if as_json:
        told = {
            "requests": len(kept.exchanges),
            "recorded_on": {"name": recorded["target"], "version": recorded["version"]},
            "target": target,
            "cut_off_in_line": kept.cut_off,
            "differences": [{"line": each.line, "what": each.what} for each in differences],
            "not_compared": [{"line": each.line, "what": each.what} for each in damaged],
        }
        print_json("replay", told)
    else:
        click.echo(
            f"{len(kept.exchanges)} requests recorded on {recorded['target']} ({recorded['version']}), "
            f"sent again to {target}: {len(differences)} difference(s)"
            + (f", {len(damaged)} not compared" if damaged else "")
        )
        if kept.cut_off is not None:
            click.echo(f"The recording is cut off in line {kept.cut_off}; it was replayed up to there.")
        for each in damaged:
            click.echo(f"line {each.line}, not compared: {each.what}")
        for difference in differences:
            click.echo(f"line {difference.line}: {difference.what}")
    if differences:
        raise CheckFailed(f"{len(differences)} answer(s) differ", "The lines above say which.")
