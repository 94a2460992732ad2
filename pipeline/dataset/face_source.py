"""The faces of a data set: annotated, or detected in pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.synthesis import load_faces
from pipeline.dataset.manifest import Journal, Line, read_lines, write_lines
from pipeline.dataset.processes import done_by_processes
from pipeline.dataset.settings import LANDMARKS_FILE
from pipeline.dataset.source_face import SourceFace
from weights.base.contracts import Image
from weights.base.dealing import Part, person_of
from weights.base.errors import InputError
from weights.images.decoding import read_pixels
from weights.landmarks import LandmarkFinder
from weights.landmarks.dlib_finder import DlibLandmarkFinder

FinderName = Literal["network", "dlib"]
"""Finder of faces: the shipped landmark network finds the likeliest bare face of a picture; dlib,
an extra, finds all faces."""

LandmarkSource = Literal["annotations"] | FinderName

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


def find_pictures(folder: Path) -> list[Path]:
    """List the picture files under a folder, sorted.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of pictures.")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
    )
    if not found:
        raise InputError(f"{folder} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}).")
    return found


def annotated_faces(path: Path) -> list[SourceFace]:
    """Read faces from `faces.jsonl`.

    Args:
        path: the annotation file, or the folder that holds `faces.jsonl`.

    Raises:
        InputError: the file is missing, malformed, or names no face.
    """
    if path.is_dir() and not (path / "faces.jsonl").is_file():
        raise InputError(
            f"{path} holds no faces.jsonl: name a folder with one, or detect landmarks with "
            "--landmarks network."
        )
    root = path if path.is_dir() else path.parent
    faces = []
    for face in load_faces(path):
        inside = face.file.is_relative_to(root)
        name = (face.file.relative_to(root) if inside else Path(face.file.name)).as_posix()
        size = face.width, face.height
        person = person_of(face.extra)
        faces.append(SourceFace(name, face.file, face.landmarks, face.split, *size, person))
    if not faces:
        raise InputError(f"{path} names no face.")
    return faces


def found_faces(
    folder: Path,
    cache: Path,
    finder: FinderName = "dlib",
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[SourceFace], list[Line]]:
    """Find the faces in a folder of pictures.

    Args:
        folder: of the pictures, including subfolders.
        cache: JSON-lines file of the results, so that a resumed run repeats nothing.
        finder: finds the faces.
        workers: number of processes for dlib; None means one per core, 1 stays in this process. The
            network always runs in this process, on all cores.
        progress: called with the numbers of finished and of all pictures.

    Returns:
        The faces, and lines for the reject list about pictures without a face.

    Raises:
        InputError: there is no such folder, or no picture in it.
        MissingDependencyError: dlib or its model file is not installed.
        WeightsError: the landmark network's weights are missing.
        OutputError: the cache cannot be written.
    """
    search = _searcher(finder)
    names = {path.relative_to(folder).as_posix(): path for path in find_pictures(folder)}
    known = {
        line["name"]: line
        for line in read_lines(cache)
        if line.keys() >= {"name", "size", "landmarks"}
        and line["name"] in names
        and line.get("finder", "dlib") == finder
    }
    todo = [(name, path) for name, path in names.items() if name not in known]
    count = workers if finder == "dlib" else 1
    with Journal(cache) as journal:
        for found in done_by_processes(_searcher, finder, todo, count, here=search):
            line = {**found, "finder": finder}
            known[line["name"]] = line
            journal.append(line)
            if progress is not None:
                progress(len(known), len(names))
    faces: list[SourceFace] = []
    rejects: list[Line] = []
    for name, path in names.items():
        line = known[name]
        width, height = line["size"]
        for points in line["landmarks"]:
            landmarks = np.array(points, dtype=np.float64)
            faces.append(SourceFace(name, path, landmarks, None, width, height))
        if not line["landmarks"]:
            reason = line.get("reason", "no-face")
            rejects.append({"item": name, "file": name, "reason": reason, "final": True})
    return faces, rejects


def gather_faces(
    path: Path,
    out: Path,
    source: LandmarkSource,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[SourceFace], list[Line]]:
    """Read annotated faces, or find them; see `annotated_faces` and `found_faces`.

    Args:
        path: the folder of faces, or an annotation file.
        out: folder of the data set, where found landmarks are cached.
        source: "annotations" or a finder.
        workers: as for `found_faces`.
        progress: as for `found_faces`.
    """
    if source == "annotations":
        return annotated_faces(path), []
    return found_faces(path, out / LANDMARKS_FILE, source, workers=workers, progress=progress)


def store_faces(faces: Iterable[SourceFace], parts: Mapping[str, Part], folder: Path) -> Path:
    """Write faces as `faces.jsonl`, so that the folder can be used as annotated faces.

    Args:
        faces: whose pictures stay where they are; paths are written relative to `folder`.
        parts: the part of every picture, by name.
        folder: of the file.

    Returns:
        The file.

    Raises:
        OutputError: it cannot be written.
    """
    file = folder / "faces.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "file": Path(os.path.relpath(face.file, folder)).as_posix(),
            "split": parts[face.name],
            "width": face.width,
            "height": face.height,
            "landmarks": np.round(face.landmarks, 2).tolist(),
        }
        for face in faces
    ]
    write_lines(file, lines)
    return file


class _BareFaceFinder:
    """Finds the likeliest face of a picture by the landmark network, if it wears no mask."""

    def __init__(self) -> None:
        self._finder = LandmarkFinder()
        self._finder.load()

    def find(self, image: Image) -> list[NDArray[np.float64]]:
        found = self._finder.find(image)
        return [found.points] if found and found.is_likely and not found.is_masked else []


_FINDERS: dict[FinderName, Callable[[], DlibLandmarkFinder | _BareFaceFinder]] = {
    "network": _BareFaceFinder,
    "dlib": DlibLandmarkFinder,
}


def _searcher(finder: FinderName) -> Callable[[tuple[str, Path]], Line]:
    return partial(_search, _FINDERS[finder]())


def _search(finder: DlibLandmarkFinder | _BareFaceFinder, picture: tuple[str, Path]) -> Line:
    name, path = picture
    try:
        image = read_pixels(path)
    except InputError:
        return {"name": name, "size": [0, 0], "landmarks": [], "reason": "unreadable"}
    return {
        "name": name,
        "size": [image.shape[1], image.shape[0]],
        "landmarks": [np.round(points, 1).tolist() for points in finder.find(image)],
    }
