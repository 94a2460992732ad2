"""Semantic completion: searching a face generator's latents for a matching face.

Source: Yeh et al. 2017, "Semantic Image Inpainting with Deep Generative Models".
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.classical.single_picture import MID_GREY, check_crops
from inpainter.creation import short_names_only
from inpainter.data.framing import resize_crop
from inpainter.postprocess.finishing import paste
from inpainter.postprocess.poisson import poisson_paste
from inpainter.registry import create_discriminator, create_model
from inpainter.tensors import to_tensor, to_uint8
from weights.base.atomic import atomic_path
from weights.base.contracts import Hole, Image
from weights.base.device import resolve_device
from weights.base.errors import ConfigurationError, OutputError, WeightsError
from weights.catalog.fitting import build_fitting, check_proportion
from weights.catalog.lookup import resolve
from weights.catalog.store import load_state_dict, read_header_mapping, read_metadata


def context_weight(hole: Tensor, window: int = 7) -> Tensor:
    """Weight of each known pixel: the fraction of hole in the window round it.

    Args:
        hole: `(N, 1, H, W)`, 1 = missing.
        window: odd side of the window, pixels.

    Returns:
        `(N, 1, H, W)` in [0, 1]; 0 in the hole and far from it.
    """
    share = functional.avg_pool2d(hole, window, 1, window // 2, count_include_pad=False)
    return share * (1.0 - hole)


def context_loss(faces: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted absolute difference, summed over each picture.

    Args:
        faces: `(N, 3, H, W)` in [-1, 1].
        target: the same shape.
        weight: `(N, 1, H, W)`, see `context_weight`.

    Returns:
        `(N,)`.
    """
    return (weight * (faces - target).abs()).sum(dim=(1, 2, 3))


def prior_loss(scores: Tensor) -> Tensor:
    """The discriminator's doubt about each face: log(1 - sigmoid(score)).

    Args:
        scores: logits `(N,)` or `(N, ...)`, which are averaged.

    Returns:
        `(N,)`, at most 0; lower is more realistic.
    """
    return -functional.softplus(scores).reshape(len(scores), -1).mean(dim=1)


