"""Which format an answer's picture has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.apps.server.refusal import RequestRefusedError


@dataclass(frozen=True)
class AnswerFormat:
    """One format of answers.

    Attributes:
        name: as it is asked for.
        media_type: as HTTP calls it.
        pillow: as Pillow calls it.
    """

    name: str
    media_type: str
    pillow: str


ANSWER_FORMATS: Final = (
    AnswerFormat("png", "image/png", "PNG"),
    AnswerFormat("jpeg", "image/jpeg", "JPEG"),
    AnswerFormat("webp", "image/webp", "WEBP"),
)


def requested_formats(name: str | None, accept: str) -> tuple[AnswerFormat, ...] | None:
    """Read what a client wants from `?format=` or, without it, from its header `Accept`.

    Args:
        name: "png", "jpeg" or "webp"; None where the query does not say.
        accept: the header; an empty one accepts everything.

    Returns:
        Formats that are equally welcome; None where any is.

    Raises:
        RequestRefusedError: the name is unknown (400), or the header takes none of them (406).
    """
    if name is not None:
        wanted = "jpeg" if name.lower() == "jpg" else name.lower()
        for form in ANSWER_FORMATS:
            if form.name == wanted:
                return (form,)
        raise RequestRefusedError(
            400, "unknown_format", f"The format {name!r} is unknown: use png, jpeg or webp."
        )
    qualities = _qualities(accept)
    wildcard = qualities.get("image/*", qualities.get("*/*", 0.0)) if qualities else 1.0
    named = {
        form: qualities[form.media_type] for form in ANSWER_FORMATS if form.media_type in qualities
    }
    best = max(named.values(), default=0.0)
    if wildcard > 0.0 and wildcard >= best:
        refused = {form for form, quality in named.items() if not quality}
        if not refused:
            return None
        return tuple(form for form in ANSWER_FORMATS if form not in refused)
    if best > 0.0:
        return tuple(form for form, quality in named.items() if quality == best)
    raise RequestRefusedError(
        406,
        "not_acceptable",
        "The answer is a picture: accept image/png, image/jpeg or image/webp.",
    )


def choose_format(requested: tuple[AnswerFormat, ...] | None, source: str | None) -> AnswerFormat:
    """Keep the picture's own format (Pillow's name) where that is welcome; else take the first."""
    welcome = ANSWER_FORMATS if requested is None else requested
    for form in welcome:
        if form.pillow == source:
            return form
    return welcome[0]


def _qualities(accept: str) -> dict[str, float]:
    """Media ranges and their weights, 0 to 1. Source: RFC 9110, 12.5.1."""
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
