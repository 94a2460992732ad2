"""Resolving names to local weight files: one YAML record per file, verified by digest.

Records and files come with the package; the user's own folders, listed in the environment variable
`UNMASK_HOME` in the manner of `PATH`, may hold further ones, side by side. Nothing is ever
downloaded.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from weights.base.errors import WeightsError
from weights.base.names import unknown_name
from weights.catalog.digest import file_sha256
from weights.catalog.record import WEIGHT_KINDS, WeightKind, WeightRecord, read_record

DEFAULTS: dict[WeightKind, str] = {
    "detector": "yolo26n-seg.faces",
    "confirmation": "confirmation.faces",
    "landmarks": "landmarks.faces68",
    "inpainter": "gated.faces256",
}
"""The default weights of each stage."""

RECORDS = Path(__file__).parents[1] / "records"
"""Folder of the package's records."""

FILES = Path(__file__).parents[1] / "files"
"""Folder of the package's weight files."""

_PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin"})


def _state(path: Path) -> tuple[Path, int, int]:
    """A value that changes when the file's content does."""
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


@cache
def _read_once(path: Path, _changed: int, _size: int) -> WeightRecord:
    return read_record(path)


@cache
def _digest_once(path: Path, _changed: int, _size: int) -> str:
    return file_sha256(path)


def named_homes() -> list[Path]:
    """The folders in `UNMASK_HOME`, in order, whether they exist or not."""
    named = os.environ.get("UNMASK_HOME", "").split(os.pathsep)
    return [Path(part).expanduser() for part in named if part]


def _homes() -> list[Path]:
    """The folders in `UNMASK_HOME`.

    Raises:
        WeightsError: one does not exist.
    """
    homes = named_homes()
    for folder in homes:
        if not folder.is_dir():
            raise WeightsError(
                f"UNMASK_HOME names {folder}, but there is no such folder: make it, or correct the "
                f"variable (several folders are separated by {os.pathsep!r})."
            )
    return homes


def weight_folders() -> list[Path]:
    """The folders searched for weight files: the package's, then those of `UNMASK_HOME`."""
    return [FILES, *_homes()]


def record_folders() -> list[Path]:
    """The folders searched for records: the package's, then those of `UNMASK_HOME`."""
    return [RECORDS, *_homes()]


def _all_records() -> dict[str, WeightRecord]:
    paths = [path for folder in record_folders() for path in sorted(folder.glob("*.yaml"))]
    records: dict[str, WeightRecord] = {}
    origin: dict[str, Path] = {}
    for path in paths:
        record = _read_once(*_state(path))
        if record.name in records:
            raise WeightsError(
                f"Two weight records are named {record.name!r}: {origin[record.name]} and {path}; "
                "rename or remove one."
            )
        records[record.name] = record
        origin[record.name] = path
    return records


def list_weights(pattern: str = "*", kind: str | None = None) -> list[str]:
    """Sorted names of the known weights that match a glob pattern.

    Args:
        pattern: shell pattern such as "gated.*".
        kind: the stage that the weights serve, such as "detector"; None for any.

    Raises:
        ConfigurationError: the kind is unknown, or a record is malformed.
        WeightsError: two records have the same name, or a value in one is invalid.

    Examples:
        >>> list_weights("gated.*", kind="inpainter")
        ['gated.faces256']
    """
    return [record.name for record in list_records(pattern, kind)]


def list_records(pattern: str = "*", kind: str | None = None) -> list[WeightRecord]:
    """The records of the names listed by `list_weights`, in the same order."""
    if kind is not None:
        _check_kind(kind)
    return [
        record
        for name, record in sorted(_all_records().items())
        if fnmatchcase(name, pattern) and kind in (None, record.kind)
    ]


