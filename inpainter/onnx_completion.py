"""Third-party ONNX files that take a picture and a mask, as a stage."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inpainter.completion import NetworkInpainter
from inpainter.outputs import CompletionOutput
from weights.base.errors import ConfigurationError, MissingDependencyError, WeightsError
from weights.base.onnx_export import load_onnx_runtime, onnx_session

Range = tuple[float, float]
"""The values of black and of white."""

RANGES: Final[tuple[Range, ...]] = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""Value ranges of input and output pictures, tried in this order."""

_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(bool)": np.dtype(np.bool_),
}

_PROBE_SIDE: Final = 256
"""Side at which the convention of a network of any size is probed."""

_SURE, _LIKELY = 0.01, 0.1
"""Mean errors of known pixels, with white at 1: accepted at once, and at most."""


class Convention(NamedTuple):
    """How a network represents pictures and masks.

    Attributes:
        input_range: range of its input pictures.
        output_range: range of its output.
        mask_values: mask values of known and of missing pixels.
    """

    input_range: Range
    output_range: Range
    mask_values: tuple[float, float]


class OnnxInpainter(NetworkInpainter):
    """Completes crops with an ONNX file that takes a picture and a mask, through ONNX Runtime.

    LaMa and MI-GAN are published in this form. The roles of the inputs, their axis order and a
    fixed side are read from the file. The values of black, white and the hole are found by probing:
    with the right convention, known pixels come back unchanged. Options override what is detected.
    Runs on the CPU, one crop at a time.

    Args:
        model: the .onnx file.
        image_size: side of the pictures, for a network of any size.
        image_input: name of the picture's input.
        mask_input: name of the mask's input.
        input_range: values of black and white in the picture, such as [-1, 1].
        output_range: the same for the output.
        mask_values: values of known and of missing pixels in the mask, such as [0, 1].
        tone: see `NetworkInpainter`.
        grain: see `NetworkInpainter`.
        finish: see `NetworkInpainter`.

    Raises:
        ConfigurationError: the inputs cannot be told apart, or an option is invalid.
        MissingDependencyError: ONNX Runtime is not installed.
        WeightsError: the file is missing, or is not such a network.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        image_size: int = 512,
        image_input: str | None = None,
        mask_input: str | None = None,
        input_range: Sequence[float] | None = None,
        output_range: Sequence[float] | None = None,
        mask_values: Sequence[float] | None = None,
        tone: bool = True,
        grain: bool = True,
        finish: str = "none",
    ) -> None:
        super().__init__(device="cpu", precision="float32", tone=tone, grain=grain, finish=finish)
        self.file = Path(model).expanduser()
        if not self.file.is_file():
            raise WeightsError(f"There is no ONNX file {self.file}.")
        self._side = image_size
        self._inputs = (image_input, mask_input)
        given = {
            "input_range": input_range,
            "output_range": output_range,
            "mask_values": mask_values,
        }
        self._given = {name: _pair(name, value) for name, value in given.items() if value}

    def _load(self) -> nn.Module:
        network = OnnxCompletion(self.file, *self._inputs)
        self.image_size = network.side or self._side
        network.learn_convention(self._given)
        return network.eval()


class OnnxCompletion(nn.Module):
    """An ONNX file with the interface of a completion network.

    Args:
        file: the .onnx file.
        image_input: name of the picture's input; None to detect it.
        mask_input: name of the mask's input; None to detect it.

    Raises:
        ConfigurationError: the inputs cannot be told apart.
        MissingDependencyError: ONNX Runtime is not installed.
        WeightsError: the file is not such a network.
    """

    def __init__(
        self, file: Path, image_input: str | None = None, mask_input: str | None = None
    ) -> None:
        super().__init__()
        self.file = file
        self._session = _open(file)
        inputs = {one.name: one for one in self._session.get_inputs()}
        self.image_input, self.mask_input = _tell_apart(file, inputs, image_input, mask_input)
        self._image, self._mask = inputs[self.image_input], inputs[self.mask_input]
        shape = self._image.shape
        height, width = shape[1:3] if _channels_come_last(shape, 3) else shape[2:4]
        fixed = [side for side in (height, width) if isinstance(side, int)]
        if len(set(fixed)) > 1:
            raise WeightsError(
                f"{file} takes pictures of {width} x {height} pixels, but crops are square."
            )
        self.side: int | None = fixed[0] if fixed else None
        self.convention = Convention(RANGES[1], RANGES[1], (0.0, 1.0))

    def forward(self, image: Tensor, hole: Tensor) -> CompletionOutput:
        """Complete pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`, 1 = missing."""
        low, high = self.convention.output_range
        painted = []
        for one, missing in zip(image, hole, strict=True):
            picture = 0.5 * (one.permute(1, 2, 0).numpy() + 1.0)
            found = self._run(picture, missing[0].numpy() > 0.5, self.convention)
            painted.append(2.0 * (found - low) / (high - low) - 1.0)
        prediction = torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).to(image)
        return CompletionOutput(None, prediction, torch.where(hole > 0.5, prediction, image))

    def _run(
        self, picture: NDArray[Any], missing: NDArray[np.bool_], convention: Convention
    ) -> NDArray[np.float32]:
        """Run the network on a picture `(H, W, 3)`, 0 to 1; returns its raw values."""
        low, high = convention.input_range
        values = low + (high - low) * picture
        values[missing] = 0.0
        known_value, missing_value = convention.mask_values
        mask = np.where(missing, missing_value, known_value)[..., None]
        given = {
            self.image_input: _as_input(values, self._image),
            self.mask_input: _as_input(mask, self._mask),
        }
        try:
            (found, *_) = self._session.run(None, given)
        except Exception as error:
            raise WeightsError(
                f"{self.file} cannot complete a picture of {picture.shape[1]} pixels a side "
                f"({_first_line(error)}): try another image_size."
            ) from error
        found = np.asarray(found, np.float32)
        if found.ndim == 4 and found.shape[1] == 3 and found.shape[3] != 3:
            found = found.transpose(0, 2, 3, 1)
        if found.shape != (1, *picture.shape):
            raise WeightsError(
                f"{self.file} returns an array of shape {found.shape} for a picture of "
                f"{picture.shape}, not a completed picture of that size."
            )
        return found[0]

    def learn_convention(self, given: dict[str, Any]) -> None:
        """Find the network's convention by completing a picture whose known pixels must come back.

        Args:
            given: known fields of `Convention`.

        Raises:
            WeightsError: no convention brings the known pixels back.
        """
        if len(given) == len(Convention._fields):
            self.convention = Convention(**given)
            return
        picture, missing = _probe(self.side or _PROBE_SIDE)
        best, found = _LIKELY, None
        for input_range, mask_values in self._candidates(given):
            tried = Convention(input_range, input_range, mask_values)
            result = self._run(picture.copy(), missing, tried)
            for output_range in _one_or(given.get("output_range"), RANGES):
                error = _error(result, picture, missing, output_range)
                if error < best:
                    best, found = error, tried._replace(output_range=output_range)
            if best < _SURE:
                break
        if found is None:
            raise WeightsError(
                f"{self.file} does not reproduce known pixels in any value range that was tried: "
                "set input_range, output_range and mask_values, such as [0, 1], [0, 255] and [0, "
                "1]."
            )
        self.convention = found

    def _candidates(self, given: dict[str, Any]) -> Iterator[tuple[Range, tuple[float, float]]]:
        bytes_in = _TYPES[self._image.type] == np.uint8
        ranges = _one_or(given.get("input_range"), RANGES[2:] if bytes_in else RANGES)
        tops = (255.0, 1.0) if _TYPES[self._mask.type] == np.uint8 else (1.0,)
        masks = [pair for top in tops for pair in ((0.0, top), (top, 0.0))]
        return itertools.product(ranges, _one_or(given.get("mask_values"), masks))


def _pair(name: str, value: Sequence[float]) -> tuple[float, float]:
    try:
        first, second = (float(one) for one in value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name} of an ONNX network must be two numbers, such as [0, 1], but is {value!r}."
        ) from error
    if first == second:
        raise ConfigurationError(f"{name} of an ONNX network must be two numbers that differ.")
    return first, second


def _one_or(chosen: Any, others: Sequence[Any]) -> Sequence[Any]:
    return others if chosen is None else [chosen]


def _open(file: Path) -> Any:
    try:
        load_onnx_runtime()
    except ImportError as error:
        raise MissingDependencyError(
            "ONNX files need ONNX Runtime: install it with `pip install onnxruntime`."
        ) from error
    try:
        return onnx_session(os.fspath(file))
    except Exception as error:
        raise WeightsError(
            f"{file} is damaged or not an ONNX file that ONNX Runtime can load "
            f"({_first_line(error)})."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def _tell_apart(
    file: Path, inputs: dict[str, Any], image: str | None, mask: str | None
) -> tuple[str, str]:
    """Find the names of the picture's and the mask's inputs."""
    for name in (image, mask):
        if name is not None and name not in inputs:
            raise ConfigurationError(
                f"{file} has no input {name!r}: it has {', '.join(inputs) or 'none'}."
            )
    unlike = [name for name, one in inputs.items() if one.type not in _TYPES]
    if len(inputs) != 2 or unlike:
        raise WeightsError(
            f"{file} must take a picture and a mask, but takes {', '.join(inputs) or 'nothing'}"
            f"{' of ' + inputs[unlike[0]].type if unlike else ''}."
        )
    pictures = [name for name, one in inputs.items() if _channels(one.shape) == 3]
    masks = [name for name, one in inputs.items() if _channels(one.shape) == 1]
    if image is None and mask is None:
        named = [name for name in inputs if "mask" in name.lower() or "hole" in name.lower()]
        for found in (masks, named):
            if len(found) == 1 and (not pictures or pictures != found):
                mask = found[0]
                break
        else:
            image = pictures[0] if len(pictures) == 1 else None
    if image is None and mask is None:
        raise ConfigurationError(
            f"Cannot tell which input of {file} is the picture and which the mask: set image_input "
            f"and mask_input, of {' and '.join(inputs)}."
        )
    (other,) = [name for name in inputs if name != (image or mask)]
    return image or other, mask or other


def _channels(shape: Sequence[Any]) -> int | None:
    """The number of channels of an input, if its shape says so."""
    if len(shape) == 3:
        return 1
    return next((one for one in (*shape[1:2], *shape[3:4]) if one in (1, 3)), None)


def _as_input(values: NDArray[Any], described: Any) -> NDArray[Any]:
    """Convert a picture or a mask `(H, W, C)` to a batch of one for an input so described."""
    dtype = _TYPES[described.type]
    if dtype == np.uint8:
        values = np.rint(values)
    if len(described.shape) == 3:
        values = values[..., 0]
    elif not _channels_come_last(described.shape, values.shape[2]):
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None], dtype)


def _channels_come_last(shape: Sequence[Any], channels: int) -> bool:
    return len(shape) == 4 and shape[3] == channels and shape[1] != channels


def _probe(side: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A smooth picture `(S, S, 3)`, 0 to 1, dark on one side, and a hole in its middle."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    waves = [np.sin(5 * rows + shift) * np.cos(4 * columns - shift) for shift in (0.0, 0.7, 1.9)]
    picture = np.clip((0.2 + 0.6 * columns)[..., None] + 0.15 * np.stack(waves, axis=2), 0.0, 1.0)
    missing = np.zeros((side, side), np.bool_)
    missing[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = True
    # Whole grey levels, so that bytes represent them exactly.
    return np.rint(255.0 * picture) / 255.0, missing


def _error(
    result: NDArray[np.float32],
    picture: NDArray[np.float64],
    missing: NDArray[np.bool_],
    output_range: Range,
) -> float:
    """Mean error of known pixels, with white at 1; infinite if the fill leaves the range."""
    low, high = output_range
    values = (result - low) / (high - low)
    if values[missing].min() < -0.02 or values[missing].max() > 1.02:
        return float("inf")
    return float(np.abs(values - picture)[~missing].mean())
