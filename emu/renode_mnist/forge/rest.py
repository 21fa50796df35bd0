"""Calls of a REST API that answers in JSON.

By the standard library: it is three kinds of call, and no HTTP library is among what a plain installation brings.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from renode_mnist.errors import RenodeMnistError
from renode_mnist.plain_text import one_line

_TIMEOUT_SECONDS = 30
_MOST_BYTES = 20_000_000
_SAID = 300


class ForgeError(RenodeMnistError):
    """GitHub or GitLab cannot be asked, or refuses."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Rest:
    """An API under an address.

    Args:
        address: Its root; https, or http on this machine.
        headers: Sent with each call, a token among them.

    Raises:
        ForgeError: The address would send the token in the clear, or a header holds what none can.
    """

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            # http.client refuses it too, in an error that shows the value: a token.
            if not (value.isascii() and value.isprintable()):
                raise ForgeError(
                    f"what the header {name} is to hold has characters that no header takes",
                    "A token is one line of letters, digits and signs: set its variable again.",
                )
        parts = _parts(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")):
            raise ForgeError(
                f"{one_line(address)} is no https address", "A token is sent there: name the API by https."
            )
        self._address = address.rstrip("/")
        self._headers = dict(headers)
        self._opener = urllib.request.build_opener(_NoRedirect)

    def call(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any:
        """What the API answers, as Python values; None for an empty answer.

        Args:
            method: ``GET``, ``POST``, ...
            path: From the root of the API, beginning with a slash; its parts are percent-encoded.
            content: Sent as JSON.

        Raises:
            ForgeError: It cannot be reached, refuses, or answers what is no JSON.
        """
        data = None if content is None else json.dumps(content).encode()
        headers = {**self._headers, "User-Agent": "renode-mnist"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._address + path, data, headers, method=method)
        what = f"{method} {self._address}{path.partition('?')[0]}"
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer = response.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            said = one_line(error.read(_SAID).decode(errors="replace"))
            raise ForgeError(f"{what} was refused with {error.code}: {said}", _remedy(error.code)) from error
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise ForgeError(f"{what} failed: {reason}", "Check the network, and run the job again.") from error
        if len(answer) > _MOST_BYTES:
            raise ForgeError(f"{what} answers more than {_MOST_BYTES:,} bytes", "That is no answer of this API.")
        try:
            return json.loads(answer) if answer else None
        except ValueError as error:
            raise ForgeError(f"{what} answers no JSON", "Name the root of the API.") from error


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # looked at here, for it is checked where it is asked for
    except ValueError as error:
        raise ForgeError(f"{one_line(address)} is no address: {error}", "Name the root of the API.") from error
    return parts


def _remedy(status: int) -> str:
    if status in (401, 403, 404):
        return "Give the job the permission (GitHub: `pull-requests: write`), or a token that has it."
    return "Run the job again."
