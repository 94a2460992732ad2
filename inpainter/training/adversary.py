"""The adversarial part of the training step: what the discriminator sees, and both loss terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from inpainter.discriminators.views import View, Viewer, WholePicture
from inpainter.losses import AdversarialLoss, feature_matching_loss, r1_penalty
from inpainter.networks.blocks.minibatch_std import MinibatchStd
from inpainter.outputs import CompletionOutput
from inpainter.registry import create_discriminator
from inpainter.training.network_batch import NetworkBatch
from inpainter.training.patch_labels import (
    check_patch_kind,
    hole_generator_loss,
    labelled_discriminator_loss,
    patch_labels,
)
from inpainter.training.recipe import AdversarialSettings


class Views(NamedTuple):
    """The discriminator's views of a batch's real and completed pictures."""

    real: list[View]
    fake: list[View]


class Adversary:
    """A discriminator, trained and used as a recipe says.

    Its parameters are frozen while the generator learns, so that they accumulate no gradient. A
    discriminator that uses batch statistics, such as batch normalisation, gets real and generated
    pictures in separate batches, as in the papers: in a joint batch it would learn from statistics
    that never occur when it scores the generator's pictures.

    Args:
        settings: the recipe's settings.
        compiled: whether to compile the scoring; the R1 penalty is not compiled, since compiled
            networks have no second derivative.

    Attributes:
        discriminator: the network, to be registered as a submodule by the owner.
        separate_batches: whether it gets real and generated pictures in separate batches.
    """

    def __init__(self, settings: AdversarialSettings, *, compiled: bool = False) -> None:
        self.settings = settings
        self.loss = AdversarialLoss(settings.kind)  # type: ignore[arg-type]
        if settings.fake_region != "whole":
            check_patch_kind(settings.kind)
        options = dict(settings.discriminator)
        self.discriminator: nn.Module = create_discriminator(options.pop("name"), **options)
        self.discriminator.to(memory_format=torch.channels_last)
        looks = hasattr(self.discriminator, "look")
        self._viewer: Viewer = self.discriminator if looks else WholePicture(self.discriminator)  # type: ignore[assignment]
        self._maps = torch.compile(self._viewer.maps) if compiled else self._viewer.maps
        self.separate_batches = looks or any(
            isinstance(part, nn.modules.batchnorm._BatchNorm | MinibatchStd)
            for part in self.discriminator.modules()
        )

    def look(self, pictures: NetworkBatch, output: CompletionOutput) -> Views:
        """Extract the views of real and completed pictures; only the latter carry gradients."""
        parts = self._viewer.parts(pictures.hole, pictures.mouth)
        fake = self._viewer.look(self._shown(pictures, output), pictures.hole, parts)
        with torch.no_grad():
            real = self._viewer.look(pictures.image, pictures.hole, parts)
        return Views(real, fake)

    def _shown(self, pictures: NetworkBatch, output: CompletionOutput) -> Tensor:
        """The picture shown to the discriminator, with true pixels past the border."""
        picture = output.prediction
        if self.settings.picture == "completed":
            picture = torch.where(pictures.hole > 0.5, picture, pictures.known)
        return torch.where(pictures.out_of_frame > 0.5, pictures.image, picture)

    def discriminator_terms(
        self, pictures: NetworkBatch, views: Views, *, r1: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the discriminator's loss terms, and scores that show how strong it is.

        Args:
            pictures: the batch.
            views: its views.
            r1: whether the R1 penalty is due.

        Returns:
            The terms; and the mean scores `real_score` and `fake_score`, as probabilities if the
            scores are logits.
        """
        settings, hole = self.settings, pictures.hole
        self.discriminator.requires_grad_(True)
        real, fake = self._scores(views)
        if settings.fake_region == "whole":
            loss: Tensor = self.loss.discriminator(real, fake)
        else:
            labels = patch_labels(hole, fake, blurred=settings.fake_region == "blurred-hole")
            loss = labelled_discriminator_loss(self.loss.kind, real, fake, labels)
        terms = {"discriminator": loss}
        if r1:
            terms["r1"] = settings.r1_interval * self._r1_penalty(pictures.image, hole)
        return terms, {"real_score": self._mean_score(real), "fake_score": self._mean_score(fake)}

    def _scores(self, views: Views) -> tuple[Tensor, Tensor]:
        fake = [one.detached() for one in views.fake]
        if self.separate_batches:
            return self._maps(views.real)[-1], self._maps(fake)[-1]
        both = [_stacked(one, other) for one, other in zip(views.real, fake, strict=True)]
        real_scores, fake_scores = self._maps(both)[-1].chunk(2)
        return real_scores, fake_scores

    def _mean_score(self, scores: Tensor) -> Tensor:
        values = scores.detach().float()
        logits = self.settings.kind in {"bce", "logistic"}
        return (torch.sigmoid(values) if logits else values).mean()

    def _r1_penalty(self, real: Tensor, hole: Tensor) -> Tensor:
        """The R1 penalty, in float32: squared gradients exceed half precision's range."""
        gamma = self.settings.r1
        with torch.autocast(real.device.type, enabled=False):
            pictures = real.float().detach().requires_grad_(True)
            if not self.settings.r1_hole:
                return r1_penalty(self.discriminator(pictures, hole)[-1], pictures, gamma)
            hole = hole.float().detach().requires_grad_(True)
            return r1_penalty(self.discriminator(pictures, hole)[-1], pictures, gamma, hole)

    def generator_terms(
        self, pictures: NetworkBatch, views: Views, weights: Mapping[str, float]
    ) -> dict[str, Tensor]:
        """Return the generator's adversarial and feature matching terms.

        Args:
            pictures: the batch.
            views: its views.
            weights: weights of the terms `adversarial` and `feature_matching`.
        """
        settings, matching = self.settings, weights["feature_matching"]
        if not (weights["adversarial"] or matching):
            return {}
        # Frozen, so that it accumulates no gradient of the generator's loss.
        self.discriminator.requires_grad_(False)
        fake = self._maps(views.fake)
        real: list[Tensor] | None = None
        if matching > 0 or self.loss.generator_needs_real:
            with torch.no_grad():
                real = self._maps(views.real)
        if settings.generator_region == "hole":
            loss = hole_generator_loss(self.loss, fake[-1], pictures.hole)
        else:
            loss = self.loss.generator(fake[-1], None if real is None else real[-1])
        terms = {"adversarial": weights["adversarial"] * loss}
        if matching > 0 and real is not None:
            terms["feature_matching"] = matching * feature_matching_loss(
                fake[:-1],
                real[:-1],
                settings.feature_matching_layers,
                settings.feature_matching_distance,
            )
        return terms


def _stacked(one: View, other: View) -> View:
    maps = [torch.cat(pair) for pair in zip(one.maps, other.maps, strict=True)]
    return View(maps, torch.cat([one.hole, other.hole]))