class SemanticInpainter:
    """Completes crops with the generated face that best fits the known pixels.

    For each crop, a latent is optimised by gradient descent so that the generated face resembles
    the crop near the hole (`context_loss`) and is realistic (`prior_loss`). That face is resized to
    the crop and pasted by Poisson blending. The generator is trained without holes, on faces framed
    like the crops.

    Args:
        generator: a name such as "dcgan", with its weights in `weights`, or your own trained
            generator: a module that maps latents `(N, Z)` to faces `(N, 3, side, side)` in [-1, 1]
            and has `side` and `draw_latents` like `DcganGenerator`.
        discriminator: a name, used if the generator is a name; or a module that maps a face and a
            hole to a list that ends with logits; None for no prior loss.
        weights: the `faces.safetensors` from `train_face_generator`, with the tensors of both,
            named `generator.*` and `discriminator.*`; required if the generator is a name.
        device: "auto" or a torch device name.
        steps: steps of the search, 1,500 as in Yeh et al. 2017.
        learning_rate: Adam's learning rate, for latents in [-1, 1].
        prior_weight: weight of the prior loss against the context loss.
        window: side of the window in `context_weight`, in pixels of the generated face.
        blend: whether to paste the face by Poisson blending or unchanged.
        snapshot_every: steps between snapshots.
        snapshot_folder: folder for the snapshots, `crop-000-step-00050.png` and so on: the current
            face and the crop completed with it, side by side, at the generator's size; None for no
            snapshots.
        overwrite: whether snapshots of the same name may be replaced.
        seed: random seed of the initial latent, which is the same for each crop.
        options: options of the generator, if it is a name, that override those stored in the
            weights.

    Raises:
        ConfigurationError: an option is out of range or unknown.
        WeightsError: the generator is a name and there are no weights, or they do not fit.
    """

    def __init__(
        self,
        generator: str | nn.Module = "dcgan",
        discriminator: str | nn.Module | None = "dcgan",
        weights: str | os.PathLike[str] | None = None,
        device: str | torch.device = "auto",
        steps: int = 1500,
        learning_rate: float = 0.03,
        prior_weight: float = 0.003,
        window: int = 7,
        blend: bool = True,
        snapshot_every: int = 50,
        snapshot_folder: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        seed: int = 0,
        **options: Any,
    ) -> None:
        if min(steps, window, snapshot_every) < 1 or window % 2 == 0 or learning_rate <= 0.0:
            raise ConfigurationError(
                "steps, snapshot_every and learning_rate must be above 0 and window odd, but are "
                f"{steps!r}, {snapshot_every!r}, {learning_rate!r} and {window!r}."
            )
        self.device = resolve_device(device)
        trained = {} if weights is None else load_state_dict(weights)
        built = {} if weights is None else read_metadata(resolve(weights))
        self.generator: Any = _ready("generator", generator, trained, built, options)
        self.generator = self.generator.to(self.device)
        self.discriminator: nn.Module | None = None
        if discriminator is not None and not (
            isinstance(discriminator, str) and isinstance(generator, nn.Module)
        ):
            judge = _ready("discriminator", discriminator, trained, built, {})
            self.discriminator = judge.to(self.device)
        self.steps, self.learning_rate = steps, learning_rate
        self.prior_weight, self.window, self.blend = prior_weight, window, blend
        self.snapshot_every, self.overwrite = snapshot_every, overwrite
        self.snapshot_folder = None if snapshot_folder is None else Path(snapshot_folder)
        self.seed = seed

    def complete(self, crops: Sequence[Image], holes: Sequence[Hole]) -> list[Image]:
        """Complete crops.

        Args:
            crops: uint8 RGB `(H, W, 3)` of any sizes, preferably square: others are stretched for
                the generator. Pixels in the hole are ignored.
            holes: one bool `(H, W)` per crop, True = missing.

        Returns:
            One picture per crop, of the same size: completed inside the hole, equal to the crop
            elsewhere.

        Raises:
            InputError: the lists differ in length, or a crop or a hole is malformed.
            OutputError: a snapshot exists already or cannot be written.
        """
        check_crops(crops, holes)
        return [
            self._complete(crop, hole, number)
            for number, (crop, hole) in enumerate(zip(crops, holes, strict=True))
        ]

    def _complete(self, crop: Image, hole: Hole, number: int) -> Image:
        if not hole.any():
            return crop.copy()
        blank = crop.copy()
        blank[hole] = MID_GREY
        small, small_hole = resize_crop(blank, hole, self.generator.side)
        face = self.search(small, small_hole, number)
        size = (crop.shape[1], crop.shape[0])
        fill = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        return self._pasted(crop, fill, hole)

    def search(self, crop: Image, hole: Hole, number: int = 0) -> Image:
        """Find the face that fits best.

        Args:
            crop: uint8 RGB `(side, side, 3)`, with the generator's side.
            hole: bool `(side, side)`.
            number: number of the crop in the snapshots' names.

        Returns:
            The whole face, uint8 RGB `(side, side, 3)`.
        """
        # The search must also work inside a caller's no_grad or inference_mode.
        with torch.inference_mode(False), torch.enable_grad():
            return self._search(crop, hole, number)

    def _search(self, crop: Image, hole: Hole, number: int) -> Image:
        missing = torch.from_numpy(hole)[None, None].to(self.device, torch.float32)
        weight = context_weight(missing, self.window)
        target = to_tensor([crop], self.device)
        start = self.generator.draw_latents(1, torch.Generator().manual_seed(self.seed))
        latent = start.to(self.device).requires_grad_(True)
        optimizer = torch.optim.Adam([latent], self.learning_rate)
        for step in range(1, self.steps + 1):
            face = self.generator(latent)
            loss = context_loss(face, target, weight).sum()
            if self.discriminator is not None:
                scores = self.discriminator(face, missing)[-1]
                loss = loss + self.prior_weight * prior_loss(scores).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                latent.clamp_(-1.0, 1.0)
            if self.snapshot_folder is not None and step % self.snapshot_every == 0:
                self._write_snapshot(crop, hole, to_uint8(face)[0], number, step)
        with torch.no_grad():
            return to_uint8(self.generator(latent))[0]

    def _pasted(self, crop: Image, fill: Image, hole: Hole) -> Image:
        return (poisson_paste if self.blend else paste)(crop, fill, hole)

    def _write_snapshot(self, crop: Image, hole: Hole, face: Image, number: int, step: int) -> None:
        assert self.snapshot_folder is not None
        both = np.concatenate([face, self._pasted(crop, face, hole)], axis=1)
        path = self.snapshot_folder / f"crop-{number:03d}-step-{step:05d}.png"
        with atomic_path(path, overwrite=self.overwrite) as temporary:
            if not cv2.imwrite(str(temporary), cv2.cvtColor(both, cv2.COLOR_RGB2BGR)):
                raise OutputError(f"Cannot write the snapshot {path}.")


def _ready(
    kind: str,
    given: str | nn.Module,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    options: Mapping[str, Any],
) -> nn.Module:
    """Return a trained network, frozen and in evaluation mode."""
    if isinstance(given, nn.Module):
        return given.eval().requires_grad_(False)
    if not tensors:
        raise WeightsError(
            f"No weights of {given!r} ship with unmask: train it on whole faces with `unmask train "
            f"inpainter --config {given}` and give `weights`, the faces.safetensors that it leaves."
        )
    create = create_model if kind == "generator" else create_discriminator
    stored = read_header_mapping(metadata, kind, "the weights")
    if stored.pop("name", given) != given:
        raise WeightsError(f"The weights belong to another {kind} than {given!r}.")
    check_proportion(stored, f"the {kind} {given!r}")
    state = {
        name.removeprefix(f"{kind}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{kind}.")
    }
    with short_names_only():
        network = build_fitting(
            lambda: create(given, **{**stored, **options}), state, f"the {kind} {given!r}"
        )
    return network.eval().requires_grad_(False)
