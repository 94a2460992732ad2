"""The network that looks at one find again: is it a worn mask, and where exactly does it end?"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from weights.errors import ConfigurationError
from weights.names import unknown_name


@dataclass(frozen=True)
class ConfirmationConfiguration:
    """All that is needed to build the network and to cut pictures for it.

    Attributes:
        widths: channels at a half, a quarter, an eighth, ... of the cut's side.
        depths: residual units at each of them.
        size: side of the cuts in pixels, a multiple of `2 ** len(widths)`.
        context: side of a cut over the longer side of the find's box.
        straps: whether ear loops and strings are outlined too.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    widths: tuple[int, ...] = (24, 48, 96, 160)
    depths: tuple[int, ...] = (1, 2, 2, 2)
    size: int = 128
    context: float = 2.0
    straps: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        object.__setattr__(self, "depths", tuple(int(depth) for depth in self.depths))
        if len(self.widths) < 2 or len(self.widths) != len(self.depths) or min(self.widths) < 1:
            raise ConfigurationError(
                "A confirmation network needs two or more widths above 0 and as many depths, but "
                f"got {self.widths} and {self.depths}."
            )
        step = 2 ** len(self.widths)
        if self.size < step or self.size % step:
            raise ConfigurationError(
                f"The size of the cuts must be a multiple of {step}, but is {self.size!r}."
            )
        if not self.context > 1.0:
            raise ConfigurationError(f"The context must be above 1, but is {self.context!r}.")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, fit for JSON and YAML."""
        return {**asdict(self), "widths": list(self.widths), "depths": list(self.depths)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ConfirmationConfiguration:
        """Build from plain values.

        Raises:
            ConfigurationError: a key is unknown, or a value out of its range.
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise unknown_name("key of a confirmation configuration", str(key), known)
        return cls(**values)


class _Unit(nn.Sequential):
    """A 3 x 3 convolution, batch normalisation and ReLU, `(N, I, H, W)` to `(N, O, H, W)`."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class _Residual(nn.Module):
    """Two convolutions that add to their input, `(N, C, H, W)` to `(N, C, H, W)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Unit(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        # A deep stack starts out as the identity (Goyal et al. 2017).
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(features + self.second(self.first(features)))


class ConfirmationNetwork(nn.Module):
    """Judges cuts round finds: a score for each, and the outline of the mask at its centre.

    A residual encoder (He et al. 2016) ends in the score; a decoder with skips (Ronneberger et al.
    2015, "U-Net") draws the outline. Everything but the sub-pixel input and output (Shi et al.
    2016) runs at half the side or less, so that a cut costs a fraction of the detector's pass.

    Args:
        configuration: widths and depths.
    """

    def __init__(self, configuration: ConfirmationConfiguration) -> None:
        super().__init__()
        widths, depths = configuration.widths, configuration.depths
        self.stem = _stage(_Unit(4 * 3, widths[0]), widths[0], depths[0])
        self.down = nn.ModuleList(
            _stage(_Unit(shallow, deep, stride=2), deep, depth)
            for (shallow, deep), depth in zip(itertools.pairwise(widths), depths[1:], strict=True)
        )
        self.up = nn.ModuleList(
            _stage(_Unit(deep + shallow, shallow), shallow, 1)
            for shallow, deep in reversed(list(itertools.pairwise(widths)))
        )
        self.outline = nn.Conv2d(widths[0], 4 * (1 + configuration.straps), 3, padding=1)
        self.score = nn.Linear(2 * widths[-1], 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Judge cuts.

        Args:
            pictures: `(N, 3, S, S)` RGB in [0, 1].

        Returns:
            Logits of the scores `(N,)`, and of the outlines `(N, P, S, S)`: above 0 on the mask,
            and in a second plane, where the configuration has it, on its straps.
        """
        features = self.stem(functional.pixel_unshuffle(pictures - 0.5, 2))
        skips = []
        for down in self.down:
            skips.append(features)
            features = down(features)
        summary = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        for up in self.up:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = up(torch.cat([features, skips.pop()], dim=1))
        return self.score(summary)[:, 0], functional.pixel_shuffle(self.outline(features), 2)


def _stage(first: nn.Module, channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(first, *(_Residual(channels) for _ in range(depth)))


def folded(network: ConfirmationNetwork) -> ConfirmationNetwork:
    """Fold the batch normalisations into their convolutions, in place, for use."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    network.eval()
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            convolution, norm = module[index], module[index + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[index] = fuse_conv_bn_eval(convolution, norm)
                module[index + 1] = nn.Identity()
    return network
