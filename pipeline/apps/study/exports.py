"""Reads the exports that raters saved."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.apps.study.key import StudyKey, unseal_key
from weights.base.errors import InputError
from weights.base.json_text import read_json

LOWEST, HIGHEST = 1, 10
"""The ends of the scale: certainly generated, certainly a real photo."""

_FORMAT = "unmask-study-export"


@dataclass(frozen=True)
class StudyExport:
    """The answers of one rater.

    Attributes:
        source: the file.
        study: identity of the study.
        title: of the study.
        rater: identity of the rater.
        shown: number of pictures assigned to the rater.
        ratings: `LOWEST` to `HIGHEST` by picture identity.
        seconds: time per answer.
        key: which model made which picture; None if the study's key is a separate file.
    """

    source: Path
    study: str
    title: str
    rater: str
    shown: int
    ratings: Mapping[str, int]
    seconds: Mapping[str, float]
    key: StudyKey | None


def read_export(path: str | os.PathLike[str]) -> StudyExport:
    """Read and check one export.

    Raises:
        InputError: the file cannot be read or is not an export; the message says why.
    """
    source = Path(path)
    content = read_json(source)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{source} is not an export of a study's page.")
    if content.get("version") != 1:
        raise InputError(
            f"{source} is an export of version {content.get('version')!r}, but 1 is read here."
        )
    for name in ("study", "title", "rater"):
        if not isinstance(content.get(name), str):
            raise InputError(f"{source} has no text {name!r}.")
    shown, answers = content.get("shown"), content.get("answers")
    if not isinstance(shown, int) or isinstance(shown, bool) or shown < 1:
        raise InputError(f"{source} does not say how many pictures were shown.")
    if not isinstance(answers, list):
        raise InputError(f"{source} has no list of answers.")
    if len(answers) > shown:
        raise InputError(f"{source} has {len(answers)} answers to {shown} pictures.")
    ratings: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for number, answer in enumerate(answers, 1):
        name, rating, taken = _checked_answer(answer, f"Answer {number} of {source}")
        if name in ratings:
            raise InputError(f"{source} has two answers to the picture {name!r}.")
        ratings[name], seconds[name] = rating, taken
    sealed = content.get("key")
    if sealed is not None and not isinstance(sealed, str):
        raise InputError(f"{source} holds a damaged key of the study.")
    key = None if sealed is None else unseal_key(sealed, str(source))
    if key is not None and key.study != content["study"]:
        raise InputError(f"{source} holds the key of another study.")
    study, title, rater = content["study"], content["title"], content["rater"]
    return StudyExport(source, study, title, rater, shown, ratings, seconds, key)


def _checked_answer(answer: Any, what: str) -> tuple[str, int, float]:
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise InputError(f"{what} does not say which picture it is about.")
    rating = answer.get("rating")
    if not isinstance(rating, int) or isinstance(rating, bool) or not LOWEST <= rating <= HIGHEST:
        raise InputError(
            f"{what} must be a whole number from {LOWEST} to {HIGHEST}, but is {rating!r}."
        )
    seconds = answer.get("seconds", 0.0)
    if (
        not isinstance(seconds, int | float)
        or isinstance(seconds, bool)
        or not math.isfinite(seconds)
        or seconds < 0
    ):
        raise InputError(f"{what} took {seconds!r} seconds, which is not a valid duration.")
    return answer["id"], rating, float(seconds)
