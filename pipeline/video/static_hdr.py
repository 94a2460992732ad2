"""HDR10 metadata: mastering display and content light level.

Source: SMPTE ST 2086 (mastering display), CTA-861.3 (content light level).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av

_DISPLAY = struct.Struct("=20i2i")
"""FFmpeg's AVMasteringDisplayMetadata: x and y of red, green, blue and white, least and greatest
luminance, all as fractions; whether colours and luminances are known."""
_COLOUR_UNIT, _LUMINANCE_UNIT = 50_000, 10_000
"""Encoders count in steps of 0.00002, and of 0.0001 candela per square metre."""


def static_hdr_options(frame: av.VideoFrame, display: str, light: str) -> str:
    """Make options of x264 or x265 from a frame's mastering display and content light level.

    Args:
        frame: a decoded frame.
        display: the encoder's name for the mastering display.
        light: the encoder's name for the content light level.

    Returns:
        The options as "name=value:name=value"; "" if the frame has no such data.
    """
    side_data: Any = frame.side_data
    options = []
    data = side_data.get("MASTERING_DISPLAY_METADATA")
    if data is not None:
        *fractions, colours, luminance = _DISPLAY.unpack(bytes(data)[: _DISPLAY.size])
        values = [
            numerator / denominator if denominator else 0.0
            for numerator, denominator in zip(fractions[::2], fractions[1::2], strict=True)
        ]
        if colours and luminance:
            red, green, blue, white = (
                f"({round(x * _COLOUR_UNIT)},{round(y * _COLOUR_UNIT)})"
                for x, y in zip(values[0:8:2], values[1:8:2], strict=True)
            )
            least, most = (round(value * _LUMINANCE_UNIT) for value in values[8:])
            options.append(f"{display}=G{green}B{blue}R{red}WP{white}L({most},{least})")
    data = side_data.get("CONTENT_LIGHT_LEVEL")
    if data is not None:
        brightest, mean = struct.unpack("=2I", bytes(data)[:8])
        options.append(f"{light}={brightest},{mean}")
    return ":".join(options)
