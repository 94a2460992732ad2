"""The Lightning module that trains completion networks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from inpainter.data.stream import Batch
from inpainter.outputs import CompletionOutput
from inpainter.registry import create_model
from inpainter.training.adversary import Adversary, Views
from inpainter.training.distillation import Distillation, check_pyramid
from inpainter.training.moving_average import MovingAverage
from inpainter.training.network_batch import NetworkBatch, to_network, with_face, with_sketches
from inpainter.training.objective import PictureObjective
from inpainter.training.optimizers import create_optimizers
from inpainter.training.recipe import Phase, Recipe
from inpainter.training.sheet import sheet_rows, write_sheet
from inpainter.training.submodules import train_all_but
from weights.base.errors import ConfigurationError, TrainingError

HOLE_BANDS: Final = (0.0, 0.15, 0.25, 0.35, 1.0)
"""Bounds of the hole area bands, as fractions of the crop, by which validation is logged."""


class CompletionTraining(LightningModule):
    """A generator with its moving average, and its discriminator, trained by a recipe.

    Each step trains the discriminator first and then the generator; see `Adversary`.

    A batch that is cut into parts, see `OptimizerSettings.accumulate`, gives the same step as the
    whole batch, except for batch and spectral normalisation, which update with each forward pass,
    and for `MinibatchStd`, which compares the pictures of a part.

    Args:
        recipe: what to train and how.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.recipe = recipe
        options = dict(recipe.network)
        self.generator = create_model(options.pop("name"), **options)
        self.sees_masks = bool(getattr(self.generator, "sees_hole", False))
        if self.sees_masks and not (recipe.data.masked or recipe.data.pairs):
            raise ConfigurationError(
                f"The network {recipe.network['name']!r} works on pictures of masked faces: name a "
                "source of them as `masked`, or a data set as `pairs`, in the recipe's data."
            )
        self.guide = getattr(self.generator, "guide", None)
        self.generator.to(memory_format=torch.channels_last)
        train_all_but(self.generator, recipe.frozen)
        self.average = MovingAverage(self.generator, recipe.ema_decay)
        self.objective = PictureObjective(recipe.losses)
        self.adversary = self.discriminator = None
        if recipe.adversarial is not None:
            self.adversary = Adversary(recipe.adversarial, compiled=recipe.compile)
            self.discriminator = self.adversary.discriminator
        self.distillation: Distillation | None = None
        if recipe.distillation is not None:
            check_pyramid(self.generator, "student")
            self.distillation = Distillation(recipe.distillation)
        # In a tuple, so that the compiled form is not registered as a second network.
        self._painter = (torch.compile(self.generator) if recipe.compile else self.generator,)
        self.schedule = recipe.rounds()
        self.total_steps = sum(steps for _, steps in self.schedule)
        self.steps_done = 0
        self.round_number = 0
        self._sheet_rows: list[NDArray[np.uint8]] = []

    @property
    def phase(self) -> Phase:
        """The phase of the current round."""
        return self.schedule[self.round_number][0]

    @property
    def steps_in_phase(self) -> int:
        """Number of steps done in the current phase."""
        before = itertools.takewhile(lambda phase: phase is not self.phase, self.recipe.phases)
        return self.steps_done - sum(phase.steps for phase in before)

    def on_train_epoch_start(self) -> None:
        """Find the current round; one that was cut short by a time budget is continued."""
        self.round_number, _ = self.recipe.round_at(self.steps_done)

    def configure_optimizers(self) -> list[Optimizer]:
        """Create the optimizers of the generator and, if there is one, of the discriminator."""
        return create_optimizers(self.recipe.optimizer, self.generator, self.discriminator)

    def rate_share(self) -> float:
        """Factor of the learning rates at the current step: linear warm-up, then cosine decay."""
        settings = self.recipe.optimizer
        if self.steps_done < settings.warmup_steps:
            return (self.steps_done + 1) / settings.warmup_steps
        left = self.total_steps - settings.warmup_steps
        progress = min(1.0, (self.steps_done - settings.warmup_steps) / max(1, left))
        return (
            settings.final_share
            + (1 - settings.final_share) * (1 + math.cos(math.pi * progress)) / 2
        )

    def rates(self) -> tuple[float, float]:
        """The learning rates of generator and discriminator at the current step."""
        settings, phase, share = self.recipe.optimizer, self.phase, self.rate_share()
        pairs = (
            (phase.generator_lr, settings.generator_lr),
            (phase.discriminator_lr, settings.discriminator_lr),
        )
        first, second = (rate if own is None else own for own, rate in pairs)
        return first * share, second * share

    def training_step(self, batch: Batch, _batch_index: int) -> None:
        """Train on one batch of uint8 samples."""
        self._seed_step()
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        for optimizer, rate in zip(optimizers, self.rates(), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate
        phase = self.phase
        pictures = self._pictures(batch, rims=self.recipe.data.rims)
        if self.guide == "sketch":
            pictures = with_sketches(pictures, self.recipe.data.sketch_share)
        parts = pictures.cut(self.recipe.optimizer.accumulate)
        adversary = self.adversary if phase.discriminator else None
        terms: dict[str, Tensor] = {}
        # For an uncut batch, predictions and views are shared by both networks.
        painted = self._paint(pictures) if len(parts) == 1 and phase.generator else None
        views = adversary.look(pictures, painted[0]) if adversary and painted else None
        if adversary and self.steps_done % adversary.settings.every == 0:
            for part in parts:
                seen = views or adversary.look(part, self._painted_for_discriminator(part))
                found = self._discriminator_terms(adversary, part, seen)
                with self._gradients_shared(part is parts[-1]):
                    self._learn(found, len(part.image) / len(pictures.image), terms)
            self._step(optimizers[1])
        if phase.generator:
            weights = self.recipe.weights_in(phase)
            for part in parts:
                output, found = self._paint(part) if painted is None else painted
                found = found | self._picture_terms(part, output)
                if adversary:
                    seen = views or adversary.look(part, output)
                    found |= adversary.generator_terms(part, seen, weights)
                with self._gradients_shared(part is parts[-1]):
                    self._learn(found, len(part.image) / len(pictures.image), terms)
            self._step(optimizers[0])
            self.average.update(self.generator)
        self.log_dict(
            {f"loss/{name}": term for name, term in terms.items()},
            prog_bar=True,
            on_step=False,
            on_epoch=True,
            batch_size=len(pictures.image),
        )
        self.steps_done += 1

    def _pictures(self, batch: Batch, rims: float = 0.0) -> NetworkBatch:
        pictures = to_network(batch, masked=self.sees_masks, rims=rims)
        if self.guide in {"landmarks", "reference"} and "landmarks" in batch:
            pictures = with_face(pictures, batch)
        return pictures

    def _seed_step(self) -> None:
        """Seed random choices inside networks by seed and step, so that a resumed run is identical.

        Processes that train together draw different numbers.
        """
        trainer = self.trainer
        number = self.steps_done * trainer.world_size + trainer.global_rank
        torch.manual_seed((self.recipe.seed << 32) + number)

    def _gradients_shared(self, last: bool) -> AbstractContextManager[None]:
        """Synchronise gradients between processes only for a batch's last part.

        By then they are summed over all parts.
        """
        block = getattr(self.trainer.strategy, "block_backward_sync", None)
        context: AbstractContextManager[None] = nullcontext() if last or block is None else block()
        return context

    def _learn(self, terms: Mapping[str, Tensor], share: float, sums: dict[str, Tensor]) -> None:
        """Accumulate the gradients and the terms of a part of a batch.

        Raises:
            TrainingError: a term became NaN or infinite.
        """
        total = torch.stack(list(terms.values())).sum()
        # Check only the sum: each check forces a synchronisation with the device.
        if not torch.isfinite(total.detach()):
            self._stop_at(terms)
        self.manual_backward(share * total)
        for name, term in terms.items():
            sums[name] = sums.get(name, 0.0) + share * term.detach()

    def _step(self, optimizer: Any) -> None:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip a network's gradient, after fp16's loss scale has been removed.

        Raises:
            TrainingError: the gradient became NaN or infinite, and no fp16 scaler handles that.
        """
        own = {id(one) for group in optimizer.param_groups for one in group["params"]}
        settings, name, network = self.recipe.optimizer, "discriminator", self.discriminator
        limit = settings.discriminator_gradient_clip
        if own.intersection(map(id, self.generator.parameters())):
            name, network, limit = "generator", self.generator, settings.gradient_clip
        if network is None:
            return
        norm = nn.utils.clip_grad_norm_(network.parameters(), math.inf if limit is None else limit)
        # In fp16, the scaler skips such steps and lowers its scale.
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if not scaled and not torch.isfinite(norm):
            self._stop_at({f"gradient of the {name}": norm})

    def _stop_at(self, terms: Mapping[str, Tensor]) -> NoReturn:
        """Raise for the term that is NaN or infinite, or for the largest if only the sum is."""
        name = max(terms, key=lambda one: _size_of(terms[one]))
        raise TrainingError(
            f"The loss term {name!r} became NaN or infinite at step {self.steps_done}: lower the "
            "learning rate or the term's weight, or train in fp32, and resume from the last "
            "checkpoint."
        )

    def _paint(self, pictures: NetworkBatch) -> tuple[CompletionOutput, dict[str, Tensor]]:
        """Complete a batch; also return the distillation's term if it has a weight."""
        weight = self.recipe.weights_in(self.phase).get("distillation", 0.0)
        if self.distillation is not None and weight:
            output, difference = self.distillation.paint(
                self.generator, pictures.seen, pictures.hole
            )
            return output, {"distillation": weight * difference}
        return self._painter[0](*pictures.inputs), {}

    def _painted_for_discriminator(self, pictures: NetworkBatch) -> CompletionOutput:
        """Complete a batch for the discriminator, without autograd.

        If the generator does not learn in this phase, its batch statistics stay unchanged too.
        """
        if not self.phase.generator:
            self.generator.eval()
        with torch.no_grad():
            output: CompletionOutput = self.generator(*pictures.inputs)
        train_all_but(self.generator, self.recipe.frozen)
        return output

    def _picture_terms(self, pictures: NetworkBatch, output: CompletionOutput) -> dict[str, Tensor]:
        target, hole, weights = pictures.image, pictures.hole, self.phase.weights

        def look(prediction: Tensor, *, coarse: bool) -> dict[str, Tensor]:
            prediction = torch.where(pictures.out_of_frame > 0.5, target, prediction)
            completed = torch.where(hole > 0.5, prediction, pictures.known)
            return self.objective(prediction, completed, target, hole, weights, coarse=coarse)

        terms = look(output.prediction, coarse=False)
        # A loss on a frozen part's prediction has no effect.
        if output.coarse is not None and output.coarse.requires_grad:
            coarse = look(output.coarse, coarse=True)
            terms |= {f"coarse_{name}": term for name, term in coarse.items()}
        return terms

    def _discriminator_terms(
        self, adversary: Adversary, pictures: NetworkBatch, views: Views
    ) -> dict[str, Tensor]:
        settings = adversary.settings
        turn = self.steps_done // settings.every
        r1 = settings.r1 > 0.0 and turn % settings.r1_interval == 0
        terms, scores = adversary.discriminator_terms(pictures, views, r1=r1)
        count = len(pictures.image)
        for name, score in scores.items():
            self.log(f"train/{name}", score, on_step=False, on_epoch=True, batch_size=count)
        return terms

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Evaluate the averaged network on frozen samples; the first ones are drawn on a sheet."""
        pictures = self._pictures(batch)
        image, hole, inside, seen, *_ = pictures
        output = self.average.network(*pictures.inputs)
        missing = hole * inside
        error = ((output.prediction.float() - image) / 2.0) ** 2 * missing
        area = missing.sum(dim=(1, 2, 3)).clamp_min(1.0)
        psnr = -10.0 * torch.log10((error.sum(dim=(1, 2, 3)) / (3.0 * area)).clamp_min(1e-10))
        self.log("validation/hole_psnr", psnr.mean(), batch_size=len(image))
        share = hole.mean(dim=(1, 2, 3))
        for low, high in itertools.pairwise(HOLE_BANDS):
            chosen = (share >= low) & ((share < high) | (high == HOLE_BANDS[-1]))
            if chosen.any():
                name = f"validation/hole_psnr_{low:.2f}_{high:.2f}"
                self.log(name, psnr[chosen].mean(), batch_size=int(chosen.sum()))
        if batch_index < 3:
            shown = seen if self.sees_masks else image * (1 - hole)
            self._sheet_rows.extend(sheet_rows(image, shown, output.completed))
        if batch_index == 2 or batch_index + 1 == self.trainer.num_val_batches[0]:
            self._write_sheet()

    def _write_sheet(self) -> None:
        rows, self._sheet_rows = self._sheet_rows, []
        if rows and self.trainer.is_global_zero:
            folder = Path(self.trainer.default_root_dir) / "sheets"
            write_sheet(rows, folder / f"{self.steps_done:07d}.jpg")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the number of steps."""
        checkpoint["steps_done"] = self.steps_done

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the number of steps."""
        self.steps_done = checkpoint["steps_done"]
        self.round_number, _ = self.recipe.round_at(self.steps_done)


def _size_of(term: Tensor) -> float:
    size = float(term.detach().abs().max())
    return size if math.isfinite(size) else math.inf
