"""A stand-in of GitHub's REST API on this machine, that holds requests to what the real one asks."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_of-this-test"
BOT = "github-actions[bot]"
MOST_CHARACTERS = 65_536


@dataclass
class GitHubApi:
    """What the API has.

    Attributes:
        address: Its root.
        repository: The only one.
        pulls: Of it, as the API shows them.
        comments: By the number of the pull request.
        calls: ``METHOD path`` of each request.
    """

    repository: str
    address: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def add_comment(self, number: int, author: str, body: str) -> int:
        taken = sum(map(len, self.comments.values()))
        comment = {"id": 1_000 + taken, "user": {"login": author}, "body": body}
        self.comments.setdefault(number, []).append(comment)
        return 1_000 + taken

    def by_the_bot(self, number: int) -> list[dict[str, Any]]:
        return [each for each in self.comments.get(number, []) if each["user"]["login"] == BOT]

    def answer(self, method: str, target: str, headers: Any, content: Any) -> tuple[int, Any]:
        self.calls.append(f"{method} {target}")
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if headers.get("Accept") != "application/vnd.github+json" or not headers.get("User-Agent"):
            return 415, {"message": "Unsupported Accept"}
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", headers.get("X-GitHub-Api-Version", "")):
            return 400, {"message": "No version"}
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        root = f"/repos/{self.repository}"
        if method in ("POST", "PATCH"):
            body = (content or {}).get("body")
            if set(content or {}) != {"body"} or not isinstance(body, str) or len(body) > MOST_CHARACTERS:
                return 422, {"message": "Validation Failed"}
        if (method, url.path) == ("GET", f"{root}/pulls"):
            owner, _, branch = query["head"].partition(":")
            state = query["state"]
            return 200, [
                each
                for each in self.pulls
                if (each["head"]["user"]["login"], each["head"]["ref"], each["state"]) == (owner, branch, state)
            ]
        if of_pull := re.fullmatch(rf"{re.escape(root)}/issues/(\d+)/comments", url.path):
            number = int(of_pull[1])
            if method == "POST":
                self.add_comment(number, BOT, content["body"])
                return 201, self.comments[number][-1]
            size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
            return 200, self.comments.get(number, [])[(page - 1) * size : page * size]
        if (one := re.fullmatch(rf"{re.escape(root)}/issues/comments/(\d+)", url.path)) and method == "PATCH":
            for comment in (each for comments in self.comments.values() for each in comments):
                if comment["id"] == int(one[1]):
                    comment["body"] = content["body"]
                    return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def github_api(repository: str) -> Iterator[GitHubApi]:
    """Serves it while this is entered."""
    api = GitHubApi(repository)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = api.answer(self.command, self.path, self.headers, json.loads(sent) if sent else None)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
