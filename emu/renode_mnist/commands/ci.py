"""``renode-mnist ci``: what the GitHub action does, as commands for a desk and any CI system."""

from __future__ import annotations

import click

from renode_mnist.commands.ci_comment import comment
from renode_mnist.commands.ci_key import key
from renode_mnist.commands.ci_measure import measure
from renode_mnist.commands.ci_report import report


@click.group()
def ci() -> None:
    """Measure a commit, report what a pull request changes, comment on it."""


ci.add_command(measure)
ci.add_command(report)
ci.add_command(comment)
ci.add_command(key)
