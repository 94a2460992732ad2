"""The files of the web page, held in memory."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.routing import Route

from pipeline.apps.server.refusal import RequestRefusedError

_MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def make_page_router(study: bytes | None = None) -> APIRouter:
    """Make the router of the web pages.

    Args:
        study: content of a page of `unmask study make`, served at /study.
    """
    folder = files("pipeline.apps.server") / "page"
    parts = {file.name: _response(file.name, file.read_bytes()) for file in folder.iterdir()}
    pages = {"/": parts["index.html"], "/docs": parts["docs.html"]}
    if study is not None:
        pages["/study"] = _response("study.html", study)

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in parts:
            raise RequestRefusedError(404, "not_found", f"There is no file {name!r} of the page.")
        return parts[name]

    # A response is an application of its own, which sends itself; HEAD comes with GET.
    served: dict[str, Any] = {**pages, "/page/{name}": part}
    return APIRouter(
        routes=[Route(path, endpoint, methods=["GET"]) for path, endpoint in served.items()]
    )


def _response(name: str, content: bytes) -> Response:
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})
