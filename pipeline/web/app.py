"""The app: rooms put together, errors in one shape, the worker started and stopped with it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from pipeline import __version__
from pipeline.errors import SaysdoesError
from pipeline.web import api, api_history, api_ledger, audits, decisions, history, settings, sign_in, writing
from pipeline.web.faults import Fault, of_status
from pipeline.web.guard import House
from pipeline.web.shield import Shield
from pipeline.web.shown import page

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def static_files() -> dict[str, tuple[bytes, str]]:
    """{name: (content, media type)} of everything that pages load; the scorecard's style sheet is shared."""
    out: dict[str, tuple[bytes, str]] = {}
    for package, folder in (("pipeline.report", "templates"), ("pipeline.web", "static")):
        for file in importlib.resources.files(package).joinpath(folder).iterdir():
            kind = TYPES.get(file.name.rsplit(".", 1)[-1])
            if kind:
                out[file.name] = (file.read_bytes(), kind)
    return out


def create_app(home: House) -> FastAPI:
    """The app of an opened house."""

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(home.foreman.start)
        yield
        await run_in_threadpool(home.foreman.stop)

    app = FastAPI(
        title="saysdoes", version=__version__, lifespan=life, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",
        description="Checks marketing copy against product documentation. Every error is {error: {code, message, remedy}}.",
    )  # fmt: skip
    app.state.house = home
    files = static_files()

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: str, request: Request) -> Response:
        if name not in files:
            raise of_status(404)
        body, kind = files[name]
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=kind, headers=headers)

    @app.get("/robots.txt", include_in_schema=False)
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")

    for room in (sign_in.ROUTES, audits.ROUTES, writing.ROUTES, history.ROUTES, decisions.ROUTES, settings.ROUTES):
        app.include_router(room, include_in_schema=False)
    app.include_router(api.ROUTES)
    app.include_router(api_history.ROUTES)
    app.include_router(api_ledger.ROUTES)
    _faults(app)
    app.add_middleware(Shield, home=home)
    return app


def _answer(request: Request, fault: Fault) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse(fault.body(), status_code=fault.status, headers=fault.headers)
    if fault.code == "sign_in" and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return sign_in.form(request, target=target, status=401)
    answer = page(request, "fault.html", title="That did not work", status=fault.status, fault=fault)
    answer.headers.update(fault.headers)
    return answer


def _faults(app: FastAPI) -> None:
    @app.exception_handler(Fault)
    def on_fault(request: Request, fault: Fault) -> Response:
        return _answer(request, fault)

    @app.exception_handler(SaysdoesError)
    def on_error(request: Request, error: SaysdoesError) -> Response:
        return _answer(request, Fault(422, "refused", str(error), ""))

    @app.exception_handler(HTTPException)
    def on_status(request: Request, error: HTTPException) -> Response:
        return _answer(request, of_status(error.status_code))

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        return _answer(
            request,
            Fault(422, "invalid", f"{where}: {first['msg']}.", "See the API description at /api/v1/openapi.json."),
        )
