"""The addresses of the HTTP API."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from pipeline.apps.server.answer_format import ANSWER_FORMATS, requested_formats
from pipeline.apps.server.answers import Detection, Health, LimitsAnswer
from pipeline.apps.server.body import REPEATED, read_upload
from pipeline.apps.server.refusal import RefusalAnswer
from pipeline.apps.server.work import FilledPicture, fill_picture, find_masks
from weights.images.mark import unmask_version

if TYPE_CHECKING:
    from pipeline.apps.server.limits import ServerLimits
    from pipeline.apps.server.worker import PipelineWorker
    from pipeline.core import Pipeline

_GUESS = "What is filled in is a guess, never evidence of who someone is."

_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": RefusalAnswer, "description": meaning}
    for status, meaning in {
        400: "The query or the form is malformed.",
        408: "The body came in too slowly.",
        413: "The body is too large.",
        415: "The body is neither a picture nor a form.",
        422: "The picture or the mask cannot be used.",
        429: "The queue is full; the header Retry-After says when to try again, in seconds.",
        500: "A fault of the server; its log says more.",
        503: "The request was not done in time.",
    }.items()
}

_PICTURE_ANSWERS: dict[int | str, dict[str, Any]] = _REFUSALS | {
    406: {"model": RefusalAnswer, "description": "The header Accept takes none of the formats."},
    200: {
        "description": (
            "The picture, with its metadata and a mark that says what was done to it. Outside the "
            "holes it is as it was; where there is nothing to fill it comes back unchanged. The "
            "header Unmask-Faces says how many faces were filled, Server-Timing what the stages "
            "took, Unmask-Note what could not be kept, and Unmask-Reference, counted from 0, which "
            "reference photo the face is from; where it is missing the face is a guess."
        ),
        "content": {
            form.media_type: {"schema": {"type": "string", "format": "binary"}}
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
    " Parts `reference` are photos of the one masked person without a mask: the one that fits best "
    "gives mouth, nose and chin."
)


def _body(description: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Any:
    """Describe a request's body; a lone picture need not be in a form."""
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

Format = Annotated[
    str | None,
    Query(
        alias="format",
        description="png, jpeg or webp. Without it the header Accept says; and where that takes "
        "any, the answer has the picture's own format, or PNG if that is another.",
    ),
]
Quality = Annotated[
    int | None,
    Query(
        ge=1, le=100, description="Of JPEG and WebP. Without it as the picture was saved, else 95."
    ),
]


def make_router(pipeline: Pipeline, limits: ServerLimits, worker: PipelineWorker) -> APIRouter:
    """Make the router of the HTTP API.

    Args:
        pipeline: does the work.
        limits: of requests.
        worker: runs the pipeline.
    """
    router = APIRouter(responses={500: _REFUSALS[500]})

    @router.post(
        "/unmask",
        response_class=Response,
        responses=_PICTURE_ANSWERS,
        openapi_extra=_UNMASK_BODY,
        summary="Take the masks off the people in a picture",
        description=f"Finds the masks and fills them. {_GUESS}",
    )
    async def unmask(request: Request, form: Format = None, quality: Quality = None) -> Response:
        return await fill(request, form, quality, "picture")

    @router.post(
        "/complete",
        response_class=Response,
        responses=_PICTURE_ANSWERS,
        openapi_extra=_COMPLETE_BODY,
        summary="Fill a hole of your own",
        description=f"Fills exactly what the mask says and looks for nothing. {_GUESS}",
    )
    async def complete(request: Request, form: Format = None, quality: Quality = None) -> Response:
        return await fill(request, form, quality, "picture", "mask")

    @router.post(
        "/detect",
        response_model=Detection,
        response_description="What was found, in pixels of the upright picture.",
        responses=_REFUSALS,
        openapi_extra=_PICTURE_BODY,
        summary="Find masks",
        description="Outlines, boxes and scores of the masks, and the holes that /unmask fills.",
    )
    async def detect(request: Request) -> Response:
        upload = await read_upload(request, limits)
        found = await worker.answer(
            request, functools.partial(_detection, pipeline, upload, limits)
        )
        return Response(found, media_type="application/json", headers={"cache-control": "no-store"})

    @router.get(
        "/health",
        response_description="The server is well.",
        summary="Say how the server is",
        description="How many requests are in work or wait, the models in use, and the limits. "
        "Where a stage hangs the answer is 503: start the server anew.",
    )
    async def health(request: Request, response: Response) -> Health:
        if worker.hangs:
            response.status_code = 503
        return Health(
            status="hangs" if worker.hangs else "ok",
            version=unmask_version(),
            requests=request.scope["state"]["requests"],
            usual_seconds=round(worker.usual_seconds, 3),
            models=pipeline.model_names(),
            limits=LimitsAnswer(**dataclasses.asdict(limits)),
        )

    async def fill(
        request: Request, form: str | None, quality: int | None, *required: str
    ) -> Response:
        upload = await read_upload(request, limits, required=required, optional=("reference",))
        requested = requested_formats(form, request.headers.get("accept", ""))
        filled = await worker.answer(
            request,
            functools.partial(fill_picture, pipeline, upload, limits, requested, quality),
        )
        return _picture_response(filled)

    return router


def _detection(pipeline: Pipeline, upload: Any, limits: ServerLimits) -> bytes:
    """The answer of /detect, written in the worker: outlines of large pictures take their time."""
    return find_masks(pipeline, upload, limits).model_dump_json().encode()


def _picture_response(filled: FilledPicture) -> Response:
    timing = ", ".join(f"{name};dur={1000 * taken:.1f}" for name, taken in filled.seconds.items())
    headers = {
        "cache-control": "no-store",
        "unmask-faces": str(filled.faces),
        "server-timing": timing,
    }
    if filled.notes:
        headers["unmask-note"] = " ".join(filled.notes)
    if filled.reference is not None:
        headers["unmask-reference"] = str(filled.reference)
    return Response(filled.content, media_type=filled.format.media_type, headers=headers)
