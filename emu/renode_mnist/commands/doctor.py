"""``renode-mnist doctor``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from renode_mnist.commands import project
from renode_mnist.commands.output import print_json
from renode_mnist.errors import EnvironmentProblem

if TYPE_CHECKING:
    from renode_mnist.doctor import Finding

_COLOURS = {"ok": "green", "missing": "red", "absent": "yellow"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Tell what is installed, what is missing, and what to do about it.

    A remedy stands on a line of its own, unbroken, to be pasted as it is.
    """
    from renode_mnist.doctor import examine

    findings = [*examine(), *_project()]
    if as_json:
        print_json("doctor", {"findings": [{**asdict(finding), "state": finding.state} for finding in findings]})
    else:
        width = max(len(finding.what) for finding in findings)
        for at, finding in enumerate(findings):
            mark = click.style(f"{finding.state:8}", fg=_COLOURS[finding.state])
            click.echo(f"{mark} {finding.what:{width}}  {finding.found or f'for {finding.purpose}'}")
            following = findings[at + 1 : at + 2]
            is_told_below = any(not other.found and other.remedy == finding.remedy != "" for other in following)
            if not finding.found and not is_told_below:
                for line in filter(None, (finding.remedy, finding.note)):
                    click.echo(f"{'':9}{line}")
    missing = [finding.what for finding in findings if finding.required and not finding.found]
    if missing:
        raise EnvironmentProblem(f"missing: {', '.join(missing)}", "Do what stands below each.")


def _project() -> Iterator[Finding]:
    """The file of the project that this folder is in; one that is wrong is told here too, where people look first."""
    from renode_mnist.doctor import Finding

    context = click.get_current_context().find_root()
    try:
        found = project.find(Path(os.curdir))
        if found is None:
            return
        assert isinstance(context.command, click.Group)
        project.default_map(found, context.command, context)
    except project.ProjectError as error:
        yield Finding("project file", "every command here", "", True, note=str(error))
    else:
        yield Finding("project file", "every command here", str(found.file), True)
