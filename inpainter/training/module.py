"""The training step of completion networks, for Lightning."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from inpainter.losses import AdversarialLoss, feature_matching_loss, r1_penalty
from inpainter.registry import create_discriminator, create_model
from inpainter.training.distillation import Distillation, check_pyramid
from inpainter.training.moving_average import MovingAverage
from inpainter.training.objective import PictureObjective
from inpainter.training.optimizers import create_optimizers
from inpainter.training.patch_labels import (
    check_patch_kind,
    hole_generator_loss,
    labelled_discriminator_loss,
    patch_labels,
)
from inpainter.training.sheet import sheet_rows, write_sheet
from weights.errors import ConfigurationError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch.optim.optimizer import Optimizer

    from inpainter.data.stream import Batch
    from inpainter.outputs import CompletionOutput
    from inpainter.training.recipe import AdversarialSettings, Phase, Recipe


class CompletionTraining(LightningModule):
    """A generator, its discriminator and their moving average, trained by a recipe.

    Each step trains the discriminator first and then the generator against it. The discriminator's
    parameters are frozen while the generator learns, so that no gradient is left in them. A
    discriminator with batch normalisation sees true and painted pictures in batches of their own,
    as in the papers: in a common batch it would learn from statistics that it never meets again
    when it judges the generator.

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
        self.generator.to(memory_format=torch.channels_last)
        self.average = MovingAverage(self.generator, recipe.ema_decay)
        self.objective = PictureObjective(recipe.losses)
        self.discriminator: nn.Module | None = None
        if recipe.adversarial is not None:
            options = dict(recipe.adversarial.discriminator)
            self.discriminator = create_discriminator(options.pop("name"), **options)
            self.discriminator.to(memory_format=torch.channels_last)
            self.adversarial = AdversarialLoss(recipe.adversarial.kind)  # type: ignore[arg-type]
            if recipe.adversarial.fake_region != "whole":
                check_patch_kind(recipe.adversarial.kind)
            self.batches_apart = any(
                isinstance(part, nn.modules.batchnorm._BatchNorm)
                for part in self.discriminator.modules()
            )
        self.distillation: Distillation | None = None
        if recipe.distillation is not None:
            check_pyramid(self.generator, "student")
            self.distillation = Distillation(recipe.distillation)
        # Kept in a tuple, so that the compiled form does not count as a second network.
        self._painter = (torch.compile(self.generator) if recipe.compile else self.generator,)
        self.schedule = recipe.rounds()
        self.total_steps = sum(steps for _, steps in self.schedule)
        self.steps_done = 0
        self._sheet_rows: list[NDArray[np.uint8]] = []

    @property
    def phase(self) -> Phase:
        """The phase of the schedule that the present round belongs to."""
        return self.schedule[min(self.current_epoch, len(self.schedule) - 1)][0]

    def configure_optimizers(self) -> list[Optimizer]:
        """Make the optimizers of the generator and, where there is one, of the discriminator."""
        return create_optimizers(self.recipe.optimizer, self.generator, self.discriminator)

    def rate_share(self) -> float:
        """The share of the learning rates at the present step: a linear rise, then a cosine."""
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
        """The learning rates of generator and discriminator at the present step."""
        settings, phase, share = self.recipe.optimizer, self.phase, self.rate_share()
        pairs = (
            (phase.generator_rate, settings.generator_rate),
            (phase.discriminator_rate, settings.discriminator_rate),
        )
        first, second = (rate if own is None else own for own, rate in pairs)
        return first * share, second * share

    def training_step(self, batch: Batch, batch_index: int) -> None:
        """Train on one batch of uint8 samples."""
        del batch_index
        image, hole, inside, seen = to_network(batch, masked=self.sees_masks)
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        for optimizer, rate in zip(optimizers, self.rates(), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate
        phase = self.phase
        weights = self.recipe.weights_in(phase)
        output, terms = self._paint(seen, hole, weights)
        # Past the frame there is only a reflection, which is no truth to be judged by.
        unknown = hole * (1.0 - inside)
        taught = self.discriminator is not None and phase.discriminator
        if taught and self.steps_done % self._adversary().every == 0:
            shown = self._shown(output, image, unknown)
            terms |= self._train_discriminator(optimizers[1], image, shown.detach(), hole)
        if phase.generator:
            terms |= self._picture_terms(output, image, hole, unknown, seen)
            if taught and (weights["adversarial"] or weights["feature_matching"]):
                shown = self._shown(output, image, unknown)
                terms |= self._judge(image, shown, hole, weights)
            self._step_generator(optimizers[0], terms)
        self.log_dict(
            {f"train/{name}": term.detach() for name, term in terms.items()},
            prog_bar=True,
            on_step=False,
            on_epoch=True,
            batch_size=len(image),
        )
        self.steps_done += 1

    def _paint(
        self, seen: Tensor, hole: Tensor, weights: Mapping[str, float]
    ) -> tuple[CompletionOutput, dict[str, Tensor]]:
        """Complete a batch; besides, give the distillation's term where it counts."""
        if not self.phase.generator:
            # A frozen generator stays as it is: no autograd, no batch statistics.
            self.generator.eval()
            with torch.no_grad():
                output = self.generator(seen, hole)
            self.generator.train()
            return output, {}
        if self.distillation is not None and weights["distillation"]:
            output, difference = self.distillation.paint(self.generator, seen, hole)
            return output, {"distillation": weights["distillation"] * difference}
        return self._painter[0](seen, hole), {}

    def _picture_terms(
        self, output: CompletionOutput, image: Tensor, hole: Tensor, unknown: Tensor, seen: Tensor
    ) -> dict[str, Tensor]:
        def look(prediction: Tensor, *, coarse: bool) -> dict[str, Tensor]:
            prediction = torch.where(unknown > 0.5, image, prediction)
            completed = torch.where(hole > 0.5, prediction, seen)
            return self.objective(
                prediction, completed, image, hole, self.phase.weights, coarse=coarse
            )

        terms = look(output.prediction, coarse=False)
        if output.coarse is not None:
            coarse = look(output.coarse, coarse=True)
            terms |= {f"coarse_{name}": term for name, term in coarse.items()}
        return terms

    def _shown(self, output: CompletionOutput, image: Tensor, unknown: Tensor) -> Tensor:
        """The picture that is put before the discriminator, true where nothing could be known."""
        picture: Tensor = getattr(output, self._adversary().picture)
        return torch.where(unknown > 0.5, image, picture)

    def _adversary(self) -> AdversarialSettings:
        assert self.recipe.adversarial is not None
        return self.recipe.adversarial

    def _train_discriminator(
        self, optimizer: Any, real: Tensor, fake: Tensor, hole: Tensor
    ) -> dict[str, Tensor]:
        assert self.discriminator is not None
        settings = self._adversary()
        self.discriminator.requires_grad_(True)
        if self.batches_apart:
            real_scores = self.discriminator(real, hole)[-1]
            fake_scores = self.discriminator(fake, hole)[-1]
        else:
            both = self.discriminator(torch.cat([real, fake]), torch.cat([hole, hole]))
            real_scores, fake_scores = both[-1].chunk(2)
        if settings.fake_region == "whole":
            loss: Tensor = self.adversarial.discriminator(real_scores, fake_scores)
        else:
            blurred = settings.fake_region == "blurred-hole"
            labels = patch_labels(hole, fake_scores, blurred=blurred)
            loss = labelled_discriminator_loss(settings.kind, real_scores, fake_scores, labels)
        terms = {"discriminator": loss}
        self._log_scores(real_scores, fake_scores)
        if settings.r1 > 0.0 and (self.steps_done // settings.every) % settings.r1_interval == 0:
            terms["r1"] = settings.r1_interval * self._slope(real, hole, settings.r1)
        for name, term in terms.items():
            self._check_finite(name, term)
        optimizer.zero_grad(set_to_none=True)
        self.manual_backward(torch.stack(list(terms.values())).sum())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self.discriminator.requires_grad_(False)
        return {name: term.detach() for name, term in terms.items()}

    def _log_scores(self, real: Tensor, fake: Tensor) -> None:
        """Log the mean scores of true and of painted pictures, as chances where they are logits."""
        logits = self._adversary().kind in {"bce", "logistic"}
        for name, scores in (("real_score", real), ("fake_score", fake)):
            values = scores.detach().float()
            mean = (torch.sigmoid(values) if logits else values).mean()
            self.log(f"train/{name}", mean, on_step=False, on_epoch=True, batch_size=len(real))

    def _slope(self, real: Tensor, hole: Tensor, gamma: float) -> Tensor:
        """The R1 penalty, in float32: squares of slopes run out of half precision's range."""
        assert self.discriminator is not None
        with torch.autocast(real.device.type, enabled=False):
            pictures = real.float().detach().requires_grad_(True)
            return r1_penalty(self.discriminator(pictures, hole)[-1], pictures, gamma)

    def _judge(
        self, real: Tensor, fake: Tensor, hole: Tensor, weights: Mapping[str, float]
    ) -> dict[str, Tensor]:
        assert self.discriminator is not None
        settings = self._adversary()
        self.discriminator.requires_grad_(False)
        fake_maps = self.discriminator(fake, hole)
        terms = {}
        real_maps: list[Tensor] | None = None
        if weights["feature_matching"] > 0 or self.adversarial.generator_needs_real:
            with torch.no_grad():
                real_maps = self.discriminator(real, hole)
        real_scores = None if real_maps is None else real_maps[-1]
        if settings.generator_region == "hole":
            loss = hole_generator_loss(self.adversarial, fake_maps[-1], hole)
        else:
            loss = self.adversarial.generator(fake_maps[-1], real_scores)
        terms["adversarial"] = weights["adversarial"] * loss
        if weights["feature_matching"] > 0 and real_maps is not None:
            distance = feature_matching_loss(
                fake_maps[:-1], real_maps[:-1], settings.feature_matching_layers
            )
            terms["feature_matching"] = weights["feature_matching"] * distance
        return terms

    def _step_generator(self, optimizer: Any, terms: dict[str, Tensor]) -> None:
        learned = {name: term for name, term in terms.items() if term.requires_grad}
        for name, term in learned.items():
            self._check_finite(name, term)
        optimizer.zero_grad(set_to_none=True)
        self.manual_backward(torch.stack(list(learned.values())).sum())
        if self.recipe.optimizer.gradient_clip is not None:
            norm = nn.utils.clip_grad_norm_(
                self.generator.parameters(), self.recipe.optimizer.gradient_clip
            )
            self._check_finite("gradient of the generator", norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self.average.update(self.generator)

    def _check_finite(self, name: str, value: Tensor) -> None:
        if not torch.isfinite(value.detach()).all():
            raise TrainingError(
                f"The loss term {name!r} is no finite number at step {self.steps_done}: lower the "
                "learning rate or the term's weight, or train in fp32, and resume from the last "
                "checkpoint."
            )

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Measure the averaged network on frozen samples; the first ones become a sheet."""
        image, hole, inside, seen = to_network(batch, masked=self.sees_masks)
        output = self.average.network(seen, hole)
        missing = hole * inside
        error = ((output.prediction.float() - image) / 2.0) ** 2 * missing
        area = missing.sum(dim=(1, 2, 3)).clamp_min(1.0)
        psnr = -10.0 * torch.log10((error.sum(dim=(1, 2, 3)) / (3.0 * area)).clamp_min(1e-10))
        count = len(image)
        self.log("validation/hole_psnr", psnr.mean(), batch_size=count, sync_dist=True)
        share = hole.mean(dim=(1, 2, 3))
        for low, high in ((0.0, 0.15), (0.15, 0.25), (0.25, 0.35), (0.35, 1.0)):
            chosen = (share >= low) & (share < high)
            if chosen.any():
                name = f"validation/hole_psnr_{low:.2f}_{high:.2f}"
                self.log(name, psnr[chosen].mean(), batch_size=int(chosen.sum()), sync_dist=True)
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
        """Keep the count of steps beside the weights."""
        checkpoint["steps_done"] = self.steps_done

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the count of steps back."""
        self.steps_done = checkpoint["steps_done"]


def to_network(batch: Batch, *, masked: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Turn a batch of uint8 samples into what networks take and learn.

    Args:
        batch: the samples.
        masked: whether the network is given the faces with masks on them.

    Returns:
        The true faces `(N, 3, S, S)` in [-1, 1]; hole `(N, 1, S, S)` and inside `(N, 1, S, S)`, 0
        or 1; and what the network is given: the masked faces, or else the true ones.
    """
    image = _picture(batch["image"])
    seen = _picture(batch["masked"]) if masked else image
    return image, batch["hole"][:, None].float(), batch["inside"][:, None].float(), seen


def _picture(pixels: Tensor) -> Tensor:
    picture = pixels.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)
    return picture.contiguous(memory_format=torch.channels_last)
