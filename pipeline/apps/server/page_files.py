"""The files of the web page, held in memory."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response
from starlette.routing import Route

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
    pages = {f"/page/{name}": response for name, response in parts.items()}
    pages |= {"/": parts["index.html"], "/docs": parts["docs.html"]}
    if study is not None:
        pages["/study"] = _response("study.html", study)
    # A response is an application of its own, which sends itself; HEAD comes with GET.
    return APIRouter(
        routes=[Route(path, response, methods=["GET"]) for path, response in pages.items()]
    )


def _response(name: str, content: bytes) -> Response:
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})
