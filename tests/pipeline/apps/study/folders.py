"""Small folders of results and true photos, and exports as the study's page writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.apps.study import StudyKey, make_study
from weights.images import write_picture

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ("secret-alpha", "secret-beta")


def write_folders(
    folder: Path, faces: int = 6, size: tuple[int, int] = (48, 40)
) -> dict[str, Path]:
    """Write `truth` and a folder per model; each picture is of one grey of its own."""
    folders = {name: folder / name for name in ("truth", *MODELS)}
    for version, (name, path) in enumerate(folders.items()):
        for face in range(faces):
            grey = np.full((*size, 3), 20 + 30 * face + 5 * version, np.uint8)
            suffix = "jpg" if name == "truth" else "png"
            write_picture(path / f"face_{face}.{suffix}", grey)
    return folders


def make_small_study(folder: Path, **options: Any) -> Any:
    """Make a study of `write_folders`; its page is `study.html`."""
    folders = write_folders(folder)
    truth = folders.pop("truth")
    return make_study(folders, truth, folder / "study.html", **options)


def write_export(
    path: Path,
    key: StudyKey,
    ratings: dict[str, int],
    /,
    *,
    rater: str = "r1",
    sealed: bool = True,
    **changes: Any,
) -> Path:
    """Write what the page would export."""
    content = {
        "format": "unmask-study-export",
        "version": 1,
        "study": key.study,
        "title": "How real?",
        "rater": rater,
        "name": "",
        "shown": len(key.pictures),
        "answers": [
            {"id": name, "rating": rating, "seconds": 2.0, "position": place}
            for place, (name, rating) in enumerate(ratings.items())
        ],
        "key": key.sealed() if sealed else None,
    }
    path.write_text(json.dumps({**content, **changes}))
    return path
