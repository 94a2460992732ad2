"""The training step of completion networks, for Lightning."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from inpainter.blocks.batch_deviation import BatchDeviation
from inpainter.data.colour import to_pictures
from inpainter.data.rims import stain_rims
from inpainter.discriminators.projected import ProjectedDiscriminator, joined
from inpainter.losses import AdversarialLoss, feature_matching_loss, r1_penalty
from inpainter.registry import create_discriminator, create_model
from inpainter.sketching import sketch_of
from inpainter.training.distillation import Distillation, check_pyramid
from inpainter.training.moving_average import MovingAverage
from inpainter.training.objective import PictureObjective
from inpainter.training.optimizers import create_optimizers
from inpainter.training.parts import train_all_but
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
    from inpainter.discriminators.projected import View
    from inpainter.outputs import CompletionOutput
    from inpainter.training.recipe import AdversarialSettings, Phase, Recipe

HOLE_BANDS: Final = (0.0, 0.15, 0.25, 0.35, 1.0)
"""Limits of the bands of hole area, as shares of the crop, by which validation is logged."""


class CompletionTraining(LightningModule):
    """A generator, its discriminator and their moving average, trained by a recipe.

    Each step trains the discriminator first and then the generator against it. The discriminator's
    parameters are frozen while the generator learns, so that no gradient is left in them. A
    discriminator that looks at the whole batch, as batch normalisation does, sees true and painted
    pictures in batches of their own, as in the papers: in a common batch it would learn from
    statistics that it never meets again when it judges the generator.

    A batch that is cut into parts, as `OptimizerSettings.accumulate` says, gives the step of the
    whole batch, but for batch and spectral normalisation, which change with each look at pictures,
    and for `BatchDeviation`, which compares the pictures of a part.

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
        self.guided = bool(getattr(self.generator, "guided", False))
        self.generator.to(memory_format=torch.channels_last)
        train_all_but(self.generator, recipe.frozen)
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
                isinstance(part, nn.modules.batchnorm._BatchNorm | BatchDeviation)
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
        self._seed_step()
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        for optimizer, rate in zip(optimizers, self.rates(), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate
        phase = self.phase
        pictures = to_network(batch, masked=self.sees_masks, rims=self.recipe.data.rims)
        if self.guided:
            pictures = with_sketches(pictures, self.recipe.data.sketch_share)
        parts = pictures.cut(self.recipe.optimizer.accumulate)
        taught = self.discriminator is not None and phase.discriminator
        due = taught and self.steps_done % self._adversary().every == 0
        terms: dict[str, Tensor] = {}
        # A batch in one part is painted once for both networks.
        painted = self._paint(pictures) if len(parts) == 1 and phase.generator else None
        views = self._look_once(pictures, painted[0]) if taught and painted is not None else None
        if due:
            for part in parts:
                output = self._shown_output(part) if painted is None else painted[0]
                found = self._discriminator_terms(part, output, views)
                self._learn(found, len(part.image) / len(pictures.image), terms)
            self._step(optimizers[1])
        if phase.generator:
            for part in parts:
                output, found = self._paint(part) if painted is None else painted
                found = found | self._picture_terms(part, output)
                if taught:
                    found |= self._judge(part, output, views)
                self._learn(found, len(part.image) / len(pictures.image), terms)
            self._step(optimizers[0])
            self.average.update(self.generator)
        self.log_dict(
            {f"train/{name}": term for name, term in terms.items()},
            prog_bar=True,
            on_step=False,
            on_epoch=True,
            batch_size=len(pictures.image),
        )
        self.steps_done += 1

    def _seed_step(self) -> None:
        """Let all chance inside networks follow from seed and step, so that a resumed run goes on.

        Processes that train together draw numbers of their own.
        """
        trainer = self.trainer
        number = self.steps_done * trainer.world_size + trainer.global_rank
        torch.manual_seed((self.recipe.seed << 32) + number)

    def _learn(self, terms: Mapping[str, Tensor], share: float, sums: dict[str, Tensor]) -> None:
        """Add the gradients of a batch's part, and its terms to those of the batch.

        Raises:
            TrainingError: a term is no finite number.
        """
        total = torch.stack(list(terms.values())).sum()
        # One look at the sum: each look makes the device wait for the processor.
        if not torch.isfinite(total.detach()):
            self._stop_at(terms)
        self.manual_backward(share * total)
        for name, term in terms.items():
            sums[name] = sums.get(name, 0.0) + share * term.detach()

    def _step(self, optimizer: Any) -> None:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip a network's gradient, which by now is free of fp16's scale.

        Raises:
            TrainingError: the gradient is no finite number and nothing else would notice.
        """
        own = {id(one) for group in optimizer.param_groups for one in group["params"]}
        settings, name, network = self.recipe.optimizer, "discriminator", self.discriminator
        limit = settings.discriminator_gradient_clip
        if own.intersection(map(id, self.generator.parameters())):
            name, network, limit = "generator", self.generator, settings.gradient_clip
        if network is None:
            return
        norm = nn.utils.clip_grad_norm_(network.parameters(), math.inf if limit is None else limit)
        # In fp16 steps of such gradients are passed over and the scale is lowered.
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if not scaled and not torch.isfinite(norm):
            self._stop_at({f"gradient of the {name}": norm})

    def _stop_at(self, terms: Mapping[str, Tensor]) -> NoReturn:
        """Stop for the term that is no finite number, or for the largest if only their sum is."""
        name = max(terms, key=lambda one: _size_of(terms[one]))
        raise TrainingError(
            f"The loss term {name!r} is no finite number at step {self.steps_done}: lower the "
            "learning rate or the term's weight, or train in fp32, and resume from the last "
            "checkpoint."
        )

    def _paint(self, pictures: NetworkBatch) -> tuple[CompletionOutput, dict[str, Tensor]]:
        """Complete a batch; besides, give the distillation's term where it counts."""
        weight = self.recipe.weights_in(self.phase).get("distillation", 0.0)
        if self.distillation is not None and weight:
            output, difference = self.distillation.paint(
                self.generator, pictures.seen, pictures.hole
            )
            return output, {"distillation": weight * difference}
        return self._painter[0](*pictures.given), {}

    def _shown_output(self, pictures: NetworkBatch) -> CompletionOutput:
        """Complete a batch for the discriminator's eyes only: no autograd.

        A generator that does not learn in this phase stays as it is: no batch statistics either.
        """
        if not self.phase.generator:
            self.generator.eval()
        with torch.no_grad():
            output: CompletionOutput = self.generator(*pictures.given)
        train_all_but(self.generator, self.recipe.frozen)
        return output

    def _picture_terms(self, pictures: NetworkBatch, output: CompletionOutput) -> dict[str, Tensor]:
        target, hole, weights = pictures.image, pictures.hole, self.phase.weights

        def look(prediction: Tensor, *, coarse: bool) -> dict[str, Tensor]:
            prediction = torch.where(pictures.unknown > 0.5, target, prediction)
            completed = torch.where(hole > 0.5, prediction, pictures.known)
            return self.objective(prediction, completed, target, hole, weights, coarse=coarse)

        terms = look(output.prediction, coarse=False)
        # A frozen part's guess cannot get better by being judged.
        if output.coarse is not None and output.coarse.requires_grad:
            coarse = look(output.coarse, coarse=True)
            terms |= {f"coarse_{name}": term for name, term in coarse.items()}
        return terms

    def _shown(self, pictures: NetworkBatch, output: CompletionOutput) -> Tensor:
        """The picture that is put before the discriminator, true where nothing could be known."""
        picture = output.prediction
        if self._adversary().picture == "completed":
            picture = torch.where(pictures.hole > 0.5, picture, pictures.known)
        return torch.where(pictures.unknown > 0.5, pictures.image, picture)

    def _adversary(self) -> AdversarialSettings:
        assert self.recipe.adversarial is not None
        return self.recipe.adversarial

    def _look_once(self, pictures: NetworkBatch, output: CompletionOutput) -> Views | None:
        """What a discriminator of fixed features sees, for both steps; None for any other."""
        if not isinstance(self.discriminator, ProjectedDiscriminator):
            return None
        fake = self.discriminator.look(self._shown(pictures, output), pictures.hole, pictures.mouth)
        with torch.no_grad():
            real = self.discriminator.look(pictures.image, pictures.hole, pictures.mouth)
        return Views(real, fake)

    def _maps(self, picture: Tensor, pictures: NetworkBatch) -> list[Tensor]:
        """The discriminator's maps of one picture of a batch, its scores last."""
        assert self.discriminator is not None
        mouth = (pictures.mouth,) if isinstance(self.discriminator, ProjectedDiscriminator) else ()
        maps: list[Tensor] = self.discriminator(picture, pictures.hole, *mouth)
        return maps

    def _discriminator_terms(
        self, pictures: NetworkBatch, output: CompletionOutput, views: Views | None
    ) -> dict[str, Tensor]:
        assert self.discriminator is not None
        settings = self._adversary()
        real, hole = pictures.image, pictures.hole
        fake = self._shown(pictures, output).detach()
        self.discriminator.requires_grad_(True)
        if views is not None:
            assert isinstance(self.discriminator, ProjectedDiscriminator)
            real_scores = joined(self.discriminator.judge(views.real))
            fake_scores = joined(self.discriminator.judge([one.detached() for one in views.fake]))
        elif self.batches_apart or isinstance(self.discriminator, ProjectedDiscriminator):
            real_scores = self._maps(real, pictures)[-1]
            fake_scores = self._maps(fake, pictures)[-1]
        else:
            both = self.discriminator(torch.cat([real, fake]), torch.cat([hole, hole]))
            real_scores, fake_scores = both[-1].chunk(2)
        if settings.fake_region == "whole":
            loss: Tensor = self.adversarial.discriminator(real_scores, fake_scores)
        else:
            blurred = settings.fake_region == "blurred-hole"
            labels = patch_labels(hole, fake_scores, blurred=blurred)
            loss = labelled_discriminator_loss(
                self.adversarial.kind, real_scores, fake_scores, labels
            )
        terms = {"discriminator": loss}
        self._log_scores(real_scores, fake_scores)
        if settings.r1 > 0.0 and (self.steps_done // settings.every) % settings.r1_interval == 0:
            terms["r1"] = settings.r1_interval * self._slope(real, hole, settings.r1)
        return terms

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
            if not self._adversary().r1_hole:
                return r1_penalty(self.discriminator(pictures, hole)[-1], pictures, gamma)
            hole = hole.float().detach().requires_grad_(True)
            return r1_penalty(self.discriminator(pictures, hole)[-1], pictures, gamma, hole)

    def _judge(
        self, pictures: NetworkBatch, output: CompletionOutput, views: Views | None
    ) -> dict[str, Tensor]:
        assert self.discriminator is not None
        settings, weights = self._adversary(), self.recipe.weights_in(self.phase)
        if not (weights["adversarial"] or weights["feature_matching"]):
            return {}
        hole = pictures.hole
        # Frozen, it keeps no gradient of the generator's loss.
        self.discriminator.requires_grad_(False)
        real_maps: list[Tensor] | None = None
        if views is not None:
            assert isinstance(self.discriminator, ProjectedDiscriminator)
            fake_maps = self.discriminator.maps(views.fake)
            with torch.no_grad():
                real_maps = self.discriminator.maps(views.real)
        else:
            fake_maps = self._maps(self._shown(pictures, output), pictures)
            if weights["feature_matching"] > 0 or self.adversarial.generator_needs_real:
                with torch.no_grad():
                    real_maps = self._maps(pictures.image, pictures)
        real_scores = None if real_maps is None else real_maps[-1]
        if settings.generator_region == "hole":
            loss = hole_generator_loss(self.adversarial, fake_maps[-1], hole)
        else:
            loss = self.adversarial.generator(fake_maps[-1], real_scores)
        terms = {"adversarial": weights["adversarial"] * loss}
        if weights["feature_matching"] > 0 and real_maps is not None:
            distance = feature_matching_loss(
                fake_maps[:-1],
                real_maps[:-1],
                settings.feature_matching_layers,
                settings.feature_matching_distance,
            )
            terms["feature_matching"] = weights["feature_matching"] * distance
        return terms

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Measure the averaged network on frozen samples; the first ones become a sheet."""
        image, hole, inside, seen, *_ = to_network(batch, masked=self.sees_masks)
        output = self.average.network(seen, hole)
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
        """Keep the count of steps beside the weights."""
        checkpoint["steps_done"] = self.steps_done

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the count of steps back."""
        self.steps_done = checkpoint["steps_done"]


class NetworkBatch(NamedTuple):
    """What networks take and learn.

    Attributes:
        image: the true faces `(N, 3, S, S)` in [-1, 1].
        hole: `(N, 1, S, S)`, 1 = missing.
        inside: `(N, 1, S, S)`, 0 where the crop reaches past the picture's frame, else 1.
        seen: what the network is given: the masked faces, or else the true ones, with rims of
            masks round the holes where the recipe says so.
        known: what stands round a hole that the network has filled: the same without rims.
        sketch: `(N, 1, S, S)`, 1 = a line; None for networks that take no sketch.
        mouth: squares round the mouths `(N, 3)`, see `inpainter.face_parts`; None where unknown.
    """

    image: Tensor
    hole: Tensor
    inside: Tensor
    seen: Tensor
    known: Tensor
    sketch: Tensor | None = None
    mouth: Tensor | None = None

    @property
    def given(self) -> tuple[Tensor, ...]:
        """What a network is called with."""
        free = (self.seen, self.hole)
        return free if self.sketch is None else (*free, self.sketch)

    @property
    def unknown(self) -> Tensor:
        """Where there is a hole past the frame: a reflection, no truth to be judged by."""
        return self.hole * (1.0 - self.inside)

    def cut(self, parts: int) -> list[NetworkBatch]:
        """Cut the batch into at most so many parts of nearly equal size."""
        given = {name: one for name, one in self._asdict().items() if one is not None}
        cut = zip(*(tensor.chunk(parts) for tensor in given.values()), strict=True)
        return [NetworkBatch(**dict(zip(given, tensors, strict=True))) for tensors in cut]


class Views(NamedTuple):
    """What a projected discriminator sees of a batch's true and of its completed pictures."""

    real: list[View]
    fake: list[View]


def to_network(batch: Batch, *, masked: bool, rims: float = 0.0) -> NetworkBatch:
    """Turn a batch of uint8 samples into what networks take and learn.

    Args:
        batch: the samples.
        masked: whether the network is given the faces with masks on them.
        rims: share of the pictures in which the hole left a rim of the mask, see `stain_rims`.
    """
    image = to_pictures(batch)
    known = to_pictures(batch, "masked") if masked else image
    hole, inside = (batch[name][:, None].float() for name in ("hole", "inside"))
    seen = stain_rims(known, hole, rims)
    return NetworkBatch(image, hole, inside, seen, known, mouth=batch.get("mouth"))


def with_sketches(pictures: NetworkBatch, share: float) -> NetworkBatch:
    """Give a share of a batch, drawn by chance, the lines of what is true; the others none."""
    chosen = torch.rand(len(pictures.image), 1, 1, 1, device=pictures.image.device) < share
    return pictures._replace(sketch=sketch_of(pictures.image) * chosen)


def _size_of(term: Tensor) -> float:
    size = float(term.detach().abs().max())
    return size if math.isfinite(size) else math.inf
