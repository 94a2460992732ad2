"""A completion network that finds its landmarks itself, in tensor operations alone.

Exported files have neither OpenCV nor Python, so finding the landmarks and drawing them is part of
their graph. `inpainter.landmark_guide` does the same faster.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.data.landmark_map import INNER_LIPS, LINES, OUTER_LIPS
from inpainter.outputs import CompletionOutput
from weights.base.errors import WeightsError
from weights.catalog.lookup import resolve
from weights.landmarks.covering import PATCH
from weights.landmarks.expressions import (
    CHIN,
    CHIN_SHARE,
    CLEARLY_OPEN,
    CLOSING,
    LOWER_INNER,
    LOWER_OUTER,
    UPPER_INNER,
    lip_weights,
)
from weights.landmarks.file import load_landmarks
from weights.landmarks.frame import CROP_SHARE, MARGIN
from weights.landmarks.network import average_mirrored, with_mirror_images
from weights.landmarks.points import OUTER_EYE_CORNERS

_LINE: float = 1.2
"""Distance in pixels from a line's middle at which it has faded out, as OpenCV draws it."""


def self_guided(network: nn.Module) -> nn.Module:
    """A network that finds the landmarks that it is conditioned on.

    Networks that take none are returned as they are, and so are all if the weights that find
    landmarks are not installed; then they fill freely.
    """
    if getattr(network, "guide", None) != "landmarks":
        return network
    try:
        finder, configuration = load_landmarks(resolve("default", "landmarks"))
    except WeightsError:
        return network
    return SelfGuidedNetwork(network, finder, configuration.size).eval()


class SelfGuidedNetwork(nn.Module):
    """A network conditioned on landmarks, and the network that finds them.

    Args:
        network: a completion network whose `guide` is "landmarks".
        finder: the landmark network.
        size: side of the finder's crops, in pixels.
    """

    def __init__(self, network: nn.Module, finder: nn.Module, size: int) -> None:
        super().__init__()
        self.network, self.finder, self.size = network, finder, size
        self.onnx_opset = int(getattr(network, "onnx_opset", 18))
        self.input_size = getattr(network, "input_size", None)

    def forward(self, image: Tensor, hole: Tensor) -> CompletionOutput:
        """Complete pictures `(N, 3, S, S)` in [-1, 1] with holes `(N, 1, S, S)`, 1 = missing."""
        points, likely = self._landmarks(torch.where(hole > 0.5, PATCH / 127.5 - 1.0, image))
        guide = draw_landmarks(points, image.shape[-1]) * likely[:, None, None, None]
        result: CompletionOutput = self.network(image, hole, guide)
        return result

    def _landmarks(self, covered: Tensor) -> tuple[Tensor, Tensor]:
        """The landmarks `(N, 68, 2)`, x y in pixels, and 1 where there is probably a face, else 0.

        As `LandmarkFinder.find_near`, but for faces that are tilted by more than 40 degrees.
        """
        count, side = covered.shape[0], float(covered.shape[-1])
        middle = covered.new_full((count, 2), (side - 1.0) / 2.0)
        upright = torch.eye(2, device=covered.device).expand(count, 2, 2)
        first = _Frames(middle, covered.new_full((count,), CROP_SHARE * side), upright)
        looked: Any = self.finder(first.take(covered, self.size))
        frames = _Frames.around(first.to_picture(looked[0]))
        seen = frames.take(covered, self.size)
        outputs = average_mirrored(self.finder(with_mirror_images(seen)))
        points = _with_decided_mouth(frames.to_picture(outputs.points))
        return points, (outputs.face > 0.0).to(covered.dtype)


class _Frames:
    """`FaceFrame`s as tensors.

    Args:
        middle: centres `(N, 2)`, x y in pixels from the first pixel's centre.
        side: sides `(N,)`, in pixels.
        turn: rotations `(N, 2, 2)` from the frame's axes to the picture's.
    """

    def __init__(self, middle: Tensor, side: Tensor, turn: Tensor) -> None:
        self.middle, self.side, self.turn = middle, side, turn

    @classmethod
    def around(cls, points: Tensor) -> _Frames:
        """Frame faces by their points `(N, 68, 2)`, with level eyes."""
        across = points[:, 42:48].mean(dim=1) - points[:, 36:42].mean(dim=1)
        across = across / across.norm(dim=1, keepdim=True).clamp_min(1e-6)
        down = torch.stack([-across[:, 1], across[:, 0]], dim=1)
        turn = torch.stack([across, down], dim=2)
        level = points @ turn
        low, high = level.amin(dim=1), level.amax(dim=1)
        middle = (turn @ ((low + high) / 2.0)[:, :, None])[:, :, 0]
        return cls(middle, (MARGIN * (high - low).amax(dim=1)).clamp_min(1.0), turn)

    def to_picture(self, points: Tensor) -> Tensor:
        """Transform points `(N, K, 2)` of the frames, 0 to 1 across them, to the pictures."""
        placed = (points - 0.5) * self.side[:, None, None] @ self.turn.transpose(1, 2)
        return placed + self.middle[:, None]

    def take(self, pictures: Tensor, size: int) -> Tensor:
        """Cut the frames out of `(N, 3, S, S)` in [-1, 1] as `(N, 3, size, size)` in [0, 1]."""
        places = (torch.arange(size, device=pictures.device) + 0.5) / size
        y, x = torch.meshgrid(places, places, indexing="ij")
        grid = self.to_picture(torch.stack([x.ravel(), y.ravel()], dim=1)[None])
        grid = 2.0 * grid / (pictures.shape[-1] - 1.0) - 1.0
        taken = functional.grid_sample(
            pictures,
            grid.unflatten(1, (size, size)),
            mode="bilinear",
            padding_mode="reflection",
            align_corners=True,
        )
        return (taken + 1.0) / 2.0


