"""A confirmation network learns from outlines, boxes and the detector's own mistakes."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from detector import train_confirmation as command
from detector.confirmation import MaskConfirmation
from detector.confirmation_cuts import ConfirmationCuts, collect_cuts
from detector.confirmation_file import load_confirmation
from detector.confirmation_network import ConfirmationConfiguration
from detector.confirmation_training import (
    ConfirmationRecipe,
    outline_loss,
    sampling_weights,
    train_confirmation,
)
from detector.regions import MaskRegion
from tests.faces import write_faces
from weights.digest import file_sha256
from weights.errors import ConfigurationError, InputError, WeightsError
from weights.record import read_record

SMALL = ConfirmationConfiguration(widths=(8, 12), depths=(1, 1), size=32)
BLUE, RED = (40, 90, 220), (220, 60, 40)


def ellipse(image, centre, axes, colour):
    cv2.ellipse(image, centre, axes, 0, 0, 360, colour, -1)


def picture(random, colour):
    """One blob on noise: a blue one is a mask, a red one is what a detector takes for one."""
    image = random.integers(90, 140, (80, 96, 3)).astype(np.uint8)
    centre = (int(random.integers(30, 66)), int(random.integers(28, 52)))
    axes = (int(random.integers(12, 20)), int(random.integers(9, 15)))
    ellipse(image, centre, axes, colour)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    polygon = np.stack([np.cos(angle), np.sin(angle)], 1) * axes + centre + 0.5
    return image, polygon / (96, 80)


@pytest.fixture
def data(tmp_path):
    random = np.random.default_rng(0)
    for part, count in (("train", 24), ("val", 8)):
        for folder in ("images", "labels"):
            (tmp_path / "set" / folder / part).mkdir(parents=True)
        for number in range(count):
            image, polygon = picture(random, BLUE if number % 2 else RED)
            name = f"{part}_{number}"
            cv2.imwrite(str(tmp_path / "set/images" / part / f"{name}.png"), image[:, :, ::-1])
            if number % 2:
                numbers = " ".join(f"{value:.5f}" for value in polygon.ravel())
                (tmp_path / "set/labels" / part / f"{name}.txt").write_text(f"0 {numbers}\n")
    path = tmp_path / "set" / "data.yaml"
    path.write_text("path: .\ntrain: images/train\nval: images/val\nnames: {0: mask}\n")
    return path


@pytest.fixture
def boxed(tmp_path):
    random = np.random.default_rng(1)
    lines = []
    for number in range(20):
        image, polygon = picture(random, BLUE if number % 2 else RED)
        cv2.imwrite(str(tmp_path / f"boxed_{number}.png"), image[:, :, ::-1])
        (x0, y0), (x1, y1) = (polygon.min(0) * (96, 80)), (polygon.max(0) * (96, 80))
        box = [x0 - 3, y0 - 10, x1 + 3, y1 + 2]
        label = "with_mask" if number % 2 else "without_mask"
        lines.append({"file": f"boxed_{number}.png", "face_boxes": [{"label": label, "xyxy": box}]})
    path = tmp_path / "boxed.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def blobs(image):
    """Stands in for a detector that takes every blob for a mask."""
    strong = image.astype(int).max(2) - image.astype(int).min(2) > 100
    return [MaskRegion.from_mask(strong, 0.5)] if strong.any() else []


class FindBlobs:
    """The same, with a detector's signature."""

    def __init__(self, *arguments, **options):
        pass

    def detect(self, images):
        return [blobs(image) for image in images]


def collect(data, boxed, part="train", **options):
    return collect_cuts(data, boxed, blobs, part, size=40, context=2.5, **options)


def test_cuts_of_outlines_and_of_false_finds(data):
    cuts = collect([data], [])
    assert len(cuts) == 24 and cuts.worn.sum() == 12
    assert (cuts.outlined[:, 0] == cuts.worn).all() and not cuts.outlined[:, 1].any()
    assert (cuts.outlines[~cuts.worn] == 0).all()
    middle = cuts.pictures[:, 18:22, 18:22].reshape(24, -1, 3).mean(1)
    assert (middle[cuts.worn][:, 2] > 180).all() and (middle[~cuts.worn][:, 0] > 180).all()
    assert (cuts.outlines[cuts.worn][:, 0, 20, 20] == 255).all()


def test_cuts_of_boxed_faces_have_no_outline(boxed):
    cuts = collect([], [boxed])
    assert not cuts.outlined.any() and cuts.worn.any() and not cuts.worn.all()
    middle = cuts.pictures[:, 18:22, 18:22].reshape(len(cuts), -1, 3).mean(1)
    assert (middle[cuts.worn][:, 2] > 180).all()
    validation = collect([], [boxed], "val")
    assert 0 < len(validation) < len(cuts)


def test_cuts_of_drawn_masks_know_their_straps(tmp_path):
    faces = write_faces(tmp_path / "faces", count=6, side=160, width=160, height=160)
    cuts = collect([], [], faces=[faces])
    assert len(cuts) == 4 and cuts.worn.all() and cuts.outlined.all()
    masks, straps = cuts.outlines[:, 0] > 127, cuts.outlines[:, 1] > 127
    assert masks[:, 20, 20].all() and not (masks & straps).any()
    assert straps.any()
    again = collect([], [], faces=[faces])
    assert (again.pictures == cuts.pictures).all(), "the same masks each time"
    assert len(collect([], [], "val", faces=[faces])) == 2


def test_at_most_so_many_pictures_of_a_set(data):
    said = []
    assert len(collect([data], [], most_pictures=6, said=said.append)) == 6
    assert said == [f"{data}, train: 1 masks, 5 cuts without"]


