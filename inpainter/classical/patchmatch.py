"""PatchMatch: a fill from patches of the rest of the picture."""

from __future__ import annotations

from dataclasses import dataclass

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
            level = _Level.of(missing, self.patch)
            if level is None:
                continue
            field = level.begin(offsets, random)
            for _ in range(max(2, self.rounds - depth)):
                field = level.match(picture, field, random)
                picture = level.vote(picture, field)
            offsets = level.offsets(field)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Field:
    """The known patch matched to each target patch, and their distance.

    Attributes:
        sources: row and column of the known patches' centres, `(T, 2)`.
        distances: mean squared difference, `(T,)`; infinite before the first matching.
    """

    sources: NDArray[np.intp]
    distances: NDArray[np.float32]


@dataclass(frozen=True)
class _Level:
    """The target and source patches of one pyramid level.

    Attributes:
        missing: bool `(H, W)`.
        reach: radius of a patch in pixels.
        targets: centres of the patches that touch the hole, `(T, 2)`.
        number: `(H, W)`, index of the target centred on a pixel, -1 for none.
        usable: `(H, W)`, True at centres of completely known patches.
        sources: those centres, `(S, 2)`.
        confidence: confidence of each pixel, `(H, W)`, 1 if it is known, so that the fill grows
            from the known pixels to the middle of the hole.
    """

    missing: Hole
    reach: int
    targets: NDArray[np.intp]
    number: NDArray[np.intp]
    usable: Hole
    sources: NDArray[np.intp]
    confidence: NDArray[np.float32]

    @classmethod
    def of(cls, missing: Hole, patch: int) -> _Level | None:
        """Describe a level; None if no patch is completely known."""
        reach = patch // 2
        touched = cv2.dilate(missing.astype(np.uint8), np.ones((patch, patch), np.uint8)) > 0
        usable = ~touched
        usable[:reach], usable[-reach:] = False, False
        usable[:, :reach], usable[:, -reach:] = False, False
        if not usable.any():
            return None
        targets = np.argwhere(touched)
        number = np.full(missing.shape, -1, np.intp)
        number[touched] = np.arange(len(targets))
        depth = cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 3)
        confidence = np.asarray(_CONFIDENCE_BASE**-depth, np.float32)
        return cls(missing, reach, targets, number, usable, np.argwhere(usable), confidence)

    def begin(self, offsets: NDArray[np.intp] | None, random: np.random.Generator) -> _Field:
        """Start from the coarser level's offsets if they lead to a known patch, else at random."""
        sources = self.sources[random.integers(len(self.sources), size=len(self.targets))]
        if offsets is not None:
            led = self.targets + offsets[self.targets[:, 0], self.targets[:, 1]]
            good = self._allowed(led)
            sources = np.where(good[:, None], led, sources)
        return _Field(sources, np.full(len(sources), np.inf, np.float32))

    def match(
        self, picture: NDArray[np.float32], field: _Field, random: np.random.Generator
    ) -> _Field:
        """Improve the field for the current picture."""
        patches = _Patches.of(picture, self.reach)
        sure = _Patches.of(self.confidence[..., None], self.reach).at(self.targets)[..., 0]
        wanted = _Wanted(patches.at(self.targets), sure / sure.sum(axis=1, keepdims=True))
        field = _Field(field.sources, wanted.distance(patches.at(field.sources)))
        shape = np.array(self.missing.shape)
        for turn in range(2):
            for step in _NEIGHBOURS * (1 if turn else 4):
                beside = np.clip(self.targets + step, 0, shape - 1)
                neighbour = self.number[beside[:, 0], beside[:, 1]]
                proposed = field.sources[np.maximum(neighbour, 0)] - step
                field = self._better(field, proposed, neighbour >= 0, wanted, patches)
            radius = float(shape.max())
            while radius >= 1.0:
                jump = np.rint(random.uniform(-radius, radius, field.sources.shape)).astype(np.intp)
                everywhere = np.ones(len(jump), np.bool_)
                field = self._better(field, field.sources + jump, everywhere, wanted, patches)
                radius *= 0.5
        return field

    def vote(self, picture: NDArray[np.float32], field: _Field) -> NDArray[np.float32]:
        """Set each missing pixel to the weighted mean of the patches that cover it."""
        # The similarity scale of Wexler et al.
        scale = max(float(np.percentile(field.distances, 75)), 1.0)
        confidence = self.confidence[self.targets[:, 0], self.targets[:, 1]]
        weight = confidence * np.exp(-field.distances / (2.0 * scale)) + 1e-12
        margin = self.reach
        height, width = self.missing.shape
        total = np.zeros((height + 2 * margin, width + 2 * margin, 4), np.float32)
        for down in range(-margin, margin + 1):
            for across in range(-margin, margin + 1):
                colours = picture[field.sources[:, 0] + down, field.sources[:, 1] + across]
                # Targets are distinct, so no two votes of one step collide.
                rows = self.targets[:, 0] + down + margin
                columns = self.targets[:, 1] + across + margin
                total[rows, columns, :3] += weight[:, None] * colours
                total[rows, columns, 3] += weight
        total = total[margin:-margin, margin:-margin]
        mean = total[..., :3] / np.maximum(total[..., 3:], 1e-12)
        return np.where(self.missing[..., None], mean, picture).astype(np.float32)

    def offsets(self, field: _Field) -> NDArray[np.intp]:
        """Return the offset from each target to its source, `(H, W, 2)`."""
        result = np.zeros((*self.missing.shape, 2), np.intp)
        result[self.targets[:, 0], self.targets[:, 1]] = field.sources - self.targets
        return result

    def _allowed(self, centres: NDArray[np.intp]) -> NDArray[np.bool_]:
        inside = ((centres >= 0) & (centres < self.missing.shape)).all(axis=1)
        clipped = np.clip(centres, 0, np.array(self.missing.shape) - 1)
        return np.asarray(inside & self.usable[clipped[:, 0], clipped[:, 1]])

    def _better(
        self,
        field: _Field,
        proposed: NDArray[np.intp],
        eligible: NDArray[np.bool_],
        wanted: _Wanted,
        patches: _Patches,
    ) -> _Field:
        """Accept the proposals that are nearer than the field's current matches."""
        tried = np.flatnonzero(eligible & self._allowed(proposed))
        distance = wanted.distance(patches.at(proposed[tried]), tried)
        better = distance < field.distances[tried]
        chosen = tried[better]
        sources, distances = field.sources.copy(), field.distances.copy()
        sources[chosen], distances[chosen] = proposed[chosen], distance[better]
        return _Field(sources, distances)


