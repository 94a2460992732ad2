"""Makes a study's page from folders of pictures."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from pipeline.apps.study.document import compose_document
from pipeline.apps.study.key import REAL, StudyKey, write_key
from weights.base.atomic import atomic_path
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.images import PICTURE_SUFFIXES, read_picture

_BESIDE_RESULTS = (".hole.png", ".side_by_side.png", ".explain.png")
"""Name suffixes of pictures that `unmask run` writes next to its results."""

_QUALITY = 92


@dataclass(frozen=True)
class MadeStudy:
    """A study that was written.

    Attributes:
        path: the page.
        study: its identity.
        faces: number of faces shown.
        pictures: number of pictures.
        left_out: number of pictures left out because another folder has no version of them.
    """

    path: Path
    study: str
    faces: int
    pictures: int
    left_out: int


@dataclass(frozen=True, kw_only=True)
class StudyDesign:
    """What a study shows.

    Attributes:
        title: heading of the page.
        seed: seeds the choice of faces and the stored order of pictures; each rater sees a
            different order.
        count: number of faces, sampled at random; None for all.
        size: maximum longest side of a picture in pixels, 16 or more; all versions of a face are
            scaled down to the smallest among them.
        once: each rater sees only one version of each face.
        unpaired: treat every picture as a face of its own, for results without true photos;
            otherwise pictures of the same name (without suffix) are versions of one face.

    Raises:
        InputError: the size is too small.
    """

    title: str = "How real does this face look?"
    seed: int = 0
    count: int | None = None
    size: int = 512
    once: bool = False
    unpaired: bool = False

    def __post_init__(self) -> None:
        if self.size < 16:
            raise InputError(f"size must be 16 or more, but is {self.size}.")


def make_study(
    results: Mapping[str, str | os.PathLike[str]],
    truth: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    key: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    **options: Any,
) -> MadeStudy:
    """Write a page that shows results and true photos and asks how real each looks.

    The page is self-contained and loads nothing. All its pictures are scaled and encoded alike,
    without metadata or provenance mark, which would give away which ones are filled; the page
    itself says what it shows.

    Args:
        results: name of each model, and the folder of its results.
        truth: folder of true photos.
        output: the page, an .html file.
        key: file for the key of the study; None hides the key in the page and in every export.
        overwrite: replace existing files.
        **options: `title`, `seed`, `count`, `size`, `once` and `unpaired`, see `StudyDesign`.

    Raises:
        InputError: a folder has no pictures, the folders share no names, a picture cannot be read,
            the size is too small, or a model's name is taken.
        OutputError: a file exists or cannot be written.
    """
    if not results:
        raise InputError("A study needs at least one folder of results.")
    if REAL in results:
        raise InputError(f"No model can be called {REAL!r}: that is what true photos are called.")
    design = StudyDesign(**options)
    folders = {REAL: _pictures(truth)}
    folders |= {name: _pictures(folder) for name, folder in results.items()}
    versions = _group(folders, unpaired=design.unpaired)
    random = np.random.default_rng(design.seed)
    faces = sorted(versions)
    if design.count is not None and design.count < len(faces):
        chosen = random.choice(len(faces), size=max(1, design.count), replace=False)
        faces = [faces[index] for index in sorted(chosen)]
    shown = [
        (face, model, content)
        for face in faces
        for model, content in _encode_versions(versions[face], design.size).items()
    ]
    digest = hashlib.sha256(f"{design.seed} {design.once} {design.title}".encode())
    for _, _, content in shown:
        digest.update(content)
    study = digest.hexdigest()[:12]
    names = _tokens(len(shown), random)
    numbers = dict(zip(faces, random.permutation(len(faces)).tolist(), strict=True))
    entries: list[dict[str, Any]] = []
    owners: dict[str, tuple[str, str]] = {}
    for index in random.permutation(len(shown)):
        face, model, content = shown[index]
        address = f"data:image/webp;base64,{base64.b64encode(content).decode()}"
        entries.append({"id": names[index], "face": numbers[face], "data": address})
        owners[names[index]] = (model, face)
    secret = StudyKey(study, tuple(folders), owners)
    document = compose_document(
        design.title,
        {
            "study": study,
            "title": design.title,
            "seed": design.seed,
            "once": design.once,
            "key": None if key is not None else secret.sealed(),
            "pictures": entries,
        },
    )
    with atomic_path(output, overwrite=overwrite) as temporary:
        temporary.write_text(document, encoding="utf-8")
        if key is not None:
            write_key(secret, key, overwrite=overwrite)
    left_out = sum(map(len, folders.values())) - sum(map(len, versions.values()))
    return MadeStudy(Path(output), study, len(faces), len(shown), left_out)


def _pictures(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """The pictures of a folder by name without suffix."""
    top = Path(folder)
    if not top.is_dir():
        raise InputError(f"There is no folder {str(folder)!r}.")
    found: dict[str, Path] = {}
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top)
        if (
            path.suffix.lower() not in PICTURE_SUFFIXES
            or path.name.endswith(_BESIDE_RESULTS)
            or any(part.startswith(".") for part in relative.parts)
            or not path.is_file()
        ):
            continue
        name = relative.with_suffix("").as_posix()
        if name in found:
            raise InputError(
                f"{folder} has two pictures called {name!r}: {found[name].name} and {path.name}."
            )
        found[name] = path
    if not found:
        raise InputError(f"There are no pictures in {folder}.")
    return found


def _group(
    folders: Mapping[str, Mapping[str, Path]], *, unpaired: bool
) -> dict[str, dict[str, Path]]:
    """The versions of each face: model to file."""
    if unpaired:
        return {
            f"{model}/{name}": {model: path}
            for model, pictures in folders.items()
            for name, path in pictures.items()
        }
    common = set.intersection(*(set(pictures) for pictures in folders.values()))
    if not common:
        examples = ", ".join(
            f"{next(iter(pictures))!r} of {model}" for model, pictures in folders.items()
        )
        raise InputError(
            f"No picture has the same name in all folders (there are {examples}): "
            "rename them, or make an unpaired study."
        )
    return {name: {model: pictures[name] for model, pictures in folders.items()} for name in common}


def _encode_versions(files: Mapping[str, Path], size: int) -> dict[str, bytes]:
    """Read the versions of a face, scale them to one size, encode them alike."""
    images = {model: read_picture(path).pixels for model, path in files.items()}
    side = min(size, *(max(image.shape[:2]) for image in images.values()))
    return {model: _encode(image, side) for model, image in images.items()}


def _encode(image: Image, side: int) -> bytes:
    picture = PIL.Image.fromarray(image)
    longest = max(picture.size)
    if longest > side:
        width, height = (max(1, round(one * side / longest)) for one in picture.size)
        picture = picture.resize((width, height), PIL.Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()


def _tokens(count: int, random: np.random.Generator) -> list[str]:
    """Distinct random tokens of eight hexadecimal digits."""
    tokens: dict[str, None] = {}
    while len(tokens) < count:
        tokens[random.bytes(4).hex()] = None
    return list(tokens)
