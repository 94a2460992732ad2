"""A verifier learns from outlines, boxes and the detector's own mistakes."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from detector.find.verifier import MaskVerifier
from detector.find.verifier_file import load_verifier
from detector.find.verifier_network import VerifierConfiguration
from detector.train import verifier_command as command
from detector.train.recipe import VerifierRecipe
from detector.train.verifier import (
    VerifierTraining,
    outline_loss,
    outlines_loss,
    sampling_weights,
    train_verifier,
)
from detector.train.verifier_crops import VerifierCrops, VerifierSets, collect_crops
from tests.faces import write_faces
from weights.base.errors import ConfigurationError, InputError, TrainingError, WeightsError
from weights.base.regions import MaskRegion
from weights.base.training_command import exit_status
from weights.catalog.digest import file_sha256
from weights.catalog.record import read_record

SMALL = VerifierConfiguration(widths=(16, 16, 16, 16), size=32, first_size=32, context=2.0)
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


def collect(data, boxed, part="train", *, said=None, **more):
    sets = VerifierSets(data, boxed, **more)
    return collect_crops(sets, blobs, part, size=40, context=2.5, said=said)


def test_crops_of_outlines_and_of_false_finds(data):
    crops = collect([data], [])
    assert len(crops) == 24 and crops.worn.sum() == 12
    assert (crops.outlined[:, 0] == crops.worn).all() and not crops.outlined[:, 1].any()
    assert (crops.outlines[~crops.worn] == 0).all()
    middle = crops.pictures[:, 18:22, 18:22].reshape(24, -1, 3).mean(1)
    assert (middle[crops.worn][:, 2] > 180).all() and (middle[~crops.worn][:, 0] > 180).all()
    assert (crops.outlines[crops.worn][:, 0, 20, 20] == 255).all()


def test_crops_of_boxed_faces_have_no_outline(boxed):
    crops = collect([], [boxed])
    assert not crops.outlined.any() and crops.worn.any() and not crops.worn.all()
    middle = crops.pictures[:, 18:22, 18:22].reshape(len(crops), -1, 3).mean(1)
    assert (middle[crops.worn][:, 2] > 180).all()
    validation = collect([], [boxed], "val")
    assert 0 < len(validation) < len(crops)


def test_straps_are_known_where_an_annotated_set_tells_them_apart(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((80, 96, 3), 120, np.uint8))
    body = [[30, 30], [60, 30], [60, 55], [30, 55]]
    strap = [[61, 32], [75, 32], [75, 34], [61, 34]]
    masks = [{"pieces": [body], "straps": [strap]}, {"pieces": [body]}]
    lines = [{"file": "a.png", "masks": [mask]} for mask in masks]
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    crops = collect([path], [])
    assert crops.outlined.tolist() == [[True, True], [True, False]]
    told, joined = crops.outlines > 127
    assert told[0].any() and told[1].any() and not (told[0] & told[1]).any()
    assert (told[0] == joined[0]).all() and not joined[1].any()


def test_crops_of_drawn_masks_know_their_straps(tmp_path):
    faces = write_faces(tmp_path / "faces", count=6, side=160, width=160, height=160)
    crops = collect([], [], faces=[faces])
    assert crops.worn.sum() == 4 and (crops.outlined.all(axis=1) == crops.worn).all()
    crops = _only(crops, crops.worn)
    masks, straps = crops.outlines[:, 0] > 127, crops.outlines[:, 1] > 127
    assert masks[:, 20, 20].all() and not (masks & straps).any()
    assert straps.any()
    again = collect([], [], faces=[faces])
    assert (_only(again, again.worn).pictures == crops.pictures).all(), "the same masks each time"
    assert collect([], [], "val", faces=[faces]).worn.sum() == 2
    twice = collect([], [], faces=[faces, faces])
    assert twice.worn.sum() == 8
    assert len(np.unique(_only(twice, twice.worn).pictures, axis=0)) == 8, "other masks each time"


def test_some_faces_are_shown_bare(tmp_path):
    faces = write_faces(tmp_path / "faces", count=24, side=96, width=96, height=96)
    crops = collect([], [], faces=[faces])
    bare = _only(crops, ~crops.worn)
    assert 0 < len(bare) < 0.5 * crops.worn.sum()
    assert not bare.outlined.any() and not bare.outlines.any()


def test_photos_of_an_annotated_file_are_divided_by_their_names(tmp_path):
    lines = []
    for number in range(30):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 60, 3), np.uint8))
        square = [[20.0, 20.0], [40.0, 20.0], [40.0, 40.0], [20.0, 40.0]]
        lines.append({"file": f"{number}.png", "polygons": [{"points": square}]})
    path = tmp_path / "photos.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    train, validation = collect([path], []), collect([path], [], "val")
    assert len(train) + len(validation) == 30 and 0 < len(validation) < 10
    assert train.outlined[:, 0].all() and not train.outlined[:, 1].any()


def _only(crops, chosen):
    return VerifierCrops(**{name: value[chosen] for name, value in vars(crops).items()})


def test_at_most_so_many_pictures_of_a_set(data):
    said = []
    assert len(collect([data], [], most_pictures=6, said=said.append)) == 6
    assert said == [f"{data}, train: 1 masks, 5 crops without"]


def test_nothing_to_learn_from_is_an_error(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images\nval: images\nnames: [mask]\n")
    with pytest.raises(InputError, match="No mask"):
        collect([tmp_path / "data.yaml"], [])


def test_cuts_come_back_from_disk(data, tmp_path):
    crops = collect([data], [])
    crops.save(tmp_path / "crops.npz")
    again = VerifierCrops.load(tmp_path / "crops.npz")
    for name, value in vars(crops).items():
        assert (getattr(again, name) == value).all()


def test_kinds_are_drawn_by_their_shares():
    worn = np.array([True] * 90 + [False] * 10)
    known = np.zeros((100, 2), bool)
    known[:60] = True
    known[60:80, 0] = True
    blank = np.zeros((100, 2, 2, 2), np.uint8)
    crops = VerifierCrops(blank, blank, worn, known, np.zeros(100, np.int64))
    recipe = VerifierRecipe(drawn=0.4, photographed=0.3, boxed=0.1, unmasked=0.2)
    weights = sampling_weights(crops, recipe).numpy()
    sums = [weights[part].sum() for part in np.split(np.arange(100), (60, 80, 90))]
    assert sums == pytest.approx([0.4, 0.3, 0.1, 0.2])
    assert np.unique(weights[:60]).size == 1


def test_straps_that_are_not_known_apart_may_be_in_either_plane():
    worn, outlined = torch.tensor([True]), torch.tensor([[True, False]])
    drawn = torch.zeros(1, 2, 16, 16)
    drawn[:, 0, 4:12] = 1.0
    logits = torch.full((1, 2, 16, 16), -20.0)
    logits[:, 0, 4:9] = 20.0
    logits[:, 1, 9:12] = 20.0
    assert outlines_loss(logits, drawn, worn, outlined) < 1e-3
    assert outlines_loss(logits, drawn, worn, torch.tensor([[True, True]])) > 1.0
    assert outlines_loss(logits, drawn, worn, torch.tensor([[False, False]])) == 0.0
    # Outlines may leave straps out, so none is wrong outside them, where a mask still is.
    logits[:, 1, 12:] = 20.0
    assert outlines_loss(logits, drawn, worn, outlined) < 1e-3
    logits[:, 0, 12:] = 20.0
    assert outlines_loss(logits, drawn, worn, outlined) > 1.0


def test_where_no_mask_is_nothing_is_outlined():
    logits = torch.full((2, 2, 8, 8), -20.0)
    none = torch.zeros(2, 2, dtype=torch.bool)
    worn = torch.tensor([False, False])
    blank = torch.zeros(2, 2, 8, 8)
    assert outlines_loss(logits, blank, worn, none) < 1e-6
    assert outlines_loss(-logits, blank, worn, none) == pytest.approx(20.0)


def test_the_encoder_has_a_rate_of_its_own():
    training = VerifierTraining(SMALL, VerifierRecipe(encoder="chance"))
    groups = training.configure_optimizers().param_groups
    counts = [sum(weight.numel() for weight in group["params"]) for group in groups]
    assert [group["highest"] for group in groups] == [3e-4, 1.5e-3]
    assert counts[0] == sum(weight.numel() for weight in training.network.encoder.parameters())
    assert sum(counts) == sum(weight.numel() for weight in training.network.parameters())


def test_first_stages_of_the_encoder_can_be_frozen():
    encoder = VerifierTraining(SMALL, VerifierRecipe(frozen_stages=2)).network.encoder
    learns = [
        {weight.requires_grad for weight in part.parameters()}
        for part in (encoder.stem, *encoder.stages)
    ]
    assert learns == [{False}] * 3 + [{True}] * 5


def test_recipes_are_read_by_name():
    assert VerifierRecipe.read("cpu").batch == 16
    assert VerifierRecipe.read("gpu").batch == 64
    with pytest.raises(ConfigurationError, match="cpu"):
        VerifierRecipe.read("cpuu")
    with pytest.raises(ConfigurationError, match="encoder_rate"):
        VerifierRecipe().with_changes({"encoder_rat": 1.0})


def test_the_outline_loss_is_zero_where_all_is_right():
    outlines = (torch.rand(2, 8, 8) > 0.5).float()
    assert outline_loss(60.0 * (outlines - 0.5), outlines) < 1e-4
    assert outline_loss(torch.zeros(2, 8, 8), outlines) > math.log(2.0)


QUICK = VerifierRecipe(
    encoder="chance",
    encoder_rate=2e-3,
    learning_rate=6e-3,
    precision="32-true",
    boxed=0.2,
    unmasked=0.4,
)


def train(data, boxed, output, *, faces=(), **options):
    recipe = QUICK.with_changes({"steps": 80, "batch": 8})
    settings = {"recipe": recipe, "configuration": SMALL, "device": "cpu", "said": lambda _: None}
    return train_verifier(VerifierSets([data], [boxed], faces), output, **{**settings, **options})


def test_a_tiny_run_learns_and_can_be_used(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    trained = train(data, boxed, tmp_path / "run")
    assert trained.steps == 80
    assert trained.metrics["recall"] == 1.0 and trained.metrics["false"] == 0.0
    assert trained.metrics["photo_iou"] > 0.6
    assert json.loads((tmp_path / "run" / "result.json").read_text())["steps"] == 80
    record = read_record(trained.record)
    assert record.kind == "confirmation" and record.sha256 == file_sha256(trained.weights)
    assert record.metrics["val"]["recall"] == 1.0
    assert "not stated" in trained.card.read_text()
    confirmation = MaskVerifier(trained.weights, "cpu")
    random = np.random.default_rng(9)
    images = [picture(random, colour)[0] for colour in (BLUE, RED)]
    # After so few steps a processor's rounding moves scores by some tenths: both are far from this.
    kept = confirmation.confirm(images, [blobs(image) for image in images], 0.1)
    assert [len(regions) for regions in kept] == [1, 0]


def test_straps_are_learned_from_drawn_masks(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    faces = write_faces(tmp_path / "faces", count=6, side=96, width=96, height=96)
    options = {"faces": [faces], "recipe": QUICK.with_changes({"steps": 3, "batch": 8})}
    trained = train(data, boxed, tmp_path / "run", **options)
    assert set(trained.metrics) == {"recall", "false", "iou", "photo_iou", "strap_iou"}
    further = train(data, boxed, tmp_path / "further", **options, initial_weights=trained.weights)
    assert further.steps == 3
    with pytest.raises(WeightsError, match="does not fit"):
        wide = replace(SMALL, widths=(24, 16, 16, 16))
        train(data, boxed, tmp_path / "wide", initial_weights=trained.weights, configuration=wide)


def test_a_stopped_run_goes_on(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    recipe = QUICK.with_changes({"steps": 4, "batch": 4})
    train(data, boxed, tmp_path / "run", recipe=recipe)
    stored = (tmp_path / "run" / "train.npz").stat().st_mtime_ns
    longer = QUICK.with_changes({"steps": 12, "batch": 4})
    assert train(data, boxed, tmp_path / "run", recipe=longer).steps == 12
    assert (tmp_path / "run" / "train.npz").stat().st_mtime_ns == stored, "cut once"


def test_frozen_stages_keep_their_batch_statistics(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    recipe = QUICK.with_changes({"steps": 3, "batch": 4, "frozen_stages": 2})
    torch.manual_seed(0)  # as the training begins
    before = VerifierTraining(SMALL, recipe).network.encoder
    trained = train(data, boxed, tmp_path / "run", recipe=recipe)
    after = load_verifier(trained.weights)[0].encoder
    for number, (one, other) in enumerate(
        zip([before.stem, *before.stages], [after.stem, *after.stages], strict=True)
    ):
        state = other.state_dict()
        assert any("running_var" in name for name in state)
        same = [
            torch.allclose(state[name], value, rtol=1e-3, atol=1e-4)
            for name, value in one.state_dict().items()
        ]
        assert all(same) if number <= 2 else not all(same), number


def test_a_gradient_that_is_no_number_stops(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    made = VerifierTraining.__init__

    def with_a_fault(self, *arguments):
        made(self, *arguments)
        last = list(self.network.parameters())[-1]
        last.register_hook(lambda gradient: gradient * float("inf"))

    monkeypatch.setattr(VerifierTraining, "__init__", with_a_fault)
    with pytest.raises(TrainingError, match="The gradient of step 0 became NaN or infinite"):
        train(data, boxed, tmp_path / "run", recipe=QUICK.with_changes({"steps": 2, "batch": 4}))


def test_a_signal_ends_a_run_after_its_step_and_it_goes_on_as_if_none_had_come(
    data, boxed, tmp_path, monkeypatch
):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    monkeypatch.setattr("detector.train.verifier._ROUND", 2)
    recipe, steps = QUICK.with_changes({"steps": 6, "batch": 4}), []
    whole = train(data, boxed, tmp_path / "whole", recipe=recipe)
    step = VerifierTraining.training_step

    def stopped(self, batch, index):
        steps.append(index)
        if len(steps) == 3:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch, index)

    monkeypatch.setattr(VerifierTraining, "training_step", stopped)
    folder = tmp_path / "run"
    assert exit_status(lambda: train(data, boxed, folder, recipe=recipe)) == 143
    assert len(steps) == 3 and (folder / "last.ckpt").is_file()
    torch.rand(5)  # whatever else has drawn chance meanwhile
    resumed = train(data, boxed, folder, recipe=recipe)
    assert resumed.steps == 6 and len(steps) == 6
    expected = load_verifier(whole.weights)[0].state_dict()
    for name, tensor in load_verifier(resumed.weights)[0].state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    curves = EventAccumulator(str(folder / "curves")).Reload()
    assert [one.step for one in curves.Scalars("outline")] == [1, 2, 3, 5], "the first part's stay"
    # A run that is finished learns no more.
    assert train(data, boxed, folder, recipe=recipe).metrics == resumed.metrics
    assert len(steps) == 6


@pytest.mark.parametrize("file", ["last.ckpt", "train.npz"])
def test_damaged_files_of_a_run_are_one_sentence(data, boxed, tmp_path, monkeypatch, file):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    recipe = QUICK.with_changes({"steps": 2, "batch": 4})
    train(data, boxed, tmp_path / "run", recipe=recipe)
    path = tmp_path / "run" / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TrainingError, match=rf"{file} is damaged.*start over with --restart"):
        train(data, boxed, tmp_path / "run", recipe=recipe)


def test_time_ends_a_run_in_good_order(data, boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindBlobs)
    recipe = QUICK.with_changes({"steps": 100_000, "batch": 4})
    trained = train(data, boxed, tmp_path / "run", recipe=recipe, time_budget_minutes=0.02)
    assert trained.weights.is_file() and trained.steps < 100_000


def test_masks_alone_teach_nothing(data, tmp_path, monkeypatch):
    class FindNothing(FindBlobs):
        def detect(self, images):
            return [[] for _ in images]

    monkeypatch.setattr("detector.train.verifier.YoloMaskDetector", FindNothing)
    with pytest.raises(InputError, match="give only masks"):
        train_verifier(VerifierSets([data]), tmp_path / "run", device="cpu", said=lambda _: None)


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    arguments = ["--data", str(tmp_path / "none.yaml"), "--output", str(tmp_path / "run")]
    assert command.main([*arguments, "--detector", str(tmp_path / "none.safetensors")]) == 2
    assert capsys.readouterr().err.startswith("unmask: ")
    with pytest.raises(ConfigurationError, match="steps"):
        VerifierRecipe(steps=0)
