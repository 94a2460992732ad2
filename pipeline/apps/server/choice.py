"""The pipelines that a request may choose: by inpainter and confidence."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.apps.server.refusal import RequestRefusedError
from pipeline.core import Pipeline
from weights.base.names import unknown_name
from weights.base.protocols import AdjustableDetector, StageSpecification


class PipelineChoice:
    """The pipelines of a server, sharing all stages except those that a request chooses.

    Args:
        pipeline: the default.
        inpainters: further inpainters by name.

    Raises:
        ConfigurationError: an inpainter is unknown.
    """

    def __init__(self, pipeline: Pipeline, inpainters: Mapping[str, StageSpecification]) -> None:
        [own] = pipeline.model_names(detected=False)
        self.default = pipeline
        self._pipelines = {own: pipeline} | {
            name: pipeline.with_stages(inpainter=inpainter)
            for name, inpainter in inpainters.items()
            if name != own
        }

    @property
    def inpainters(self) -> list[str]:
        """Names of the inpainters, the default first."""
        return list(self._pipelines)

    @property
    def confidence(self) -> float | None:
        """Minimum score of a mask; None if the detector's cannot be changed."""
        detector = self.default.detector
        return detector.confidence if isinstance(detector, AdjustableDetector) else None

    def choose(self, inpainter: str | None = None, confidence: float | None = None) -> Pipeline:
        """Return the pipeline that a request asks for; None means the default.

        Raises:
            RequestRefusedError: the inpainter is unknown, or the detector has no confidence (400).
        """
        chosen = self.default if inpainter is None else self._pipelines.get(inpainter)
        if chosen is None:
            error = unknown_name("inpainter", str(inpainter), self.inpainters)
            raise RequestRefusedError(400, "unknown_inpainter", str(error))
        if confidence is None:
            return chosen
        detector = self.default.detector
        if not isinstance(detector, AdjustableDetector):
            raise RequestRefusedError(
                400, "fixed_confidence", "The detector of this server takes no confidence."
            )
        return chosen.with_stages(detector=detector.with_confidence(confidence))
