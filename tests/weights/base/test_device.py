from __future__ import annotations

import pytest
import torch

from weights.base.device import is_fast_in_bfloat16, resolve_device, training_precision
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


def test_a_cpu_that_is_slow_at_bfloat16_trains_in_float32(monkeypatch):
    cpu = torch.device("cpu")
    for fast, expected in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda fast=fast: fast)
        assert is_fast_in_bfloat16(cpu) is fast
        assert training_precision("bf16-mixed", cpu) == expected
        assert training_precision("32-true", cpu) == "32-true"
    assert training_precision("bf16-mixed", torch.device("cuda")) == "bf16-mixed"
