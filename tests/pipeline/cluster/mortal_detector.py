"""A stage whose process is killed once, as by a machine that runs out of memory."""

import os
import signal
from pathlib import Path

from detector.find.yolo import YoloMaskDetector


class MortalDetector(YoloMaskDetector):
    """The shipped detector; the first process that comes to its seventh picture dies there.

    Args:
        tomb: a file that is made at the death, and keeps others from dying.
    """

    def __init__(self, tomb: str, device: str = "auto") -> None:
        super().__init__(device=device)
        self._tomb, self._calls = Path(tomb), 0

    def detect(self, images):
        self._calls += 1
        if self._calls == 7:
            try:
                self._tomb.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().detect(images)
