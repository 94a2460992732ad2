"""Refusals of the server: one JSON schema with one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from weights.base.errors import UnmaskError


class RefusalReason(BaseModel):
    """Why a request was refused."""

    code: str = Field(description="A fixed word for programs.", examples=["unusable_picture"])
    message: str = Field(
        description="One sentence for people: what was wrong and what would be right.",
        examples=["The file sent is not a picture, or has a format that unmask cannot read."],
    )


class RefusalAnswer(BaseModel):
    """The body of every answer whose status is 400 or more."""

    error: RefusalReason


class RequestRefusedError(UnmaskError):
    """A request that is refused.

    Args:
        status: HTTP status, 400 or more.
        code: a fixed identifier for programs.
        message: one sentence for people.
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The response."""
        body = RefusalAnswer(error=RefusalReason(code=self.code, message=self.message))
        return JSONResponse(
            body.model_dump(), self.status, {"cache-control": "no-store", **self.headers}
        )
