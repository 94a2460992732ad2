"""Finding the pictures that files, folders and globs name, and where their results go."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.pictures.formats import format_of, is_picture_name
from pipeline.pictures.reading import PICTURE_SUFFIXES
from weights.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class FoundPicture:
    """A file that is to be read as a picture.

    Attributes:
        path: the file.
        relative: its path below the folder, or the fixed part of the glob, that it was found in;
            the bare name for a file that was named itself.
    """

    path: Path
    relative: Path


@dataclass(frozen=True)
class Findings:
    """What paths from a user lead to.

    Attributes:
        pictures: files to read, in the order of the arguments and sorted within a folder.
        skipped: files in folders whose suffix is that of no picture.
        unreadable: folders within folders that cannot be listed, and why.
        single: whether there was one argument and it named one file.
    """

    pictures: tuple[FoundPicture, ...]
    skipped: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...]
    single: bool


@dataclass(frozen=True)
class Job:
    """One picture to work on.

    Attributes:
        source: the picture.
        output: where the result goes.
        format: Pillow's name of the format to write; None for that of the source.
        mask: the user's own mask, or None to detect.
    """

    source: Path
    output: Path
    format: str | None = None
    mask: Path | None = None


def find_pictures(
    paths: Sequence[str | os.PathLike[str]],
    *,
    recursive: bool = True,
    leave_out: str | os.PathLike[str] | None = None,
) -> Findings:
    """Find the pictures that files, folders and globs name.

    A file that is named itself is taken whatever its suffix. In a folder, files with the suffix of
    a picture are taken, the others are listed as skipped; hidden files and folders (a leading dot)
    are passed over. Links to folders are followed, each folder is entered once. A file that is
    reached twice at the same place counts once. A glob is a path that does not exist and has `*`,
    `?` or `[` in it; `**` stands for any folders.

    Args:
        paths: what the user named.
        recursive: look into folders of folders.
        leave_out: a folder that is not looked into, such as the one that results go to.

    Raises:
        InputError: a path does not exist or is a folder that cannot be listed, or a glob matches no
            file.
    """
    if not paths:
        raise InputError("Name at least one picture, folder or glob.")
    left_out = None if leave_out is None else Path(leave_out).resolve()
    pictures: dict[tuple[Path, Path], FoundPicture] = {}
    skipped: dict[Path, None] = {}
    unreadable: dict[Path, str] = {}
    single = len(paths) == 1
    for argument in paths:
        text = os.fspath(argument)
        path = Path(text)
        if path.is_dir():
            single = False
            files = [
                (file, file.relative_to(path))
                for file in _walk(path, recursive, left_out, unreadable)
            ]
        elif path.exists() or path.is_symlink():
            files = []
            _add(pictures, FoundPicture(path, Path(path.name)))
        elif glob.has_magic(text):
            single = False
            files = _matches(text, left_out)
        else:
            raise InputError(f"There is no file or folder {text!r}.")
        for file, relative in files:
            if file.suffix.lower() in PICTURE_SUFFIXES:
                _add(pictures, FoundPicture(file, relative))
            else:
                skipped[file] = None
    if any(Path(argument) in unreadable for argument in paths):
        path, reason = next(iter(unreadable.items()))
        raise InputError(f"The folder {path} cannot be read: {reason}.")
    return Findings(tuple(pictures.values()), tuple(skipped), tuple(unreadable.items()), single)


def plan_jobs(
    found: Findings,
    output: str | os.PathLike[str],
    *,
    mask: str | os.PathLike[str] | None = None,
) -> list[Job]:
    """Say for each picture where its result goes.

    A single file goes to `output` if that has the suffix of a picture and is no folder; in all
    other cases `output` is a folder, in which the tree that was found is kept.

    Args:
        found: what was found.
        output: a file or a folder; nothing is made here.
        mask: a mask file for a single picture; or a folder with masks at the places and with the
            stems of the pictures.

    Raises:
        InputError: two pictures would have one result, a result would replace an input, `output` is
            a file where a folder is needed, or the mask of a picture does not exist.
    """
    target = Path(output)
    as_file = is_picture_name(target) and not target.is_dir()
    if as_file and not found.single:
        raise InputError(
            f"{target} names one picture, but there is more to do: name a folder with --output."
        )
    if not as_file and target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file, but the results need a folder.")
    masks = _masks(found, mask)
    jobs: list[Job] = []
    owners: dict[str, Path] = {}
    inputs = {_identity(picture.path): picture.path for picture in found.pictures}
    for picture, own_mask in zip(found.pictures, masks, strict=True):
        place = target if as_file else target / picture.relative
        other = owners.setdefault(os.path.normcase(place), picture.path)
        if other != picture.path:
            raise InputError(f"{other} and {picture.path} would both be written to {place}.")
        replaced = inputs.get(_identity(place))
        if replaced is not None:
            raise InputError(
                f"The result of {picture.path} would replace the input {replaced}: "
                "choose another output."
            )
        jobs.append(Job(picture.path, place, format_of(place) if as_file else None, own_mask))
    return jobs


def _add(pictures: dict[tuple[Path, Path], FoundPicture], picture: FoundPicture) -> None:
    pictures.setdefault((Path(os.path.realpath(picture.path)), picture.relative), picture)


def _walk(
    folder: Path, recursive: bool, left_out: Path | None, unreadable: dict[Path, str]
) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        # A folder that cannot be listed must not be passed over in silence.
        unreadable[Path(error.filename)] = error.strerror or str(error)

    for parent, folders, files in os.walk(folder, onerror=note, followlinks=True):
        state = Path(parent).stat()
        inside = Path(parent) != folder
        if (state.st_dev, state.st_ino) in entered or (
            inside and Path(parent).resolve() == left_out
        ):
            folders.clear()
            continue
        entered.add((state.st_dev, state.st_ino))
        folders[:] = (
            sorted(name for name in folders if not name.startswith(".")) if recursive else []
        )
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(parent) / name


def _matches(pattern: str, left_out: Path | None) -> list[tuple[Path, Path]]:
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    whole = base.resolve()
    if left_out == whole or left_out in whole.parents:
        left_out = None
    files = [
        (path, path.relative_to(base))
        for path in (Path(match) for match in sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207
        if path.is_file() and (left_out is None or left_out not in path.resolve().parents)
    ]
    if not files:
        raise InputError(f"No file matches {pattern!r}.")
    return files


def _masks(found: Findings, mask: str | os.PathLike[str] | None) -> list[Path | None]:
    if mask is None:
        return [None] * len(found.pictures)
    place = Path(mask)
    if not place.exists():
        raise InputError(f"There is no mask file or folder {place}.")
    if not place.is_dir():
        if len(found.pictures) != 1:
            raise InputError(
                f"{place} is one mask, but there are {len(found.pictures)} pictures: "
                "name a folder of masks with the pictures' names."
            )
        return [place]
    return [_mask_in(place, picture.relative) for picture in found.pictures]


def _mask_in(folder: Path, relative: Path) -> Path:
    """The mask of a picture: the same name, or the same stem with another suffix.

    One that does not exist is named all the same; reading it then fails for this picture alone.
    """
    same = folder / relative
    if same.is_file():
        return same
    others = sorted(
        path
        for path in same.parent.glob(f"{glob.escape(same.stem)}.*")
        if path.stem == same.stem and path.suffix.lower() in PICTURE_SUFFIXES
    )
    return others[0] if others else same


def _identity(path: Path) -> tuple[int, int] | str:
    """What tells files apart, through links and on file systems that ignore case."""
    try:
        state = path.stat()
    except OSError:
        return os.path.normcase(os.path.realpath(path))
    return state.st_dev, state.st_ino
