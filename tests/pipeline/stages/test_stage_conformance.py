"""Every built-in stage, and every dressed function, passes its kind's conformance tests."""

from __future__ import annotations

import functools

from pipeline.stages.registry import create_stage
from tests.conformance import (
    BlenderConformance,
    DetectorConformance,
    InpainterConformance,
    RefinerConformance,
)
from tests.pipeline.colour_stages import exact_holes, fill_mean, find_colour, masked_scene
from weights.base.errors import InputError


class TestFunctionDetector(DetectorConformance):
    def make(self):
        return create_stage("detector", find_colour)

    def pictures(self):
        return [
            masked_scene((60, 80), [(20, 20, 50, 40)]),
            masked_scene((33, 50), [(0, 0, 9, 9), (30, 10, 50, 33)]),
        ]


class TestFunctionRefiner(RefinerConformance):
    def make(self):
        return create_stage("refiner", exact_holes)


class TestFunctionInpainter(InpainterConformance):
    def make(self):
        return create_stage("inpainter", fill_mean)


class TestFunctionBlender(BlenderConformance):
    def make(self):
        def paste(image, fill, hole):
            if fill.shape != image.shape or hole.shape != image.shape[:2]:
                raise InputError("sizes differ")
            result = image.copy()
            result[hole] = fill[hole]
            return result

        return create_stage("blender", paste)


class TestTelea(InpainterConformance):
    def make(self):
        return create_stage("inpainter", "telea")


class TestNavierStokes(InpainterConformance):
    def make(self):
        return create_stage("inpainter", "navier-stokes")


class TestBiharmonic(InpainterConformance):
    sides = (1, 2, 17, 33)

    def make(self):
        return create_stage("inpainter", "biharmonic")


class TestTotalVariation(InpainterConformance):
    sides = (1, 2, 17, 33)

    def make(self):
        return create_stage("inpainter", {"name": "total-variation", "iterations": 20})


class TestLowRank(InpainterConformance):
    sides = (1, 2, 17, 33)

    def make(self):
        return create_stage("inpainter", {"name": "low-rank", "iterations": 5})


class TestPatchMatch(InpainterConformance):
    def make(self):
        return create_stage("inpainter", {"name": "patchmatch", "rounds": 2})


@functools.cache
def _faces():
    import torch

    from inpainter.registry import create_model

    torch.manual_seed(0)
    return create_model("dcgan", width=2)


class TestSemantic(InpainterConformance):
    def make(self):
        options = {"name": "semantic", "generator": _faces(), "discriminator": None, "steps": 2}
        return create_stage("inpainter", options, device="cpu")


@functools.cache
def _network():
    import torch

    from inpainter.registry import create_model

    torch.manual_seed(0)
    return create_model("gated").eval()


class TestNetwork(InpainterConformance):
    sides = (1, 17, 70)
    tolerance = 1

    def make(self):
        from inpainter.completion import NetworkInpainter

        return NetworkInpainter(model=_network(), device="cpu", image_size=64, precision="float32")
