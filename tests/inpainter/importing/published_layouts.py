"""Weight files in the layouts of the authors' code, narrow and with drawn numbers.

Each function gives the names and shapes of a generator's tensors, as the authors' class has them.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

Shapes = dict[str, tuple[int, ...]]


def drawn(shapes: Shapes, gain: float = 1.4) -> dict[str, torch.Tensor]:
    """Fill each tensor by chance that follows from its name; `gain` scales the kernels' squares."""
    return {name: _drawn(name, shape, gain) for name, shape in shapes.items()}


def _drawn(name: str, shape: tuple[int, ...], gain: float) -> torch.Tensor:
    kind = name.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return torch.tensor(7)
    random = np.random.default_rng(zlib.crc32(name.encode()))
    values = random.standard_normal(shape)
    if kind == "running_var":
        values = 0.5 + np.abs(values)
    elif len(shape) > 1 and kind == "weight":
        values *= math.sqrt(gain / math.prod(shape[1:]))
    elif kind != "noise_const":
        values = 0.1 * values + (kind == "weight")
    return torch.from_numpy(np.asarray(values, np.float32))


def convolution(name: str, outer: int, inner: int, side: int, *, bias: bool = True) -> Shapes:
    shapes: Shapes = {f"{name}.weight": (outer, inner, side, side)}
    return {**shapes, f"{name}.bias": (outer,)} if bias else shapes


