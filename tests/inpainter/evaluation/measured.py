"""Measurements made up, for tests of what becomes of them."""

from __future__ import annotations

import math

from inpainter.evaluation.results import CaseResult, Measurements, Metric

METRICS = (
    Metric("psnr_hole", "PSNR hole, dB", "higher", 2, headline=True),
    Metric("l1_hole", "L1 hole", "lower", 4, headline=True),
    Metric("sharpness", "Sharpness", "one", 2),
    Metric("identity", "Identity", "none", 2),
    Metric("lpips", "LPIPS", "lower", 3),
)


def measured(shift: float = 5.0, count: int = 12, checksum: str = "ab" * 32) -> Measurements:
    """Two systems, the first better by `shift` dB on every case; groups and bands of both."""
    results = []
    for number in range(count):
        groups = {"kind": "ab"[number % 2], "tag": "one; two" if number == 0 else "two"}
        groups["size"] = f"{(60, 120)[number % 2]} px"
        for system, extra in (("near", shift), ("far", 0.0)):
            values = {
                "psnr_hole": 20.0 + number + extra,
                "l1_hole": 0.1 - extra / 100,
                "sharpness": 0.5 if system == "near" else 1.2,
                "identity": 0.4,
                "lpips": math.nan,
            }
            area = 0.05 + 0.1 * (number % 3)
            results.append(CaseResult(f"face{number}", system, area, groups, values))
    return Measurements(
        "inpainter",
        ("near", "far"),
        tuple(results),
        METRICS,
        checksum,
        {"faces": "somewhere", "count": count, "split": "val"},
        {"near": {"frechet": 1.5, "kernel": 0.01, "count": count}},
        ("A note.",),
        resamples=200,
    )
