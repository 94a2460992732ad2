"""The records and files that come with the package."""

from __future__ import annotations

import pytest

from weights.catalog.lookup import DEFAULTS, FILES, get_record, list_weights, verify
from weights.catalog.store import load_state_dict, read_metadata

NAMES = list_weights()
LARGEST = 16 * 2**20


def test_every_shipped_file_has_a_record_and_no_file_is_a_pickle():
    files = {path.name for path in FILES.iterdir() if not path.name.startswith(".")}
    assert files == {get_record(name).file for name in NAMES}


@pytest.mark.parametrize(("kind", "name"), DEFAULTS.items())
def test_the_default_of_each_stage_is_shipped(kind, name):
    assert get_record(name).kind == kind


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_whole_and_small(name):
    record = get_record(name)
    path = verify(name)
    assert record.bytes <= LARGEST
    read_metadata(path)
    state = load_state_dict(name, record.kind)
    assert all(tensor.isfinite().all() for tensor in state.values() if tensor.is_floating_point())
    assert sum(tensor.numel() for tensor in state.values()) >= record.parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_record_credits_its_data(name):
    record = get_record(name)
    for source in record.data:
        assert source.name and source.licence and source.credit
