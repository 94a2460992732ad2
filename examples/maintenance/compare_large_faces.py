"""Set side by side the ways to bring a fill of 256 pixels to a large face.

`python -m examples.maintenance.compare_large_faces --faces FOLDER --output OUT --count 8`

Takes faces of the part "val" whose crop is large in the picture's own pixels, draws a mask on each
and fills the hole by the shipped network: enlarged as it is, with the shipped finishing, and with
what else promises detail. Writes a table and a sheet of the holes' middles at full size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import torch

from inpainter.completion import NetworkInpainter
from inpainter.data.framing import resize_crop
from inpainter.evaluation.evaluate import complete_cases
from inpainter.evaluation.picture_sheet import SheetRow, draw_sheet
from inpainter.evaluation.results import CaseResult, Measurements, Metric
from inpainter.metrics import mean_over, psnr, seam_ring, sharpness_ratio, ssim_map
from inpainter.postprocess.enlarging import smooth_flat_parts
from inpainter.postprocess.finishing import paste
from inpainter.postprocess.grain import match_grain
from inpainter.tensors import to_tensor, to_uint8
from pipeline.blenders.feather import FeatherBlender
from pipeline.evaluation.drawn_faces import DrawnFaces, framed_case
from pipeline.refiners.morphology import MorphologyRefiner
from weights.base.atomic import atomic_path
from weights.base.errors import InputError
from weights.base.regions import MaskRegion
from weights.images import write_picture
from weights.images.mark import make_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from inpainter.evaluation.benchmark_cases import Case
    from weights.base.contracts import Hole, Image

SIZE: Final = 256
"""Side at which the shipped network was trained, pixels."""
PATCH: Final = 8
"""Side of the patches between which detail is handed on, pixels at `SIZE`."""
LIKENESS: Final = 0.001
"""Mean squared difference of two patches, of [0, 1], at which likeness falls to a third."""
SHOWN: Final = 0.6
"""Side of the middle that the sheet shows, as a share of the hole's extent."""

METRICS: Final = (
    Metric("psnr_hole", "PSNR hole, dB", "higher", 2),
    Metric("ssim_hole", "SSIM hole", "higher", 3),
    Metric("sharpness", "Sharpness", "one", 2),
    Metric("sharpness_half", "Sharpness at half size", "one", 2),
    Metric("psnr_seam", "PSNR seam, dB", "higher", 2),
    Metric("seconds", "Seconds a face", "lower", 2),
)
"""Sharpness is Laplacian energy in the hole over the truth's; at half size, grain counts less."""


@dataclass(frozen=True)
class LargeFaceFiller:
    """One way to fill large faces, called as the pipeline's inpainters are.

    Attributes:
        fill: makes the fill `(H, W, 3)` of a crop and its hole, both of the face's own pixels.
        side: what the fill's side was before it was enlarged, by which grain is matched; None to
            match none.
    """

    fill: Callable[[Image, Hole], Image]
    side: int | None

    def complete(self, crops: Sequence[Image], holes: Sequence[Hole]) -> list[Image]:
        """Return each crop filled, uint8 RGB of its own size."""
        return [self._filled(crop, hole) for crop, hole in zip(crops, holes, strict=True)]

    def _filled(self, crop: Image, hole: Hole) -> Image:
        fill = self.fill(crop, hole)
        if self.side is not None:
            fill = match_grain(fill, crop, hole, enlarged=hole.shape[0] / self.side)
        return FeatherBlender(grain=False).blend(crop, fill, hole)


def ways(
    weights: str = "default", device: str = "auto", size: int = SIZE
) -> dict[str, LargeFaceFiller]:
    """Name of each way and what fills by it.

    Args:
        weights: of the network "gated".
        device: "auto" or a torch device name.
        size: side of the first fill, pixels; others are multiples of it.
    """
    small = NetworkInpainter("gated", weights, device, image_size=size, grain=False)
    large = NetworkInpainter("gated", weights, device, image_size=2 * size, grain=False)

    def smoothed(crop: Image, hole: Hole) -> Image:
        return small.complete([crop], [hole])[0]

    def bicubic(crop: Image, hole: Hole) -> Image:
        little, missing = resize_crop(crop, hole, size)
        fill = small.complete([little], [missing])[0]
        return paste(crop, resized(fill, hole.shape[0]), hole)

    def direct(crop: Image, hole: Hole) -> Image:
        return large.complete([crop], [hole])[0]

    def second_pass(crop: Image, hole: Hole) -> Image:
        return refined_again(small, crop, bicubic(crop, hole), hole, 2 * size)

    def half_a_pass(crop: Image, hole: Hole) -> Image:
        start = smoothed(crop, hole)
        again = refined_again(small, crop, start, hole, 2 * size)
        again = smooth_flat_parts(resize_crop(again, hole, 2 * size)[0])
        again = paste(crop, resized(again, hole.shape[0]), hole)
        return np.asarray(cv2.addWeighted(start, 0.5, again, 0.5, 0.0), np.uint8)

    def residuals(crop: Image, hole: Hole) -> Image:
        return add_residuals(crop, bicubic(crop, hole), hole, size)

    return {
        "bicubic": LargeFaceFiller(bicubic, None),
        "bicubic and grain": LargeFaceFiller(bicubic, size),
        "smoothed and grain, as shipped": LargeFaceFiller(smoothed, size),
        f"network at {2 * size}": LargeFaceFiller(direct, 2 * size),
        f"second pass at {2 * size}": LargeFaceFiller(second_pass, 2 * size),
        "shipped and half a second pass": LargeFaceFiller(half_a_pass, 2 * size),
        "residuals": LargeFaceFiller(residuals, size),
    }


