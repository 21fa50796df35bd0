"""What the page asks for, as a Starlette application.

| request | body | answer |
| --- | --- | --- |
| ``GET /`` and its files | | the page |
| ``GET /api/offers`` | | targets, and by option of the image what may be chosen |
| ``GET /api/events`` | | server-sent events: the state now and at each change |
| ``POST /api/preprocess`` | a picture file | what the network would see of it |
| ``POST /api/classify`` | pixels | the record; 204 where something newer has taken its place |
| ``POST /api/look`` | pixels | what each layer makes of it, and costs by another count; 204 likewise |
| ``POST /api/export/png``, ``/header`` | pixels | a file |
| ``POST /api/export/npy``, ``/golden`` | pixels | a test case of the model that is chosen |
| ``POST /api/choose`` | target, and a value for each of those options | nothing; the state changes |
| ``POST /api/retry`` | ``{}`` | nothing; the state changes |

Pixels are ``{"pixels": ...}`` with 1,568 hexadecimal digits. Every refusal is ``{"error": ...}``.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from renode_mnist import images, paths
from renode_mnist.codegen import builtin_digit
from renode_mnist.draw import case
from renode_mnist.draw.choice import Offers
from renode_mnist.draw.guard import BodyTooLarge, Guard, body
from renode_mnist.draw.supervisor import Superseded, Supervisor
from renode_mnist.errors import ModelError, RenodeMnistError, TargetError
from renode_mnist.model import preprocess
from renode_mnist.session.session import PICTURE_SHAPE

PICTURE_BYTES = 20_000_000
"""A photograph of a phone has up to 12 MB."""

JSON_BYTES = 8_192

PICTURE_TYPES = tuple(f"image/{name.lower()}" for name in preprocess.FORMATS)

_PIXELS_BYTES = int(np.prod(PICTURE_SHAPE))

Endpoint = Callable[[Request], Awaitable[Response]]


def application(offers: Offers, supervisor: Supervisor, port: int) -> Starlette:
    """The application; the supervisor runs while it does.

    Args:
        offers: What the page may choose between.
        supervisor: Has the target.
        port: On which it will be reached.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(supervisor.run())
        yield
        running.cancel()
        await asyncio.wait({running})

    async def get_offers(request: Request) -> Response:
        return JSONResponse(offers.to_json())

    async def colours(request: Request) -> Response:
        return FileResponse(paths.report_static() / "colours.css")

    async def events(request: Request) -> Response:
        return StreamingResponse(_events(supervisor), media_type="text/event-stream")

    one_at_a_time = anyio.CapacityLimiter(1)

    async def post_picture(request: Request) -> Response:
        if request.headers.get("content-type") not in PICTURE_TYPES:
            return _error(415, f"The picture's type must be one of {', '.join(PICTURE_TYPES)}.")
        raw = await body(request, PICTURE_BYTES)
        # Off the event loop: a photograph of 50 million pixels takes a second or two, and half a gigabyte.
        digit = await anyio.to_thread.run_sync(preprocess.from_bytes, raw, limiter=one_at_a_time)
        return JSONResponse({"pixels": digit.pixels.tobytes().hex(), "description": digit.describe()})

    async def classify(request: Request) -> Response:
        return JSONResponse(await supervisor.classify(await _pixels(request)))

    async def look(request: Request) -> Response:
        return JSONResponse(await supervisor.look(await _pixels(request)))

    def model() -> Path:
        """Of the image that runs."""
        if offers.elf is not None:
            raise ModelError(f"which model {offers.elf.name} holds is not known here", "Leave --elf out.")
        return images.resolve_model(str(supervisor.snapshot().choice.image.model))

    async def npy(request: Request) -> Response:
        return Response(case.npy(model(), await _pixels(request)), media_type="application/octet-stream")

    async def golden(request: Request) -> Response:
        pixels = await _pixels(request)
        # A yardstick takes a second to open, and minutes where it has to be compiled.
        content = await anyio.to_thread.run_sync(case.golden_file, model(), pixels, limiter=one_at_a_time)
        return Response(content, media_type="application/octet-stream")

    async def png(request: Request) -> Response:
        file = io.BytesIO()
        Image.frombytes("L", PICTURE_SHAPE, await _pixels(request)).save(file, "PNG")
        return Response(file.getvalue(), media_type="image/png")

    async def header(request: Request) -> Response:
        pixels = np.frombuffer(await _pixels(request), np.uint8).reshape(PICTURE_SHAPE)
        return Response(builtin_digit.emit(pixels, "a drawing (`renode-mnist draw`)"), media_type="text/x-c++hdr")

    async def choose(request: Request) -> Response:
        choice = offers.choose(await _json(request))
        supervisor.switch(choice, offers.job(choice))
        return Response(status_code=204)

    async def retry(request: Request) -> Response:
        await _json(request)
        supervisor.retry()
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/api/offers", get_offers),
            Route("/api/events", events),
            Route("/api/preprocess", post_picture, methods=["POST"]),
            Route("/api/classify", classify, methods=["POST"]),
            Route("/api/look", look, methods=["POST"]),
            Route("/api/export/npy", npy, methods=["POST"]),
            Route("/api/export/golden", golden, methods=["POST"]),
            Route("/api/export/png", png, methods=["POST"]),
            Route("/api/export/header", header, methods=["POST"]),
            Route("/api/choose", choose, methods=["POST"]),
            Route("/api/retry", retry, methods=["POST"]),
            Route("/colours.css", colours),
            Mount("/", StaticFiles(directory=paths.draw_page(), html=True)),
        ],
        middleware=[Middleware(Guard, port=port)],
        exception_handlers={
            BodyTooLarge: lambda _, error: _error(413, f"That is too large: at most {error.limit_bytes:,} bytes."),
            TimeoutError: lambda *_: _error(408, "The request did not come whole."),
            HTTPException: lambda _, error: _error(error.status_code, error.detail),
            # No error: the page has asked for something newer, and need not be told twice.
            Superseded: lambda *_: Response(status_code=204),
            TargetError: lambda _, error: _error(503, str(error)),
            RenodeMnistError: lambda _, error: _error(422, str(error)),
        },
        lifespan=lifespan,
    )


async def _events(supervisor: Supervisor) -> AsyncIterator[str]:
    async for snapshot in supervisor.snapshots():
        yield f"data: {json.dumps(snapshot.to_json())}\n\n"


async def _json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type") != "application/json":
        raise HTTPException(415, "The type must be application/json.")
    try:
        asked = json.loads(await body(request, JSON_BYTES))
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise HTTPException(400, "That is no JSON object.")
    return asked


async def _pixels(request: Request) -> bytes:
    asked = (await _json(request)).get("pixels")
    try:
        pixels = bytes.fromhex(asked) if isinstance(asked, str) else b""
    except ValueError:
        pixels = b""
    if len(pixels) != _PIXELS_BYTES:
        raise HTTPException(400, f"pixels must be {2 * _PIXELS_BYTES} hexadecimal digits.")
    return pixels


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status)
