"""Who may ask the server: this machine's browser, from the server's own page.

The loopback address keeps other machines out, but not other web sites: a browser sends their requests here as
willingly as the page's own. Three things tell them apart. ``Host`` is a foreign name where a site has bound its own
name to 127.0.0.1 (DNS rebinding). ``Origin`` and ``Sec-Fetch-Site`` are set by the browser and can't be set by a
script. And the types that are taken as a body are none that a page may send elsewhere without asking first (CORS).
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    # No inline script or style, nothing from elsewhere, and nobody may frame the page. Blobs: a picture to import.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # The next version of the package may serve other scripts at the same address.
    "Cache-Control": "no-cache",
}


BODY_SECONDS = 30
"""That a body may take to come. It comes from this machine."""


class BodyTooLarge(Exception):
    """A request whose body is longer than allowed.

    Attributes:
        limit_bytes: That are.
    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes


async def body(request: Request, limit_bytes: int) -> bytes:
    """The request's body, of which no more than allowed is read.

    Raises:
        BodyTooLarge: It is longer.
        TimeoutError: It does not come.
    """
    stated = request.headers.get("content-length", "0")
    if not stated.isdecimal() or int(stated) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    read = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            read += chunk
            if len(read) > limit_bytes:
                raise BodyTooLarge(limit_bytes)
    return bytes(read)


class Guard:
    """Refuses what does not come from the page, and puts the protecting headers on every response.

    Args:
        app: Gets the rest.
        port: On which the server listens.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        # A browser leaves the port away where it is HTTP's own.
        self._hosts = {name + ("" if port == 80 else f":{port}") for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if why := self._refusal(Headers(scope=scope), scope):
            refused = JSONResponse({"error": f"Refused: {why}. Open the page at the address that draw prints."}, 403)
            await refused(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers, scope: Scope) -> str:
        """Why the request is refused; empty where it is not."""
        if headers.get("host") not in self._hosts:
            return "the host is not this machine's loopback address"
        origins = headers.getlist("origin")
        if any(origin.removeprefix("http://") not in self._hosts for origin in origins):
            return "it comes from another origin"
        # A link elsewhere, or a terminal in the browser, may lead to the page: that only shows it.
        follows_link = (
            scope["method"] == "GET"
            and scope["path"] == "/"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not follows_link:
            return "it comes from another site"
        return ""
