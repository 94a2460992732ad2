"""The files of the web page, held in memory."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

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
    contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index() -> Response:
        return _file("index.html", contents["index.html"])

    @router.api_route("/docs", methods=["GET", "HEAD"])
    async def documentation() -> Response:
        return _file("docs.html", contents["docs.html"])

    @router.api_route("/page/{name}", methods=["GET", "HEAD"])
    async def part(name: str) -> Response:
        if name not in contents:
            raise RequestRefusedError(404, "not_found", f"There is no file {name!r} of the page.")
        return _file(name, contents[name])

    if study is not None:

        @router.api_route("/study", methods=["GET", "HEAD"])
        async def study_page() -> Response:
            return _file("study.html", study)

    return router


def _file(name: str, content: bytes) -> Response:
    return Response(
        content,
        media_type=_MEDIA_TYPES[name.rpartition(".")[2]],
        headers={"cache-control": "no-cache"},
    )
