"""What a network may be told of the missing part besides the picture and its hole."""

from __future__ import annotations

from typing import Final, Literal

GuideKind = Literal["sketch", "landmarks"]

GUIDE_CHANNELS: Final[dict[GuideKind, int]] = {"sketch": 1, "landmarks": 3}
"""Channels of each kind of guide: lines that a user drew, see `inpainter.data.sketching`, and the
jaw, nose and lips of the face, see `inpainter.data.landmark_map`."""
