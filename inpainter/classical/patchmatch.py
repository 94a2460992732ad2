"""PatchMatch: a fill from patches of the rest of the picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.classical.scaled import ScaledInpainter
from weights.base.contracts import Hole, Image
from weights.base.errors import ConfigurationError

# From Wexler et al. 2007: confidence falls by this factor per pixel into the hole.
_CONFIDENCE_BASE = 1.3

_NEIGHBOURS = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])


class PatchMatchInpainter(ScaledInpainter):
    """Alternately matches each patch of the hole to a similar known one, and lets these vote.

    The picture is completed from coarse to fine. At each level, PatchMatch finds correspondences
    between patches that touch the hole and known patches: good ones propagate to neighbours, and
    random search tries others in shrinking neighbourhoods of the best so far. All patches are
    processed at once with NumPy. Each missing pixel then becomes the mean of the known patches'
    votes, weighted by similarity (Wexler et al. 2007).

    The result is texture of the picture itself. If no whole patch is known, the hole is filled by
    the Navier-Stokes method instead.

    Args:
        patch: odd side of the patches in pixels.
        rounds: rounds of matching and voting at the coarsest level; each finer one has one fewer,
            but at least two.
        longest_side: larger crops are solved at this side, in pixels.
        seed: seeds all random choices.

    Raises:
        ConfigurationError: an option is out of range.

    Source: Barnes et al. 2009, "PatchMatch: A Randomized Correspondence Algorithm for Structural
    Image Editing".
    """

    def __init__(
        self, patch: int = 7, rounds: int = 6, longest_side: int = 256, seed: int = 0
    ) -> None:
        super().__init__(longest_side)
        if not 3 <= patch <= 31 or patch % 2 == 0 or not 1 <= rounds <= 100 or seed < 0:
            raise ConfigurationError(
                "patch must be odd and from 3 to 31, rounds from 1 to 100 and seed 0 or more, "
                f"but are {patch!r}, {rounds!r} and {seed!r}."
            )
        self.patch, self.rounds, self.seed = int(patch), int(rounds), int(seed)

    def solve(self, crop: Image, hole: Hole) -> Image:
        """Fill one hole; see `ScaledInpainter`."""
        random = np.random.default_rng(self.seed)
        levels = _pyramid(crop, hole, self.patch)
        smallest, missing = levels[-1]
        begun = cv2.inpaint(smallest, missing.astype(np.uint8), 3, cv2.INPAINT_NS)
        picture = np.asarray(begun, np.float32)
        offsets: NDArray[np.intp] | None = None
        for depth, (known, missing) in enumerate(reversed(levels)):
            height, width = missing.shape
            if picture.shape[:2] != missing.shape:
                picture = np.asarray(
                    cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
                )
                offsets = None if offsets is None else _doubled(offsets, missing.shape)
            picture = np.where(missing[..., None], picture, known).astype(np.float32)
            level = _Level(missing, self.patch)
            if not level.usable.any():
                continue
            sources = level.begin(offsets, random)
            for _ in range(max(2, self.rounds - depth)):
                sources, distances = level.match(picture, sources, random)
                picture = level.vote(picture, sources, distances)
            offsets = level.offsets(sources)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


class _Level:
    """The patches of one pyramid level: targets touch the hole, sources are completely known.

    Args:
        missing: bool `(H, W)`.
        patch: side of the patches in pixels.

    Attributes:
        targets: centres of the patches that touch the hole, row and column `(T, 2)`.
        number: `(H, W)`, index of the target centred on a pixel, -1 for none.
        usable: `(H, W)`, True at centres of completely known patches.
        confidence: confidence of each pixel, `(H, W)`, 1 if it is known, so that the fill grows
            from the known pixels to the middle of the hole.
    """

    def __init__(self, missing: Hole, patch: int) -> None:
        self.missing, self.reach = missing, patch // 2
        touched = cv2.dilate(missing.astype(np.uint8), np.ones((patch, patch), np.uint8)) > 0
        self.targets = np.argwhere(touched)
        self.number = np.full(missing.shape, -1, np.intp)
        self.number[touched] = np.arange(len(self.targets))
        inner = slice(self.reach, -self.reach)
        self.usable = np.zeros(missing.shape, np.bool_)
        self.usable[inner, inner] = ~touched[inner, inner]
        depth = cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 3)
        self.confidence = np.asarray(_CONFIDENCE_BASE**-depth, np.float32)

    def begin(
        self, offsets: NDArray[np.intp] | None, random: np.random.Generator
    ) -> NDArray[np.intp]:
        """Start from the coarser level's offsets if they lead to a known patch, else at random.

        Returns:
            Centre of the known patch matched to each target, `(T, 2)`.
        """
        known = np.argwhere(self.usable)
        sources = known[random.integers(len(known), size=len(self.targets))]
        if offsets is not None:
            led = self.targets + offsets[self.targets[:, 0], self.targets[:, 1]]
            sources = np.where(self._allowed(led)[:, None], led, sources)
        return sources

    def match(
        self, picture: NDArray[np.float32], sources: NDArray[np.intp], random: np.random.Generator
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Improve the matches for the current picture.

        Returns:
            The sources, and the weighted mean squared difference of each to its target, `(T,)`.
        """
        patches = self._patches(picture)
        wanted = patches(self.targets)
        sure = self._patches(self.confidence[..., None])(self.targets)[..., 0]
        weights = sure / sure.sum(axis=1, keepdims=True)

        def distance(
            chosen: NDArray[np.intp] | slice, centres: NDArray[np.intp]
        ) -> NDArray[np.float32]:
            apart = wanted[chosen] - patches(centres)
            apart *= apart
            return np.asarray((apart.sum(axis=2) * weights[chosen]).sum(axis=1), np.float32)

        sources, distances = sources.copy(), distance(slice(None), sources)

        def accept_better(proposed: NDArray[np.intp], eligible: NDArray[np.bool_]) -> None:
            tried = np.flatnonzero(eligible & self._allowed(proposed))
            found = distance(tried, proposed[tried])
            better = found < distances[tried]
            chosen = tried[better]
            sources[chosen], distances[chosen] = proposed[chosen], found[better]

        shape = np.array(self.missing.shape)
        for turn in range(2):
            for step in _NEIGHBOURS * (1 if turn else 4):
                beside = np.clip(self.targets + step, 0, shape - 1)
                neighbour = self.number[beside[:, 0], beside[:, 1]]
                accept_better(sources[np.maximum(neighbour, 0)] - step, neighbour >= 0)
            radius = float(shape.max())
            while radius >= 1.0:
                jump = np.rint(random.uniform(-radius, radius, sources.shape)).astype(np.intp)
                accept_better(sources + jump, np.ones(len(jump), np.bool_))
                radius *= 0.5
        return sources, distances

    def vote(
        self,
        picture: NDArray[np.float32],
        sources: NDArray[np.intp],
        distances: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Set each missing pixel to the weighted mean of the patches that cover it."""
        # The similarity scale of Wexler et al.
        scale = max(float(np.percentile(distances, 75)), 1.0)
        confidence = self.confidence[self.targets[:, 0], self.targets[:, 1]]
        weight = confidence * np.exp(-distances / (2.0 * scale)) + 1e-12
        margin = self.reach
        height, width = self.missing.shape
        total = np.zeros((height + 2 * margin, width + 2 * margin, 4), np.float32)
        for down in range(-margin, margin + 1):
            for across in range(-margin, margin + 1):
                colours = picture[sources[:, 0] + down, sources[:, 1] + across]
                # Targets are distinct, so no two votes of one step collide.
                rows = self.targets[:, 0] + down + margin
                columns = self.targets[:, 1] + across + margin
                total[rows, columns, :3] += weight[:, None] * colours
                total[rows, columns, 3] += weight
        total = total[margin:-margin, margin:-margin]
        mean = total[..., :3] / np.maximum(total[..., 3:], 1e-12)
        return np.where(self.missing[..., None], mean, picture).astype(np.float32)

    def offsets(self, sources: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the offset from each target to its source, `(H, W, 2)`."""
        result = np.zeros((*self.missing.shape, 2), np.intp)
        result[self.targets[:, 0], self.targets[:, 1]] = sources - self.targets
        return result

    def _allowed(self, centres: NDArray[np.intp]) -> NDArray[np.bool_]:
        inside = ((centres >= 0) & (centres < self.missing.shape)).all(axis=1)
        clipped = np.clip(centres, 0, np.array(self.missing.shape) - 1)
        return np.asarray(inside & self.usable[clipped[:, 0], clipped[:, 1]])

    def _patches(
        self, picture: NDArray[np.float32]
    ) -> Callable[[NDArray[np.intp]], NDArray[np.float32]]:
        """Make a function that copies the patches `(T, P * P, C)` round centres `(T, 2)`."""
        margin, side = (self.reach, self.reach), 2 * self.reach + 1
        padded = np.pad(picture, (margin, margin, (0, 0)), mode="symmetric")
        row, column = np.divmod(np.arange(side**2), side)
        return lambda centres: padded[centres[:, :1] + row, centres[:, 1:] + column]


def _pyramid(crop: Image, hole: Hole, patch: int) -> list[tuple[Image, Hole]]:
    """Halve a picture and its hole for as long as a few patches fit, largest first."""
    levels = [(crop, hole)]
    while min(levels[-1][1].shape) >= 6 * patch:
        picture, missing = levels[-1]
        size = ((missing.shape[1] + 1) // 2, (missing.shape[0] + 1) // 2)
        known = np.where(missing, 0.0, 1.0).astype(np.float32)
        share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        summed = cv2.resize(picture * known[..., None], size, interpolation=cv2.INTER_AREA)
        half = np.rint(summed / np.maximum(share, 1e-6)[..., None]).clip(0, 255).astype(np.uint8)
        smaller = np.asarray(share < 0.5)
        if smaller.all() or not smaller.any():
            break
        levels.append((half, smaller))
    return levels


def _doubled(offsets: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    rows = np.minimum(np.arange(shape[0]) // 2, offsets.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) // 2, offsets.shape[1] - 1)
    return 2 * offsets[rows[:, None], columns[None, :]]
