"""Building a network for tensors from an untrusted file."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from weights.base.errors import MissingDependencyError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

_Network = TypeVar("_Network", bound="nn.Module")

_LARGEST_OPTION = 100_000

_SLACK = 4
"""Ratio of tensors registered while building to those in the file: some get replaced."""


def build_fitting(
    build: Callable[[], _Network], state: Mapping[str, Tensor], where: str
) -> _Network:
    """Build a network and load the tensors of a file, which must match exactly.

    The network is first built without memory, so that absurd options cost nothing.

    Args:
        build: makes the network, from options that may come from the file.
        state: the file's tensors by name.
        where: what is read, for the error message.

    Raises:
        WeightsError: the options are invalid, or the network has other tensors or shapes.
    """
    import torch
    from torch.random import fork_rng

    # Torch's random state is preserved: the random initial weights are overwritten anyway.
    try:
        with fork_rng(devices=[]), torch.device("meta"), _bounded(len(state), where):
            sketch = build()
    except (WeightsError, MissingDependencyError):
        raise
    # Untrusted options can make a constructor raise any error.
    except Exception as error:
        reason = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
        raise WeightsError(f"The options in {where} make no network: {reason}.") from error
    check_fit(sketch, state, where)
    with fork_rng(devices=[]), torch.device("cpu"):
        network = build()
    network.load_state_dict(dict(state))
    return network


def check_proportion(options: Any, where: str) -> None:
    """Refuse a file's options if a number is larger than in any network.

    Raises:
        WeightsError: there is one, or one that is not finite.
    """
    if isinstance(options, Mapping):
        options = list(options.values())
    if isinstance(options, list | tuple):
        for value in options:
            check_proportion(value, where)
    elif isinstance(options, int | float) and not abs(options) <= _LARGEST_OPTION:
        raise WeightsError(
            f"The options in {where} are too large: {options!r} is above {_LARGEST_OPTION:,}."
        )


def check_fit(network: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Refuse tensors that do not match a network's exactly, including shapes.

    Raises:
        WeightsError: the network has other tensors or shapes.
    """
    own = network.state_dict()
    wanted, given = ({(key, one.shape) for key, one in held.items()} for held in (own, state))
    unlike = sorted({key for key, _ in wanted ^ given})
    if unlike:
        raise WeightsError(
            f"{where} does not fit {type(network).__name__}: {len(unlike)} tensors differ, "
            f"the first is {unlike[0]!r}."
        )


@contextmanager
def _bounded(tensors: int, where: str) -> Iterator[None]:
    """Abort building a network in this thread if it registers far more tensors than the file has.

    Raises:
        WeightsError: it does.
    """
    from torch.nn.modules.module import register_module_parameter_registration_hook

    thread = threading.get_ident()
    left = _SLACK * (tensors + 16)

    def count(*_: object) -> None:
        nonlocal left
        if threading.get_ident() == thread:
            left -= 1
            if left < 0:
                raise WeightsError(
                    f"{where} has {tensors} tensors, and its options make a network of many more."
                )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
