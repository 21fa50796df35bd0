"""Which commit is measured: what git says of the folder, and what a CI system says of its job."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from renode_mnist.measure.measurement import Commit
from renode_mnist.plain_text import one_line

_LOG = "--format=%H%x00%s%x00%an%x00%cI"


def commit_here(environment: Mapping[str, str], folder: Path | None = None) -> Commit:
    """The commit of a folder; of a pull request its own, not the one that the CI system merged for the job.

    Args:
        environment: GitHub's or GitLab's variables; none of them on a desk.
        folder: By default the current one.
    """
    said = (_git(folder or Path(), "log", "-1", _LOG) or "").split("\0")
    if len(said) == 4:
        identity, message, author, timestamp = said
    else:
        identity = environment.get("GITHUB_SHA") or environment.get("CI_COMMIT_SHA", "")
        message, author, timestamp = environment.get("CI_COMMIT_TITLE", ""), "", datetime.now(UTC).isoformat()
    url = _page(environment, identity) if identity else ""
    if folder is None and (asked := _pull_request(environment)):
        identity, message, author, url = asked
    try:
        return _commit(identity, message, author, timestamp, url)
    except ValidationError:  # an address with an unusual character, or an identity that is none
        return _commit("", message, author, datetime.now(UTC).isoformat(), "")


def _commit(identity: str, message: str, author: str, timestamp: str, url: str) -> Commit:
    return Commit(id=identity, message=one_line(message), author=one_line(author), timestamp=timestamp, url=url)


def _page(environment: Mapping[str, str], identity: str) -> str:
    if repository := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/commit/{identity}"
    if project := environment.get("CI_PROJECT_URL"):
        return f"{project}/-/commit/{identity}"
    return ""


def _pull_request(environment: Mapping[str, str]) -> tuple[str, str, str, str] | None:
    asked: Any = github_event(environment).get("pull_request")
    try:
        return asked["head"]["sha"], asked["title"], asked["user"]["login"], asked["html_url"]
    except (KeyError, TypeError):
        return None


def github_event(environment: Mapping[str, str]) -> dict[str, Any]:
    """What started the job, as GitHub tells it; empty elsewhere."""
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


def _git(folder: Path, *arguments: str) -> str | None:
    if (program := shutil.which("git")) is None:
        return None
    done = subprocess.run([program, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
