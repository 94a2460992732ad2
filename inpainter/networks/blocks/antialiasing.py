"""A low-pass filter for the finest pattern that pixels can hold."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

_TAPS = (-1 / 16, 4 / 16, 10 / 16, 4 / 16, -1 / 16)
"""Response 1 - sin(w / 2)^4: none where every other pixel differs, 0.75 at half that frequency."""


def antialias(picture: Tensor) -> Tensor:
    """Take stripes and checkerboards of single pixels out of pictures `(N, C, H, W)`, in float32.

    Networks that paint in sub-pixels can hide such a pattern, which fixed features of a
    discriminator mistake for texture, and which nobody sees.

    Source: Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"; Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts".
    """
    reach = len(_TAPS) // 2
    # In bfloat16 the ten sums would be off by more than a grey level.
    padded = functional.pad(picture.float(), (reach,) * 4, mode="replicate")
    for axis in (2, 3):
        length = picture.shape[axis]
        padded = sum(
            (tap * padded.narrow(axis, start, length) for start, tap in enumerate(_TAPS[1:], 1)),
            start=_TAPS[0] * padded.narrow(axis, 0, length),
        )
    return padded
