"""What a training step shows to whom and how it counts, in numbers worked out by hand."""

from __future__ import annotations

import itertools
import math
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn

from inpainter.data.stream import sample_at
from inpainter.outputs import CompletionOutput
from inpainter.training import train_inpainter
from inpainter.training.adversary import Adversary
from inpainter.training.face_data import FaceData
from inpainter.training.module import CompletionTraining
from inpainter.training.moving_average import MovingAverage
from inpainter.training.network_batch import NetworkBatch
from inpainter.training.pictures import create_sampling, decode_split
from inpainter.training.recipe import AdversarialSettings, OptimizerSettings, Phase, read_recipe
from inpainter.training.sheet import write_sheet
from tests.inpainter.training.short_runs import PATCHES, fit, short_recipe
from weights.base.errors import ConfigurationError
from weights.catalog.store import load_state_dict
from weights.images.mark import NOTICE, read_mark_from_xmp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = "tests.inpainter.training.test_arithmetic"
STILL = OptimizerSettings(
    kind="sgd", generator_lr=0.0, discriminator_lr=0.0, warmup_steps=0, final_share=1.0
)


class FlatPainter(nn.Module):
    """Paints one level everywhere, holes and known pixels alike."""

    def __init__(self, level: float = 0.5) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> CompletionOutput:
        painted = torch.zeros_like(image) + self.level
        return CompletionOutput(None, painted, torch.where(hole > 0.5, painted, image))


