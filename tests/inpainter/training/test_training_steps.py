"""Steps of training: batches in parts, clipping, fp16, memory, bands, going on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import MixedPrecision
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional

from inpainter.networks.blocks.minibatch_std import MinibatchStd
from inpainter.training import train_inpainter
from inpainter.training.adversary import Adversary
from inpainter.training.face_data import FaceData
from inpainter.training.failures import training_failures
from inpainter.training.module import CompletionTraining
from inpainter.training.network_batch import to_network
from inpainter.training.recipe import AdversarialSettings, OptimizerSettings, Phase, Recipe
from inpainter.training.trainer import CHECKPOINT
from tests.inpainter.training.short_runs import Watched, fit, short_recipe
from weights.base.errors import ConfigurationError, TrainingError
from weights.catalog.store import load_state_dict

if TYPE_CHECKING:
    from pathlib import Path

# Without spectral normalisation, whose estimate of the norm moves with each look at a part.
ADVERSARIAL = AdversarialSettings(
    {"name": "stylegan2", "resolution": 32, "channel_base": 128, "channel_limit": 8},
    kind="logistic",
    weight=0.1,
    feature_matching=1.0,
    r1=1.0,
    r1_interval=2,
)
GATED = {"name": "gated-unet", "width": 4, "depth": 1}


def in_parts(folder: Path, parts: int, **changes: Any) -> Recipe:
    rates = OptimizerSettings(
        kind="sgd", generator_lr=0.05, discriminator_lr=0.05, warmup_steps=0, accumulate=parts
    )
    settings = {"network": GATED, "adversarial": ADVERSARIAL, "optimizer": rates}
    return short_recipe(folder, phases=(Phase(steps=3, size=32, batch=5),), **settings | changes)


def test_a_batch_in_parts_gives_the_steps_of_the_whole_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How much the pictures of a part differ is not how much those of the batch do.
    monkeypatch.setattr(
        MinibatchStd, "forward", lambda _, features: functional.pad(features, [0] * 5 + [1])
    )
    whole, parts = fit(in_parts(tmp_path, 1)), fit(in_parts(tmp_path, 3))
    for one, other in zip(whole.terms, parts.terms, strict=True):
        assert one.keys() == other.keys()
        for name, term in one.items():
            assert other[name] == pytest.approx(term, rel=1e-3), name
    assert all(parts.moved("generator.")) and all(parts.moved("discriminator."))
    for name, value in whole.states[-1].items():
        torch.testing.assert_close(parts.states[-1][name], value, rtol=1e-3, atol=1e-5)
    assert parts.steps_done == 3


def test_no_more_parts_than_samples(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="between 1 and the batch, 5, but is 6"):
        in_parts(tmp_path, 6)
    batch = {
        "image": torch.zeros(5, 4, 4, 3, dtype=torch.uint8),
        "hole": torch.ones(5, 4, 4, dtype=torch.bool),
        "inside": torch.ones(5, 4, 4, dtype=torch.bool),
    }
    parts = to_network(batch, masked=False).cut(3)
    assert [len(part.hole) for part in parts] == [2, 2, 1]
    assert float(parts[0].image.max()) == -1.0


def moves(folder: Path, clip: float | None, plugins: list[Any] | None = None) -> float:
    """The length of the generator's first step by plain gradient descent at a rate of 1."""
    rates = OptimizerSettings(
        kind="sgd", generator_lr=1.0, warmup_steps=0, final_share=1.0, gradient_clip=clip
    )
    recipe = short_recipe(
        folder, network=GATED, phases=(Phase(steps=1, size=32, batch=2),), optimizer=rates
    )
    torch.manual_seed(0)
    module = Watched(recipe)
    Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        plugins=plugins,
    ).fit(module, FaceData(recipe))
    names = [name for name, _ in module.generator.named_parameters()]
    before, after = module.states[0], module.states[-1]
    steps = [after[f"generator.{name}"] - before[f"generator.{name}"] for name in names]
    return float(torch.cat([step.flatten() for step in steps]).norm())


def test_the_generators_gradient_is_clipped_to_its_limit(tmp_path: Path) -> None:
    assert moves(tmp_path, None) > 0.5
    assert moves(tmp_path, 0.25) == pytest.approx(0.25, rel=1e-3)


