"""One comment on a pull request, made once and kept up to date after that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import quote, urlencode

from renode_mnist.forge.rest import ForgeError, Rest

_PAGE = 100
_MOST_PAGES = 100
"""Ten thousand comments: what comes after that is no pull request."""

GITHUB_API = "https://api.github.com"
GITHUB_BOT = "github-actions[bot]"
"""Who writes with the token of a job."""


@dataclass(frozen=True)
class Comment:
    """One of a pull request.

    Attributes:
        identity: By which it is changed.
        author: Who wrote it; only one's own comments are changed.
        body: Markdown.
    """

    identity: int
    author: str
    body: str


class Forge(Protocol):
    """A pull request's comments."""

    author: str
    """Under whose name comments are made."""

    def comments(self) -> Iterator[Comment]:
        """All, page by page."""

    def create(self, body: str) -> None:
        """Adds one."""

    def update(self, identity: int, body: str) -> None:
        """Changes one."""


def put(forge: Forge, marker: str, body: str) -> Literal["created", "updated", "unchanged"]:
    """Makes the comment, or changes the one that is there.

    A comment is taken for it only where it begins with the marker and is one's own: anybody can write a marker, and
    whoever wrote a comment can change it again.

    Args:
        forge: Of a pull request.
        marker: The first line of ``body``.
        body: Markdown.

    Raises:
        ForgeError: As ``Rest.call``.
    """
    for comment in forge.comments():
        if comment.author == forge.author and comment.body.partition("\n")[0].rstrip() == marker:
            if comment.body.replace("\r\n", "\n").rstrip() == body.rstrip():
                return "unchanged"
            forge.update(comment.identity, body)
            return "updated"
    forge.create(body)
    return "created"


class GitHub:
    """A pull request of GitHub.

    Args:
        repository: ``owner/name``.
        number: Of the pull request.
        token: With the permission `pull-requests: write`.
        api: Root of the API.
        author: Whose the token is.

    Raises:
        ForgeError: The repository's name is none.
    """

    def __init__(
        self, repository: str, number: int, token: str, api: str = GITHUB_API, author: str = GITHUB_BOT
    ) -> None:
        self._rest = github(token, api)
        self._root = f"/repos/{checked(repository)}/issues"
        self._number = number
        self.author = author

    def comments(self) -> Iterator[Comment]:
        """All, page by page."""
        for found in _pages(self._rest, f"{self._root}/{self._number}/comments"):
            yield _comment(found, "user", "login")

    def create(self, body: str) -> None:
        """Adds one."""
        self._rest.call("POST", f"{self._root}/{self._number}/comments", {"body": body})

    def update(self, identity: int, body: str) -> None:
        """Changes one."""
        self._rest.call("PATCH", f"{self._root}/comments/{identity}", {"body": body})


class GitLab:
    """A merge request of GitLab.

    Args:
        project: Its number.
        number: Of the merge request in the project.
        token: A project's access token with the scope `api`; that of a job may not comment.
        api: Root of the API, as the variable CI_API_V4_URL.
    """

    def __init__(self, project: int, number: int, token: str, api: str) -> None:
        self._rest = Rest(api, {"PRIVATE-TOKEN": token})
        self._root = f"/projects/{project}/merge_requests/{number}/notes"
        self.author = str(_field(self._rest.call("GET", "/user"), "username"))

    def comments(self) -> Iterator[Comment]:
        """All, page by page."""
        for found in _pages(self._rest, self._root):
            yield _comment(found, "author", "username")

    def create(self, body: str) -> None:
        """Adds one."""
        self._rest.call("POST", self._root, {"body": body})

    def update(self, identity: int, body: str) -> None:
        """Changes one."""
        self._rest.call("PUT", f"{self._root}/{identity}", {"body": body})


def github(token: str, api: str = GITHUB_API) -> Rest:
    """GitHub's API."""
    return Rest(
        api,
        {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )


def pull_request_of(rest: Rest, repository: str, head: str, branch: str, commit: str) -> int | None:
    """The open pull request of a branch, which may be a fork's, as long as a commit is its newest; None else.

    A `workflow_run` of a fork does not name its pull request, and what its artifact says may be anything.

    Args:
        rest: See ``github``.
        repository: ``owner/name``, into which it is to be merged.
        head: The owner of the branch's repository.
        branch: Its name.
        commit: The full hash.

    Raises:
        ForgeError: As ``Rest.call``, or the answer is none.
    """
    asked = urlencode({"head": f"{head}:{branch}", "state": "open", "per_page": _PAGE})
    found = rest.call("GET", f"/repos/{checked(repository)}/pulls?{asked}")
    if not isinstance(found, list):
        raise ForgeError("the API answers no list of pull requests", "Name the root of the API.")
    numbers = [_field(each, "number") for each in found if _field(_field(each, "head"), "sha") == commit]
    return next((int(number) for number in numbers), None)


def checked(repository: str) -> str:
    """The name of a repository, if it is one.

    Raises:
        ForgeError: It is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", repository) or repository.endswith(("/.", "/..")):
        raise ForgeError(f"{repository!r} is no repository", "Give it as owner/name.")
    return quote(repository)


def _pages(rest: Rest, path: str) -> Iterator[Any]:
    for page in range(1, _MOST_PAGES + 1):
        found = rest.call("GET", f"{path}?{urlencode({'per_page': _PAGE, 'page': page})}")
        if not isinstance(found, list):
            raise ForgeError("the API answers no list of comments", "Name the root of the API.")
        yield from found
        if len(found) < _PAGE:
            return


def _comment(found: Any, who: str, name: str) -> Comment:
    writer = _field(found, who) or {}  # an account that is gone is null
    return Comment(int(_field(found, "id")), str(writer.get(name, "")), str(_field(found, "body") or ""))


def _field(found: Any, name: str) -> Any:
    try:
        return found[name]
    except (KeyError, TypeError) as error:
        raise ForgeError(f"the API's answer has no {name}", "Name the root of the API.") from error
