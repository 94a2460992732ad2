"""Both stages pass unmask's own checks.

The testers lie in unmask's checkout and are not installed with it: put the checkout on PYTHONPATH.
"""

from __future__ import annotations

from typing import Any

import pytest
from stage_names import DETECTOR, INPAINTER

from pipeline import create_stage

conformance = pytest.importorskip("tests.conformance", reason="needs a checkout of unmask")
scenes = pytest.importorskip("tests.conformance.scenes")
DetectorConformance: Any = conformance.DetectorConformance
InpainterConformance: Any = conformance.InpainterConformance


class TestColourDetector(DetectorConformance):
    """Made by its name, so that the entry point is tested too."""

    def make(self) -> Any:
        """Make the stage."""
        return create_stage("detector", DETECTOR)

    def pictures(self) -> list[Any]:
        """Some that hold what is looked for."""
        picture = scenes.scene((60, 80))
        picture[30:50, 20:60] = (135, 180, 215)
        return [*super().pictures(), picture]


class TestMirrorInpainter(InpainterConformance):
    """Likewise."""

    def make(self) -> Any:
        """Make the stage."""
        return create_stage("inpainter", INPAINTER)
