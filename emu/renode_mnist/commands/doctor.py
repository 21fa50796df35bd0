"""``renode-mnist doctor``."""

from __future__ import annotations

import json

import click

from renode_mnist.errors import EnvironmentProblem


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Tell what is installed, what is missing, and what to do about it."""
    from rich.console import Console

    from renode_mnist.doctor import examine
    from renode_mnist.report import grid
    from renode_mnist.report.grid import Grid

    findings = examine()
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        rows = []
        for finding in findings:
            mark = "[green]ok" if finding.found else "[red]missing" if finding.required else "[yellow]absent"
            rows.append((mark, finding.what, finding.found or "-", "" if finding.found else finding.remedy))
        found = Grid(("", "what", "found", "what to do"), tuple(rows), labels=4)
        Console(highlight=False).print(grid.table(found, boxed=False))
    missing = [finding.what for finding in findings if finding.required and not finding.found]
    if missing:
        raise EnvironmentProblem(f"missing: {', '.join(missing)}", "Do what the last column says.")
