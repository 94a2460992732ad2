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
        kind: the stage that the weights must serve; any where None.

    Raises:
        WeightsError: the file is missing, damaged, a pickle, or of another stage, or holds a value
            that is NaN or infinite.
        ConfigurationError: there is no such name; the sentence says the nearest one.
    """
    path = resolve(name_or_path, kind)

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path, device="cpu")
    # An unknown type of number is a KeyError in the library.
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
    """Write a safetensors file, whole or not at all.

    Raises:
        OutputError: the file exists and may not be replaced, or cannot be written.
    """
    from safetensors.torch import save

    # The library's own writing says in an error of its own that a disk is full.
    write_whole(path, save(dict(tensors), dict(metadata)), overwrite=overwrite)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the texts in a safetensors file's header; empty where it has none.

    Raises:
        WeightsError: the file is missing or no safetensors file.
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
    """Read the mapping that a text of a weight file's header holds as JSON; empty where it is none.

    Args:
        metadata: the header's texts.
        key: of the text, such as "options".
        path: the file, for the error's sentence.

    Raises:
        WeightsError: the text is no JSON object.
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
    """Write the record `<name>.yaml` of a weight file that lies finished on disk.

    The record goes into `folder`, or beside the file where None, so that its folder can serve as
    `UNMASK_HOME`. A record of that name that lies there already is replaced only with `overwrite`.

    Args:
        file: the weights.
        folder: for the record.
        name: of the weights.
        overwrite: whether a record of that name is replaced.
        **facts: the other fields of `WeightRecord`, as `record_of` takes them.

    Raises:
        WeightsError: the file is no safetensors file, or a value is not what its field takes.
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

    Size and digest are taken from the file, and the architecture is the part of the name before the
    point. The other values are as `WeightRecord` says.

    Raises:
        WeightsError: a value is not what its field takes.
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
    return WeightsError(f"The weight file {path} is damaged or no safetensors file: {error}.")