def normalisation(name: str, channels: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {
        **{f"{name}.{part}": (channels,) for part in parts},
        f"{name}.num_batches_tracked": (),
    }


def joined(parts: Iterable[Shapes]) -> Shapes:
    return {name: shape for part in parts for name, shape in part.items()}


def lama(width: int = 8, blocks: int = 2) -> Shapes:
    """`FFCResNetGenerator` of ratio 0.75."""
    widest, distant = 8 * width, 6 * width
    near = widest - distant
    parts = []
    for number, (inner, outer, side) in enumerate(
        ((4, width, 7), (width, 2 * width, 3), (2 * width, 4 * width, 3)), start=1
    ):
        parts += [
            convolution(f"model.{number}.ffc.convl2l", outer, inner, side, bias=False),
            normalisation(f"model.{number}.bn_l", outer),
        ]
    parts += [
        convolution("model.4.ffc.convl2l", near, 4 * width, 3, bias=False),
        convolution("model.4.ffc.convl2g", distant, 4 * width, 3, bias=False),
        normalisation("model.4.bn_l", near),
        normalisation("model.4.bn_g", distant),
    ]
    for block in range(5, 5 + blocks):
        for step in (1, 2):
            name = f"model.{block}.conv{step}"
            half = distant // 2
            parts += [
                convolution(f"{name}.ffc.convl2l", near, near, 3, bias=False),
                convolution(f"{name}.ffc.convl2g", distant, near, 3, bias=False),
                convolution(f"{name}.ffc.convg2l", near, distant, 3, bias=False),
                convolution(f"{name}.ffc.convg2g.conv1.0", half, distant, 1, bias=False),
                normalisation(f"{name}.ffc.convg2g.conv1.1", half),
                convolution(f"{name}.ffc.convg2g.fu.conv_layer", 2 * half, 2 * half, 1, bias=False),
                normalisation(f"{name}.ffc.convg2g.fu.bn", 2 * half),
                convolution(f"{name}.ffc.convg2g.conv2", distant, half, 1, bias=False),
                normalisation(f"{name}.bn_l", near),
                normalisation(f"{name}.bn_g", distant),
            ]
    place = 6 + blocks
    for inner in (8 * width, 4 * width, 2 * width):
        parts += [
            {
                f"model.{place}.weight": (inner, inner // 2, 3, 3),
                f"model.{place}.bias": (inner // 2,),
            },
            normalisation(f"model.{place + 1}", inner // 2),
        ]
        place += 3
    parts.append(convolution(f"model.{place + 1}", 3, width, 7))
    return joined(parts)


def migan(resolution: int = 64, base: int = 512, limit: int = 16) -> Shapes:
    """`migan_inference.Generator`."""

    def width(side: int) -> int:
        return min(base // side, limit)

    def separable(name: str, inner: int, outer: int, *fixed: Shapes) -> Shapes:
        return joined(
            [
                convolution(f"{name}.conv1", inner, 1, 3),
                convolution(f"{name}.conv2", outer, inner, 1, bias=False),
                *fixed,
            ]
        )

    def blur(name: str, channels: int) -> Shapes:
        return {f"{name}.filter.weight": (channels, 1, 4, 4)}

    def noise(name: str, side: int) -> Shapes:
        return {f"{name}.noise_const": (side, side), f"{name}.noise_strength": ()}

    parts = [convolution(f"encoder.b{resolution}.fromrgb", width(resolution), 4, 1)]
    side = resolution
    while side > 4:
        inner, outer = width(side), width(side // 2)
        name = f"encoder.b{side}"
        parts += [
            separable(f"{name}.conv1", inner, inner),
            separable(f"{name}.conv2", inner, outer, blur(f"{name}.conv2.downsample", inner)),
        ]
        name = f"synthesis.b{side}"
        enlarged = {f"{name}.conv1.upsample.filter_const": (1, 1, side, side)}
        parts += [
            separable(
                f"{name}.conv1",
                outer,
                inner,
                enlarged,
                blur(f"{name}.conv1.upsample", inner),
                noise(f"{name}.conv1", side),
            ),
            separable(f"{name}.conv2", inner, inner, noise(f"{name}.conv2", side)),
            convolution(f"{name}.torgb", 3, inner, 1),
            {f"{name}.upsample.filter_const": (1, 1, side, side)},
            blur(f"{name}.upsample", 3),
        ]
        side //= 2
    bottom = width(4)
    for name in ("encoder.b4", "synthesis.b4"):
        parts += [separable(f"{name}.conv{step}", bottom, bottom) for step in (1, 2)]
    parts.append(convolution("synthesis.b4.torgb", 3, bottom, 1))
    return joined(parts)


def comodgan(resolution: int = 64, base: int = 512, limit: int = 16, style: int = 8) -> Shapes:
    """`comodgan.Generator` of MI-GAN's project, with 8 layers of mapping."""

    def width(side: int) -> int:
        return min(base // side, limit)

    def dense(name: str, outer: int, inner: int) -> Shapes:
        return {f"{name}.weight": (outer, inner), f"{name}.bias": (outer,)}

    def modulated(name: str, outer: int, inner: int, side: int) -> Shapes:
        # Styles of the latent and, twice as long, of the picture.
        return {
            **convolution(name, outer, inner, side),
            **dense(f"{name}.affine", inner, 3 * style),
        }

    def layer(name: str, outer: int, inner: int, side: int) -> Shapes:
        noise = {f"{name}.noise_const": (side, side), f"{name}.noise_strength": ()}
        return {**modulated(name, outer, inner, 3), **noise}

    def blur(name: str) -> Shapes:
        return {f"{name}.resample_filter": (4, 4)}

    bottom = width(4)
    parts = [
        {"mapping.w_avg": (style,)},
        *(dense(f"mapping.fc{one}", style, style) for one in range(8)),
        convolution(f"encoder.b{resolution}.fromrgb", width(resolution), 4, 1),
        convolution("encoder.b4.conv", bottom, bottom, 3),
        dense("encoder.b4.fc", 2 * style, 16 * bottom),
        dense("synthesis.b4.fc", 16 * bottom, 2 * style),
        blur("synthesis.b4.conv"),
        layer("synthesis.b4.conv", bottom, bottom, 4),
        modulated("synthesis.b4.torgb", 3, bottom, 1),
    ]
    side = resolution
    while side > 4:
        inner, outer = width(side), width(side // 2)
        name = f"encoder.b{side}"
        parts += [
            blur(name),
            convolution(f"{name}.conv0", inner, inner, 3),
            blur(f"{name}.conv1"),
            convolution(f"{name}.conv1", outer, inner, 3),
        ]
        name = f"synthesis.b{side}"
        parts += [
            blur(name),
            blur(f"{name}.conv0"),
            layer(f"{name}.conv0", inner, outer, side),
            layer(f"{name}.conv1", inner, inner, side),
            modulated(f"{name}.torgb", 3, inner, 1),
        ]
        side //= 2
    return joined(parts)


def aot_gan(width: int = 8, blocks: int = 2) -> Shapes:
    """`InpaintGenerator`."""
    half, quarter = 2 * width, 4 * width
    parts = [
        convolution("encoder.1", width, 4, 7),
        convolution("encoder.3", half, width, 4),
        convolution("encoder.5", quarter, half, 4),
        convolution("decoder.0.conv", half, quarter, 3),
        convolution("decoder.2.conv", width, half, 3),
        convolution("decoder.4", 3, width, 3),
    ]
    for block in range(blocks):
        name = f"middle.{block}"
        parts += [
            *(convolution(f"{name}.block{one:02d}.1", width, quarter, 3) for one in range(4)),
            convolution(f"{name}.fuse.1", quarter, quarter, 3),
            convolution(f"{name}.gate.1", quarter, quarter, 3),
        ]
    return joined(parts)


def deepfillv2(width: int = 8) -> Shapes:
    """`networks.Generator` of nipponjo, whose cnum is twice the width."""
    half, quarter = 2 * width, 4 * width

    def gated(name: str, outer: int, inner: int, side: int = 3) -> Shapes:
        return convolution(f"{name}.conv", 2 * outer, inner, side)

    def down(stage: str, inner: int, first: int, second: int) -> list[Shapes]:
        return [
            gated(f"{stage}conv1", width, inner, 5),
            gated(f"{stage}down_block1.conv1_downsample", first, width),
            gated(f"{stage}down_block1.conv2", half, first),
            gated(f"{stage}down_block2.conv1_downsample", second, half),
            gated(f"{stage}down_block2.conv2", quarter, second),
        ]

    def up(stage: str, inner: int) -> list[Shapes]:
        return [
            gated(f"{stage}conv_bn6", quarter, inner),
            gated(f"{stage}conv_bn7", quarter, quarter),
            gated(f"{stage}up_block1.conv1_upsample.conv", half, quarter),
            gated(f"{stage}up_block1.conv2", half, half),
            gated(f"{stage}up_block2.conv1_upsample.conv", width, half),
            gated(f"{stage}up_block2.conv2", width // 2, width),
            convolution(f"{stage}conv_to_rgb.conv", 3, width // 2, 3),
        ]

    def bottom(stage: str, count: int) -> list[Shapes]:
        return [gated(f"{stage}conv_bn{one}", quarter, quarter) for one in range(1, count + 1)]

    return joined(
        [
            *down("stage1.", 5, half, quarter),
            *bottom("stage1.", 5),
            *up("stage1.", quarter),
            *down("stage2.conv_", 3, width, half),
            *bottom("stage2.conv_", 5),
            *down("stage2.ca_", 3, width, quarter),
            *bottom("stage2.ca_", 1),
            gated("stage2.ca_conv_bn4", quarter, quarter),
            gated("stage2.ca_conv_bn5", quarter, quarter),
            {"stage2.contextual_attention.fuse_weight": (1, 1, 3, 3)},
            *up("stage2.", half + half + half + half),
        ]
    )


def dmfn(width: int = 8, depth: int = 2) -> Shapes:
    """`InpaintingGenerator`."""
    half, quarter = 2 * width, 4 * width
    parts = [
        convolution("encoder.0.conv", width, 4, 5),
        convolution("encoder.1.conv", half, width, 3),
        convolution("encoder.2.conv", half, half, 3),
        convolution("encoder.3.conv", quarter, half, 3),
        convolution("decoder.0.conv", quarter, quarter, 3),
        {"decoder.1.deconv.weight": (quarter, half, 4, 4), "decoder.1.deconv.bias": (half,)},
        convolution("decoder.1.conv.conv", half, half, 3),
        {"decoder.2.deconv.weight": (half, width, 4, 4), "decoder.2.deconv.bias": (width,)},
        convolution("decoder.2.conv.conv", width, width, 3),
        convolution("decoder.3.conv", 3, width, 3),
    ]
    for block in range(depth):
        parts += [
            convolution(f"blocks.{block}.c1", width, quarter, 3),
            *(convolution(f"blocks.{block}.d{one}", width, width, 3) for one in range(1, 5)),
            convolution(f"blocks.{block}.c2", quarter, quarter, 3),
        ]
    return joined(parts)


def glcic(width: int = 8) -> Shapes:
    """`CompletionNetwork` of otenim."""
    half, quarter = 2 * width, 4 * width
    widths = [width, half, half, *[quarter] * 9, half, half, width, width // 2]
    parts, inner = [], 4
    for number, outer in enumerate(widths, start=1):
        if number in (13, 15):
            name = f"deconv{number}"
            parts.append({f"{name}.weight": (inner, outer, 4, 4), f"{name}.bias": (outer,)})
        else:
            parts.append(convolution(f"conv{number}", outer, inner, 5 if number == 1 else 3))
        parts.append(normalisation(f"bn{number}", outer))
        inner = outer
    return joined([*parts, convolution("conv17", 3, inner, 3)])


def portrait() -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth colours of 64 pixels a side with a hole, on which the reference values were taken."""
    rows, columns = np.mgrid[0:64, 0:64] / 63.0
    planes = [np.sin(3 * rows + columns), np.cos(4 * columns), np.sin(5 * rows * columns)]
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 20:56, 16:48] = 1.0
    return torch.from_numpy(np.stack(planes)).float()[None], hole


def figures(painted: torch.Tensor) -> list[float]:
    """Six pixels of a picture `(1, 3, 64, 64)`, and its standard deviation."""
    picked = painted[0, [0, 1, 2, 0, 1, 2], [5, 24, 32, 40, 50, 60], [32, 18, 40, 30, 20, 8]]
    return [float(one) for one in (*picked, painted.std())]
