from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from inpainter.evaluation.benchmark_cases import BenchmarkCases, HoleChecksum
from inpainter.evaluation.stored_cases import LIST_FILE, StoredCases, store_cases
from inpainter.holes import create_holes
from tests.faces import write_faces
from weights.base.errors import InputError, OutputError


@pytest.fixture
def frozen(tmp_path):
    faces = write_faces(tmp_path / "faces", 5, gender="Female")
    return BenchmarkCases(faces, create_holes("random-box"), split=None, count=4, size=48, seed=3)


def test_what_is_stored_comes_back_bit_for_bit(frozen, tmp_path):
    done = []
    checksum = store_cases(
        frozen, tmp_path / "set", configuration={"seed": 3}, progress=done.append
    )
    stored = StoredCases(tmp_path / "set")
    assert len(stored) == 4 and done == [1, 2, 3, 4]
    assert stored.checksum == checksum and stored.configuration == {"seed": 3}
    digest = HoleChecksum()
    for case, original in zip(stored, frozen, strict=True):
        assert case.name == original.name and case.groups == original.groups
        np.testing.assert_array_equal(case.image, original.image)
        np.testing.assert_array_equal(case.hole, original.hole)
        np.testing.assert_array_equal(case.measured, original.measured)
        digest.add(original)
    assert digest.hex() == checksum


def test_masked_pictures_are_kept_beside(frozen, tmp_path):
    plain = list(frozen)
    masked = [dataclasses.replace(case, masked=255 - case.image) for case in plain]
    checksum = store_cases(masked, tmp_path / "set")
    stored = StoredCases(tmp_path / "set")
    assert stored.masked and stored.checksum == checksum
    for case, original in zip(stored, masked, strict=True):
        np.testing.assert_array_equal(case.masked, original.masked)
    store_cases([masked[0], *plain[1:]], tmp_path / "mixed")
    assert not StoredCases(tmp_path / "mixed").masked and not frozen.masked
    with pytest.raises(InputError, match="masked picture of case"):
        dataclasses.replace(plain[0], masked=np.zeros((8, 8, 3), np.uint8))


def test_some_cases_are_read_alone(frozen, tmp_path):
    store_cases(frozen, tmp_path / "set")
    names = [case.name for case in frozen]
    assert [case.name for case in StoredCases(tmp_path / "set").only([names[2]])] == [names[2]]


def test_changed_holes_are_noticed(frozen, tmp_path):
    store_cases(frozen, tmp_path / "set")
    cv2.imwrite(str(tmp_path / "set" / "holes" / "00001.png"), np.full((48, 48), 255, np.uint8))
    with pytest.raises(InputError, match="have changed since they were stored"):
        list(StoredCases(tmp_path / "set"))


def test_a_set_is_not_replaced_and_a_broken_list_is_refused(frozen, tmp_path):
    store_cases(frozen, tmp_path / "set")
    with pytest.raises(OutputError, match="already"):
        store_cases(frozen, tmp_path / "set")
    listing = tmp_path / "set" / LIST_FILE
    lines = listing.read_text().splitlines()
    listing.write_text("\n".join(lines[:-1]))
    with pytest.raises(InputError, match="is incomplete"):
        StoredCases(tmp_path / "set")
    listing.write_text("\n".join([lines[0], *['{"name": "a"}'] * 4]))
    with pytest.raises(InputError, match=r"not a list.*image"):
        StoredCases(tmp_path / "set")
    listing.write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        StoredCases(tmp_path / "set")
    listing.write_text("nothing")
    with pytest.raises(InputError, match="not a list"):
        StoredCases(tmp_path / "set")
    with pytest.raises(InputError, match="Cannot read"):
        StoredCases(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no test case"):
        store_cases([], tmp_path / "none")