def refined_again(
    inpainter: NetworkInpainter, crop: Image, start: Image, hole: Hole, size: int
) -> Image:
    """Give a fill to the network's refinement once more, at a larger size.

    The refinement learned to sharpen a guess that was enlarged to twice its side, which is what
    `start` is when `size` is twice the side at which it was made.

    Args:
        inpainter: of a network with a part `refine`, such as "gated".
        crop: uint8 RGB `(side, side, 3)`.
        start: the crop filled, likewise.
        hole: bool `(side, side)`.
        size: side in pixels, a multiple of 4.

    Returns:
        The crop filled anew, uint8 RGB `(side, side, 3)`.
    """
    network: Any = inpainter.network
    known, missing = resize_crop(crop, hole, size)
    guess, _ = resize_crop(start, hole, size)

    gap = torch.from_numpy(missing).to(inpainter.device)[None, None].float()
    image, coarse = (to_tensor([picture], inpainter.device) for picture in (known, guess))
    given = [one.to(inpainter.dtype) for one in (image * (1.0 - gap), gap, coarse)]
    with torch.inference_mode():
        painted = coarse + network.refine(*given).float()
    return paste(crop, resized(to_uint8(painted)[0], hole.shape[0]), hole)


def resized(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """Bring a square picture to `side` pixels: bicubic up, by area means down."""
    way = cv2.INTER_AREA if side < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (side, side), interpolation=way))


