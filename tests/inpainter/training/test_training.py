"""Training by a recipe: it learns, it resumes as if nothing had happened, it says what fails."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch

from inpainter import create_model
from inpainter.data.face import read_picture
from inpainter.training import Recipe, read_recipe, train_inpainter
from inpainter.training.face_data import FaceData
from inpainter.training.module import CompletionTraining
from inpainter.training.moving_average import MovingAverage
from inpainter.training.recipe import (
    AdversarialSettings,
    DataSettings,
    HoleSettings,
    OptimizerSettings,
    Phase,
)
from inpainter.training.submodules import check_frozen_have_weights, load_part
from inpainter.weight_files import save_completion_network
from tests.faces import write_faces
from tests.inpainter.training.short_runs import short_recipe
from weights.base.errors import ConfigurationError, InputError, TrainingError, WeightsError
from weights.catalog.store import load_state_dict

FACE_HOLES = {"name": "detector.synthesis.holes:FaceMaskHoles"}


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(
        network={"name": "gated", "width": 8, "depth": 1},
        phases=(Phase(steps=6, size=32, batch=2),),
        losses=(
            {"name": "l1", "region": "hole", "weight": 4.0},
            {"name": "l1", "region": "valid", "weight": 1.0},
        ),
        adversarial=AdversarialSettings(
            {"name": "sn-patchgan", "channels": [8, 8, 8]}, weight=0.1, feature_matching=1.0
        ),
        holes=HoleSettings(face=FACE_HOLES, other="free-form", other_share=0.2),
        data=DataSettings(faces=str(write_faces(tmp_path / "faces")), validation_count=2),
        optimizer=OptimizerSettings(generator_lr=2e-3, warmup_steps=1),
        validation_interval=2,
        precision="32-true",
        seed=5,
    )


def test_a_line_of_a_round_tells_a_loss_from_the_validation_of_its_name(
    recipe: Recipe, tmp_path: Path
) -> None:
    recipe = replace(recipe, losses=({"name": "psnr", "region": "hole", "weight": 0.05},))
    trained = train_inpainter(recipe, tmp_path, device="cpu")
    line = (tmp_path / "rounds.log").read_text(encoding="utf-8").splitlines()[-1]
    groups = dict(part.split(": ") for part in line.split("; ")[1:])
    assert set(groups) == {"loss", "train", "validation"}
    for heading in ("loss", "validation"):
        figure = trained.metrics[f"{heading}/hole_psnr"]
        assert f"hole_psnr {figure:.4f}" in groups[heading].split(", ")
    assert "hole_psnr" not in groups["train"]


def test_a_tiny_run_lowers_its_loss_and_leaves_everything(recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(recipe, phases=(Phase(steps=24, size=32, batch=4),), validation_interval=8)
    output = tmp_path / "run"
    trained = train_inpainter(recipe, output, device="cpu")
    lines = (output / "rounds.log").read_text(encoding="utf-8").splitlines()
    losses = [float(line.split(", valid_l1 ")[1].partition(";")[0]) for line in lines]
    assert len(losses) == 3
    assert losses[-1] < 0.8 * losses[0]
    assert trained.finished
    assert trained.steps == 24
    assert trained.metrics["validation/hole_psnr"] > 3.0
    for name in ("recipe.yaml", "last.ckpt", "best.ckpt", "average.safetensors"):
        assert (output / name).is_file()
    with PIL.Image.open(output / "curves.png") as curves:
        assert curves.width == 1200
    assert len(list((output / "sheets").glob("*.jpg"))) == 3
    assert read_recipe(output / "recipe.yaml") == recipe
    assert trained.weights.stat().st_size < 16 * 2**20


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    recipe: Recipe, tmp_path: Path, optimizer: str
) -> None:
    recipe = recipe.with_changes({"optimizer.kind": optimizer})
    whole = train_inpainter(recipe, tmp_path / "whole", device="cpu")
    # A budget that is over at once stops the run gracefully after a step, amid its round.
    for steps in (1, 2, 3):
        part = train_inpainter(recipe, tmp_path / "parts", device="cpu", time_budget_minutes=1e-6)
        assert (part.steps, part.finished) == (steps, False)
        assert part.metrics["validation/hole_psnr"] > 0.0
    third = train_inpainter(recipe, tmp_path / "parts", device="cpu")
    assert (third.steps, third.finished) == (6, True)
    one, other = load_state_dict(whole.weights), load_state_dict(third.weights)
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def test_a_phase_for_one_network_leaves_the_other_as_it_was(recipe: Recipe, tmp_path: Path) -> None:
    from lightning.pytorch import Trainer

    from inpainter.training.face_data import FaceData
    from inpainter.training.module import CompletionTraining

    def run(phase: Phase) -> tuple[CompletionTraining, dict[str, torch.Tensor]]:
        torch.manual_seed(0)
        chosen = replace(recipe, phases=(phase,))
        module = CompletionTraining(chosen)
        before = {key: value.clone() for key, value in module.state_dict().items()}
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, FaceData(chosen))
        return module, before

    def changed(module: CompletionTraining, before: dict[str, torch.Tensor], part: str) -> bool:
        return any(
            not torch.equal(value, before[key])
            for key, value in module.state_dict().items()
            if key.startswith(part)
        )

    module, before = run(Phase(steps=2, size=32, batch=2, generator=False))
    assert not changed(module, before, "generator.")
    assert not changed(module, before, "average.")
    assert changed(module, before, "discriminator.")
    module, before = run(Phase(steps=2, size=32, batch=2, discriminator=False))
    assert changed(module, before, "generator.")
    assert not changed(module, before, "discriminator.")
    module, before = run(Phase(steps=2, size=32, batch=2))
    assert changed(module, before, "generator.")
    assert changed(module, before, "discriminator.")
    assert all(one.grad is None for one in module.discriminator.parameters())


def test_a_loss_that_is_no_number_stops_with_step_and_term(recipe: Recipe, tmp_path: Path) -> None:
    broken = replace(recipe, losses=({"name": "l1", "region": "hole", "weight": float("nan")},))
    with pytest.raises(TrainingError, match="'hole_l1' became NaN or infinite at step 0"):
        train_inpainter(broken, tmp_path / "run", device="cpu")


def test_the_average_follows_slowly_and_forgets_the_start() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, decay=0.9)
    with torch.no_grad():
        network.weight.fill_(1.0)
        average.network.weight.fill_(0.0)
    average.update(network)
    # The first decay is (1 + 0) / (10 + 0).
    assert float(average.network.weight.detach()) == pytest.approx(0.9)
    for _ in range(200):
        average.update(network)
    assert float(average.network.weight.detach()) == pytest.approx(1.0, abs=1e-4)


def test_recipes_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("network: {name: gated}\nphasse: []\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="Did you mean 'phases'"):
        read_recipe(file)
    file.write_text("network: {name: gated}\nphases: []\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="at least one phase"):
        read_recipe(file)
    file.write_text("network: {name: gated}\nphases: [{steps: 1, size: 8}]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="lacks the key 'batch'"):
        read_recipe(file)
    with pytest.raises(ConfigurationError, match="Cannot read"):
        read_recipe(tmp_path / "none.yaml")


def test_missing_faces_are_said_in_one_sentence(recipe: Recipe, tmp_path: Path) -> None:
    nowhere = replace(recipe, data=replace(recipe.data, faces=str(tmp_path / "nowhere")))
    with pytest.raises(InputError, match=r"faces\.jsonl"):
        train_inpainter(nowhere, tmp_path / "run", device="cpu")


def test_a_part_trained_before_is_taken_over(recipe: Recipe, tmp_path: Path) -> None:
    options = {"width": 8, "depth": 1}
    torch.manual_seed(1)
    coarse = create_model("gated-unet", **options)
    file = tmp_path / "coarse.safetensors"
    save_completion_network(coarse, file, name="gated-unet", options=options, input_size=32)
    whole = create_model("gated", **options, refine_width=8, refine_depth=1)
    load_part(whole, "coarse", file)
    for key, value in coarse.state_dict().items():
        assert torch.equal(whole.state_dict()[f"coarse.{key}"], value.half().float())
    with pytest.raises(ConfigurationError, match="Did you mean 'coarse'"):
        load_part(whole, "coarce", file)
    with pytest.raises(WeightsError, match="tensors differ"):
        load_part(whole, "refine", file)


def test_a_part_starts_from_a_part_of_another_network(tmp_path: Path) -> None:
    options = {"width": 8, "depth": 1, "refine_width": 8, "refine_depth": 1, "noise": True}
    below = create_model("gated", **options)
    file = tmp_path / "below.safetensors"
    save_completion_network(below, file, name="gated", options=options, input_size=32)
    detail = create_model("gated-detail", width=8, depth=1)
    load_part(detail, "detail", f"{file}#refine")
    for key, value in below.refine.state_dict().items():
        assert torch.equal(detail.state_dict()[f"detail.{key}"], value.half().float())
    with pytest.raises(WeightsError, match="tensors differ"):
        load_part(detail, "detail", f"{file}#coarse")


def test_a_frozen_part_stays_as_it_is(recipe: Recipe, tmp_path: Path) -> None:
    options = {"width": 8, "depth": 1, "refine_width": 8, "refine_depth": 1}
    changed = replace(recipe, network={"name": "gated", **options}, frozen=("coarse",))
    start = tmp_path / "start.safetensors"
    network = create_model("gated", **options)
    save_completion_network(network, start, name="gated", options=options, input_size=32)
    before = load_state_dict(start)
    run = train_inpainter(changed, tmp_path / "run", device="cpu", initial_weights=start)
    after = load_state_dict(run.weights)
    same = {name for name, one in before.items() if torch.equal(after[name], one)}
    assert same == {name for name in before if name.startswith("coarse.")}
    assert "loss/hole_l1" in run.metrics and "loss/coarse_hole_l1" not in run.metrics


def test_a_frozen_part_keeps_its_batch_statistics(recipe: Recipe, tmp_path: Path) -> None:
    options = {"width": 4}
    network = create_model("glcic", **options)
    # The first layers with their normalisation, without the layers behind them.
    statistics = next(name for name in network.state_dict() if "running" in name)
    part = statistics.rpartition(".")[0].rpartition(".")[0]
    start = tmp_path / "start.safetensors"
    save_completion_network(network, start, name="glcic", options=options, input_size=32)
    before = load_state_dict(start)
    # A phase for the discriminator alone has the generator in evaluation mode for a while.
    phases = (Phase(steps=1, size=32, batch=2, generator=False), *recipe.phases)
    changed = replace(
        recipe, network={"name": "glcic", **options}, frozen=(part,), phases=phases, parts={}
    )
    for number in (1, 2):
        run = train_inpainter(
            changed,
            tmp_path / "run",
            device="cpu",
            initial_weights=start,
            time_budget_minutes=1e-6 if number == 1 else None,
        )
        after = load_state_dict(run.weights)
        own = {name for name in before if name.startswith(f"{part}.")}
        assert any("running_var" in name for name in own)
        assert all(torch.equal(after[name], before[name]) for name in own), "as it was"
    assert run.finished
    assert not all(torch.equal(after[name], before[name]) for name in set(before) - own)


def test_a_run_that_goes_on_repeats_no_line_of_its_log(recipe: Recipe, tmp_path: Path) -> None:
    log = tmp_path / "rounds.log"

    def rounds() -> list[str]:
        return [line.partition("/")[0] for line in log.read_text(encoding="utf-8").splitlines()]

    train_inpainter(recipe, tmp_path, device="cpu", time_budget_minutes=1e-6)
    assert rounds() == ["round 1"]
    # A round's line was written, and the process killed before its checkpoint was.
    log.write_text(log.read_text() + log.read_text().replace("round 1", "round 2") + "round 3/")
    train_inpainter(recipe, tmp_path, device="cpu", time_budget_minutes=1e-6)
    assert rounds() == ["round 1"]
    train_inpainter(recipe, tmp_path, device="cpu")
    whole = rounds()
    assert whole == ["round 1", "round 2", "round 3"]
    train_inpainter(recipe, tmp_path, device="cpu", resume=False)
    assert rounds() == whole, "begun anew"


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "text"])
def test_a_damaged_checkpoint_is_one_sentence(recipe: Recipe, tmp_path: Path, damage: str) -> None:
    run = train_inpainter(recipe, tmp_path, device="cpu", time_budget_minutes=1e-6)
    content = run.checkpoint.read_bytes()
    if damage == "other":
        torch.save({"state_dict": {}}, run.checkpoint)
    else:
        damaged = {"cut": content[: len(content) // 2], "empty": b"", "text": b"damaged"}[damage]
        run.checkpoint.write_bytes(damaged)
    named = re.escape(str(run.checkpoint))
    with pytest.raises(TrainingError, match=rf"^{named} is damaged, or not a checkpoint"):
        train_inpainter(recipe, tmp_path, device="cpu")


def test_networks_that_are_only_looked_through_are_in_no_checkpoint(
    recipe: Recipe, tmp_path: Path
) -> None:
    file = tmp_path / "vgg16.pth"
    torch.save(
        {
            f"features.{place}.{part}": 0.01 * torch.randn(shape)
            for place, inner, outer in ((0, 3, 64), (2, 64, 64))
            for part, shape in (("weight", (outer, inner, 3, 3)), ("bias", (outer,)))
        },
        file,
    )
    term = {"name": "perceptual", "weights": str(file), "layers": ["relu1_2"], "weight": 0.1}
    judge = AdversarialSettings({"name": "projected", "width": 8}, weight=0.1)
    changed = replace(recipe, losses=(*recipe.losses, term), adversarial=judge)
    module = CompletionTraining(changed)
    looked_through = [
        name
        for name, _ in module.named_buffers()
        if name.startswith("objective.") or ".features." in name
    ]
    assert any(name.startswith("objective.") for name in looked_through), "VGG"
    assert any(name.startswith("discriminator.features.") for name in looked_through)
    assert not set(looked_through) & set(module.state_dict())
    run = train_inpainter(changed, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
    stored = torch.load(run.checkpoint, weights_only=True)["state_dict"]
    assert not set(looked_through) & set(stored)
    assert {name.partition(".")[0] for name in stored} == {"generator", "average", "discriminator"}


def test_only_as_many_validation_faces_are_decoded_as_are_asked_for(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def read(path: Path, *member: Any) -> Any:
        decoded.append(path.name)
        return read_picture(path, *member)

    faces = write_faces(tmp_path / "many", count=40)
    lines = [json.loads(line) for line in (faces / "faces.jsonl").read_text().splitlines()]
    validated = {line["file"] for line in lines[10:]}
    for line in lines:
        line["split"] = "val" if line["file"] in validated else "train"
    (faces / "faces.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    monkeypatch.setattr("inpainter.data.face.read_picture", read)
    data = FaceData(replace(recipe, data=replace(recipe.data, faces=str(faces))))
    data.setup("fit")
    names = {Path(name).name for name in validated}
    assert sum(name in names for name in decoded) == recipe.data.validation_count == 2
    assert sum(name not in names for name in decoded) == 10
    assert sum(len(batch["image"]) for batch in data._frozen[32]) == 2
    data.teardown("fit")


def test_samples_made_by_processes_train_alike(recipe: Recipe, tmp_path: Path) -> None:
    apart = replace(recipe, data=replace(recipe.data, processes=1))
    runs = [
        train_inpainter(one, tmp_path / name, device="cpu")
        for name, one in (("threads", recipe), ("processes", apart))
    ]
    first, second = (load_state_dict(run.weights) for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_frozen_part_is_known_and_has_weights(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'stem'"):
        CompletionTraining(replace(recipe, network={"name": "gated-unet"}, frozen=("stern",)))
    frozen = replace(recipe, frozen=("coarse",))
    with pytest.raises(ConfigurationError, match="give them with `--part coarse=FILE`"):
        train_inpainter(frozen, tmp_path / "run", device="cpu")
    with pytest.raises(ConfigurationError, match="'coarse'"):
        check_frozen_have_weights(["coarse"], ["refine"])
    check_frozen_have_weights(["coarse.stem"], ["coarse"])


def test_the_last_checkpoint_moves_on_when_nothing_gets_better(
    recipe: Recipe, tmp_path: Path
) -> None:
    still = replace(recipe, optimizer=OptimizerSettings(generator_lr=0.0, warmup_steps=1))
    for steps in (1, 2):
        trained = train_inpainter(still, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
        assert trained.steps == steps
    assert {path.name for path in (tmp_path / "run").glob("*.ckpt")} == {"best.ckpt", "last.ckpt"}


def test_a_finished_run_that_was_cut_short_often_has_nothing_left_to_do(
    recipe: Recipe, tmp_path: Path
) -> None:
    for _ in range(6):
        trained = train_inpainter(recipe, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
    assert (trained.steps, trained.finished) == (6, True)
    again = train_inpainter(recipe, tmp_path / "run", device="cpu")
    assert (again.steps, again.finished, again.round_seconds) == (6, True, ())


def test_lines_appear_while_a_round_lasts(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("inpainter.training.callbacks.SECONDS_BETWEEN_LINES", 0.0)
    train_inpainter(recipe, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
    assert re.search(
        r"^step 1/6, \d+\.\d\d s a step, \d+ min for the rest",
        capsys.readouterr().out,
        re.MULTILINE,
    )


def test_sizes_that_the_networks_cannot_take_are_refused_at_the_first_step(
    recipe: Recipe, tmp_path: Path
) -> None:
    discriminator = {"name": "sn-patchgan", "channels": [8] * 6, "kernel_size": 4}
    small = recipe.with_changes({"adversarial.discriminator": discriminator, "phases.0.size": 8})
    with pytest.raises(TrainingError, match=r"gated and sn-patchgan cannot take .* 8 pixels"):
        train_inpainter(small, tmp_path / "run", device="cpu")


def test_an_unknown_recipe_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"Did you mean 'gated\.cpu'.*gated-unet\.cpu"):
        read_recipe("gated-cpu")


def test_a_run_goes_on_with_the_discriminator_of_another(tmp_path: Path) -> None:
    judged = {
        "adversarial": AdversarialSettings({"name": "sn-patchgan", "channels": [4, 4]}, weight=0.1)
    }
    recipe = short_recipe(tmp_path, validation_interval=2, **judged)
    train_inpainter(recipe, tmp_path / "first", device="cpu")
    left = load_state_dict(tmp_path / "first" / "discriminator.safetensors")
    still = OptimizerSettings(warmup_steps=0, discriminator_lr=0.0)
    parts = {"discriminator": str(tmp_path / "first" / "discriminator.safetensors")}
    for further, equal in ((parts, True), ({}, False)):
        again = replace(recipe, parts=further, optimizer=still, seed=5)
        train_inpainter(again, tmp_path / f"second{equal}", device="cpu")
        kept = load_state_dict(tmp_path / f"second{equal}" / "discriminator.safetensors")
        # Spectral normalisation's vectors move with each look.
        names = [name for name in left if "bias" in name or "original" in name]
        assert names and all(torch.equal(kept[name], left[name]) for name in names) is equal
    with pytest.raises(ConfigurationError, match="without a discriminator"):
        train_inpainter(short_recipe(tmp_path, parts=parts), tmp_path / "third", device="cpu")


def test_weights_that_were_told_of_nothing_start_a_network_that_is(tmp_path: Path) -> None:
    options = {"width": 8, "depth": 1, "refine_width": 8, "refine_depth": 1}
    former, told = (
        create_model("gated", **options),
        create_model("gated", landmarks=True, **options),
    )
    file = tmp_path / "former.safetensors"
    save_completion_network(former, file, name="gated", options=options, input_size=32, half=False)
    load_part(told, "", file)
    load_part(told, "coarse", f"{file}#coarse")
    picture = (torch.rand(1, 3, 32, 32), (torch.rand(1, 1, 32, 32) > 0.5).float())
    guide = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected = former.eval()(*picture).prediction
        assert torch.equal(told.eval()(*picture, guide).prediction, expected)
    with pytest.raises(WeightsError, match="does not fit"):
        load_part(told, "refine", f"{file}#coarse")
