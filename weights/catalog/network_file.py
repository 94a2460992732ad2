"""Network files: safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from weights.base.errors import WeightsError
from weights.base.json_text import json_values
from weights.base.settings import settings_from_mapping
from weights.catalog.description import describe_network
from weights.catalog.fitting import build_fitting
from weights.catalog.store import (
    load_state_dict,
    read_header_mapping,
    read_metadata,
    write_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from weights.catalog.description import NetworkDescription
    from weights.catalog.record import WeightKind

_Configuration = TypeVar("_Configuration")
_Network = TypeVar("_Network", bound="nn.Module")


def write_weights(
    network: nn.Module,
    configuration: Any,
    path: str | os.PathLike[str],
    *,
    file_format: str,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write the weights of a network, floating-point ones as float16.

    Args:
        network: in the form in which it was built, neither fused nor folded.
        configuration: the dataclass from which it was built.
        path: the file to write, ending in .safetensors.
        file_format: value of the header's `format`: `unmask.` and the kind of network.
        overwrite: whether to replace an existing file.
        extra: further facts for the header, such as metrics; any JSON values.

    Raises:
        OutputError: the file exists and `overwrite` is False, or it cannot be written.
        WeightsError: a weight is not finite, or the path does not end in .safetensors.
    """
    target = Path(path)
    if target.suffix != ".safetensors":
        kind = file_format.rpartition(".")[2].capitalize()
        raise WeightsError(f"{kind} weights are written as .safetensors, not as {target.name!r}.")
    header = {
        "format": file_format,
        "configuration": json.dumps(asdict(configuration)),
        "extra": json.dumps(dict(extra or {})),
    }
    tensors = half_precision(network.state_dict())
    write_tensors(target, tensors, header, overwrite=overwrite)
    return target


def half_precision(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert a state dict for writing: float16 where the values fit, float32 otherwise.

    Raises:
        WeightsError: a value is not finite.
    """
    import torch

    limit = torch.finfo(torch.float16).max
    halved = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            if not bool(torch.isfinite(tensor).all()):
                raise WeightsError(f"The weights in {name!r} are not finite and are not written.")
            fits = bool((tensor.abs() <= limit).all())
            halved[name] = tensor.half() if fits else tensor.float()
    return halved


def read_header(path: str | os.PathLike[str], expected: str) -> dict[str, str]:
    """Read the header of a weight file and check its `format`.

    Raises:
        WeightsError: the file is missing, a pickle, not safetensors, or of another format.
    """
    refuse_pickle(path)
    file = Path(path)
    header = read_metadata(file)
    if header.get("format") != expected:
        kind = expected.rpartition(".")[2]
        raise WeightsError(f"{file} holds no {kind}: its header lacks format {expected!r}.")
    return header


def read_network_configuration(
    path: str | os.PathLike[str],
    expected: str,
    configuration: type[_Configuration],
) -> _Configuration:
    """Read a network's configuration from its file's header.

    Args:
        path: the file.
        expected: value of the header's `format`.
        configuration: the dataclass of its configuration.

    Raises:
        WeightsError: the file is missing, not safetensors, of another format, or a value is
            invalid.
    """
    values = read_header_mapping(read_header(path, expected), "configuration", path)
    try:
        return settings_from_mapping(configuration, values, "the header")
    except (ValueError, TypeError, OverflowError) as error:
        raise WeightsError(f"The configuration in {path} cannot be read: {error}") from error


@dataclass(frozen=True)
class NetworkFile(Generic[_Configuration, _Network]):
    """The files of one kind of network, which takes one picture `(N, 3, size, size)` in [0, 1].

    Attributes:
        kind: of the weights, which is also the architecture's name in records and cards.
        configuration: the dataclass of the network's configuration, with the picture's `size`.
        build: makes the network from its configuration.
    """

    kind: WeightKind
    configuration: type[_Configuration]
    build: Callable[[_Configuration], _Network]

    @property
    def format(self) -> str:
        """Value of the header's `format` that identifies such a file."""
        return f"unmask.{self.kind}"

    def save(
        self,
        network: nn.Module,
        configuration: _Configuration,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a network's weights and configuration; see `write_weights`."""
        return write_weights(
            network,
            configuration,
            path,
            file_format=self.format,
            overwrite=overwrite,
            extra=extra,
        )

    def load(self, path: str | os.PathLike[str]) -> tuple[_Network, _Configuration]:
        """Build the network described by a file and load its weights, as float32 on the CPU.

        Returns:
            The network in evaluation mode and its configuration.

        Raises:
            WeightsError: the file is missing, damaged, not safetensors, or of another network.
        """
        read = read_network_configuration(path, self.format, self.configuration)
        network = build_fitting(lambda: self.build(read), load_state_dict(Path(path)), str(path))
        return network.float().eval(), read

    def describe(self, path: str | os.PathLike[str]) -> NetworkDescription:
        """Describe a file's network.

        Raises:
            WeightsError: the file is missing, damaged, not safetensors, or of another network.
        """
        network, configuration = self.load(path)
        options = json_values(asdict(configuration))  # type: ignore[call-overload]
        side = options.pop("size")
        return describe_network(
            network, kind=self.kind, architecture=self.kind, options=options, side=side
        )


def refuse_pickle(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose suffix is that of a pickle.

    Raises:
        WeightsError: it ends in .pt or .pth; the message says how to convert it.
    """
    if Path(path).suffix.lower() in (".pt", ".pth"):
        raise WeightsError(
            f"{os.fspath(path)} is a pickle, which can run any code when it is loaded: if you "
            "trust it, open it with Ultralytics' YOLO and write its network, .model, with "
            "detector.find.weight_file.save_detector to a .safetensors file."
        )
