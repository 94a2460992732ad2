"""Tensors of published weight files: safetensors directly, pickles in a separate process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weights.base.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

SLACK: Final = 1 << 30
"""Bytes of memory that reading may take, in addition to four times the file's size."""

PATIENCE: Final = 600.0
"""Timeout of reading, in seconds."""


def read_published(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a published weight file.

    Args:
        path: a .safetensors file, or a PyTorch pickle (.pt, .pth, .ckpt, .bin), whose code is not
            run, see `inpainter.importing.unpickling`.

    Returns:
        Tensors on the CPU; names in nested mappings join all keys, such as `G/stage1.conv.weight`.

    Raises:
        WeightsError: the file is missing, cannot be read this way, or contains no named tensors.
    """
    if not path.is_file():
        raise WeightsError(f"There is no weight file {path}.")
    tensors = _load(path, path) if path.suffix.lower() == ".safetensors" else _unpickled(path)
    if not tensors:
        raise WeightsError(
            f"{path} holds no named tensors: give a state dict, not a pickled network."
        )
    return tensors


def _unpickled(path: Path) -> dict[str, Tensor]:
    """Convert a pickled file to safetensors in a separate process, and read that."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "tensors.safetensors"
        allowance = SLACK + 4 * path.stat().st_size
        command = [sys.executable, "-P", "-m", "inpainter.importing.unpickling"]
        try:
            done = subprocess.run(
                [*command, str(path), str(written), str(allowance)],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=PATIENCE,
                text=True,
                errors="replace",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise WeightsError(
                f"{path} cannot be read as weights: it took more than {PATIENCE:.0f} seconds."
            ) from error
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise WeightsError(
                f"{path} cannot be read as weights ({said[-1].rstrip('.')[:300]}): give a "
                "state dict of tensors that PyTorch saved, or a .safetensors file."
            )
        return _load(written, path)


def _load(file: Path, said: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file, device="cpu")
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{said} is damaged or not a safetensors file: {error}.") from error
