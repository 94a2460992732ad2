"""Finding pictures and videos by files, folders and globs, and where their results go."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import PIL.Image

from pipeline.video import is_video
from weights.base.errors import InputError
from weights.images.formats import PICTURE_SUFFIXES, format_of, is_picture_name, register_heif

FORMATS = ("jpeg", "png", "webp", "tiff", "bmp", "gif", "jp2", "avif", "ppm", "heic")
"""Usual names of the formats that can be written; their suffixes are accepted too."""


@dataclass(frozen=True)
class FoundFile:
    """A file to process.

    Attributes:
        path: the file.
        relative: its path below the folder, or the fixed part of the glob, in which it was found;
            the bare name if the file itself was named.
        video: whether its suffix is that of a video; everything else is a picture.
    """

    path: Path
    relative: Path
    video: bool = False


@dataclass(frozen=True)
class Findings:
    """What the user's paths lead to.

    Attributes:
        files: files to process, in the order of the arguments and sorted within a folder.
        skipped: files in folders whose suffix is neither that of a picture nor of a video.
        unreadable: subfolders that cannot be listed, and why.
        single: whether there was one argument and it named one file.
    """

    files: tuple[FoundFile, ...]
    skipped: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...]
    single: bool


@dataclass(frozen=True)
class Job:
    """One picture or video to process.

    Attributes:
        source: the file.
        output: where the result goes.
        format: for a picture, Pillow's name of the format to write; None for that of the source.
        mask: the user's own mask, or None to detect.
        video: whether it is a video.
        references: photos of the same person without a mask.
        others: where further fills of a picture go, if there are any.
    """

    source: Path
    output: Path
    format: str | None = None
    mask: Path | None = None
    video: bool = False
    references: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()


def find_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    recursive: bool = True,
    leave_out: str | os.PathLike[str] | None = None,
) -> Findings:
    """Find the pictures and videos given by files, folders and globs.

    A file named itself is taken whatever its suffix. In a folder, files with the suffix of a
    picture or a video are taken and the others listed as skipped; hidden files and folders (a
    leading dot) are ignored. Links to folders are followed; each folder is entered once. A file
    reached twice at the same path counts once. A glob is a path that does not exist and contains
    `*`, `?` or `[`; `**` stands for any folders.

    Args:
        paths: what the user named.
        recursive: search subfolders too.
        leave_out: a folder that is not searched, such as the one for results.

    Raises:
        InputError: a path does not exist or is a folder that cannot be listed, or a glob matches no
            file.
    """
    if not paths:
        raise InputError("Name at least one picture, folder or glob.")
    left_out = None if leave_out is None else Path(leave_out).resolve()
    taken: dict[tuple[Path, Path], FoundFile] = {}
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
            _add(taken, FoundFile(path, Path(path.name), is_video(path)))
        elif glob.has_magic(text):
            single = False
            files = _matches(text, left_out)
        else:
            raise InputError(f"There is no file or folder {text!r}.")
        for file, relative in files:
            video = is_video(file)
            if video or file.suffix.lower() in PICTURE_SUFFIXES:
                _add(taken, FoundFile(file, relative, video))
            else:
                skipped[file] = None
    if any(Path(argument) in unreadable for argument in paths):
        path, reason = next(iter(unreadable.items()))
        raise InputError(f"The folder {path} cannot be read: {reason}.")
    return Findings(tuple(taken.values()), tuple(skipped), tuple(unreadable.items()), single)


def plan_jobs(
    found: Findings,
    output: str | os.PathLike[str],
    *,
    mask: str | os.PathLike[str] | None = None,
    reference: str | os.PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
    variants: int | None = None,
) -> list[Job]:
    """Decide where the result of each picture and video goes.

    A single file goes to `output` if that has the suffix of a picture (for a video: of a video) and
    is not a folder; otherwise `output` is a folder, in which the source's folder tree is kept.

    Args:
        found: what was found.
        output: a file or a folder; nothing is created here.
        mask: a mask file for a single picture; or a folder with masks at the same relative paths
            and with the same stems as the pictures.
        reference: a photo of the person without a mask, for every picture; or a folder with such
            photos, see `references_in`.
        format: the format of all pictures to write, such as "png", which also becomes their suffix;
            None for the pictures' own, or that of the suffix of a single `output`.
        variants: how many fills of each picture are written: those of photo.jpg are photo.1.jpg,
            photo.2.jpg and so on. None for one fill under the plain name.

    Raises:
        InputError: two files would have the same result, a result would replace an input, `output`
            is a file but must be a folder, the mask of a picture or the reference does not exist,
            or the format is unknown or not that of a single `output`.
    """
    target = Path(output)
    form, suffix = (None, "") if format is None else format_named(format)
    as_file = (is_picture_name(target) or is_video(target)) and not target.is_dir()
    if as_file:
        _check_single(found, target, form)
    elif target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file, but the results need a folder.")
    masks = _masks(found, mask)
    references = _references(found, reference)
    jobs: list[Job] = []
    owners: dict[str, Path] = {}
    inputs = {_identity(file.path): file.path for file in found.files}
    for file, own_mask, photos in zip(found.files, masks, references, strict=True):
        place = target if as_file else target / file.relative
        own_form = None if file.video else form
        if own_form is not None:
            place = in_format(place, own_form, suffix)
        places = [place]
        if variants is not None and not file.video:
            numbers = range(1, variants + 1)
            places = [place.with_stem(f"{place.stem}.{number}") for number in numbers]
        for one in places:
            other = owners.setdefault(os.path.normcase(one), file.path)
            if other != file.path:
                raise InputError(f"{other} and {file.path} would both be written to {one}.")
            replaced = inputs.get(_identity(one))
            if replaced is not None:
                raise InputError(
                    f"The result of {file.path} would replace the input {replaced}: "
                    "choose another output."
                )
        if as_file and not file.video:
            own_form = format_of(place)
        first, *others = places
        jobs.append(Job(file.path, first, own_form, own_mask, file.video, photos, tuple(others)))
    return jobs


def in_format(place: Path, form: str, suffix: str) -> Path:
    """A result's path with the suffix of its format; unchanged if its suffix fits the format.

    Args:
        place: the result's path, with the suffix of its input.
        form: Pillow's name of the format.
        suffix: the format's suffix; both as `format_named` returns them.
    """
    if is_picture_name(place) and format_of(place) == form:
        return place
    named = place.suffix.lower() in PICTURE_SUFFIXES
    return place.with_suffix(suffix) if named else Path(f"{place}{suffix}")


def format_named(name: str) -> tuple[str, str]:
    """Pillow's name and the suffix of a format given by the user.

    Raises:
        InputError: there is no such format, or this Pillow cannot write it.
    """
    suffix = f".{name.lower().removeprefix('.')}"
    if not is_picture_name(Path(f"picture{suffix}")):
        raise InputError(f"Unknown format {name!r}: use one of {', '.join(FORMATS)}.")
    form = format_of(Path(f"picture{suffix}"))
    PIL.Image.init()
    if form == "HEIF":
        register_heif()
    if form not in PIL.Image.SAVE:
        raise InputError(f"This Pillow has no encoder for {name!r}: choose another format.")
    return form, suffix


def _check_single(found: Findings, target: Path, form: str | None) -> None:
    """Refuse an output file that cannot be the result of what was found."""
    if not found.single:
        raise InputError(
            f"{target} names one file, but there is more to do: name a folder with --output."
        )
    video = found.files[0].video
    if video != is_video(target):
        what, wanted = ("a video", "a video's") if video else ("a picture", "a picture's")
        raise InputError(
            f"{found.files[0].path} is {what}, but {target} has not {wanted} suffix: "
            "choose another, or name a folder."
        )
    if form is not None and not video and format_of(target) != form:
        raise InputError(
            f"{target} is to be written as {form}, but its suffix says another format."
        )


def _add(taken: dict[tuple[Path, Path], FoundFile], file: FoundFile) -> None:
    taken.setdefault((Path(os.path.realpath(file.path)), file.relative), file)


def _walk(
    folder: Path, recursive: bool, left_out: Path | None, unreadable: dict[Path, str]
) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        # A folder that cannot be listed must not be skipped silently.
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
        return [None] * len(found.files)
    place = Path(mask)
    if not place.exists():
        raise InputError(f"There is no mask file or folder {place}.")
    if not place.is_dir():
        if len(found.files) != 1:
            raise InputError(
                f"{place} is one mask, but there are {len(found.files)} pictures: "
                "name a folder of masks with the pictures' names."
            )
        return [place]
    return [_mask_in(place, file.relative) for file in found.files]


def _mask_in(folder: Path, relative: Path) -> Path:
    """The mask of a picture: a file with the same name, or the same stem and another suffix.

    The path is returned even if the file does not exist; reading it then fails for this picture
    only.
    """
    same = folder / relative
    others = _pictures_of_stem(same)
    return same if same.is_file() or not others else others[0]


def _pictures_of_stem(place: Path) -> list[Path]:
    """Pictures in the same folder as a path, with the same stem."""
    return sorted(
        path
        for path in place.parent.glob(f"{glob.escape(place.stem)}.*")
        if path.stem == place.stem and path.suffix.lower() in PICTURE_SUFFIXES
    )


def _references(
    found: Findings, reference: str | os.PathLike[str] | None
) -> list[tuple[Path, ...]]:
    if reference is None:
        return [()] * len(found.files)
    place = Path(reference)
    if not place.exists():
        raise InputError(f"There is no reference photo or folder {place}.")
    if not place.is_dir():
        return [(place,)] * len(found.files)
    matched = [references_in(place, file.relative) for file in found.files]
    if not any(matched):
        raise InputError(
            f"No photo in {place} is named after a picture: name the reference of photo.jpg "
            "photo.jpg or photo.png, or put several into a folder photo."
        )
    return matched


def references_in(folder: Path, relative: Path) -> tuple[Path, ...]:
    """The references of a picture in a folder, by file names only.

    They are the pictures with the same relative path and stem, `people/anna.png` for
    `people/anna.jpg`, and all pictures in a folder of that stem, `people/anna/*`. A picture without
    any is filled by a guess.

    Args:
        folder: of the references.
        relative: the picture's path below the folder in which it was found.
    """
    place = folder / relative
    inside = sorted(
        path
        for path in place.with_suffix("").glob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
    )
    return (*_pictures_of_stem(place), *inside)


def _identity(path: Path) -> tuple[int, int] | str:
    """Identify a file, through links and on case-insensitive file systems."""
    try:
        state = path.stat()
    except OSError:
        return os.path.normcase(os.path.realpath(path))
    return state.st_dev, state.st_ino
