"""A batch in the form networks take: tensors in [-1, 1] from uint8 samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from inpainter.data.colour import to_pictures
from inpainter.data.rims import stain_rims
from inpainter.data.sketching import sketch_of
from inpainter.data.stream import Batch


class NetworkBatch(NamedTuple):
    """The inputs and targets of a training step.

    Attributes:
        image: the true faces `(N, 3, S, S)` in [-1, 1].
        hole: `(N, 1, S, S)`, 1 = missing.
        inside: `(N, 1, S, S)`, 0 where the crop extends past the picture's border, else 1.
        seen: the network's input: the masked faces, or else the true ones, with rims of masks round
            the holes if the recipe says so.
        known: the pixels to keep round a filled hole: the same without rims.
        guide: `(N, G, S, S)` in [0, 1], see `inpainter.networks.base`; None for networks without
            one.
        mouth: squares round the mouths `(N, 3)`, see `inpainter.data.face_parts`; None if unknown.
    """

    image: Tensor
    hole: Tensor
    inside: Tensor
    seen: Tensor
    known: Tensor
    guide: Tensor | None = None
    mouth: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The arguments of the network."""
        free = (self.seen, self.hole)
        return free if self.guide is None else (*free, self.guide)

    @property
    def out_of_frame(self) -> Tensor:
        """The hole past the picture's border, where the reflection is no valid target."""
        return self.hole * (1.0 - self.inside)

    def cut(self, parts: int) -> list[NetworkBatch]:
        """Split the batch into at most `parts` parts of nearly equal size."""
        inputs = {name: one for name, one in self._asdict().items() if one is not None}
        cut = zip(*(tensor.chunk(parts) for tensor in inputs.values()), strict=True)
        return [NetworkBatch(**dict(zip(inputs, tensors, strict=True))) for tensors in cut]


def to_network(batch: Batch, *, masked: bool, rims: float = 0.0) -> NetworkBatch:
    """Turn a batch of uint8 samples into network inputs and targets.

    Args:
        batch: the samples.
        masked: whether the network gets the masked faces.
        rims: fraction of the pictures in which the hole leaves a rim of the mask, see `stain_rims`.
    """
    image = to_pictures(batch)
    known = to_pictures(batch, "masked") if masked else image
    hole, inside = (batch[name][:, None].float() for name in ("hole", "inside"))
    seen = stain_rims(known, hole, rims)
    return NetworkBatch(image, hole, inside, seen, known, mouth=batch.get("mouth"))


def with_sketches(pictures: NetworkBatch, share: float) -> NetworkBatch:
    """Give a random fraction of a batch the sketch of the true picture, the others an empty one."""
    chosen = torch.rand(len(pictures.image), 1, 1, 1, device=pictures.image.device) < share
    return pictures._replace(guide=sketch_of(pictures.image) * chosen)


def with_face(pictures: NetworkBatch, batch: Batch) -> NetworkBatch:
    """Add the landmark maps and references of a batch's samples as guides."""
    guide = batch["landmarks"].permute(0, 3, 1, 2).float() / 255.0
    if "reference" in batch:
        shown = batch["reference"][..., 3:].permute(0, 3, 1, 2).float() / 255.0
        photo = to_pictures({**batch, "reference": batch["reference"][..., :3]}, "reference")
        guide = torch.cat([guide, (photo + 1.0) / 2.0 * shown, shown], dim=1)
    return pictures._replace(guide=guide)
