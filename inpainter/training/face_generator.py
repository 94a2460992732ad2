"""Training of random face generators: whole faces, no holes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer
from torch.utils.data import DataLoader

from inpainter.data.colour import to_pictures
from inpainter.data.processes import FaceProcesses
from inpainter.data.stream import Batch, DecodedPictures, SampleStream, Stretch
from inpainter.losses import AdversarialLoss
from inpainter.registry import create_discriminator, create_model
from inpainter.tensors import to_uint8
from inpainter.training.callbacks import StopInTime
from inpainter.training.moving_average import MovingAverage
from inpainter.training.pictures import create_sampling, open_training_pictures
from inpainter.training.recipe import DataSettings, HoleSettings, ReadRecipe
from inpainter.training.rounds import equal_rounds, round_at, rounds_in_all
from inpainter.training.sheet import write_sheet
from inpainter.training.trainer import CHECKPOINT, make_trainer, read_run
from weights.base.device import resolve_device
from weights.base.errors import ConfigurationError, TrainingError
from weights.base.lightning_runs import RestoreGuard
from weights.base.run_log import keep_first
from weights.base.run_settings import RunOptions, RunSettings
from weights.base.silence import lightning_silenced
from weights.base.stopping import at_safe_points
from weights.catalog.store import write_tensors


def _dcgan() -> dict[str, Any]:
    return {"name": "dcgan"}


@dataclass(frozen=True)
class FaceGeneratorRecipe(ReadRecipe):
    """How a generator of random faces is trained; the defaults are those of Yeh et al.'s DCGAN.

    Attributes:
        generator: name and options of the generator.
        discriminator: name and options of the discriminator.
        epochs: passes over the faces.
        batch: faces in a batch.
        rate: Adam's learning rate for both networks.
        betas: Adam's two decay rates.
        framing: hole generator that frames the faces like the crops to be completed; its holes are
            used for nothing else.
        data: the faces, their framing and augmentation.
        ema_decay: decay of the moving average of the generator's weights, which are the ones saved.
        precision: "32-true", "bf16-mixed" or "16-mixed", as Lightning names them.
        checkpoint_steps: steps between two checkpoints.
        seed: seeds all random choices.
    """

    generator: dict[str, Any] = field(default_factory=_dcgan)
    discriminator: dict[str, Any] = field(default_factory=_dcgan)
    epochs: int = 25
    batch: int = 300
    rate: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    framing: Any = "centre-box"
    data: DataSettings = field(default_factory=DataSettings)
    ema_decay: float = 0.999
    precision: str = "32-true"
    checkpoint_steps: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        # Batch normalisation needs more than one face.
        if min(self.epochs, self.checkpoint_steps) < 1 or self.batch < 2 or self.rate <= 0.0:
            raise ConfigurationError(
                "A face generator's recipe needs epochs and checkpoint_steps of 1 or more, a batch "
                "of 2 or more and a rate above 0."
            )


def read_face_recipe(path: str | Path) -> FaceGeneratorRecipe:
    """Read the recipe of a face generator, as `read_recipe` reads others.

    Raises:
        ConfigurationError: there is no such recipe, or a key or value in it is wrong.
    """
    return FaceGeneratorRecipe.read(path)


def train_face_generator(
    recipe: FaceGeneratorRecipe, output: str | Path, **options: Unpack[RunOptions]
) -> Path:
    """Train a generator of random faces; a stopped run resumes from its checkpoint.

    The folder gets `recipe.yaml`, `last.ckpt`, `rounds.log` with the mean losses and scores between
    checkpoints, a sheet of faces for each checkpoint, and `faces.safetensors`.

    Args:
        recipe: what to train and how.
        output: the run's folder.
        **options: `device`, `threads`, `time_budget_minutes` and `resume`, see `RunSettings`.

    Returns:
        The safetensors file with generator and discriminator, for `SemanticInpainter`.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown.
        WeightsError: the checkpoint is damaged.
        TrainingError: a loss or gradient is not a number.
    """
    run = RunSettings(**options)
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    folder = Path(output)
    module = FaceTraining(recipe)
    recipe.write(folder / "recipe.yaml")
    checkpoint = folder / CHECKPOINT
    going_on = run.resume and checkpoint.is_file()
    guard = RestoreGuard(checkpoint, resumed=going_on)
    callbacks = [StopInTime(run.time_budget_minutes), FaceReport(folder), guard]
    callbacks.append(ModelCheckpoint(folder, "last", enable_version_counter=False))
    with (
        open_training_pictures(recipe.data) as faces,
        at_safe_points(),
        lightning_silenced(),
    ):
        module.faces = faces
        kept = read_run(checkpoint) if going_on else None
        if kept is not None:
            _check_same_networks(module, kept)
        trainer = make_trainer(
            folder,
            resolve_device(run.device),
            callbacks,
            rounds=rounds_in_all(module.rounds, kept),
            precision=recipe.precision,
        )
        with guard.watch():
            trainer.fit(module, ckpt_path=str(checkpoint) if going_on else None)
    weights = folder / "faces.safetensors"
    if trainer.is_global_zero:
        save_face_generator(weights, recipe, module.average.network, module.discriminator)
    return weights


def _check_same_networks(module: FaceTraining, kept: Mapping[str, Any]) -> None:
    """Reject a checkpoint of other networks.

    Raises:
        TrainingError: it is one.
    """
    shapes = {name: value.shape for name, value in module.state_dict().items()}
    if {name: value.shape for name, value in kept["state_dict"].items()} != shapes:
        raise TrainingError(
            f"The folder's {CHECKPOINT} belongs to other networks: choose another folder, or start "
            "over with --restart."
        )


def save_face_generator(
    path: Path, recipe: FaceGeneratorRecipe, generator: nn.Module, discriminator: nn.Module
) -> None:
    """Write generator and discriminator to one file with their names and options.

    An existing file is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    parts = {"generator": generator, "discriminator": discriminator}
    tensors = {
        f"{kind}.{name}": tensor
        for kind, part in parts.items()
        for name, tensor in part.state_dict().items()
    }
    metadata = {kind: json.dumps(getattr(recipe, kind)) for kind in parts}
    write_tensors(path, tensors, metadata, overwrite=True)