def get_record(name: str) -> WeightRecord:
    """The record of the weights with a name.

    Raises:
        ConfigurationError: there is no such record (the message suggests the nearest name), or one
            is malformed.
        WeightsError: two records have the same name, or a value in one is invalid.

    Examples:
        >>> record = get_record("gated.faces256")
        >>> record.architecture, record.input_size
        ('gated', 256)
    """
    records = _all_records()
    if name in records:
        return records[name]
    for kind, default in DEFAULTS.items():
        if name == default:
            raise WeightsError(
                f"The default {kind} weights {name!r} are not in this installation: train some "
                f"with 'unmask train {kind}', or give the path of a .safetensors file."
            )
    raise unknown_name("weights", name, records)


def default_name(kind: WeightKind) -> str:
    """Name of a stage's default weights.

    Raises:
        ConfigurationError: the kind is unknown.
    """
    _check_kind(kind)
    return DEFAULTS[kind]


def resolve(name_or_path: str | os.PathLike[str], kind: WeightKind | None = None) -> Path:
    """Resolve "default", a catalog name or a path to a verified safetensors file.

    A catalog file is verified by size and SHA-256 once per process, and again if it changes; the
    user's own path is not verified.

    Args:
        name_or_path: "default" (needs `kind`), a name such as "gated.faces256", or the path of a
            .safetensors file.
        kind: the stage that the weights must serve; None for any.

    Raises:
        WeightsError: the file is missing, damaged, a pickle, or of another stage.
        ConfigurationError: there is no such name; the message suggests the nearest.
    """
    text = os.fspath(name_or_path)
    if text == "default":
        if kind is None:
            raise WeightsError("'default' weights need the stage that they are for.")
        text = default_name(kind)
    path = Path(text).expanduser()
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        raise WeightsError(
            f"{text} is a pickle, which can run code when it is read: give a .safetensors file, or "
            "convert it with 'unmask weights import'."
        )
    safetensors = path.suffix.lower() == ".safetensors"
    if safetensors or len(path.parts) > 1 or not isinstance(name_or_path, str):
        if not safetensors:
            raise WeightsError(f"Weights must be a .safetensors file, but {path} is not one.")
        if not path.is_file():
            raise WeightsError(f"There is no weight file {path}.")
        return path
    record = get_record(text)
    if kind is not None and record.kind != kind:
        raise WeightsError(f"The weights {text!r} serve the {record.kind}, not the {kind}.")
    path = locate(record)
    _check_content(path, record, file_digest=_digest_once(*_state(path)))
    return path


def verify(name: str) -> Path:
    """Read a weight file again and compare it with its record; return its path.

    Raises:
        WeightsError: the file is missing or damaged.
        ConfigurationError: there is no such name; the message suggests the nearest.
    """
    record = get_record(name)
    path = locate(record)
    _check_content(path, record, file_digest=file_sha256(path))
    return path


def locate(record: WeightRecord) -> Path:
    """Path of a record's file; its content is not checked.

    Raises:
        WeightsError: no weight folder has it; the message says where it was expected.
    """
    folders = weight_folders()
    for folder in folders:
        path = folder / record.file
        if path.is_file():
            return path
    further = "" if folders[1:] else " (or in the folder UNMASK_HOME)"
    raise WeightsError(
        f"The weight file {record.file} of {record.name!r} is missing: expected in "
        f"{' or '.join(map(str, folders))}{further}; reinstall unmask, or put the file there."
    )


def _check_kind(kind: str) -> None:
    if kind not in WEIGHT_KINDS:
        raise unknown_name("kind of weights", kind, WEIGHT_KINDS)


def _check_content(path: Path, record: WeightRecord, *, file_digest: str) -> None:
    size = path.stat().st_size
    if size != record.bytes:
        raise WeightsError(
            f"The weight file {path} is damaged: it has {size} bytes instead of {record.bytes}; "
            "reinstall unmask."
        )
    if file_digest != record.sha256:
        raise WeightsError(
            f"The weight file {path} is damaged or was changed: its SHA-256 is {file_digest} "
            f"instead of {record.sha256}; reinstall unmask."
        )
