"""Freezing of pretrained networks: they never learn and are not saved."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def freeze(module: Module) -> Module:
    """Turn all parameters and buffers of a module into non-persistent buffers.

    No optimizer or `requires_grad_` affects them; `to(device)` does.

    Returns:
        The module itself, in eval mode.
    """
    for part in module.modules():
        tensors = {**dict(part.named_parameters(recurse=False)), **part._buffers}
        for name, tensor in tensors.items():
            delattr(part, name)
            kept = None if tensor is None else tensor.detach()
            part.register_buffer(name, kept, persistent=False)
    return module.eval()
