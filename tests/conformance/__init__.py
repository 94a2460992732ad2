"""Conformance testers, one per kind of stage, that any implementation can inherit.

A subclass whose name begins with `Test` says how its stage is made and gets every check:

    class TestMyBlender(BlenderConformance):
        def make(self):
            return MyBlender()
"""

from tests.conformance.blender import BlenderConformance
from tests.conformance.detector import DetectorConformance
from tests.conformance.inpainter import InpainterConformance
from tests.conformance.refiner import RefinerConformance

__all__ = [
    "BlenderConformance",
    "DetectorConformance",
    "InpainterConformance",
    "RefinerConformance",
]
