"""Folders of faces without a `faces.jsonl`: CelebA, CelebA-HQ, FFHQ, or any pictures.

A data set's own splits are used if the folder contains them. Other faces are split by a seeded hash
of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inpainter.data.face import Face
from weights.base.errors import InputError
from weights.base.json_text import read_json
from weights.base.text_files import read_lines

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
_PARTS: Final[Mapping[str, str]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_CELEBA_PARTS: Final[Mapping[str, str]] = {"0": "train", "1": "val", "2": "test"}
_CELEBA_FOLDERS = ("img_align_celeba", "img_celeba")
_CELEBA_HQ_FOLDERS = ("CelebA-HQ-img", "data1024x1024", "data512x512", "data256x256", "data128x128")
_FFHQ_FOLDERS = ("images1024x1024", "images512x512", "images256x256", "thumbnails128x128")
_FFHQ_SIDE = 1024
_FFHQ_TRAINING = 60000


def recognised_faces(root: Path) -> list[Face]:
    """List the faces of a folder that has no `faces.jsonl`, with the splits that it defines.

    - CelebA: `img_align_celeba`, also below `Img`, with `list_eval_partition` as .txt or .csv.
    - CelebA-HQ: `CelebA-HQ-img` or `data1024x1024`, with CelebA's splits if `list_eval_partition`
      and `CelebA-HQ-to-CelebA-mapping.txt` lie next to it.
    - FFHQ: `images1024x1024` or `thumbnails128x128`, with splits and landmarks from
      `ffhq-dataset-v2.json`; without that file the first 60,000 are the training split.
    - Any other: folders `train`, `val` and `test`, or pictures at any depth.

    Args:
        root: the folder.

    Raises:
        InputError: the folder does not exist, it contains no pictures, or an annotation in it is
            malformed.
    """
    if not root.is_dir():
        raise InputError(
            f"There is no folder {root}: faces are a folder of pictures with a faces.jsonl, or one "
            "that is laid out as CelebA, CelebA-HQ or FFHQ."
        )
    if (pictures := _first_folder(root, _FFHQ_FOLDERS)) is not None:
        return _ffhq(root, pictures)
    if (pictures := _first_folder(root, _CELEBA_HQ_FOLDERS)) is not None:
        return _with_parts(_pictures(pictures), _celeba_hq_parts(root))
    if (pictures := _first_folder(root, _CELEBA_FOLDERS)) is not None:
        return _with_parts(_pictures(pictures), _celeba_parts(root))
    folders = [one for one in sorted(root.iterdir()) if one.is_dir() and one.name.lower() in _PARTS]
    if folders:
        return [
            Face(path, None, _PARTS[folder.name.lower()])
            for folder in folders
            for path in _pictures(folder)
        ]
    return _with_parts(_pictures(root), None)


def _first_folder(root: Path, names: Iterable[str]) -> Path | None:
    places = (place / name for name in names for place in (root, root / "Img"))
    return next((place for place in places if place.is_dir()), None)


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise InputError(f"The folder of faces {folder} holds no pictures.")
    return found


def _with_parts(pictures: Iterable[Path], parts: Mapping[str, str] | None) -> list[Face]:
    """The pictures that have a split, by file name; all of them, without one, if there are none."""
    if parts is None:
        return [Face(path, None, "") for path in pictures]
    return [Face(path, None, parts[path.name]) for path in pictures if path.name in parts]


def _celeba_parts(root: Path) -> dict[str, str] | None:
    """The splits of CelebA's pictures by file name; None if the folder does not define them."""
    for place in (root, root / "Eval"):
        for suffix in (".txt", ".csv"):
            file = place / f"list_eval_partition{suffix}"
            if file.is_file():
                return _read_table(file, lambda row: (row[0], _CELEBA_PARTS[row[1]]))
    return None


def _celeba_hq_parts(root: Path) -> dict[str, str] | None:
    mapping = root / "CelebA-HQ-to-CelebA-mapping.txt"
    parts = _celeba_parts(root)
    if parts is None or not mapping.is_file():
        return None
    originals = _read_table(mapping, lambda row: (str(int(row[0])), row[2]))
    return {
        f"{number}{suffix}": parts[name]
        for number, name in originals.items()
        if name in parts
        for suffix in (".jpg", ".png")
    }


def _read_table(file: Path, entry: Callable[[Sequence[str]], tuple[str, str]]) -> dict[str, str]:
    """Read lines of cells separated by spaces or commas; a header line is skipped."""
    found = {}
    for number, line in enumerate(read_lines(file, "the parts of the faces"), start=1):
        row = line.replace(",", " ").split()
        if not row or (number == 1 and not any(cell.isdigit() for cell in row)):
            continue
        try:
            name, value = entry(row)
        except (KeyError, IndexError, ValueError) as error:
            raise InputError(
                f"Line {number} of {file} does not have its data set's format."
            ) from error
        found[name] = value
    return found


def _ffhq(root: Path, folder: Path) -> list[Face]:
    described = _ffhq_descriptions(root / "ffhq-dataset-v2.json")
    scale = int(folder.name.rpartition("x")[2]) / _FFHQ_SIDE
    faces = []
    for path in _pictures(folder):
        if not path.stem.isdigit():
            continue
        number = int(path.stem)
        if described is None:
            faces.append(Face(path, None, "train" if number < _FFHQ_TRAINING else "val"))
        elif number in described:
            part, points = described[number]
            faces.append(Face(path, None if points is None else points * scale, part))
    return faces


def _ffhq_descriptions(
    file: Path,
) -> dict[int, tuple[str, NDArray[np.float64] | None]] | None:
    """Split and landmarks, in pixels at 1024, of each picture; None without the file."""
    if not file.is_file():
        return None
    try:
        entries = read_json(file)
        return {int(number): _ffhq_description(entry) for number, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} does not have FFHQ's format: {error}.") from error


def _ffhq_description(entry: Mapping[str, Any]) -> tuple[str, NDArray[np.float64] | None]:
    points = entry["image"].get("face_landmarks")
    landmarks = None if points is None else np.asarray(points, np.float64).reshape(68, 2)
    return _PARTS[entry["category"]], landmarks
