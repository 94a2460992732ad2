"""Videos: the same stages as for pictures, with masks tracked and fills stabilised over time.

Public names are imported on first use; PyAV, from the extra `video`, is loaded when a video is
opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.base.lazy_names import lazy_names

if TYPE_CHECKING:
    from pipeline.video.flicker import Flicker, measure_flicker
    from pipeline.video.formats import is_video
    from pipeline.video.frame_stream import FrameStream, UnmaskedFrame
    from pipeline.video.provenance import read_video_mark
    from pipeline.video.report import VideoReport
    from pipeline.video.settings import VideoSettings
    from pipeline.video.unmasking import unmask_video

__all__ = [
    "Flicker",
    "FrameStream",
    "UnmaskedFrame",
    "VideoReport",
    "VideoSettings",
    "is_video",
    "measure_flicker",
    "read_video_mark",
    "unmask_video",
]

_HOMES = {
    "Flicker": "pipeline.video.flicker",
    "FrameStream": "pipeline.video.frame_stream",
    "UnmaskedFrame": "pipeline.video.frame_stream",
    "VideoReport": "pipeline.video.report",
    "VideoSettings": "pipeline.video.settings",
    "is_video": "pipeline.video.formats",
    "measure_flicker": "pipeline.video.flicker",
    "read_video_mark": "pipeline.video.provenance",
    "unmask_video": "pipeline.video.unmasking",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
