"""Changes to decoded frames that the target file needs, made by FFmpeg's filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.video.library import load_av

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

    import av

    from pipeline.video.orientation import Orientation


@dataclass(frozen=True)
class FrameChanges:
    """Changes to all frames of a video as they are decoded.

    Attributes:
        upright: rotate frames for display, for files that cannot store the rotation.
        progressive: deinterlace by BBC's bwdif, keeping the number of frames.
        size: width and height in square pixels to resample to; None for no resampling.
    """

    upright: bool = False
    progressive: bool = False
    size: tuple[int, int] | None = None

    def filters(self, orientation: Orientation) -> list[tuple[str, str]]:
        """Names and arguments of the filters, in order."""
        filters = [
            ("bwdif", "mode=send_frame:deint=interlaced", self.progressive),
            ("transpose", "dir=cclock_flip", self.upright and orientation.transposed),
            ("hflip", "", self.upright and orientation.flipped_x),
            ("vflip", "", self.upright and orientation.flipped_y),
        ]
        if self.size is not None:
            width, height = self.size
            scaling = f"{width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int"
            filters += [("scale", scaling, True), ("setsar", "1", True)]
        return [(name, arguments) for name, arguments, wanted in filters if wanted]


def filtered(
    frames: Iterable[av.VideoFrame], filters: list[tuple[str, str]], time_base: Fraction
) -> Iterator[av.VideoFrame]:
    """Pass frames of one size and format through filters that yield one frame for each, in order.

    Time stamps are lost if a filter changes their base.
    """
    library = load_av()
    graph = None
    for frame in frames:
        if graph is None:
            graph = library.filter.Graph()
            ends = (
                graph.add_buffer(
                    width=frame.width, height=frame.height, format=frame.format, time_base=time_base
                ),
                *(graph.add(name, arguments) for name, arguments in filters),
                graph.add("buffersink"),
            )
            graph.link_nodes(*ends).configure()
        graph.vpush(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _ready(graph)


def _ready(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    """Frames that are ready at the end of the filters."""
    library = load_av()
    while True:
        try:
            yield graph.vpull()
        except (library.BlockingIOError, library.EOFError):
            return
