"""The application: HTTP API and web page for one pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.apps.server.admission import Admission
from pipeline.apps.server.choice import PipelineChoice
from pipeline.apps.server.endpoints import make_router
from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.origin import SameOrigin
from pipeline.apps.server.page_files import make_page_router
from pipeline.apps.server.refusal import RequestRefusedError
from pipeline.apps.server.worker import PipelineWorker
from pipeline.core import Pipeline
from weights.base.errors import InputError, OutputError, UnmaskError
from weights.base.protocols import StageSpecification
from weights.images.mark import unmask_version

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STUDY_POLICY = "frame-ancestors 'none'"
"""The study's page has its own policy, which allows it to load nothing."""


def create_application(
    pipeline: Pipeline,
    limits: ServerLimits | None = None,
    *,
    inpainters: Mapping[str, StageSpecification] | None = None,
    study: bytes | None = None,
    names: Collection[str] | None = None,
) -> FastAPI:
    """Make the ASGI application.

    No upload is written to disk or kept after its response. One thread processes all requests, one
    after another; see `ServerLimits`.

    Args:
        pipeline: does the work; its stages are loaded on first use.
        limits: of requests; None for the defaults.
        inpainters: further inpainters that a request may choose, by name.
        study: content of a page made by `unmask study make`, served at /study.
        names: accepted host names in addition to IP addresses and `localhost`; None accepts any.

    Raises:
        ConfigurationError: an inpainter is unknown.
    """
    limits = limits or ServerLimits()
    worker = PipelineWorker(limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()

    application = FastAPI(
        title="unmask",
        version=unmask_version(),
        summary="Takes the face mask off a person in a photo.",
        description=(
            "**A filled face is a guess, never evidence of who someone is.** Nothing that is sent "
            "is kept. Refusals are JSON: a word for programs and one sentence for people."
        ),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    choice = PipelineChoice(pipeline, inpainters or {})
    application.include_router(make_router(choice, limits, worker))
    application.include_router(make_page_router(study))
    application.add_middleware(Admission, limits=limits, worker=worker)
    application.add_middleware(SameOrigin, names=names)
    application.add_middleware(_SafetyHeaders)
    for kind in (RequestValidationError, HTTPException, UnmaskError, MemoryError, Exception):
        application.add_exception_handler(kind, _refuse)
    return application


class _SafetyHeaders:
    """ASGI middleware: responses load nothing from elsewhere and cannot be framed elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = _STUDY_POLICY if scope["path"].endswith("/study") else _POLICY
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", policy.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


async def _refuse(request: Request, error: Exception) -> Response:
    return _refusal(request, error).response()


def _refusal(request: Request, error: Any) -> RequestRefusedError:
    """What an error of any kind is to a client."""
    path = request.url.path
    match error:
        case RequestRefusedError():
            return error
        case RequestValidationError():
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"][1:])
            message = f"The value {first.get('input')!r} of {where!r} is wrong: {first['msg']}."
            if first["type"] == "extra_forbidden":
                message = f"The query has a name {where!r} that is not known here: see /docs."
            return RequestRefusedError(400, "invalid_query", message)
        case HTTPException(status_code=404):
            return RequestRefusedError(404, "not_found", f"There is nothing at {path}: see /docs.")
        case HTTPException(status_code=405, headers=headers):
            allowed = (headers or {}).get("Allow", "another method")
            message = f"{path} takes no {request.method}: use {allowed}."
            return RequestRefusedError(405, "method_not_allowed", message, headers)
        case HTTPException():
            message = f"{str(error.detail).rstrip('.')}."
            return RequestRefusedError(error.status_code, "refused", message, error.headers)
        case InputError():
            return RequestRefusedError(422, "unusable_picture", str(error))
        case OutputError():
            return RequestRefusedError(422, "unwritable_format", str(error))
        case UnmaskError():
            return RequestRefusedError(500, "unable", str(error))
        case MemoryError():
            message = "There is not enough memory for this picture: send a smaller one."
            return RequestRefusedError(503, "no_memory", message)
    message = f"The server failed with {type(error).__name__}; its log says more."
    # The server closes the connection after a fault; unannounced, a client's next request would
    # fail.
    return RequestRefusedError(500, "fault", message, {"Connection": "close"})