class RecordingJudge(nn.Module):
    """Notes what it is shown: pictures and holes, in the order of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.01))
        self.shown: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> list[torch.Tensor]:
        self.shown.append((picture.detach().clone(), hole.detach().clone()))
        return [self.slope * picture.mean(dim=(1, 2, 3), keepdim=True)]


def flat_recipe(folder: Path, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "network": {"name": f"{HERE}:FlatPainter"},
        "phases": (Phase(steps=1, size=32, batch=2),),
        "optimizer": STILL,
    }
    return short_recipe(folder, **{**settings, **changes})


@pytest.mark.parametrize("picture", ["completed", "prediction"])
def test_the_discriminator_is_shown_the_picture_that_the_recipe_names(
    tmp_path: Path, picture: Any
) -> None:
    judge = {"name": f"{HERE}:RecordingJudge"}
    recipe = flat_recipe(tmp_path, adversarial=AdversarialSettings(judge, picture=picture))
    module = fit(recipe)
    assert isinstance(module.discriminator, RecordingJudge)
    # Both in one batch for its own step, the painted ones alone for the generator's.
    (both, holes), (again, _) = module.discriminator.shown
    (true, fake), hole = both.chunk(2), holes.chunk(2)[0].expand(-1, 3, -1, -1) > 0.5
    assert torch.equal(fake, again)
    assert 0.03 < hole.float().mean() < 0.7
    assert (fake[hole] == 0.5).all()
    if picture == "completed":
        assert torch.equal(fake[~hole], true[~hole])
    else:
        assert (fake[~hole] == 0.5).all()
    assert true.std() > 0.1


def test_real_scores_are_the_true_pictures_and_reflected_pixels_are_not_judged() -> None:
    """White faces whose holes are painted black; the last column lies past the picture's border."""
    adversary = Adversary(
        AdversarialSettings({"name": f"{HERE}:RecordingJudge"}, picture="prediction")
    )
    assert isinstance(adversary.discriminator, RecordingJudge)
    image, hole, inside = torch.ones(2, 3, 8, 8), torch.ones(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    inside[..., -1] = 0.0
    pictures = NetworkBatch(image, hole, inside, seen=image, known=image)
    views = adversary.look(pictures, CompletionOutput(None, -image, -image))
    _, scores = adversary.discriminator_terms(pictures, views, r1=False)
    ((both, _),) = adversary.discriminator.shown
    true, fake = both.chunk(2)
    assert (true == 1.0).all()
    assert (fake[..., :-1] == -1.0).all()
    assert (fake[..., -1] == 1.0).all()
    assert float(scores["real_score"]) == pytest.approx(0.01)
    assert float(scores["fake_score"]) == pytest.approx(-0.0075)


def test_a_completed_picture_is_painted_in_the_hole_and_true_outside(tmp_path: Path) -> None:
    losses = tuple(
        {"name": "l1", "region": region, "weight": 1.0, "picture": picture}
        for picture in ("prediction", "completed")
        for region in ("hole", "valid")
    )
    (terms,) = fit(flat_recipe(tmp_path, losses=losses)).terms
    assert terms["completed_hole_l1"] == terms["hole_l1"] > 0.1
    assert terms["valid_l1"] > 0.1
    assert terms["completed_valid_l1"] == 0.0


def test_the_averaged_weights_are_saved_and_not_the_last_ones(tmp_path: Path) -> None:
    rates = OptimizerSettings(generator_lr=1e-2, warmup_steps=0, final_share=1.0)
    recipe = short_recipe(tmp_path, optimizer=rates, phases=(Phase(steps=4, size=32, batch=2),))
    trained = train_inpainter(recipe, tmp_path / "run", device="cpu")
    kept = torch.load(trained.checkpoint, weights_only=True)["state_dict"]
    saved = load_state_dict(trained.weights)
    assert saved
    for name, value in saved.items():
        assert torch.equal(value, kept[f"average.network.{name}"].half().float()), name
    assert any(
        not torch.equal(value, kept[f"generator.{name}"].half().float())
        for name, value in saved.items()
    )


def validated(module: CompletionTraining, batch: dict[str, torch.Tensor]) -> float:
    """The PSNR that a validation step logs."""
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore
    with torch.no_grad():
        module.validation_step(batch, batch_index=3)
    return logged["validation/hole_psnr"]


def black_and_white() -> dict[str, torch.Tensor]:
    """A picture of 8 x 8, its left half black, its right half white and past the frame."""
    image = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    image[:, :, 4:] = 255
    inside = torch.ones(1, 8, 8, dtype=torch.bool)
    inside[:, :, 4:] = False
    return {"image": image, "hole": torch.ones(1, 8, 8, dtype=torch.bool), "inside": inside}


@pytest.fixture
def flat_module(tmp_path: Path) -> CompletionTraining:
    module = CompletionTraining(flat_recipe(tmp_path))
    module._trainer = SimpleNamespace(num_val_batches=[9], is_global_zero=False)  # type: ignore
    return module


def test_the_averaged_network_is_validated(flat_module: CompletionTraining) -> None:
    flat_module.average.network.level.fill_(-0.5)
    batch = black_and_white()
    batch["image"].zero_()
    batch["inside"].fill_(True)
    # A fourth of the range off: 20 log10(4).
    assert validated(flat_module, batch) == pytest.approx(12.0412, abs=1e-3)


def test_reflected_pixels_are_not_validated(flat_module: CompletionTraining) -> None:
    flat_module.average.network.level.fill_(-0.5)
    # On the white half, past the frame, three fourths of the range would be wrong.
    assert validated(flat_module, black_and_white()) == pytest.approx(12.0412, abs=1e-3)


def test_the_average_takes_buffers_as_they_are_and_begins_fast() -> None:
    network = nn.BatchNorm1d(1)
    average = MovingAverage(network, decay=0.999)
    with torch.no_grad():
        network.weight.fill_(2.0)
        network.running_mean.fill_(3.0)
        network.num_batches_tracked.fill_(7)
    for expected in (1.9, 1.9 + 0.1 * 9 / 11, 2.0 - (0.1 * 2 / 11) * 3 / 12):
        average.update(network)
        # Decays of 1/10, 2/11 and 3/12 on the way from 1 to 2.
        assert float(average.network.weight.detach()) == pytest.approx(expected, abs=1e-6)
    assert float(average.network.running_mean) == 3.0
    assert int(average.network.num_batches_tracked) == 7


def test_the_average_takes_part_of_each_step(tmp_path: Path) -> None:
    rates = OptimizerSettings(generator_lr=1e-2, warmup_steps=0, final_share=1.0)
    module = fit(short_recipe(tmp_path, optimizer=rates))
    names = [name for name, _ in module.generator.named_parameters()]
    steps = itertools.pairwise(module.states)
    for (before, after), kept in zip(steps, (1 / 10, 2 / 11), strict=True):
        for name in names:
            old, new = before[f"average.network.{name}"], after[f"generator.{name}"]
            expected = kept * old + (1 - kept) * new
            assert torch.allclose(after[f"average.network.{name}"], expected, atol=1e-6), name
    assert all(module.moved("generator."))


def test_rates_rise_linearly_and_fall_along_a_cosine(tmp_path: Path) -> None:
    rates = OptimizerSettings(
        generator_lr=1e-3, discriminator_lr=4e-3, warmup_steps=2, final_share=0.1
    )
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=6, size=32, batch=2),),
        optimizer=rates,
        adversarial=AdversarialSettings(PATCHES, weight=0.1),
    )
    # Two steps up; then 0.1 + 0.9 (1 + cos) / 2 at 0, 45, 90 and 135 degrees.
    shares = [0.5, 1.0, 1.0, 0.868198, 0.55, 0.231802]
    seen = fit(recipe).rates_seen
    assert [first for first, _ in seen] == pytest.approx([1e-3 * one for one in shares], rel=1e-5)
    assert [second for _, second in seen] == pytest.approx([4e-3 * one for one in shares], rel=1e-5)


