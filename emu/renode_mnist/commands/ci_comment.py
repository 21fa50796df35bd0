"""``renode-mnist ci comment``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands.ci_report import check_name
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.plain_text import harmless

if TYPE_CHECKING:
    from renode_mnist.forge.comments import Forge

_TOKENS = ("GITHUB_TOKEN", "RENODE_MNIST_GITLAB_TOKEN")


@click.command()
@click.option(
    "--report",
    "file",
    type=click.Path(path_type=Path),
    default=Path("renode-mnist-reports/report.json"),
    show_default=True,
    help="What `ci report` wrote; a fork's is read as untrusted data.",
)
@click.option(
    "--name", default="firmware", show_default=True, help="Of the comment, where a pull request has several."
)
@click.option("--repository", metavar="owner/name", help="On GitHub.  [default: that of the job]")
@click.option("--pull-request", "number", type=click.IntRange(1), help="Its number.  [default: that of the job]")
@click.option(
    "--author", help="Whose the token is, where it is not the job's own; only this author's comment is changed."
)
@click.option(
    "--page", default="", metavar="URL", help="Where the whole report can be read.  [default: the job's run]"
)
@click.option("--gitlab", is_flag=True, help="Comment on a merge request of GitLab.")
@click.option("--dry-run", is_flag=True, help="Print the comment, and ask nobody.")
def comment(
    file: Path,
    name: str,
    repository: str | None,
    number: int | None,
    author: str | None,
    page: str,
    gitlab: bool,
    dry_run: bool,
) -> None:
    """Comment on a pull request: made once, changed in place after that.

    The token comes from the environment: GITHUB_TOKEN, or RENODE_MNIST_GITLAB_TOKEN with --gitlab. In a job that
    `workflow_run` has started the pull request is that of the run, and a report of another commit is refused.
    """
    from renode_mnist.forge import comments
    from renode_mnist.measure import change_report, of_commit
    from renode_mnist.report import comment as writing

    check_name(name)
    if page and not re.fullmatch(r"https://[^\s<>()\[\]\"'`|\\]+", page):
        raise click.UsageError("--page takes an https address without brackets and quotes.")
    made = change_report.load(file)
    event = of_commit.github_event(os.environ)
    run = event.get("workflow_run")
    unverified = _is_of_a_fork(event)
    text = writing.body(made, name, page or _page(os.environ, run), unverified)
    if run is not None and made.head.commit.id != run["head_sha"]:
        raise EnvironmentProblem(
            f"{file} is of commit {made.head.commit.id[:12] or 'unknown'}, and the run of {run['head_sha'][:12]}",
            "Nothing was commented.",
        )
    if dry_run:
        click.echo(harmless(text))
        return
    forge = _gitlab(number) if gitlab else _github(repository, number, author, event)
    if forge is None:
        click.echo("no open pull request has this commit as its newest: nothing to comment on")
        return
    click.echo(comments.put(forge, writing.marker(name), text))


def _github(repository: str | None, number: int | None, author: str | None, event: Mapping[str, Any]) -> Forge | None:
    from renode_mnist.forge import comments

    token, api = _variable("GITHUB_TOKEN"), os.environ.get("GITHUB_API_URL", comments.GITHUB_API)
    repository = repository or _variable("GITHUB_REPOSITORY", "Name it: `--repository owner/name`.")
    run = event.get("workflow_run")
    if number is None and run is not None:
        if run.get("head_repository") is None:  # a fork that is gone
            return None
        head = str(run["head_repository"]["owner"]["login"])
        rest = comments.github(token, api)
        number = comments.pull_request_of(rest, repository, head, str(run["head_branch"]), str(run["head_sha"]))
        if number is None:
            return None
    if number is None and (asked := event.get("pull_request")) is not None:
        number = int(asked["number"])
    if number is None:
        raise click.UsageError("--pull-request is needed: this job is of none.")
    return comments.GitHub(repository, number, token, api, author or comments.GITHUB_BOT)


def _gitlab(number: int | None) -> Forge:
    from renode_mnist.forge import comments

    api, project = _variable("CI_API_V4_URL"), _number("CI_PROJECT_ID")
    number = number or _number("CI_MERGE_REQUEST_IID")
    return comments.GitLab(project, number, _variable("RENODE_MNIST_GITLAB_TOKEN"), api)


def _variable(name: str, instead: str = "Run it in a job, or set it.") -> str:
    """What a variable of the job holds, without white space around it, which a secret often ends with."""
    if name in _TOKENS:
        instead = "Set it to a token that may comment, from a secret."
    if not (value := os.environ.get(name, "").strip()):
        raise EnvironmentProblem(f"the variable {name} is not set", instead)
    if not (value.isascii() and value.isprintable()):  # not shown, for it may be a secret
        raise EnvironmentProblem(
            f"the variable {name} has a line end or another character that it cannot have", instead
        )
    return value


def _number(name: str) -> int:
    value = _variable(name)
    if not value.isdecimal():
        raise EnvironmentProblem(f"the variable {name} is no number", "Run it in a job, or set it.")
    return int(value)


def _is_of_a_fork(event: Mapping[str, Any]) -> bool:
    """Whether somebody wrote the measuring job who may not write here."""
    run = event.get("workflow_run")
    if run is None:
        return False
    head = run.get("head_repository")  # null of a fork that is gone
    return head is None or bool(head["full_name"] != event["repository"]["full_name"])


def _page(environment: Mapping[str, str], run: Any) -> str:
    """The page of the run that measured, which has the artifacts; as the CI system tells it, not the report."""
    if run is not None:
        return str(run["html_url"])
    if (identity := environment.get("GITHUB_RUN_ID")) and (repository := environment.get("GITHUB_REPOSITORY")):
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{repository}/actions/runs/{identity}"
    return environment.get("CI_JOB_URL", "")