def add_residuals(crop: Image, start: Image, hole: Hole, size: int) -> Image:
    """Add to an enlarged fill the fine detail of known skin, hair and cloth that look like it.

    A patch of the hole gets the mean of what known patches lost when the crop was brought to
    `size`, weighted by their likeness at that size.

    Args:
        crop: uint8 RGB `(side, side, 3)`.
        start: the crop filled, likewise.
        hole: bool `(side, side)`.
        size: side at which the fill was made, a multiple of `PATCH`.

    Returns:
        The crop filled, uint8 RGB `(side, side, 3)`.

    Source: Yi et al. 2020, "Contextual Residual Aggregation for Ultra High-Resolution Image
    Inpainting"; likeness is of colours here, and not of a network's features.
    """
    scale = -(-crop.shape[0] // size)
    small, missing = resize_crop(start, hole, size)
    full = resized(start, scale * size).astype(np.float32)
    lost = full - resized(small.astype(np.float32), scale * size)
    unknown = patches(missing[:, :, None], PATCH).any(axis=1)
    if unknown.all() or not unknown.any():
        return start
    looks = patches(small.astype(np.float32) / 255.0, PATCH)
    details = patches(lost, scale * PATCH)
    apart = (
        np.square(looks[unknown]).sum(axis=1)[:, None]
        + np.square(looks[~unknown]).sum(axis=1)[None]
        - 2.0 * looks[unknown] @ looks[~unknown].T
    ) / looks.shape[1]
    weight = np.exp((apart.min(axis=1, keepdims=True) - apart) / LIKENESS)
    weight /= weight.sum(axis=1, keepdims=True)
    added = np.zeros_like(details)
    added[unknown] = weight @ details[~unknown]
    detail = resized(unpatched(added, scale * PATCH, scale * size), crop.shape[0])
    return paste(crop, np.clip(np.rint(start + detail), 0, 255).astype(np.uint8), hole)


def patches(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """Cut a square `(H, H, C)` into patches, `(number, side * side * C)`, row by row."""
    count, channels = picture.shape[0] // side, picture.shape[2]
    grid = picture.reshape(count, side, count, side, channels).swapaxes(1, 2)
    return grid.reshape(count * count, side * side * channels)


def unpatched(rows: NDArray[Any], side: int, whole: int) -> NDArray[Any]:
    """Put what `patches` cut together again, `(whole, whole, C)`."""
    count = whole // side
    return rows.reshape(count, count, side, side, -1).swapaxes(1, 2).reshape(whole, whole, -1)


def large_cases(folder: Path, count: int, smallest: int, seed: int = 0) -> Iterator[Case]:
    """Draw masks on large faces, and frame the holes as the pipeline does.

    Args:
        folder: of faces with a `faces.jsonl`; the part "val" is taken.
        count: most cases.
        smallest: least side of a crop in the picture's own pixels.
        seed: chooses faces and masks.

    Raises:
        InputError: there is no such face.
    """
    faces, refiner = DrawnFaces(folder, count=None, seed=seed), MorphologyRefiner()

    def cases() -> Iterator[Case]:
        for face in faces:
            holes = refiner.refine(face.masked, [MaskRegion.from_mask(face.mask)])
            if holes:
                hole = np.logical_or.reduce(holes)
                case = framed_case(face.name, face.image, hole, face.groups)
                if case.hole.shape[0] >= smallest:
                    yield case

    chosen = itertools.islice(cases(), count)
    first = next(chosen, None)
    if first is None:
        raise InputError(
            f"{folder} holds no face of the part 'val' whose crop is {smallest} pixels or more: "
            "give larger pictures, or a lower --smallest."
        )
    return itertools.chain([first], chosen)


def measure(case: Case, result: Image) -> dict[str, float]:
    """Measure one result against the truth; see `METRICS`."""
    region = case.measured
    similarity = ssim_map(result, case.image)
    ring = seam_ring(case.hole) if case.inside is None else seam_ring(case.hole) & case.inside
    half = case.hole.shape[0] // 2
    halves = [resized(picture, half) for picture in (result, case.image)]
    _, outside = resize_crop(case.image, ~region, half)
    return {
        "psnr_hole": psnr(result, case.image, region),
        "ssim_hole": mean_over(similarity, region),
        "sharpness": sharpness_ratio(result, case.image, region),
        "sharpness_half": sharpness_ratio(halves[0], halves[1], ~outside),
        "psnr_seam": psnr(result, case.image, ring),
    }


def middle(picture: Image, hole: Hole) -> Image:
    """The middle of the hole at full size."""
    rows, columns = np.nonzero(hole)
    low, high = np.array([rows.min(), columns.min()]), np.array([rows.max(), columns.max()])
    side = int(SHOWN * (high - low).max())
    top, left = np.clip((low + high - side) // 2, 0, np.array(hole.shape) - side)
    return picture[top : top + side, left : left + side]


def compare(
    systems: Mapping[str, LargeFaceFiller], cases: Iterator[Case]
) -> tuple[Measurements, list[SheetRow]]:
    """Fill each case in each way; give the measurements and the rows of a sheet."""
    results, rows = [], []
    for case in cases:
        cells = {"true": middle(case.image, case.hole)}
        for name, system in systems.items():
            began = time.perf_counter()
            (picture,) = complete_cases(name, system, [case])
            seconds = time.perf_counter() - began
            values = {**measure(case, picture), "seconds": seconds}
            area = float(case.hole.mean())
            results.append(CaseResult(case.name, name, area, dict(case.groups), values))
            cells[name] = middle(picture, case.hole)
        print(f"{case.name}: crop of {case.hole.shape[0]} pixels", flush=True)
        rows.append(SheetRow(case.name, cells, f"{case.name}, crop of {case.hole.shape[0]} pixels"))
    return Measurements("inpainter", tuple(systems), tuple(results), METRICS, ""), rows


def write_comparison(measurements: Measurements, rows: Sequence[SheetRow], folder: Path) -> str:
    """Write table, figures and sheet to a folder; gives the table as Markdown."""
    lines = [
        "| way | " + " | ".join(metric.title for metric in METRICS) + " |",
        "|---|" + "---:|" * len(METRICS),
    ]
    for system in measurements.systems:
        means = (
            measurements.estimate(system, metric.name).mean_text(metric.decimals)
            for metric in METRICS
        )
        lines.append(f"| {system} | " + " | ".join(means) + " |")
    table = (
        "# Small fills on large faces\n\n"
        f"{measurements.cases} faces with drawn masks, means. "
        "Sharpness is Laplacian energy inside the hole over that of the true face.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    figures = json.dumps(measurements.summary(), indent=2) + "\n"
    for name, text in (("comparison.md", table), ("comparison.json", figures)):
        with atomic_path(folder / name, overwrite=True) as path:
            path.write_text(text, encoding="utf-8")
    cell = max(picture.shape[0] for row in rows for picture in row.cells.values())
    sheet = draw_sheet(rows, cell=cell)
    write_picture(folder / "comparison.png", sheet, overwrite=True, mark=make_mark(["gated"]))
    return table


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.compare_large_faces", description=__doc__
    )
    parser.add_argument("--faces", type=Path, required=True, help="folder with faces.jsonl")
    parser.add_argument("--output", type=Path, default=Path("runs/large_faces"), help="folder")
    parser.add_argument("--count", type=int, default=8, help="most faces")
    parser.add_argument("--smallest", type=int, default=700, help="least side of a crop, pixels")
    parser.add_argument("--size", type=int, default=SIZE, help="side of the first fill, pixels")
    parser.add_argument("--weights", default="default", help="of the network 'gated'")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Fill, measure, and write table and sheet."""
    options = build_parser().parse_args(arguments)
    cases = large_cases(options.faces, options.count, options.smallest)
    measurements, rows = compare(ways(options.weights, options.device, options.size), cases)
    print(write_comparison(measurements, rows, options.output))


if __name__ == "__main__":
    main()
