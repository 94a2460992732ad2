"""Reads the body of a request: never more than the limit, and never to disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.refusal import RequestRefusedError

DRAINED_BODIES = 4
"""How much of a body is read and discarded before an early response, in multiples of the largest.

A client still sending when the connection closes sees a broken connection, not the response.
"""

REPEATED: Final = {"mask": 16, "reference": 8}
"""Form parts that may be repeated, and their maximum number; others may occur once."""


@dataclass(frozen=True)
class Upload:
    """The uploaded files of a request.

    Attributes:
        picture: content of a picture file.
        masks: contents of mask files; none if masks are to be detected.
        references: contents of photos of the same person.
    """

    picture: bytes
    masks: tuple[bytes, ...] = ()
    references: tuple[bytes, ...] = ()


class RequestBody:
    """The body of a request, as a stream.

    Args:
        request: whose body has not been read yet.
        limits: of its size and time.
    """

    def __init__(self, request: Request, limits: ServerLimits) -> None:
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isdecimal() else 0
        self._receive = request.receive
        self._limits = limits
        self._deadline = asyncio.get_running_loop().time() + limits.seconds
        self._ended = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body in chunks.

        Raises:
            RequestRefusedError: it is too large or too slow, or the client went away.
        """
        read = 0
        while True:
            if max(read, self._declared) > self._limits.body_bytes:
                message = f"The body may have at most {self._limits.body_bytes:,} bytes."
                raise RequestRefusedError(413, "too_large", message, {"connection": "close"})
            if self._ended:
                return
            chunk = await self._next()
            read += len(chunk)
            if read <= self._limits.body_bytes:
                yield chunk

    async def drain(self) -> None:
        """Read and discard the rest, within bounds, so that the client sees the response."""
        most = DRAINED_BODIES * self._limits.body_bytes
        read = self._declared if self._declared > most else 0
        try:
            while not self._ended and read <= most:
                read += len(await self._next())
        except RequestRefusedError:
            return

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            late = f"The body did not come in within {self._limits.seconds:g} seconds."
            raise RequestRefusedError(408, "slow_body", late, {"connection": "close"}) from error
        if message["type"] == "http.disconnect":
            self._ended = True
            raise RequestRefusedError(400, "client_gone", "The client went away.")
        self._ended = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk


async def read_upload(
    request: Request,
    limits: ServerLimits,
    *,
    required: tuple[str, ...] = ("picture",),
    optional: tuple[str, ...] = (),
) -> Upload:
    """Read the picture, and its masks and reference photos.

    The picture is the body itself if nothing else is required, or the part `picture` of a form;
    masks are parts `mask`, reference photos parts `reference`.

    Args:
        request: whose body has not been read yet.
        limits: of the body.
        required: names of required parts.
        optional: names of optional parts.

    Raises:
        RequestRefusedError: the body is too large (413), too slow (408), of another type (415) or
            malformed (400), or a part is missing or unknown (422).
    """
    body = RequestBody(request, limits)
    try:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return await _read_form(request, body, limits, required, optional)
        _check_kind(kind, required)
        content = b"".join([chunk async for chunk in body.chunks()])
    except RequestRefusedError:
        await body.drain()
        raise
    if not content:
        raise RequestRefusedError(422, "missing_picture", "The body is empty: send a picture.")
    return Upload(content)


def _check_kind(kind: str, required: tuple[str, ...]) -> None:
    if len(required) > 1:
        named = " and ".join(map(repr, required))
        advice = f"Send a form (multipart/form-data) with the parts {named}."
    elif kind and not kind.startswith("image/") and kind != "application/octet-stream":
        advice = (
            "Send the picture as the body with a content type such as image/jpeg, or as the part "
            f"'picture' of a form (multipart/form-data), but not as {kind}."
        )
    else:
        return
    raise RequestRefusedError(415, "unsupported_media_type", advice)


async def _read_form(
    request: Request,
    body: RequestBody,
    limits: ServerLimits,
    required: tuple[str, ...],
    optional: tuple[str, ...],
) -> Upload:
    known = (*required, *optional)
    files = 1 + sum(REPEATED.values())
    parser = MultiPartParser(request.headers, body.chunks(), max_files=files, max_fields=8)
    # The parser writes parts that are larger than this to temporary files.
    parser.spool_max_size = limits.body_bytes + 1
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        reason = getattr(error, "message", "it has no boundary").rstrip(".")
        raise RequestRefusedError(
            400, "malformed_form", f"The form (multipart/form-data) is malformed: {reason}."
        ) from error
    try:
        parts: dict[str, list[bytes]] = {name: [] for name in ("picture", *REPEATED)}
        for name, part in form.multi_items():
            if name not in known:
                message = f"The form has a part {name!r}, but takes only {' and '.join(known)}."
                raise RequestRefusedError(422, "unknown_part", message)
            if not isinstance(part, UploadFile):
                message = f"The part {name!r} must be a file, as `curl -F {name}=@FILE` sends it."
                raise RequestRefusedError(422, "no_file", message)
            if len(parts[name]) == REPEATED.get(name, 1):
                most = {1: "two parts"}.get(len(parts[name]), f"over {len(parts[name])} parts")
                message = f"The form has {most} {name!r}: send fewer."
                raise RequestRefusedError(422, "doubled_part", message)
            parts[name].append(await part.read())
    finally:
        await form.close()
    for name in known:
        if not all(parts[name]) or (name in required and not parts[name]):
            message = f"The part {name!r} of the form is missing or empty."
            raise RequestRefusedError(422, f"missing_{name}", message)
    return Upload(parts["picture"][0], tuple(parts["mask"]), tuple(parts["reference"]))
