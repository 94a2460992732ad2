"""Query parameters of requests."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PROGRESS_NAME = r"^[A-Za-z0-9-]{8,64}$"
"""Pattern of the names by which requests are followed; a random name is known only to its
client."""

_Confidence = Annotated[
    float | None,
    Field(
        gt=0.0,
        le=1.0,
        description="Minimum score of a mask; default as the server was started. Lower values "
        "find more masks, and more false ones.",
    ),
]


class DetectionQuery(BaseModel):
    """The query of /detect."""

    model_config = ConfigDict(extra="forbid")

    confidence: _Confidence = None


class CompletionQuery(BaseModel):
    """The query of /complete."""

    model_config = ConfigDict(extra="forbid")

    format: str | None = Field(
        default=None,
        description="png, jpeg or webp. Without it the header Accept decides; if that accepts "
        "any, the answer has the picture's own format, or PNG if that is another.",
    )
    quality: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Of JPEG and WebP; default as the picture was, else 95.",
    )
    inpainter: str | None = Field(
        default=None, description="One of the inpainters that /health lists; default the first."
    )
    variants: int | None = Field(
        default=None,
        ge=1,
        description="Number of fills to choose from; the answer is then JSON. /health gives the "
        "maximum. Not with a reference photo.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**63 - 1,
        description="Seeds the fills after the first; the same seed gives the same fills.",
    )
    progress: str | None = Field(
        default=None,
        pattern=PROGRESS_NAME,
        description="A name of 8 to 64 letters, digits and hyphens by which /progress "
        "reports on this request.",
    )


class UnmaskQuery(CompletionQuery):
    """The query of /unmask."""

    confidence: _Confidence = None