def test_the_discriminators_gradient_is_clipped_to_a_limit_of_its_own(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        adversarial=AdversarialSettings(ADVERSARIAL.discriminator),
        optimizer=OptimizerSettings(gradient_clip=None, discriminator_gradient_clip=0.25),
    )
    module = CompletionTraining(recipe)
    module._trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    generator, discriminator = module.configure_optimizers()
    parts = (module.generator, module.discriminator)
    for part in parts:
        for parameter in part.parameters():
            parameter.grad = torch.ones_like(parameter)
    for optimizer in (generator, discriminator):
        module.on_before_optimizer_step(optimizer)
    lengths = [
        float(torch.cat([one.grad.flatten() for one in part.parameters()]).norm()) for part in parts
    ]
    assert lengths[0] > 10.0
    assert lengths[1] == pytest.approx(0.25, rel=1e-3)


def test_r1_counts_the_slope_at_the_hole_where_the_recipe_says_so() -> None:
    class Linear(torch.nn.Module):
        def forward(self, picture: Any, missing: Any) -> list[Any]:
            return [3.0 * picture.sum(dim=(1, 2, 3)) + 2.0 * missing.sum(dim=(1, 2, 3))]

    values = []
    for hole in (False, True):
        adversary = Adversary(AdversarialSettings(r1=10.0, r1_hole=hole))
        adversary.discriminator = Linear()
        values.append(float(adversary._r1_penalty(torch.rand(2, 3, 4, 4), torch.ones(2, 1, 4, 4))))
    assert values == pytest.approx([5.0 * 9 * 48, 5.0 * (9 * 48 + 4 * 16)])


def test_fp16_is_clipped_after_its_scale_is_taken_off(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    # On a CPU fp16 is emulated by bf16; the scale of the gradients is what is looked at.
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    plugin.precision = "bf16-mixed"
    assert moves(tmp_path, 0.25, [plugin]) == pytest.approx(0.25, rel=0.05)


def test_steps_of_fp16_that_overflow_are_passed_over(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    plugin.precision = "bf16-mixed"
    assert moves(tmp_path, 0.25, [plugin]) == 0.0
    assert scaler.get_scale() == 2.0**126


@pytest.mark.parametrize("limit", [None, 1.0])
@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_no_gradient_that_is_no_number_reaches_a_network(
    tmp_path: Path, part: str, limit: float | None
) -> None:
    limits = OptimizerSettings(gradient_clip=limit, discriminator_gradient_clip=limit)
    recipe = short_recipe(tmp_path, network=GATED, adversarial=ADVERSARIAL, optimizer=limits)
    module = CompletionTraining(recipe)
    module._trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    optimizers = dict(
        zip(("generator", "discriminator"), module.configure_optimizers(), strict=True)
    )
    parameters = list(getattr(module, part).parameters())
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    module.on_before_optimizer_step(optimizers[part])
    length = float(torch.cat([one.grad.flatten() for one in parameters]).norm())
    assert length > 10.0 if limit is None else length == pytest.approx(limit, rel=1e-3)
    parameters[-1].grad.fill_(float("nan"))
    with pytest.raises(TrainingError, match=f"'gradient of the {part}' became NaN or infinite"):
        module.on_before_optimizer_step(optimizers[part])


def test_terms_that_are_finite_alone_but_not_together_name_the_largest(tmp_path: Path) -> None:
    module = CompletionTraining(short_recipe(tmp_path, network=GATED))
    terms = {"small": torch.tensor(1e38), "large": torch.tensor(3.3e38)}
    with pytest.raises(TrainingError, match=r"'large' became NaN or infinite at step 0.*fp32"):
        module._learn(terms, 1.0, {})


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    ],
    ids=str,
)
def test_memory_that_runs_out_names_the_batch(tmp_path: Path, failure: Exception) -> None:
    module = CompletionTraining(in_parts(tmp_path, 2))
    said = "batch 5 in 2 parts at 32 pixels: lower `batch`.*`accumulate`"
    with pytest.raises(TrainingError, match=said), training_failures(module):
        raise failure
    with pytest.raises(RuntimeError, match="mat1 and mat2"), training_failures(module):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_memory_that_runs_out_in_training_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(CompletionTraining, "training_step", exhausted)
    with pytest.raises(TrainingError, match="Memory ran out with batch 2 at 32 pixels"):
        train_inpainter(short_recipe(tmp_path, network=GATED), tmp_path / "run", device="cpu")


