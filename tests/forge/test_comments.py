"""Comments by the REST APIs of GitHub and GitLab, against stand-ins on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from github_api import BOT, TOKEN, GitHubApi, github_api
from measurements import case, measurement, report
from renode_mnist.commands.ci import ci
from renode_mnist.errors import RenodeMnistError
from renode_mnist.forge import comments
from renode_mnist.forge.rest import ForgeError, Rest

MARKER = "<!-- renode-mnist ci: firmware -->"


@pytest.fixture
def api() -> Iterator[GitHubApi]:
    with github_api("team/product") as serving:
        yield serving


def github(api: GitHubApi, token: str = TOKEN) -> comments.GitHub:
    return comments.GitHub("team/product", 7, token, api.address)


def test_one_comment_is_made_and_then_changed(api: GitHubApi) -> None:
    for number in range(250):
        api.add_comment(7, "somebody", f"{number}")
    assert comments.put(github(api), MARKER, f"{MARKER}\none") == "created"
    assert comments.put(github(api), MARKER, f"{MARKER}\none\n") == "unchanged"
    assert comments.put(github(api), MARKER, f"{MARKER}\ntwo") == "updated"
    (own,) = api.by_the_bot(7)
    assert own["body"] == f"{MARKER}\ntwo"
    assert [call for call in api.calls if "page=4" in call] == []


def test_a_comment_of_somebody_else_with_the_marker_is_not_taken_for_it(api: GitHubApi) -> None:
    api.add_comment(7, "somebody", f"{MARKER}\nmine")
    api.add_comment(7, BOT, f"quoted: {MARKER}")
    api.comments[7].append({"id": 5, "user": None, "body": MARKER})  # an account that is gone
    assert comments.put(github(api), MARKER, f"{MARKER}\none") == "created"
    assert api.comments[7][0]["body"] == f"{MARKER}\nmine"


def test_a_refusal_says_what_to_do_and_not_the_token(api: GitHubApi) -> None:
    with pytest.raises(ForgeError, match=r"401.*permission") as refused:
        comments.put(github(api, "wrong-token"), MARKER, MARKER)
    assert "wrong-token" not in str(refused.value)


@pytest.mark.parametrize("address", ["http://api.example", "ftp://localhost", "api.github.com"])
def test_a_token_goes_nowhere_in_the_clear(address: str) -> None:
    with pytest.raises(ForgeError, match="no https address"):
        Rest(address, {})


@pytest.mark.parametrize("repository", ["a", "a/b/c", "a/../b", "../b", "a/..", "a/b?x", "a b/c", ""])
def test_a_repository_is_one(repository: str) -> None:
    with pytest.raises(ForgeError, match="is no repository"):
        comments.checked(repository)


class _Redirecting(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_redirect_is_not_followed() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Redirecting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rest = Rest(f"http://127.0.0.1:{server.server_address[1]}", {"Authorization": "Bearer x"})
    with pytest.raises(ForgeError, match="302"):
        rest.call("GET", "/here")
    server.shutdown()
    server.server_close()
    assert _Redirecting.asked == ["/here"]


# The command --------------------------------------------------------------------------------------------------


def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *words: str, **environment: str) -> Any:
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH", "GITHUB_RUN_ID", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(ci, ["comment", "--report", str(tmp_path / "report.json"), *words])


def job(api: GitHubApi) -> dict[str, str]:
    return {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "team/product", "GITHUB_API_URL": api.address}


def test_the_command_comments_and_a_dry_run_asks_nobody(
    api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report(measurement(case()), case())))
    shown = call(tmp_path, monkeypatch, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith(MARKER)
    assert api.calls == []
    made = call(tmp_path, monkeypatch, "--pull-request", "7", **job(api))
    assert made.output == "created\n"
    assert api.by_the_bot(7)[0]["body"].rstrip() == shown.output.rstrip()


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        json.dumps({**report(measurement(case())), "comment": "<script>"}),
        json.dumps(report(measurement(case("a\nb/m7")))),
        json.dumps(report(measurement())) + " " * 4_000_000,
        json.dumps({"schema": "renode-mnist/report/1"}),
    ],
    ids=["script", "more", "two lines", "oversized", "wrong schema"],
)
def test_of_a_malicious_report_nothing_is_posted(
    content: str, api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(content)
    refused = call(tmp_path, monkeypatch, "--pull-request", "7", **job(api))
    assert isinstance(refused.exception, RenodeMnistError)
    assert "is no report" in str(refused.exception)
    assert "<script>" not in str(refused.exception)
    assert api.calls == []


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--name", "a b"], "--name"), (["--name", "x-->"], "--name"), (["--page", "https://x/)[y](z"], "--page"),
     (["--page", "javascript:x"], "--page"), ([], "--pull-request is needed")],
)  # fmt: skip
def test_a_call_that_is_wrong_is_refused(
    words: list[str], said: str, api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report(measurement(case()))))
    refused = call(tmp_path, monkeypatch, *words, **job(api))
    assert refused.exit_code == 2
    assert said in refused.output
    assert api.calls == []


def test_a_token_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report(measurement(case()))))
    refused = call(tmp_path, monkeypatch, "--pull-request", "7")
    assert "GITHUB_TOKEN is not set" in str(refused.exception)


@pytest.mark.parametrize("around", ["{}\n", " {}\r\n"])
def test_white_space_around_a_secret_is_none_of_it(
    around: str, api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report(measurement(case()))))
    environment = job(api) | {"GITHUB_TOKEN": around.format(TOKEN)}
    assert call(tmp_path, monkeypatch, "--pull-request", "7", **environment).output == "created\n"


@pytest.mark.parametrize("token", ["first\nsecond", "first\rsecond", "first\x7fsecond", "first\u2026second"])
def test_a_token_that_no_header_takes_is_refused_and_not_shown(
    token: str, api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report(measurement(case()))))
    refused = call(tmp_path, monkeypatch, "--pull-request", "7", **job(api) | {"GITHUB_TOKEN": token})
    with pytest.raises(ForgeError, match="header Authorization") as told:
        comments.github(token, api.address)
    for error in (refused.exception, told.value):
        assert isinstance(error, RenodeMnistError)
        assert error.exit_code == 2
        assert "first" not in str(error)
        assert "second" not in str(error)
        assert "\n" not in str(error)
    assert "GITHUB_TOKEN has a line end" in str(refused.exception)
    assert api.calls == []


def test_without_a_repository_the_option_is_named(
    api: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report(measurement(case()))))
    refused = call(tmp_path, monkeypatch, "--pull-request", "7", GITHUB_TOKEN=TOKEN)
    assert "--repository owner/name" in str(refused.exception)


@pytest.mark.parametrize("address", ["https://[x", "https://a:b", "https://a:99999999"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ForgeError, match="is no address"):
        Rest(address, {})


# GitLab -------------------------------------------------------------------------------------------------------


class _GitLab(BaseHTTPRequestHandler):
    notes: ClassVar[list[dict[str, Any]]] = []
    calls: ClassVar[list[str]] = []

    def _answer(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        path = self.path.partition("?")[0]
        self.calls.append(f"{self.command} {path}")
        answer: Any = None
        root = "/api/v4/projects/3/merge_requests/9/notes"
        if self.headers.get("PRIVATE-TOKEN") != TOKEN:
            return self._send(401, None)
        if (self.command, path) == ("GET", "/api/v4/user"):
            answer = {"username": "project_3_bot"}
        elif (self.command, path) == ("GET", root):
            answer = self.notes
        elif (self.command, path) == ("POST", root):
            answer = {"id": 11, "author": {"username": "project_3_bot"}, "body": sent["body"]}
            self.notes.append(answer)
        elif (self.command, path) == ("PUT", f"{root}/11"):
            self.notes[-1]["body"] = sent["body"]
            answer = self.notes[-1]
        return self._send(200 if answer is not None else 404, answer)

    def _send(self, status: int, answer: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *_: Any) -> None:
        pass


def test_gitlab_has_one_note_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _GitLab)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CI_API_V4_URL", f"http://127.0.0.1:{server.server_address[1]}/api/v4")
    monkeypatch.setenv("CI_PROJECT_ID", "3")
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "9")
    monkeypatch.setenv("RENODE_MNIST_GITLAB_TOKEN", TOKEN)
    for instructions, said in [(1100, "created"), (1200, "updated"), (1200, "unchanged")]:
        (tmp_path / "report.json").write_text(json.dumps(report(measurement(case(instructions=instructions)))))
        done = call(tmp_path, monkeypatch, "--gitlab")
        assert done.output == f"{said}\n", done.exception
    monkeypatch.setenv("CI_PROJECT_ID", "three")
    refused = call(tmp_path, monkeypatch, "--gitlab")
    assert "CI_PROJECT_ID is no number" in str(refused.exception)
    server.shutdown()
    server.server_close()
    (note,) = _GitLab.notes
    assert "1,200" in note["body"]
    assert not any(call.startswith("DELETE") for call in _GitLab.calls)
