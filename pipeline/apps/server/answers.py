"""The JSON answers of the server."""

from __future__ import annotations

from pydantic import BaseModel, Field

_OUTLINES = (
    "Closed polygons of pixel corners x y, whole numbers; filled together by the even-odd rule "
    "they are exactly the pixels."
)
_BOX = "x0, y0, x1, y1 in pixels, exclusive at x1 and y1."


class FoundMask(BaseModel):
    """One mask that the detector found."""

    box: tuple[float, float, float, float] = Field(description=_BOX)
    score: float = Field(description="How sure the detector is, 0 to 1.", ge=0.0, le=1.0)
    label: str = Field(description="Name of the class.")
    outlines: list[list[tuple[int, int]]] = Field(description=_OUTLINES)


class FoundHole(BaseModel):
    """What /unmask fills for one face: its mask, grown and smoothed."""

    box: tuple[int, int, int, int] = Field(description=_BOX)
    outlines: list[list[tuple[int, int]]] = Field(description=_OUTLINES)
    masks: list[int] = Field(description="Which of `masks` it covers, counted from 0.")


class Detection(BaseModel):
    """What was found in a picture. Pixels are those of the upright picture."""

    width: int
    height: int
    masks: list[FoundMask]
    holes: list[FoundHole]


class LimitsAnswer(BaseModel):
    """What a request may ask."""

    body_bytes: int
    pixels: int
    seconds: float
    waiting: int


class Health(BaseModel):
    """How the server is."""

    status: str = Field(examples=["ok"])
    version: str = Field(description="Of unmask.")
    requests: int = Field(description="Requests with a picture that are worked on or wait.")
    usual_seconds: float = Field(description="How long one is worked on.")
    models: list[str] = Field(description="Detector and inpainter.")
    limits: LimitsAnswer
