from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import EpsImagePlugin
from PIL import Image as PillowImage

from detector.data.annotations import AnnotatedMask, AnnotatedPicture, read_annotations
from tests.detector.blobs import write_blob_dataset
from weights.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def write_lines(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(entry) for entry in entries) + "\n")
    return path


def test_masks_are_drawn_from_all_their_pieces() -> None:
    first = np.array([[2.0, 2.0], [5.0, 2.0], [5.0, 5.0], [2.0, 5.0]])
    mask = AnnotatedMask((first, first + np.array([8.0, 0.0])))
    assert mask.box == (2.0, 2.0, 13.0, 5.0)
    assert mask.width == 11.0
    drawn = mask.draw((10, 20))
    assert drawn.shape == (10, 20)
    assert drawn.sum() == 32
    assert drawn[2:6, 2:6].all()
    assert drawn[2:6, 10:14].all()


def test_straps_are_read_and_drawn_apart(tmp_path: Path) -> None:
    body = [[2, 2], [9, 2], [9, 9], [2, 9]]
    strap = [[8, 4], [15, 4], [15, 5], [8, 5]]
    path = write_lines(
        tmp_path / "set.jsonl", {"file": "a.jpg", "masks": [{"pieces": [body], "straps": [strap]}]}
    )
    [mask] = read_annotations(path)[0].masks
    assert mask.draw((12, 20)).sum() == 64
    straps = mask.draw_straps((12, 20))
    assert straps.sum() == 12 and straps[4:6, 10:16].all()
    assert not AnnotatedMask(mask.pieces).draw_straps((12, 20)).any()


def test_lines_with_masks_with_polygons_and_without(tmp_path: Path) -> None:
    corners = [[1, 1], [5, 1], [5, 4]]
    path = write_lines(
        tmp_path / "set.jsonl",
        {
            "file": "a.jpg",
            "masks": [{"label": "mask", "pieces": [corners, corners]}],
            "tags": ["cloth"],
        },
        {"file": "b.jpg", "polygons": [{"points": corners}]},
        {"file": "c.jpg", "face_boxes": [{"label": "without_mask", "xyxy": [0, 0, 1, 1]}]},
    )
    first, second, third = read_annotations(path)
    assert first.file == tmp_path / "a.jpg"
    assert len(first.masks[0].pieces) == 2
    assert first.tags == ("cloth",)
    assert second.masks[0].box == (1.0, 1.0, 5.0, 4.0)
    assert third.masks == ()


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"masks": []}, "Line 1 of .* is not a valid annotated picture: it lacks 'file'"),
        ({"file": "a.jpg", "masks": [{"pieces": []}]}, "a mask has no pieces"),
        (
            {"file": "a.jpg", "masks": [{"pieces": [[[1e30, 0], [5, 5], [1, 9]]]}]},
            "lies far outside a picture",
        ),
        ({"file": "a", "masks": [{"pieces": [[[1, 2]]]}]}, "shape"),
        ({"file": "a", "masks": [{"pieces": [[[1, 2], [3, 4], [5, None]]]}]}, "Line 1"),
        (
            {"file": "a", "face_boxes": [{"label": "with_mask", "xyxy": [0, 0, 1, 1]}]},
            "no outline of a mask",
        ),
    ],
)
def test_lines_that_cannot_be_measured_are_refused(
    entry: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        read_annotations(write_lines(tmp_path / "set.jsonl", entry))


def test_missing_and_empty_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot read the annotations"):
        read_annotations(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="lists no picture"):
        read_annotations(tmp_path / "empty.jsonl")


def test_yolo_sets_are_read_in_pixels(tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path, train=1, val=2, size=64)
    pictures = read_annotations(data, "val")
    assert len(pictures) == 2
    for picture in pictures:
        image = picture.load()
        for mask in picture.masks:
            inside = image[mask.draw(image.shape[:2])]
            assert np.median(inside, axis=0) == pytest.approx([40, 200, 230], abs=2)
    with pytest.raises(InputError, match="has no part 'test'; it has train, val"):
        read_annotations(data, "test")


def test_pictures_are_read_upright_in_rgb(tmp_path: Path) -> None:
    picture = PillowImage.new("RGB", (6, 4), (200, 10, 30))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=exif)
    image = AnnotatedPicture(tmp_path / "turned.png").load()
    assert image.shape == (6, 4, 3)
    assert image[0, 0].tolist() == [200, 10, 30]
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((3, 3), 7, np.uint8))
    assert AnnotatedPicture(tmp_path / "grey.png").load().shape == (3, 3, 3)
    (tmp_path / "no.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"no\.jpg is empty"):
        AnnotatedPicture(tmp_path / "no.jpg").load()


def test_no_other_program_is_started_for_a_picture(tmp_path: Path, monkeypatch: Any) -> None:
    drawn = PillowImage.new("RGB", (4, 4)).im
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: drawn)
    place = tmp_path / "0.png"
    place.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n")
    with PillowImage.open(place) as picture:
        assert picture.convert("L").size == (4, 4)
    with pytest.raises(InputError, match="not a picture"):
        AnnotatedPicture(place).load()