@dataclass(frozen=True)
class _Patches:
    """All patches of a picture, padded by reflection."""

    padded: NDArray[np.float32]
    reach: int

    @classmethod
    def of(cls, picture: NDArray[np.float32], reach: int) -> _Patches:
        margin = (reach, reach)
        return cls(np.pad(picture, (margin, margin, (0, 0)), mode="symmetric"), reach)

    def at(self, centres: NDArray[np.intp]) -> NDArray[np.float32]:
        """Copy the patches round some centres, `(T, P * P, C)`."""
        row, column = np.divmod(np.arange((2 * self.reach + 1) ** 2), 2 * self.reach + 1)
        return self.padded[centres[:, :1] + row, centres[:, 1:] + column]


@dataclass(frozen=True)
class _Wanted:
    """The target patches.

    Attributes:
        patches: `(T, P * P, C)`.
        weights: weights of the pixels, `(T, P * P)`, which sum to 1 per patch.
    """

    patches: NDArray[np.float32]
    weights: NDArray[np.float32]

    def distance(
        self, others: NDArray[np.float32], targets: NDArray[np.intp] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """Weighted mean squared difference between some patches and as many others, `(T,)`."""
        apart = self.patches[targets] - others
        apart *= apart
        return np.asarray((apart.sum(axis=2) * self.weights[targets]).sum(axis=1), np.float32)


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
