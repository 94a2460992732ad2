"""The JSON responses of the server."""

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
    concerns: list[str] = Field(
        description="What speaks against a good fill, a fixed word each.", examples=[["turned"]]
    )
    warnings: list[str] = Field(
        description="The same in sentences.", examples=[["It is turned to the side."]]
    )
    chance: float | None = Field(
        description="How often such fills are good, 0 to 1; null where that is not known."
    )


class Detection(BaseModel):
    """What was found in a picture. Pixels are those of the upright picture."""

    width: int
    height: int
    masks: list[FoundMask]
    holes: list[FoundHole]


class FilledVariants(BaseModel):
    """Several fills of one picture, to choose from."""

    pictures: list[str] = Field(
        description="Content of a file each, in base64; the first is the usual fill."
    )
    media_type: str = Field(description="Of the files.", examples=["image/png"])
    faces: int = Field(description="How many faces were filled.")
    seconds: dict[str, float] = Field(description="By stage, for all together.")
    notes: list[str] = Field(description="What could not be kept.")


class Progress(BaseModel):
    """How far a request is."""

    stage: str | None = Field(
        default=None,
        description="detector, refiner, inpainter, blender, or waiting before them; null where no "
        "request of that name is in the house.",
    )
    share: float = Field(default=0.0, description="About how much of the work is done, 0 to 1.")


class LimitsAnswer(BaseModel):
    """What a request may ask."""

    body_bytes: int
    pixels: int
    seconds: float
    waiting: int
    variants: int


class Health(BaseModel):
    """How the server is."""

    status: str = Field(examples=["ok"])
    version: str = Field(description="Of unmask.")
    requests: int = Field(description="Requests with a picture that are worked on or wait.")
    usual_seconds: float = Field(description="How long one is worked on.")
    models: list[str] = Field(description="Detector and inpainter.")
    inpainters: list[str] = Field(description="Those that a request may choose, the usual first.")
    confidence: float | None = Field(
        description="How sure the detector must be unless a request says; null where none may say."
    )
    limits: LimitsAnswer