def test_the_generators_limit_is_none_of_the_discriminators(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        adversarial=AdversarialSettings(PATCHES),
        optimizer=OptimizerSettings(gradient_clip=0.25, discriminator_gradient_clip=None),
    )
    module = CompletionTraining(recipe)
    module._trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    lengths = []
    for part, optimizer in zip(
        (module.generator, module.discriminator), module.configure_optimizers(), strict=True
    ):
        for parameter in part.parameters():
            parameter.grad = torch.ones_like(parameter)
        module.on_before_optimizer_step(optimizer)
        squares = sum(float(one.grad.square().sum()) for one in part.parameters())
        lengths.append(math.sqrt(squares))
    count = sum(one.numel() for one in module.discriminator.parameters())
    assert lengths == pytest.approx([0.25, math.sqrt(count)], rel=1e-3)


def test_each_step_of_each_process_has_a_seed_of_its_own(tmp_path: Path) -> None:
    module = CompletionTraining(flat_recipe(tmp_path, seed=5))

    def seed(step: int, rank: int) -> int:
        module._trainer = SimpleNamespace(world_size=2, global_rank=rank)  # type: ignore
        module.steps_done = step
        module._seed_step()
        return torch.initial_seed()

    found = [seed(step, rank) for step in (0, 1) for rank in (0, 1)]
    assert found == [(5 << 32) + number for number in range(4)]


class NumberedFaces:
    """Six faces whose samples are their number and the first number that chance gives."""

    def __len__(self) -> int:
        return 6

    def sample(self, index: int, sampling: Any, size: int, random: np.random.Generator) -> Any:
        return index, int(random.integers(1 << 30))


def test_each_pass_has_an_order_and_each_sample_chance_of_its_own() -> None:
    def stretch(seed: int, numbers: range) -> list[tuple[int, int]]:
        return [sample_at(NumberedFaces(), None, 0, seed, number) for number in numbers]  # type: ignore

    orders = [
        [face for face, _ in stretch(seed, numbers)]
        for seed in (3, 4)
        for numbers in (range(6), range(6, 12))
    ]
    for (seed, turn), order in zip(((3, 0), (3, 1), (4, 0), (4, 1)), orders, strict=True):
        assert order == np.random.default_rng((seed, 1, turn)).permutation(6).tolist()
    assert len({tuple(order) for order in [*orders, list(range(6))]}) == 5
    numbers = {chance for seed in (3, 4) for _, chance in stretch(seed, range(12))}
    assert len(numbers) == 24
    expected = np.random.default_rng((3, 2, 7, 0)).integers(1 << 30)
    assert stretch(3, range(7, 8))[0][1] == expected


