"""Training of random face generators: whole faces, no holes."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
import yaml
from torch import Tensor, nn

from inpainter.data.colour import to_pictures
from inpainter.data.stream import SampleStream, Stretch
from inpainter.losses.adversarial import bce_discriminator_loss, bce_generator_loss
from inpainter.registry import create_discriminator, create_model
from inpainter.training.pictures import create_sampling, open_training_pictures
from inpainter.training.recipe import (
    DataSettings,
    HoleSettings,
    changed_mapping,
    plain,
    recipe_file,
)
from inpainter.training.sheet import write_sheet
from weights.atomic import atomic_path
from weights.checkpoint import read_checkpoint, write_checkpoint
from weights.device import resolve_device
from weights.dotted_paths import refuse_working_directory
from weights.errors import ConfigurationError, TrainingError
from weights.run_log import keep_first
from weights.settings import read_yaml, settings_from_mapping
from weights.stopping import at_safe_points, stop_if_asked
from weights.store import write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inpainter.data.processes import FaceProcesses
    from inpainter.data.stream import Batch, DecodedPictures


_CHECKPOINT: Final = "last.ckpt"
_LOG: Final = "epochs.log"


def _dcgan() -> dict[str, Any]:
    return {"name": "dcgan"}


@dataclass(frozen=True)
class FaceGeneratorRecipe:
    """How a generator of random faces is trained; the defaults are those of the DCGAN of Yeh et al.

    Attributes:
        generator: its name and options.
        discriminator: its name and options.
        epochs: passes over the faces.
        batch: faces in a batch.
        rate: Adam's learning rate, for both.
        betas: Adam's two decay rates.
        framing: hole generator that frames the faces as the crops that shall be completed are
            framed; its holes are not used otherwise.
        data: which faces, and how they are framed and varied.
        checkpoint_steps: steps between two checkpoints.
        seed: source of all chance.
    """

    generator: dict[str, Any] = field(default_factory=_dcgan)
    discriminator: dict[str, Any] = field(default_factory=_dcgan)
    epochs: int = 25
    batch: int = 300
    rate: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    framing: Any = "centre-box"
    data: DataSettings = field(default_factory=DataSettings)
    checkpoint_steps: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        # Batch normalisation knows nothing about a single face.
        if min(self.epochs, self.checkpoint_steps) < 1 or self.batch < 2 or self.rate <= 0.0:
            raise ConfigurationError(
                "A face generator's recipe needs epochs and checkpoint_steps of 1 or more, a batch "
                "of 2 or more and a rate above 0."
            )

    def with_changes(self, changes: Mapping[str, Any]) -> FaceGeneratorRecipe:
        """Give a copy with some values changed; see `Recipe.with_changes`.

        Raises:
            ConfigurationError: a name leads nowhere, or a value is wrong.
        """
        mapping = changed_mapping(asdict(self), changes)
        return settings_from_mapping(FaceGeneratorRecipe, mapping, "the changed recipe")


def read_face_recipe(path: str | Path) -> FaceGeneratorRecipe:
    """Read the recipe of a face generator, as `read_recipe` reads others.

    Raises:
        ConfigurationError: there is no such recipe, or a key or value in it is wrong.
    """
    file = recipe_file(path)
    content = read_yaml(file)
    refuse_working_directory(content, file.name)
    return settings_from_mapping(FaceGeneratorRecipe, content, file.name)


def train_face_generator(
    recipe: FaceGeneratorRecipe,
    output: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = True,
    time_budget_minutes: float | None = None,
) -> Path:
    """Train a generator of random faces; a run that was stopped goes on from its checkpoint.

    The folder gets `recipe.yaml`, `last.ckpt`, `epochs.log` with the mean losses and scores of each
    epoch, a sheet of faces for each checkpoint, and at the end `faces.safetensors`.

    Args:
        recipe: what to train and how.
        output: the run's folder.
        device: "auto", "cpu", "cuda" or "mps".
        threads: threads of a CPU's arithmetic; as many as before where None.
        resume: go on from `last.ckpt` where the folder has one.
        time_budget_minutes: end after the last step that begins within it.

    Returns:
        The safetensors file of generator and discriminator, for `SemanticInpainter`.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown.
        TrainingError: a loss or gradient is not a number, or the checkpoint is damaged.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    deadline = math.inf
    if time_budget_minutes is not None:
        deadline = time.monotonic() + 60.0 * time_budget_minutes
    game = _Game(recipe, resolve_device(device))
    folder = Path(output)
    checkpoint = folder / _CHECKPOINT
    with atomic_path(folder / "recipe.yaml", overwrite=True) as temporary:
        text = yaml.safe_dump(plain(asdict(recipe)), sort_keys=False)
        temporary.write_text(text, encoding="utf-8")
    if resume and checkpoint.is_file():
        game.load_state(read_checkpoint(checkpoint, ("steps", "sums", "optimizers")))
    with open_training_pictures(recipe.data) as faces, at_safe_points():
        _play(recipe, game, faces, folder, deadline)
    weights = folder / "faces.safetensors"
    save_face_generator(weights, recipe, game.generator, game.discriminator)
    return weights


