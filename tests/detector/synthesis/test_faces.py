from __future__ import annotations

import json

import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest

from detector.synthesis import load_faces
from tests.detector.synthesis.faces import astronaut_face
from weights.base.errors import InputError


def _entry(**changes):
    _, landmarks = astronaut_face()
    entry = {
        "file": "a/b.jpg",
        "split": "val",
        "width": 200,
        "height": 210,
        "landmarks": landmarks.tolist(),
        "source": "here",
    }
    return {key: value for key, value in {**entry, **changes}.items() if value is not None}


def test_reads_annotations(tmp_path):
    lines = [json.dumps(_entry()), "", json.dumps(_entry(split=None, source=None))]
    file = tmp_path / "faces.jsonl"
    file.write_text("\n".join(lines))
    for path in (file, tmp_path, str(file)):
        first, second = load_faces(path)
        assert first.file == tmp_path / "a/b.jpg"
        assert (first.width, first.height, first.split) == (200, 210, "val")
        assert first.extra == {"source": "here"}
        assert first.landmarks.shape == (68, 2)
        assert first.landmarks.dtype == np.float64
        assert second.split is None
        assert second.extra == {}


def test_a_size_that_is_not_given_is_the_pictures(tmp_path):
    (tmp_path / "a").mkdir()
    picture = PIL.Image.new("RGB", (30, 20))
    turned = picture.getexif()
    turned[PIL.ExifTags.Base.Orientation] = 6
    file = tmp_path / "faces.jsonl"
    file.write_text(json.dumps(_entry(width=None, height=None)))
    for exif, size in ((None, (30, 20)), (turned, (20, 30))):
        picture.save(tmp_path / "a" / "b.jpg", **({} if exif is None else {"exif": exif}))
        (face,) = load_faces(file)
        assert (face.width, face.height) == size
        assert face.extra == {"source": "here"}
    (tmp_path / "a" / "b.jpg").unlink()
    with pytest.raises(InputError, match=r"Line 1 of .* its picture .*b\.jpg cannot be opened"):
        load_faces(file)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        "3",
        json.dumps(_entry(landmarks=[[1, 2]])),
        json.dumps(_entry(file=None)),
        json.dumps(_entry(width="wide")),
        json.dumps(_entry(split="trian")),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line):
    file = tmp_path / "faces.jsonl"
    file.write_text(json.dumps(_entry()) + "\n" + line + "\n")
    with pytest.raises(InputError, match="Line 2"):
        load_faces(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"faces\.jsonl"):
        load_faces(tmp_path)