@pytest.mark.parametrize(
    ("interval", "places"),
    [
        (1, [(0, 0, (0, 1)), (1, 1, (6, 7)), (2, 0, (8, 9, 10))]),
        # A round of two steps that was cut short after the first.
        (2, [(1, 0, (4, 5)), (1, 1, (6, 7))]),
    ],
)
def test_each_round_and_each_device_goes_on_in_the_stream(
    tmp_path: Path, interval: int, places: list[tuple[int, int, tuple[int, ...]]]
) -> None:
    phases = (Phase(steps=2, size=32, batch=2), Phase(steps=1, size=32, batch=3))
    recipe = short_recipe(tmp_path, phases=phases, validation_interval=interval)
    data = FaceData(recipe)
    data.setup("fit")
    faces, sampling = decode_split(recipe.data, "train"), create_sampling(recipe.data, recipe.holes)
    module = CompletionTraining(recipe)
    for steps, rank, numbers in places:
        module.steps_done = steps
        place = SimpleNamespace(world_size=2, global_rank=rank, lightning_module=module)
        data.trainer = place  # type: ignore[assignment]
        (batch,) = data.train_dataloader()
        for image, number in zip(batch["image"], numbers, strict=True):
            sample = sample_at(faces, sampling, 32, recipe.seed, number)
            assert np.array_equal(image, sample.image), (steps, number)
    data.teardown("fit")


def test_a_longer_schedule_goes_on_where_the_shorter_one_ended(tmp_path: Path) -> None:
    # Rates that do not depend on the schedule's length, so that both runs can be compared.
    recipe = short_recipe(
        tmp_path, phases=(Phase(steps=2, size=32, batch=2),), validation_interval=1
    )
    longer = recipe.with_changes({"phases.0.steps": 4})
    whole = train_inpainter(longer, tmp_path / "whole", device="cpu")
    first = train_inpainter(recipe, tmp_path / "run", device="cpu")
    assert (first.steps, first.finished) == (2, True)
    second = train_inpainter(longer, tmp_path / "run", device="cpu")
    assert (second.steps, second.finished, len(second.round_seconds)) == (4, True, 2)
    assert read_recipe(tmp_path / "run" / "recipe.yaml") == longer
    one, other = load_state_dict(whole.weights), load_state_dict(second.weights)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_another_length_of_rounds_does_not_go_on(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path, phases=(Phase(steps=2, size=32, batch=2),), validation_interval=1
    )
    train_inpainter(recipe, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
    with pytest.raises(ConfigurationError, match="holds a run with validation_interval 1"):
        changed = recipe.with_changes({"validation_interval": 2})
        train_inpainter(changed, tmp_path / "run", device="cpu")


def test_processes_share_the_gradients_of_a_batch_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    @contextmanager
    def block(strategy: Any) -> Iterator[None]:
        kept.append(strategy)
        yield

    monkeypatch.setattr(SingleDeviceStrategy, "block_backward_sync", block, raising=False)
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=2, size=32, batch=3),),
        adversarial=AdversarialSettings(PATCHES),
        optimizer=OptimizerSettings(warmup_steps=0, accumulate=3),
    )
    fit(recipe)
    # Two steps of two networks, and of three parts all but the last.
    assert len(kept) == 2 * 2 * 2


def test_compiled_networks_learn_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def compile_eagerly(module: Any) -> Any:
        compiled.append(module)
        return compile_with(module)

    # All of compilation but the writing of kernels, which takes a minute and a C++ compiler.
    compile_with = partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", compile_eagerly)
    recipe = short_recipe(
        tmp_path, adversarial=AdversarialSettings(PATCHES, feature_matching=1.0, r1=1.0)
    )
    plain, other = fit(recipe), fit(recipe.with_changes({"compile": True}))
    assert other.adversary is not None
    assert set(compiled) == {other.generator, other.adversary._viewer.maps}
    assert all(other.moved("generator.")) and all(other.moved("discriminator."))
    assert plain.terms == other.terms
    assert plain.states[-1].keys() == other.states[-1].keys()
    for name, value in plain.states[-1].items():
        torch.testing.assert_close(other.states[-1][name], value, rtol=1e-5, atol=1e-7)


def test_a_sheet_of_filled_faces_says_that_they_are_guesses(tmp_path: Path) -> None:
    write_sheet([np.zeros((8, 24, 3), np.uint8)], tmp_path / "sheet.jpg")
    mark = read_mark_from_xmp(PIL.Image.open(tmp_path / "sheet.jpg").info.get("xmp"))
    assert mark is not None and mark.notice == NOTICE