def test_chance_inside_a_network_goes_on_where_a_run_was_stopped(tmp_path: Path) -> None:
    # MI-GAN draws noise in each step of its training.
    recipe = short_recipe(
        tmp_path,
        network={"name": "migan", "resolution": 16, "channel_base": 128, "channel_limit": 8},
        phases=(Phase(steps=3, size=16, batch=2),),
        validation_interval=1,
    )
    whole = train_inpainter(recipe, tmp_path / "whole", device="cpu")
    for _ in range(3):
        parts = train_inpainter(recipe, tmp_path / "parts", device="cpu", time_budget_minutes=1e-6)
        # Whatever else happens between two sittings.
        torch.rand(7)
    assert parts.finished
    one, other = load_state_dict(whole.weights), load_state_dict(parts.weights)
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_another_network_does_not_go_on_from_a_run(tmp_path: Path) -> None:
    recipe = short_recipe(tmp_path, network=GATED)
    train_inpainter(recipe, tmp_path / "run", device="cpu")
    other = replace(recipe, network={**GATED, "width": 6})
    with pytest.raises(ConfigurationError, match="holds a run of another network"):
        train_inpainter(other, tmp_path / "run", device="cpu")
    judged = replace(recipe, adversarial=ADVERSARIAL)
    with pytest.raises(ConfigurationError, match="another network or discriminator"):
        train_inpainter(judged, tmp_path / "run", device="cpu")


def test_a_run_that_goes_on_needs_no_weights_to_start_from(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path, network=GATED, phases=(Phase(steps=2, size=32, batch=2),), validation_interval=1
    )
    start = train_inpainter(recipe, tmp_path / "start", device="cpu").weights
    recipe = replace(recipe, parts={"": str(start)})
    first = train_inpainter(recipe, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
    assert not first.finished
    start.unlink()
    assert train_inpainter(recipe, tmp_path / "run", device="cpu").finished


def test_rounds_that_are_done_again_stand_once_in_the_curves(tmp_path: Path) -> None:
    def recipe_of(steps: int) -> Recipe:
        return short_recipe(
            tmp_path, phases=(Phase(steps=steps, size=32, batch=2),), validation_interval=2
        )

    run = tmp_path / "run"
    train_inpainter(recipe_of(4), run, device="cpu")
    kept = (run / CHECKPOINT).read_bytes()
    train_inpainter(recipe_of(6), run, device="cpu")
    # Killed before the last checkpoint was written, it does the third round twice.
    (run / CHECKPOINT).write_bytes(kept)
    train_inpainter(recipe_of(6), run, device="cpu")
    curves = EventAccumulator(str(run / "curves")).Reload()
    for name in ("loss/hole_l1", "validation/hole_psnr"):
        assert [one.step for one in curves.Scalars(name)] == [1, 3, 5]


def test_curves_sheets_and_bands_are_written(tmp_path: Path) -> None:
    recipe = short_recipe(tmp_path, network=GATED, validation_interval=1)
    run = tmp_path / "run"
    trained = train_inpainter(recipe, run, device="cpu")
    curves = EventAccumulator(str(run / "curves")).Reload()
    assert len(curves.Scalars("validation/hole_psnr")) == 2
    assert len(curves.Scalars("loss/hole_l1")) == 2
    assert any(name.startswith("validation/hole_psnr_0.") for name in trained.metrics)
    assert len(list((run / "sheets").glob("*.jpg"))) == 2


def test_a_hole_over_everything_lies_in_the_last_band(tmp_path: Path) -> None:
    module = CompletionTraining(short_recipe(tmp_path, network=GATED))
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore
    module._write_sheet = lambda: None  # type: ignore[method-assign]
    batch = {
        "image": torch.zeros(1, 16, 16, 3, dtype=torch.uint8),
        "hole": torch.ones(1, 16, 16, dtype=torch.bool),
        "inside": torch.ones(1, 16, 16, dtype=torch.bool),
    }
    with torch.no_grad():
        module.validation_step(batch, batch_index=2)
    assert set(logged) == {"validation/hole_psnr", "validation/hole_psnr_0.35_1.00"}
