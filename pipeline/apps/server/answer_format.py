"""Content negotiation: the format of a response's picture."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pipeline.apps.server.refusal import RequestRefusedError

AnswerFormat = Literal["PNG", "JPEG", "WEBP"]
"""A response format, by Pillow's name."""

ANSWER_FORMATS: Final[tuple[AnswerFormat, ...]] = get_args(AnswerFormat)


def media_type(form: AnswerFormat) -> str:
    """The HTTP media type of a format."""
    return f"image/{form.lower()}"


def requested_formats(name: str | None, accept: str) -> tuple[AnswerFormat, ...] | None:
    """Read the formats a client wants from `?format=` or else from its header `Accept`.

    Args:
        name: "png", "jpeg" or "webp"; None if not in the query.
        accept: the header; empty accepts everything.

    Returns:
        Equally acceptable formats; None if any is.

    Raises:
        RequestRefusedError: the name is unknown (400), or the header accepts none of them (406).
    """
    if name is not None:
        wanted = "JPEG" if name.lower() == "jpg" else name.upper()
        for form in ANSWER_FORMATS:
            if form == wanted:
                return (form,)
        raise RequestRefusedError(
            400, "unknown_format", f"The format {name!r} is unknown: use png, jpeg or webp."
        )
    qualities = _qualities(accept)
    wildcard = qualities.get("image/*", qualities.get("*/*", 0.0)) if qualities else 1.0
    named = {
        form: qualities[kind] for form in ANSWER_FORMATS if (kind := media_type(form)) in qualities
    }
    best = max(named.values(), default=0.0)
    if wildcard > 0.0 and wildcard >= best:
        refused = {form for form, quality in named.items() if not quality}
        if not refused:
            return None
        return tuple(form for form in ANSWER_FORMATS if form not in refused)
    if best > 0.0:
        return tuple(form for form, quality in named.items() if quality == best)
    message = "The answer is a picture: accept image/png, image/jpeg or image/webp."
    raise RequestRefusedError(406, "not_acceptable", message)


def choose_format(requested: tuple[AnswerFormat, ...] | None, source: str | None) -> AnswerFormat:
    """Keep the picture's own format (Pillow's name) if acceptable, else take the first."""
    welcome = ANSWER_FORMATS if requested is None else requested
    return next((form for form in welcome if form == source), welcome[0])


def _qualities(accept: str) -> dict[str, float]:
    """Parse media ranges and their weights, 0 to 1. Source: RFC 9110, 12.5.1."""
    qualities: dict[str, float] = {}
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        if not kind:
            continue
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    quality = 0.0
        qualities[kind] = quality
    return qualities
