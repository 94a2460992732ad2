from __future__ import annotations

import pytest
import torch

from weights.base.device import resolve_device
from weights.base.errors import InputError


def test_a_device_that_is_there_is_given():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


def test_auto_takes_what_there_is():
    best = "cuda" if torch.cuda.is_available() else "cpu"
    if not torch.backends.mps.is_available():
        assert resolve_device().type == best


@pytest.mark.parametrize("name", ["gpu", "", "cpu:x", "cuda:99", "meta:", "meta", "xpu", "vulkan"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(InputError):
        resolve_device(name)