def test_nothing_to_learn_from_is_an_error(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images\nval: images\nnames: [mask]\n")
    with pytest.raises(InputError, match="No mask"):
        collect([tmp_path / "data.yaml"], [])


def test_cuts_come_back_from_disk(data, tmp_path):
    cuts = collect([data], [])
    cuts.save(tmp_path / "cuts.npz")
    again = ConfirmationCuts.load(tmp_path / "cuts.npz")
    for name, value in vars(cuts).items():
        assert (getattr(again, name) == value).all()


def test_masks_and_others_are_drawn_alike():
    worn = np.array([True] * 90 + [False] * 9 + [True])
    sources = np.array([0] * 90 + [1] * 10)
    blank = np.zeros((100, 2, 2), np.uint8)
    known = np.stack([worn, worn], axis=1)
    cuts = ConfirmationCuts(
        blank[..., None].repeat(3, -1), blank[:, None].repeat(2, 1), worn, known, sources
    )
    weights = sampling_weights(cuts).numpy()
    assert weights[worn].sum() == pytest.approx(1.0) == pytest.approx(weights[~worn].sum())
    assert weights[99] == pytest.approx(1.0 / (1.0 + math.sqrt(90.0)))


def test_the_outline_loss_is_zero_where_all_is_right():
    outlines = (torch.rand(2, 8, 8) > 0.5).float()
    assert outline_loss(60.0 * (outlines - 0.5), outlines) < 1e-4
    assert outline_loss(torch.zeros(2, 8, 8), outlines) > math.log(2.0)


def train(data, boxed, output, **options):
    recipe = ConfirmationRecipe(steps=80, batch=8, learning_rate=6e-3, precision="32-true")
    settings = {"recipe": recipe, "configuration": SMALL, "device": "cpu", "said": lambda _: None}
    return train_confirmation([data], output, boxed=[boxed], **{**settings, **options})


def test_a_tiny_run_learns_and_can_be_used(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.confirmation_training.YoloMaskDetector", FindBlobs)
    trained = train(data, boxed, tmp_path / "run")
    assert trained.steps == 80
    assert trained.metrics["recall"] == 1.0 and trained.metrics["false"] == 0.0
    assert trained.metrics["iou"] > 0.6
    assert json.loads((tmp_path / "run" / "result.json").read_text())["steps"] == 80
    record = read_record(trained.record)
    assert record.kind == "confirmation" and record.sha256 == file_sha256(trained.weights)
    assert record.metrics["val"]["recall"] == 1.0
    assert "not stated" in trained.card.read_text()
    confirmation = MaskConfirmation(trained.weights, "cpu")
    random = np.random.default_rng(9)
    images = [picture(random, colour)[0] for colour in (BLUE, RED)]
    kept = confirmation.confirm(images, [blobs(image) for image in images], 0.4)
    assert [len(regions) for regions in kept] == [1, 0]


def test_straps_are_learned_from_drawn_masks(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.confirmation_training.YoloMaskDetector", FindBlobs)
    plain = train(data, boxed, tmp_path / "plain")
    faces = write_faces(tmp_path / "faces", count=6, side=96, width=96, height=96)
    options = {
        "faces": [faces],
        "start": plain.weights,
        "configuration": replace(SMALL, straps=True),
        "recipe": ConfirmationRecipe(steps=3, batch=8, precision="32-true"),
    }
    trained = train(data, boxed, tmp_path / "run", **options)
    assert set(trained.metrics) == {"recall", "false", "iou", "strap_iou"}
    network, configuration = load_confirmation(trained.weights)
    assert configuration.straps and network.outline.out_channels == 8
    # A few steps at a rising rate leave what it started from.
    assert trained.metrics["iou"] > 0.4
    with pytest.raises(WeightsError, match="does not fit"):
        train(data, boxed, tmp_path / "wide", **options | {"configuration": None})


def test_a_stopped_run_goes_on(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.confirmation_training.YoloMaskDetector", FindBlobs)
    recipe = ConfirmationRecipe(steps=4, batch=4, precision="32-true")
    train(data, boxed, tmp_path / "run", recipe=recipe)
    stored = (tmp_path / "run" / "train.npz").stat().st_mtime_ns
    longer = ConfirmationRecipe(steps=12, batch=4, precision="32-true")
    assert train(data, boxed, tmp_path / "run", recipe=longer).steps == 12
    assert (tmp_path / "run" / "train.npz").stat().st_mtime_ns == stored, "cut once"


def test_time_ends_a_run_in_good_order(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.confirmation_training.YoloMaskDetector", FindBlobs)
    recipe = ConfirmationRecipe(steps=100_000, batch=4, precision="32-true")
    trained = train(data, boxed, tmp_path / "run", recipe=recipe, time_budget_minutes=0.02)
    assert trained.weights.is_file() and trained.steps < 100_000


def test_masks_alone_teach_nothing(data, tmp_path, monkeypatch):
    class FindNothing(FindBlobs):
        def detect(self, images):
            return [[] for _ in images]

    monkeypatch.setattr("detector.confirmation_training.YoloMaskDetector", FindNothing)
    with pytest.raises(InputError, match="show only masks"):
        train_confirmation([data], tmp_path / "run", device="cpu", said=lambda _: None)


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    arguments = ["--data", str(tmp_path / "none.yaml"), "--output", str(tmp_path / "run")]
    assert command.main([*arguments, "--detector", str(tmp_path / "none.safetensors")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    with pytest.raises(ConfigurationError, match="steps"):
        ConfirmationRecipe(steps=0)
