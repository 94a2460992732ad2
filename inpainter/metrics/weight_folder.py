"""Weights of metric networks, which must already be on this machine: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

from weights.base.errors import WeightsError


def hub_file(url: str, what: str) -> Path:
    """Find a file in torch hub's folder under the name its download would have.

    Args:
        url: where the file is published; only its last part is used.
        what: what needs the file, for the error message, such as "LPIPS".

    Returns:
        The file, which holds only plain tensors and no code.

    Raises:
        WeightsError: the file is missing, or holds more than tensors.
    """
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        raise WeightsError(
            f"{what} needs the weights {path.name}, which unmask never downloads: fetch {url} and "
            f"put it at {path}, or point the environment variable TORCH_HOME at a folder that has "
            "it."
        )
    try:
        # The libraries read the file with pickle; this check rejects anything but tensors.
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"The weights {path} of {what} are damaged, or more than tensors: {reason}."
        ) from error
    return path
