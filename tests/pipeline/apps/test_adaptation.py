"""`unmask adapt`: both networks fitted to faces, measured before and after, and gone on with."""

from __future__ import annotations

import json

import pytest
import yaml

from pipeline import InputError, Pipeline
from pipeline.apps import adaptation
from pipeline.apps.adaptation import AdaptationSettings, adapt_to_faces, is_better
from pipeline.configuration import read_configuration
from tests.faces import write_faces

TINY = AdaptationSettings(
    minutes=1e-3,
    device="cpu",
    threads=1,
    scenes=6,
    detector_changes={
        "image_size": 64, "epochs": 1, "batch": 2, "step_batch": 2, "cache": "", "mosaic": 0.0,
        "plain_epochs": 0, "warmup_epochs": 0.0,
    },
    inpainter_changes={
        "adversarial": None,
        "phases": [{"steps": 2, "size": 64, "batch": 1}],
        "losses": [{"name": "l1", "region": "hole", "weight": 1.0}],
        "data.validation_count": 1,
        "data.deblocked": False,
        "precision": "32-true",
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapted")
    faces = write_faces(folder / "faces", count=6, side=160)
    told = []
    made = adapt_to_faces(faces, folder / "out", TINY, tell=told.append)
    return faces, folder / "out", made, told


def test_both_networks_are_trained_and_measured_before_and_after(adapted):
    _, output, made, told = adapted
    assert [sentence.split()[0] for sentence in told] == [
        "Reading", "Drawing", "Measuring", "Measuring", "Training", "Training", "Measuring",
        "Measuring",
    ]  # fmt: skip
    for kind, name in (("detector", "ap50"), ("inpainter", "ssim_hole")):
        assert set(made.figures[kind]) == {"before", "after"}
        better = made.figures[kind]["after"][name] > made.figures[kind]["before"][name]
        assert (kind in made.adapted) == better
    assert (output / "detector" / "detector.safetensors").is_file()
    assert (output / "inpainter" / "average.safetensors").is_file()
    assert json.loads((output / "adaptation.json").read_text())["figures"] == made.figures


def test_realism_decides_where_it_was_measured():
    before = {"realism_distance": 0.2, "psnr_hole": 20.0, "ssim_hole": 0.6}
    assert is_better("inpainter", before, {**before, "realism_distance": 0.1, "ssim_hole": 0.5})
    assert not is_better("inpainter", before, {**before, "realism_distance": 0.3, "ssim_hole": 0.7})
    assert not is_better("inpainter", before, before)
    few = {"psnr_hole": 20.0, "ssim_hole": 0.6}
    assert is_better("inpainter", few, {**few, "ssim_hole": 0.7})
    assert is_better("detector", {"ap50": 0.8, "iou": 0.9}, {"ap50": 0.9, "iou": 0.8})


def test_the_discriminator_learns_alone_at_first_and_the_schedule_fits_the_time(
    tmp_path, monkeypatch
):
    faces = write_faces(tmp_path / "faces", count=2, side=96)
    planned = []

    def stop(recipe, output, minutes, **options):
        planned.append((recipe, minutes, options))
        raise InputError("seen")

    monkeypatch.setattr("inpainter.training.time_budget.fit_schedule", stop)
    settings = AdaptationSettings(minutes=9.0, device="cpu", threads=1)
    with pytest.raises(InputError, match="seen"):
        adaptation.train_inpainter_on(faces, tmp_path, settings, 8.0)
    ((recipe, minutes, options),) = planned
    assert [(phase.steps, phase.generator) for phase in recipe.phases] == [(1, False), (3, True)]
    assert minutes < 8.0 and options == {"device": "cpu", "threads": 1}


def test_the_pipeline_names_new_weights_where_they_are_better(adapted):
    _, output, made, _ = adapted
    content = yaml.safe_load(made.pipeline.read_text())
    for kind, name in (("detector", "yolo"), ("inpainter", "gated")):
        if kind in made.adapted:
            assert content[kind]["name"] == name
            assert (output / content[kind]["weights"]).is_file()
        else:
            assert content[kind] == name
    assert Pipeline.from_config(made.pipeline).description()["refiner"] == "morphology"
    assert read_configuration(made.pipeline).keys() == {"detector", "inpainter"}


def test_a_time_that_is_over_ends_in_good_order_and_the_same_call_goes_on(adapted):
    faces, output, made, _ = adapted
    assert not made.finished
    steps = len(list((output / "inpainter" / "sheets").glob("*.jpg")))
    told = []
    again = adapt_to_faces(faces, output, TINY, tell=told.append)
    assert again.finished
    assert again.figures["inpainter"]["before"] == made.figures["inpainter"]["before"]
    assert not any("shipped" in sentence for sentence in told)
    assert len(list((output / "inpainter" / "sheets").glob("*.jpg"))) == steps + 1


def test_too_few_faces_and_no_time_are_said(tmp_path):
    faces = write_faces(tmp_path / "faces", count=1)
    with pytest.raises(InputError, match="1 faces that can be used, but adapting needs at least 2"):
        adapt_to_faces(faces, tmp_path / "out", TINY)
    with pytest.raises(InputError, match="must be above 0 minutes"):
        AdaptationSettings(minutes=0.0)
