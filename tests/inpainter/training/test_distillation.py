"""A network learns to paint like a trained one, inside the hole, at every side from one on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from inpainter import create_model
from inpainter.training.distillation import Distillation
from inpainter.training.recipe import DistillationSettings, Phase
from inpainter.weight_files import save_completion_network
from tests.inpainter.training.short_runs import fit, short_recipe
from weights.base.errors import ConfigurationError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

SMALL: dict[str, Any] = {"resolution": 32, "channel_base": 256, "channel_limit": 8}
STUDENT = {"name": "migan", **SMALL}


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    options = {**SMALL, "style_size": 8}
    file = tmp_path / "teacher.safetensors"
    save_completion_network(
        create_model("comodgan", **options),
        file,
        name="comodgan",
        options=options,
        input_size=32,
        half=False,
    )
    return file


def sample() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    hole = torch.zeros(2, 1, 32, 32)
    hole[..., 8:24, 8:24] = 1.0
    return torch.rand(2, 3, 32, 32) * 2 - 1, hole


def test_a_network_is_no_distance_from_itself(tmp_path: Path) -> None:
    student = create_model(**STUDENT).eval()
    file = tmp_path / "self.safetensors"
    options = dict(SMALL)
    save_completion_network(student, file, name="migan", options=options, input_size=32, half=False)
    image, hole = sample()
    distillation = Distillation(DistillationSettings(str(file), smallest_side=8))
    output, difference = distillation.paint(student, image, hole)
    assert difference.item() == pytest.approx(0.0, abs=1e-6)
    torch.testing.assert_close(output.prediction, student(image, hole).prediction)


def test_only_the_hole_and_the_larger_sides_count(teacher: Path) -> None:
    class Painter:
        def __init__(self, pictures: list[torch.Tensor]) -> None:
            self.pictures = pictures

        def pyramid(self, *_: Any) -> list[torch.Tensor]:
            return self.pictures

        def to(self, _: Any) -> None: ...

    image, hole = sample()
    distillation = Distillation(DistillationSettings(str(teacher), smallest_side=16))
    zeros = [torch.zeros(2, 3, side, side) for side in (8, 16, 32)]
    painted = [one + 1.0 for one in zeros]
    # A quarter of the picture is missing. Wrong by 100 where everything is known.
    painted[-1] = torch.where(hole > 0.5, 1.0, 100.0).expand(2, 3, 32, 32)
    distillation.teacher = Painter(zeros)
    assert float(distillation._difference(painted, image, hole)) == 2 * 0.25
    distillation.smallest_side = 8
    assert float(distillation._difference(painted, image, hole)) == 3 * 0.25
    distillation.smallest_side = 64
    with pytest.raises(ConfigurationError, match="no pictures of the same side"):
        distillation._difference(painted, image, hole)


def test_a_teacher_with_latents_shows_another_fill_each_time(teacher: Path) -> None:
    image, hole = sample()
    distillation = Distillation(DistillationSettings(str(teacher), smallest_side=8))
    given: list[torch.Tensor] = []
    mapping = distillation.teacher.mapping
    mapping.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    student = create_model(**STUDENT)
    for _ in range(2):
        distillation.paint(student, image, hole)
    assert given[0].shape == (2, 8)
    assert len({tuple(latent.tolist()) for latents in given for latent in latents}) == 4


def test_a_recipe_trains_with_a_teacher_that_stays_out_of_its_state(
    teacher: Path, tmp_path: Path
) -> None:
    recipe = short_recipe(
        tmp_path,
        network=STUDENT,
        losses=(),
        phases=(Phase(steps=3, size=32, batch=2),),
        distillation=DistillationSettings(str(teacher), smallest_side=8),
    )
    module = fit(recipe)
    assert all(set(terms) == {"distillation"} for terms in module.terms)
    assert all(module.moved("generator."))
    assert not [name for name in module.state_dict() if "teacher" in name]
    assert {name.partition(".")[0] for name in module.state_dict()} == {"generator", "average"}


def test_a_missing_teacher_is_said_in_one_sentence(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"teacher of the distillation.*nowhere"):
        Distillation(DistillationSettings(str(tmp_path / "nowhere.safetensors")))
    with pytest.raises(ConfigurationError, match="student of a distillation"):
        fit(short_recipe(tmp_path, distillation=DistillationSettings(str(teacher))))