class FaceTraining(LightningModule):
    """A generator of random faces, its discriminator and the generator's moving average.

    Args:
        recipe: what to train and how.
    """

    faces: DecodedPictures | FaceProcesses
    """The training faces, set before training begins."""

    def __init__(self, recipe: FaceGeneratorRecipe) -> None:
        super().__init__()
        self.automatic_optimization = False
        torch.manual_seed(recipe.seed)
        self.recipe, self.steps_done = recipe, 0
        self.generator: Any = create_model(**recipe.generator)
        self.discriminator = create_discriminator(**recipe.discriminator)
        self.adversarial = AdversarialLoss("bce")
        self.average = MovingAverage(self.generator, recipe.ema_decay)

    @property
    def rounds(self) -> list[int]:
        """The steps of each round of the schedule."""
        steps = self.recipe.epochs * math.ceil(len(self.faces) / self.recipe.batch)
        return equal_rounds(steps, self.recipe.checkpoint_steps)

    def configure_optimizers(self) -> list[Optimizer]:
        """Make an Adam for the generator and one for the discriminator."""
        return [
            torch.optim.Adam(part.parameters(), self.recipe.rate, self.recipe.betas)
            for part in (self.generator, self.discriminator)
        ]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the part of the stream that is left of the current round."""
        recipe, trainer, done = self.recipe, self.trainer, self.steps_done
        _, steps = round_at(self.rounds, done)
        # Its holes frame the faces and are used for nothing else.
        sampling = create_sampling(recipe.data, HoleSettings(face=recipe.framing))
        devices = trainer.world_size
        stretch = Stretch(
            sampling,
            self.generator.side,
            recipe.batch,
            done * recipe.batch * devices,
            recipe.seed,
            trainer.global_rank,
            devices,
        )
        stream = SampleStream(self.faces, stretch, steps, recipe.data.workers)
        return DataLoader(stream, batch_size=None)

    def training_step(self, batch: Batch, _batch_index: int) -> None:
        """Train the discriminator and then the generator on a batch."""
        generator_optimizer, discriminator_optimizer = self.optimizers()  # type: ignore[attr-defined]
        real = to_pictures(batch)
        # Latents depend only on seed and step, so that a resumed run draws the same ones.
        number = self.steps_done * self.trainer.world_size + self.trainer.global_rank
        random = torch.Generator().manual_seed((self.recipe.seed << 32) + number)
        fake = self.generator(self.generator.draw_latents(len(real), random).to(self.device))
        self.discriminator.requires_grad_(True)
        real_scores = self.discriminator(real)[-1]
        fake_scores = self.discriminator(fake.detach())[-1]
        judged = self.adversarial.discriminator(real_scores, fake_scores)
        self._learn("discriminator", judged, discriminator_optimizer)
        # Frozen, so that it accumulates no gradient of the generator's loss.
        self.discriminator.requires_grad_(False)
        painted = self.adversarial.generator(self.discriminator(fake)[-1])
        self._learn("generator", painted, generator_optimizer)
        self.average.update(self.generator)
        figures = {
            "discriminator": judged,
            "generator": painted,
            "real score": torch.sigmoid(real_scores).mean(),
            "fake score": torch.sigmoid(fake_scores).mean(),
        }
        self.log_dict(figures, on_step=False, on_epoch=True, batch_size=len(real))
        self.steps_done += 1

    def _learn(self, name: str, loss: Tensor, optimizer: Any) -> None:
        if not torch.isfinite(loss.detach()):
            raise TrainingError(
                f"The {name}'s loss became NaN or infinite at step {self.steps_done}: lower the "
                "learning rate, and resume from the last checkpoint."
            )
        self.manual_backward(loss)
        norm = nn.utils.clip_grad_norm_(getattr(self, name).parameters(), math.inf)
        if not torch.isfinite(norm):
            raise TrainingError(
                f"The {name}'s gradient became NaN or infinite at step {self.steps_done}: lower "
                "the learning rate, and resume from the last checkpoint."
            )
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the number of steps."""
        checkpoint["steps_done"] = self.steps_done

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the number of steps."""
        self.steps_done = checkpoint["steps_done"]

    @torch.no_grad()
    def draw_faces(self) -> Tensor:
        """Generate faces `(24, 3, S, S)` from fixed latents with the averaged weights."""
        latents = self.generator.draw_latents(24, torch.Generator().manual_seed(0))
        return self.average.network(latents.to(self.device))


class FaceReport(Callback):
    """Prints the results of each round and writes a sheet of faces.

    Args:
        output: the run's folder.
    """

    def __init__(self, output: Path) -> None:
        self.output = output

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Drop rounds from the log that are repeated now or belong to another run."""
        assert isinstance(module, FaceTraining)
        if trainer.is_global_zero:
            done, _ = round_at(module.rounds, module.steps_done)
            keep_first(self.output / "rounds.log", "round", done)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Print the line and write the sheet."""
        assert isinstance(module, FaceTraining)
        if not trainer.is_global_zero:
            return
        figures = sorted(trainer.callback_metrics.items())
        said = ", ".join(f"{name} {float(value):.4f}" for name, value in figures)
        number = math.ceil(module.steps_done / module.recipe.checkpoint_steps)
        line = f"round {number}, step {module.steps_done}: {said}"
        print(line, flush=True)
        with (self.output / "rounds.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        sheet = self.output / "sheets" / f"{module.steps_done:07d}.jpg"
        write_sheet(to_uint8(module.draw_faces()), sheet, columns=6)