def _with_decided_mouth(points: Tensor) -> Tensor:
    """As `with_decided_mouth`, for points `(N, 68, 2)`."""
    first, last = OUTER_EYE_CORNERS
    eyes = (points[:, last] - points[:, first]).norm(dim=1).clamp_min(1e-6)
    across = points[:, 54] - points[:, 48]
    across = across / across.norm(dim=1, keepdim=True).clamp_min(1e-6)
    down = torch.stack([-across[:, 1], across[:, 0]], dim=1)
    gaps = points[:, list(LOWER_INNER)] - points[:, list(UPPER_INNER)]
    opening = (gaps * down[:, None]).sum(dim=2).mean(dim=1) / eyes
    decided = (opening - CLOSING * (CLEARLY_OPEN - opening).clamp_min(0.0)).clamp_min(0.0)
    share = torch.zeros(points.shape[1])
    for group in (LOWER_INNER, LOWER_OUTER):
        share[list(group)] = torch.from_numpy(lip_weights(len(group))).float()
    share[list(CHIN)] = CHIN_SHARE
    lowered = ((decided - opening) * eyes)[:, None] * down
    return points + share.to(points)[:, None] * lowered[:, None]


def draw_landmarks(points: Tensor, size: int) -> Tensor:
    """Draw landmarks as `landmark_map` does.

    Args:
        points: `(N, 68, 2)`, x y in pixels from the first pixel's centre.
        size: side of the maps, pixels.

    Returns:
        `(N, 3, size, size)` in [0, 1].
    """
    places = torch.arange(size, device=points.device, dtype=points.dtype)
    y, x = torch.meshgrid(places, places, indexing="ij")
    grid = torch.stack([x, y], dim=2)
    lines = torch.stack([_line(points[:, part], grid) for part in LINES]).amax(dim=0)
    outer, inner = (
        torch.cat([points[:, lips], points[:, lips][:, :1]], dim=1)
        for lips in (OUTER_LIPS, INNER_LIPS)
    )
    filled = [torch.maximum(_line(lips, grid), _inside(lips, grid)) for lips in (outer, inner)]
    return torch.stack([lines, *filled], dim=1)


def _line(points: Tensor, grid: Tensor) -> Tensor:
    """Draw lines through points `(N, K, 2)` on pixels `(S, S, 2)`: `(N, S, S)` from 0 to 1."""
    nearest: Tensor | None = None
    for start, end in zip(points.unbind(1)[:-1], points.unbind(1)[1:], strict=True):
        along = (end - start)[:, None, None]
        away = grid - start[:, None, None]
        share = (away * along).sum(3) / (along * along).sum(3).clamp_min(1e-6)
        distance = (away - share.clamp(0.0, 1.0)[..., None] * along).norm(dim=3)
        nearest = distance if nearest is None else torch.minimum(nearest, distance)
    assert nearest is not None
    return (_LINE - nearest).clamp(0.0, 1.0)


def _inside(points: Tensor, grid: Tensor) -> Tensor:
    """Fill closed polygons `(N, K, 2)` by the even-odd rule: `(N, S, S)`, 1 inside."""
    x, y = grid[..., 0], grid[..., 1]
    crossings = torch.zeros(points.shape[0], *x.shape, device=points.device, dtype=points.dtype)
    for start, end in zip(points.unbind(1)[:-1], points.unbind(1)[1:], strict=True):
        (x0, y0), (x1, y1) = (one[:, :, None, None].unbind(1) for one in (start, end))
        spans = (y0 > y) != (y1 > y)
        at = x0 + (y - y0) * (x1 - x0) / torch.where(y1 == y0, 1.0, y1 - y0)
        crossings = crossings + (spans & (x < at)).to(points.dtype)
    return crossings % 2.0