def _play(
    recipe: FaceGeneratorRecipe,
    game: _Game,
    faces: DecodedPictures | FaceProcesses,
    folder: Path,
    deadline: float,
) -> None:
    """Take the steps that are left, with the log, the checkpoints and the sheets."""
    per_epoch = math.ceil(len(faces) / recipe.batch)
    total = recipe.epochs * per_epoch
    # Its holes frame the faces, and are not used otherwise.
    sampling = create_sampling(recipe.data, HoleSettings(face=recipe.framing))
    start = game.steps * recipe.batch
    keep_first(folder / _LOG, "epoch", game.steps // per_epoch)
    stretch = Stretch(sampling, game.generator.side, recipe.batch, start, recipe.seed)
    for batch in SampleStream(faces, stretch, total - game.steps, recipe.data.workers):
        game.step({name: part.to(game.device) for name, part in batch.items()})
        if game.steps % per_epoch == 0:
            _log(folder / _LOG, f"epoch {game.steps // per_epoch}: {game.means()}")
        stop_if_asked()
        over = game.steps == total or time.monotonic() > deadline
        if over or game.steps % recipe.checkpoint_steps == 0:
            write_checkpoint(folder / _CHECKPOINT, game.state())
            game.write_sheet(folder / "sheets" / f"{game.steps:07d}.jpg")
        if over:
            break


def save_face_generator(
    path: Path, recipe: FaceGeneratorRecipe, generator: nn.Module, discriminator: nn.Module
) -> None:
    """Write generator and discriminator to one file, which says how to build them.

    A file of that name is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    parts = {"generator": generator, "discriminator": discriminator}
    tensors = {
        f"{kind}.{name}": tensor.detach().cpu().contiguous()
        for kind, part in parts.items()
        for name, tensor in part.state_dict().items()
    }
    metadata = {
        "generator": json.dumps(recipe.generator),
        "discriminator": json.dumps(recipe.discriminator),
    }
    write_tensors(path, tensors, metadata, overwrite=True)


class _Game:
    """Generator and discriminator, each with its Adam, and what they did since the last report."""

    def __init__(self, recipe: FaceGeneratorRecipe, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.steps = recipe, device, 0
        options = dict(recipe.generator)
        self.generator: Any = create_model(options.pop("name"), **options).to(device)
        options = dict(recipe.discriminator)
        self.discriminator = create_discriminator(options.pop("name"), **options).to(device)
        self.optimizers = {
            name: torch.optim.Adam(part.parameters(), recipe.rate, recipe.betas)
            for name, part in self._parts().items()
        }
        self.sums: dict[str, float] = {}

    def _parts(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def step(self, batch: Batch) -> None:
        """Train the discriminator and then the generator on a batch on their device."""
        real = to_pictures(batch)
        # Latents follow from seed and step alone, so that a resumed run draws the same.
        chance = torch.Generator().manual_seed((self.recipe.seed << 32) + self.steps)
        latents = self.generator.draw_latents(len(real), chance).to(self.device)
        fake = self.generator(latents)
        self.discriminator.requires_grad_(True)
        real_scores = self.discriminator(real)[-1]
        fake_scores = self.discriminator(fake.detach())[-1]
        judged = bce_discriminator_loss(real_scores, fake_scores)
        self._learn("discriminator", judged)
        # Frozen, it keeps no gradient of the generator's loss.
        self.discriminator.requires_grad_(False)
        painted = bce_generator_loss(self.discriminator(fake)[-1])
        self._learn("generator", painted)
        self.steps += 1
        for name, value in (
            ("discriminator", judged),
            ("generator", painted),
            ("real score", torch.sigmoid(real_scores).mean()),
            ("fake score", torch.sigmoid(fake_scores).mean()),
            ("steps", torch.ones(())),
        ):
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def _learn(self, name: str, loss: Tensor) -> None:
        if not torch.isfinite(loss.detach()):
            raise TrainingError(
                f"The {name}'s loss is no finite number at step {self.steps}: lower the learning "
                "rate, and resume from the last checkpoint."
            )
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._parts()[name].parameters(), math.inf)
        if not torch.isfinite(norm):
            raise TrainingError(
                f"The {name}'s gradient is no finite number at step {self.steps}: lower the "
                "learning rate, and resume from the last checkpoint."
            )
        self.optimizers[name].step()
        self.optimizers[name].zero_grad(set_to_none=True)

    def means(self) -> str:
        """Say the means since the last call."""
        count = self.sums.pop("steps")
        said = ", ".join(f"{name} {value / count:.4f}" for name, value in self.sums.items())
        self.sums = {}
        return said

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        optimizers = {name: one.state_dict() for name, one in self.optimizers.items()}
        return {**parts, "optimizers": optimizers, "steps": self.steps, "sums": dict(self.sums)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take a state back.

        Raises:
            TrainingError: it is of other networks.
        """
        try:
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
                self.optimizers[name].load_state_dict(state["optimizers"][name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"The folder's {_CHECKPOINT} is of other networks: choose another folder, or begin "
                "anew with --restart."
            ) from error
        self.steps, self.sums = state["steps"], dict(state["sums"])

    @torch.no_grad()
    def write_sheet(self, path: Path) -> None:
        """Write faces of the same 24 latents each time."""
        latents = self.generator.draw_latents(24, torch.Generator().manual_seed(0))
        self.generator.eval()
        faces = self.generator(latents.to(self.device))
        self.generator.train()
        grey_levels = faces.add(1.0).mul(127.5).round().clamp(0, 255).byte()
        write_sheet(list(grey_levels.permute(0, 2, 3, 1).cpu().numpy()), path, columns=6)


def _log(path: Path, line: str) -> None:
    print(line, flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(line + "\n")
