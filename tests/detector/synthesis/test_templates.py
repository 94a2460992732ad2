from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.synthesis import TemplateFolder, draw_mask
from detector.synthesis.templates import face_anchors
from tests.detector.synthesis.faces import astronaut_face
from weights.base.errors import InputError

SECTION = """[{name}]
template: {path}
mask_a: 20, 60
mask_b: 150, 10
mask_c: 280, 60
mask_d: 20, 150
mask_e: 150, 215
mask_f: 280, 150

"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "textures" / "dots").mkdir(parents=True)
    picture = np.zeros((230, 300, 4), np.uint8)
    hull = np.array([[20, 60], [150, 10], [280, 60], [280, 150], [150, 215], [20, 150]], np.int32)
    cv2.fillPoly(picture, [hull], (200, 120, 40, 255), cv2.LINE_AA)
    cv2.line(picture, (0, 20), (30, 70), (255, 255, 255, 255), 5)
    for name in ("blue", "blue_left", "blue_right"):
        cv2.imwrite(str(tmp_path / "templates" / f"{name}.png"), picture)
    cv2.imwrite(str(tmp_path / "textures" / "dots" / "a.png"), picture[50:90, 50:90, :3])
    (tmp_path / "masks.cfg").write_text(
        "".join(
            SECTION.format(name=name, path=f"masks/templates/{name}.png")
            for name in ("blue", "blue_left", "blue_right", "absent")
        )
        + "[empty]\n"
    )
    return tmp_path


def test_reads_the_folder_and_leaves_out_what_is_missing(folder):
    templates = TemplateFolder(folder)
    assert templates.names == ["blue"]
    assert len(templates.textures) == 1
    random = np.random.default_rng(0)
    assert templates.pick(0.0, random).name == "blue"
    assert templates.pick(-0.6, random).name == "blue_left"
    assert templates.pick(0.6, random).name == "blue_right"


def test_anchors_named_by_the_wearers_sides_are_put_image_left_first(folder):
    text = (folder / "masks.cfg").read_text()
    swapped = text.replace("mask_a: 20", "mask_x: 280").replace("mask_c: 280", "mask_a: 20")
    swapped = swapped.replace("mask_x: 280", "mask_c: 280")
    (folder / "masks.cfg").write_text(swapped.replace("mask_a: 20", "mask_q: 20", 0))
    template = TemplateFolder(folder).pick(0.0, np.random.default_rng(0))
    assert template.anchors[0, 0] < template.anchors[2, 0]


def test_draws_a_template_with_its_colour_and_exact_mask(folder):
    image, landmarks = astronaut_face()
    templates = TemplateFolder(folder)
    plain = None
    for seed in range(20):
        result = draw_mask(
            image,
            landmarks,
            np.random.default_rng(seed),
            kind="template",
            templates=templates,
            worn="full",
        )
        assert result.record["kind"] == "template"
        x, y = landmarks[33].round().astype(int)
        assert result.mask[y, x]
        if result.record["recoloured"] is None:
            plain = result
    assert plain is not None
    red, _, blue = plain.masked[plain.mask].mean(axis=0)
    assert blue > red + 40
    assert plain.straps.any()
    assert not (plain.straps & plain.mask).any()


def test_templates_are_mixed_with_drawn_masks_and_deterministic(folder):
    image, landmarks = astronaut_face()
    templates = TemplateFolder(folder)

    def kinds():
        return [
            draw_mask(image, landmarks, np.random.default_rng(seed), templates=templates)
            for seed in range(16)
        ]

    first, second = kinds(), kinds()
    count = sum(result.record["kind"] == "template" for result in first)
    assert 1 <= count <= 13
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.masked, two.masked)


def test_anchors_follow_the_face():
    _, landmarks = astronaut_face()
    anchors = face_anchors(landmarks, np.random.default_rng(0))
    assert anchors.shape == (6, 2)
    assert anchors[0, 0] < anchors[1, 0] < anchors[2, 0]
    assert anchors[1, 1] < anchors[0, 1] < anchors[3, 1] < anchors[4, 1]


def test_unusable_folders(tmp_path):
    with pytest.raises(InputError, match=r"masks\.cfg"):
        TemplateFolder(tmp_path)
    (tmp_path / "masks.cfg").write_text(SECTION.format(name="blue", path="templates/blue.png"))
    with pytest.raises(InputError, match="None of the pictures"):
        TemplateFolder(tmp_path)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "blue.png").write_bytes(b"no picture")
    templates = TemplateFolder(tmp_path)
    image, landmarks = astronaut_face()
    with pytest.raises(InputError, match="not a picture"):
        draw_mask(image, landmarks, np.random.default_rng(0), kind="template", templates=templates)
    (tmp_path / "masks.cfg").write_text("[blue]\ntemplate: templates/blue.png\nmask_a: 1\n")
    with pytest.raises(InputError, match="mask_a to mask_f"):
        TemplateFolder(tmp_path)
