"""Reading and writing weight files and their records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weights.base.atomic import write_whole
from weights.base.errors import InputError, WeightsError
from weights.base.json_text import parse_json
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import resolve
from weights.catalog.record import TrainingData, WeightKind, WeightRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor


def load_state_dict(
    name_or_path: str | os.PathLike[str], kind: WeightKind | None = None
) -> dict[str, Tensor]:
    """Load the tensors of a weight file, on the CPU, floating-point ones as float32.

    Args:
        name_or_path: "default" (needs `kind`), a name of the catalog, or the path of a .safetensors
            file.
        kind: the stage that the weights must serve; None for any.

    Raises:
        WeightsError: the file is missing, damaged, a pickle, or of another stage, or holds a value
            that is NaN or infinite.
        ConfigurationError: there is no such name; the message suggests the nearest.
    """
    path = resolve(name_or_path, kind)

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path, device="cpu")
    # An unknown dtype raises a KeyError in the library.
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise _damaged(path, error) from error
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    for name, tensor in state.items():
        if tensor.is_complex() or not bool(torch.isfinite(tensor).all()):
            raise WeightsError(f"The weights {name!r} in {path} are not finite real numbers.")
    return state


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> None:
    """Write a safetensors file atomically.

    Raises:
        OutputError: the file exists and may not be replaced, or cannot be written.
    """
    from safetensors.torch import save

    # The library refuses tensors that share memory or are not contiguous.
    stored = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    # The library's own writing raises its own error on a full disk.
    write_whole(path, save(stored, dict(metadata)), overwrite=overwrite)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the metadata in a safetensors file's header; empty if there is none.

    Raises:
        WeightsError: the file is missing or not a safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(Path(path), error) from error


def read_header_mapping(
    metadata: Mapping[str, str], key: str, path: str | os.PathLike[str]
) -> dict[str, Any]:
    """Read a JSON mapping from the metadata in a weight file's header; empty if the key is missing.

    Args:
        metadata: the header's metadata.
        key: of the entry, such as "options".
        path: the file, for the error message.

    Raises:
        WeightsError: the entry is not a JSON object.
    """
    try:
        value = parse_json(metadata.get(key, "{}"), f"{key!r} in the header of {os.fspath(path)}")
    except InputError as error:
        raise WeightsError(str(error)) from error
    if not isinstance(value, dict):
        raise WeightsError(f"{key!r} in the header of {os.fspath(path)} must be a JSON object.")
    return value


def write_record(
    file: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    name: str,
    overwrite: bool = False,
    **facts: Any,
) -> WeightRecord:
    """Write the record `<name>.yaml` of a finished weight file.

    The record goes to `folder`, or if None next to the file, so that the folder can serve as
    `UNMASK_HOME`. An existing record is replaced only with `overwrite`.

    Args:
        file: the weights.
        folder: folder for the record.
        name: of the weights.
        overwrite: whether to replace an existing record.
        **facts: the other fields of `WeightRecord`, as `record_of` takes them.

    Raises:
        WeightsError: the file is not a safetensors file, or a value is invalid for its field.
        OutputError: the record exists already or cannot be written.
    """
    source = Path(file)
    read_metadata(source)
    record = record_of(source, name=name, **facts)
    target = (source.parent if folder is None else Path(folder)) / f"{name}.yaml"
    write_whole(target, record.to_yaml(), overwrite=overwrite)
    return record


def record_of(
    file: Path,
    *,
    name: str,
    data: Iterable[TrainingData],
    value_range: tuple[float, float],
    gets_wrong: Iterable[str] = (),
    **facts: Any,
) -> WeightRecord:
    """Make the record of a weight file.

    Size and digest are taken from the file, and the architecture from the name, up to the dot. The
    other values are those of `WeightRecord`.

    Raises:
        WeightsError: a value is invalid for its field.
    """
    return WeightRecord(
        name=name,
        architecture=name.partition(".")[0],
        file=file.name,
        sha256=file_sha256(file),
        bytes=file.stat().st_size,
        data=tuple(data),
        value_range=(float(value_range[0]), float(value_range[1])),
        gets_wrong=tuple(gets_wrong),
        **facts,
    )


def _damaged(path: Path, error: Exception) -> WeightsError:
    if not path.is_file():
        return WeightsError(f"There is no weight file {path}.")
    return WeightsError(f"The weight file {path} is damaged or not a safetensors file: {error}.")
