"""The JSON responses of the server."""

from __future__ import annotations

from pydantic import BaseModel, Field

from pipeline.apps.server.limits import ServerLimits

_OUTLINES = (
    "Closed polygons of pixel corners x y, whole numbers; filled together by the even-odd rule, "
    "they give exactly the pixels."
)
_BOX = "x0, y0, x1, y1 in pixels, exclusive at x1 and y1."


class FoundMask(BaseModel):
    """One mask that the detector found."""

    box: tuple[float, float, float, float] = Field(description=_BOX)
    score: float = Field(description="Confidence of the detector, 0 to 1.", ge=0.0, le=1.0)
    label: str = Field(description="Name of the class.")
    outlines: list[list[tuple[int, int]]] = Field(description=_OUTLINES)


class FoundHole(BaseModel):
    """What /unmask fills for one face: its mask, grown and smoothed."""

    box: tuple[int, int, int, int] = Field(description=_BOX)
    outlines: list[list[tuple[int, int]]] = Field(description=_OUTLINES)
    masks: list[int] = Field(description="Indices of the `masks` it covers, from 0.")
    concerns: list[str] = Field(
        description="Reasons against a good fill, as fixed identifiers.", examples=[["turned"]]
    )
    warnings: list[str] = Field(
        description="The same in sentences.", examples=[["It is turned to the side."]]
    )
    chance: float | None = Field(
        description="Probability that such a fill is good, 0 to 1; null if unknown."
    )


class Detection(BaseModel):
    """Detections in a picture. Pixels are those of the upright picture."""

    width: int
    height: int
    masks: list[FoundMask]
    holes: list[FoundHole]


class FilledVariants(BaseModel):
    """Several fills of one picture, to choose from."""

    pictures: list[str] = Field(
        description="Contents of one file per fill, in base64; the first is the usual fill."
    )
    media_type: str = Field(description="Of the files.", examples=["image/png"])
    faces: int = Field(description="Number of filled faces.")
    seconds: dict[str, float] = Field(description="Total time by stage.")
    notes: list[str] = Field(description="What could not be preserved.")


class Progress(BaseModel):
    """Progress of a request."""

    stage: str | None = Field(
        default=None,
        description="detector, refiner, inpainter, blender, or waiting before them; null if no "
        "request of that name is in progress.",
    )
    share: float = Field(
        default=0.0, description="Approximate fraction of the work that is done, 0 to 1."
    )


class Health(BaseModel):
    """State of the server."""

    status: str = Field(examples=["ok"])
    version: str = Field(description="Of unmask.")
    requests: int = Field(description="Requests with a picture that are running or waiting.")
    usual_seconds: float = Field(description="Average processing time of one.")
    models: list[str] = Field(description="Detector and inpainter.")
    inpainters: list[str] = Field(description="Those that a request may choose, the default first.")
    confidence: float | None = Field(
        description="Default minimum score of a mask; null if requests cannot set it."
    )
    limits: ServerLimits
