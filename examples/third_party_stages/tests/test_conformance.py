"""Both stages pass unmask's own checks.

The checks are in unmask's checkout and are not installed with it: put the checkout on PYTHONPATH.
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
    """Created by name, so that the entry point is tested too."""

    def make(self) -> Any:
        """Create the stage."""
        return create_stage("detector", DETECTOR)

    def pictures(self) -> list[Any]:
        """The scenes, and one with a patch of the colour."""
        picture = scenes.scene((60, 80))
        picture[30:50, 20:60] = (135, 180, 215)
        return [*super().pictures(), picture]


class TestMirrorInpainter(InpainterConformance):
    """Likewise."""

    def make(self) -> Any:
        """Create the stage."""
        return create_stage("inpainter", INPAINTER)
