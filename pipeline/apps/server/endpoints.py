"""The endpoints of the HTTP API."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from pipeline.apps.server.answer_format import ANSWER_FORMATS, media_type, requested_formats
from pipeline.apps.server.answers import (
    Detection,
    FilledVariants,
    Health,
    Progress,
)
from pipeline.apps.server.body import REPEATED, read_upload
from pipeline.apps.server.choice import PipelineChoice
from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.progress import ProgressBoard
from pipeline.apps.server.query import (
    PROGRESS_NAME,
    CompletionQuery,
    DetectionQuery,
    UnmaskQuery,
)
from pipeline.apps.server.refusal import RefusalAnswer, RequestRefusedError
from pipeline.apps.server.work import FilledPicture, fill_picture, find_masks
from pipeline.apps.server.worker import PipelineWorker
from weights.images.mark import unmask_version

_GUESS = "What is filled in is a guess, never evidence of who someone is."

_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": RefusalAnswer, "description": meaning}
    for status, meaning in {
        400: "The query or the form is malformed.",
        408: "The body arrived too slowly.",
        413: "The body is too large.",
        415: "The body is neither a picture nor a form.",
        422: "The picture or the mask cannot be used.",
        429: "The queue is full; the header Retry-After gives the seconds to wait.",
        500: "A fault of the server; its log says more.",
        503: "The request was not done in time.",
    }.items()
}

_PICTURE_ANSWERS: dict[int | str, dict[str, Any]] = _REFUSALS | {
    406: {"model": RefusalAnswer, "description": "The header Accept allows none of the formats."},
    200: {
        "description": (
            "The picture, with its metadata and a mark that says what was done to it. It is "
            "unchanged outside the holes, and altogether if there is nothing to fill. Headers: "
            "Unmask-Faces is the number of filled faces, Server-Timing the time of each stage, "
            "Unmask-Note what could not be preserved, and Unmask-Reference the index from 0 of the "
            "reference photo used; without it the face is a guess. With ?variants= it is JSON with "
            "all pictures."
        ),
        "model": FilledVariants,
        "content": {
            media_type(form): {"schema": {"type": "string", "format": "binary"}}
            for form in ANSWER_FORMATS
        },
    },
}

_FILE = {"type": "string", "format": "binary"}
_PARTS = {
    "picture": _FILE,
    **{
        name: {"type": "array", "items": _FILE, "maxItems": most} for name, most in REPEATED.items()
    },
}
_A_PICTURE = "A picture: as the body itself, or as the part `picture` of a form."
_REFERENCES = (
    " Parts `reference` are photos of the one masked person without a mask; mouth, nose and chin "
    "are taken from the best match."
)


def _body(description: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Any:
    """Describe a request's body; a single picture need not be in a form."""
    form = {
        "type": "object",
        "properties": {name: _PARTS[name] for name in (*required, *optional)},
        "required": list(required),
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if len(required) == 1:
        content = {"image/*": {"schema": _FILE}, **content}
    return {"requestBody": {"required": True, "description": description, "content": content}}


_PICTURE_BODY = _body(_A_PICTURE, ("picture",))
_UNMASK_BODY = _body(_A_PICTURE + _REFERENCES, ("picture",), ("reference",))
_COMPLETE_BODY = _body(
    "A picture, and masks of its size. White in a mask, brighter than 127, is filled; what is "
    "transparent is not. One mask is split into faces; of several, each is one face." + _REFERENCES,
    ("picture", "mask"),
    ("reference",),
)


def make_router(choice: PipelineChoice, limits: ServerLimits, worker: PipelineWorker) -> APIRouter:
    """Make the router of the HTTP API.

    Args:
        choice: the pipelines.
        limits: of requests.
        worker: runs the pipelines.
    """
    endpoints = _Endpoints(choice, limits, worker)
    router = APIRouter(responses={500: _REFUSALS[500]})
    router.post(
        "/unmask",
        response_class=Response,
        responses=_PICTURE_ANSWERS,
        openapi_extra=_UNMASK_BODY,
        summary="Take the masks off the people in a picture",
        description=f"Finds the masks and fills them. {_GUESS}",
    )(endpoints.unmask)
    router.post(
        "/complete",
        response_class=Response,
        responses=_PICTURE_ANSWERS,
        openapi_extra=_COMPLETE_BODY,
        summary="Fill a hole of your own",
        description=f"Fills exactly the mask, without detection. {_GUESS}",
    )(endpoints.complete)
    router.post(
        "/detect",
        response_model=Detection,
        response_description="Detections, in pixels of the upright picture.",
        responses=_REFUSALS,
        openapi_extra=_PICTURE_BODY,
        summary="Find masks",
        description="Outlines, boxes and scores of the masks, and the holes that /unmask fills, "
        "with the expected quality of each fill.",
    )(endpoints.detect)
    router.get(
        "/progress",
        response_description="Its progress.",
        summary="Report the progress of a request",
        description="For a request to /unmask or /complete that gave a name.",
    )(endpoints.progress)
    router.get(
        "/health",
        response_description="The server is healthy.",
        summary="Report the state of the server",
        description="Number of running and waiting requests, the models in use, and the limits. "
        "If a stage hangs the answer is 503: restart the server.",
    )(endpoints.health)
    return router


class _Endpoints:
    """The endpoints' handlers."""

    def __init__(
        self, choice: PipelineChoice, limits: ServerLimits, worker: PipelineWorker
    ) -> None:
        self.choice, self.limits, self.worker = choice, limits, worker
        self.board = ProgressBoard()

    async def unmask(self, request: Request, query: Annotated[UnmaskQuery, Query()]) -> Response:
        return await self._fill(request, query, query.confidence, "picture")

    async def complete(
        self, request: Request, query: Annotated[CompletionQuery, Query()]
    ) -> Response:
        return await self._fill(request, query, None, "picture", "mask")

    async def detect(self, request: Request, query: Annotated[DetectionQuery, Query()]) -> Response:
        upload = await read_upload(request, self.limits)

        def work() -> Response:
            pipeline = self.choice.choose(confidence=query.confidence)
            # Serialised in the worker: outlines of large pictures take a while.
            return _json_response(find_masks(pipeline, upload, self.limits))

        return await self.worker.answer(request, work)

    async def progress(
        self,
        name: Annotated[str, Query(pattern=PROGRESS_NAME, description="As given by the request.")],
    ) -> Progress:
        return self.board.look(name)

    async def health(self, request: Request, response: Response) -> Health:
        if self.worker.hangs:
            response.status_code = 503
        return Health(
            status="hangs" if self.worker.hangs else "ok",
            version=unmask_version(),
            requests=request.scope["state"]["requests"],
            usual_seconds=round(self.worker.usual_seconds, 3),
            models=self.choice.default.model_names(),
            inpainters=self.choice.inpainters,
            confidence=self.choice.confidence,
            limits=self.limits,
        )

    async def _fill(
        self, request: Request, query: CompletionQuery, confidence: float | None, *required: str
    ) -> Response:
        if query.variants is not None and query.variants > self.limits.variants:
            message = (
                f"A request may ask for {self.limits.variants} variants at most, but asks for "
                f"{query.variants}."
            )
            raise RequestRefusedError(400, "too_many_variants", message)
        upload = await read_upload(request, self.limits, required=required, optional=("reference",))
        # Pictures in JSON have the format in the query, or the picture's own.
        accept = request.headers.get("accept", "") if query.variants is None else ""
        requested = requested_formats(query.format, accept)
        with self.board.following(query.progress) as note:

            def work() -> Response:
                filled = fill_picture(
                    self.choice.choose(query.inpainter, confidence),
                    upload,
                    self.limits,
                    requested,
                    query,
                    note,
                )
                if query.variants is None:
                    return _picture_response(filled)
                return _json_response(
                    FilledVariants(
                        pictures=[base64.b64encode(one).decode() for one in filled.contents],
                        media_type=media_type(filled.format),
                        faces=len(filled.result.faces),
                        seconds=filled.result.timings,
                        notes=list(filled.notes),
                    )
                )

            return await self.worker.answer(request, work)


def _json_response(content: BaseModel) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(content.model_dump_json(), media_type="application/json", headers=headers)


def _picture_response(filled: FilledPicture) -> Response:
    result = filled.result
    timing = ", ".join(f"{name};dur={1000 * taken:.1f}" for name, taken in result.timings.items())
    headers = {
        "cache-control": "no-store",
        "unmask-faces": str(len(result.faces)),
        "server-timing": timing,
    }
    if filled.notes:
        headers["unmask-note"] = " ".join(filled.notes)
    if result.reference is not None:
        headers["unmask-reference"] = str(result.reference)
    return Response(filled.contents[0], media_type=media_type(filled.format), headers=headers)
