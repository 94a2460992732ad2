"""Choosing the device for networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.base.errors import InputError

if TYPE_CHECKING:
    import torch


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Turn "auto" or a torch device name into an available device.

    "auto" is the first CUDA device, else Apple's MPS, else the CPU.

    Raises:
        InputError: the name is not a torch device, or the device is not available.

    Examples:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    import torch

    if isinstance(device, torch.device):
        chosen = device
    elif device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    else:
        try:
            chosen = torch.device(device)
        except (RuntimeError, TypeError) as error:
            raise InputError(
                f"Unknown device {device!r}: use 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'."
            ) from error
    if not _is_there(chosen):
        raise InputError(f"There is no device {str(chosen)!r} here: use 'auto' or 'cpu'.")
    return chosen


def is_fast_in_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 pays off: on GPUs that have it, and CPUs that multiply it in hardware."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    # Without these instructions a CPU is ten times slower than in float32.
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def inference_dtype(device: torch.device, precision: str = "auto") -> torch.dtype:
    """Return the type in which a network computes on a device.

    Args:
        device: where it runs.
        precision: "auto" is bfloat16 if the device is fast at it, else float32; or "bfloat16" or
            "float32".
    """
    import torch

    fast = is_fast_in_bfloat16(device) if precision == "auto" else precision == "bfloat16"
    return torch.bfloat16 if fast else torch.float32


def training_precision(precision: str, device: torch.device) -> str:
    """Return a recipe's precision, or float32 if the device is slow at bfloat16.

    Args:
        precision: as Lightning names it.
        device: the training device.

    Examples:
        >>> training_precision("32-true", resolve_device("cpu"))
        '32-true'
    """
    if precision != "bf16-mixed" or device.type != "cpu" or is_fast_in_bfloat16(device):
        return precision
    return "32-true"


def _is_there(device: torch.device) -> bool:
    """Whether a device is available; "meta" computes nothing and never is."""
    import torch

    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        return False
    module = torch.backends.mps if device.type == "mps" else getattr(torch, device.type, None)
    is_available = getattr(module, "is_available", None)
    return is_available is not None and bool(is_available())
