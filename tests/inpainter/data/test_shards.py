"""Faces in tar shards are those of the same files in a folder."""

import io
import json
import tarfile

import numpy as np
import pytest

from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.sampling import Sampling
from inpainter.data.stream import sample_at
from inpainter.holes import create_holes
from tests.faces import write_faces
from weights.base.errors import InputError


def add(tar, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


@pytest.fixture
def folders(tmp_path):
    """A folder of faces, and the same faces in two shards."""
    plain = write_faces(tmp_path / "plain")
    lines = [json.loads(line) for line in (plain / "faces.jsonl").read_text().splitlines()]
    (tmp_path / "shards").mkdir()
    for number in range(2):
        with tarfile.open(tmp_path / "shards" / f"faces-{number:06}.tar", "w") as tar:
            for line in lines[number::2]:
                file = line.pop("file")
                key, _, suffix = file.rpartition(".")
                # WebDataset puts what belongs together behind one another, in any order.
                add(tar, f"{key}.json", json.dumps(line).encode())
                add(tar, f"{key}.{suffix}", (plain / file).read_bytes())
                add(tar, f"{key}.txt", b"a caption")
    return plain, tmp_path / "shards"


def test_samples_are_those_of_single_files(folders):
    plain, shards = (list_faces(folder) for folder in folders)
    found = {face.path.name: face for face in shards}
    assert {face.path.name for face in plain} == set(found)
    for face in plain:
        other = found[face.path.name]
        assert np.array_equal(face.read(), other.read())
        assert np.array_equal(face.landmarks, other.landmarks)
        assert (face.split, face.labels) == (other.split, other.labels)
    ordered = [found[face.path.name] for face in plain]
    sampling = Sampling(create_holes("centre-box"))
    for memory in (None, 0.0):
        one, two = DecodedFaces(plain, memory), DecodedFaces(ordered, memory)
        for index in range(4):
            first, second = (sample_at(faces, sampling, 32, 0, index) for faces in (one, two))
            assert np.array_equal(first.image, second.image)
            assert np.array_equal(first.hole, second.hole)


def test_shards_that_cannot_be_read_say_so(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w:gz") as tar:
        add(tar, "0.png", b"")
    with pytest.raises(InputError, match=r"The shard .*a\.tar cannot be read"):
        list_faces(tmp_path)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "0.png", b"")
        add(tar, "0.json", b'{"landmarks": [1, 2]}')
    with pytest.raises(InputError, match=r"0\.json in .*a\.tar is not an annotated face"):
        list_faces(tmp_path)
