"""Figures by group of people, in records and model cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GROUPS: Final = "groups"
"""Key of a record's measurement that holds them: kind to label to figures."""

PEOPLE: Final = ("age", "gender", "ethnicity")
"""Kinds of groups of people; others, such as face sizes, are not recorded."""

SMALLEST: Final = 10
"""Smaller groups are not meaningful: they are neither shown nor judged."""

MOST_UNDER: Final = 1.5
"""How far below the mean of its kind a group may be before a card says so, in dB."""


@dataclass(frozen=True)
class GroupFigures:
    """Figures of the faces with one label; PSNR and SSIM are measured inside the hole.

    Attributes:
        kind: what the faces are grouped by, such as "age".
        label: of the group, such as "20-29".
        cases: number of faces.
        psnr: mean in dB.
        low: lower end of its 95 % interval, dB.
        high: upper end, dB.
        ssim: mean; None if not measured.
        mean: PSNR over all faces with a label of this kind, dB.
        realism: realism distance with the ends of its 95 % interval; None if not measured, or on
            too few faces.
    """

    kind: str
    label: str
    cases: int
    psnr: float
    low: float
    high: float
    ssim: float | None
    mean: float
    realism: tuple[float, float, float] | None = None

    @property
    def under(self) -> float:
        """How far the group is below the mean of its kind, in dB; negative if above."""
        return self.mean - self.psnr

    @property
    def large_enough(self) -> bool:
        """Whether there are enough faces to be meaningful."""
        return self.cases >= SMALLEST


def read_groups(measurement: Any) -> list[GroupFigures]:
    """Read the groups of one measurement of a record, if it has any."""
    kinds = measurement.get(GROUPS) if isinstance(measurement, Mapping) else None
    found = []
    for kind, measured in (kinds or {}).items():
        groups = {label: one for label, one in measured.items() if one.get("cases")}
        cases = sum(figures["cases"] for figures in groups.values())
        total = sum(figures["cases"] * figures["psnr_hole"] for figures in groups.values())
        for label, figures in groups.items():
            psnr = figures["psnr_hole"]
            found.append(
                GroupFigures(
                    kind,
                    label,
                    figures["cases"],
                    psnr,
                    figures.get("psnr_hole_low", psnr),
                    figures.get("psnr_hole_high", psnr),
                    figures.get("ssim_hole"),
                    total / cases,
                    _realism(figures),
                )
            )
    return found


def _realism(figures: Mapping[str, float]) -> tuple[float, float, float] | None:
    distance = figures.get("realism_distance")
    if distance is None:
        return None
    low, high = (figures.get(f"realism_distance_{end}", distance) for end in ("low", "high"))
    return distance, low, high


def lowest_sentence(groups: list[GroupFigures]) -> str:
    """Say which group is lowest, how far below the mean it is, and how certain that is."""
    judged = [group for group in groups if group.large_enough]
    if not judged:
        return f"No group has {SMALLEST} faces, so groups cannot be compared."
    lowest = max(judged, key=lambda group: group.under)
    labelled = sum(group.cases for group in groups if group.kind == lowest.kind)
    below = [group for group in judged if group.under > MOST_UNDER]
    unsure = [group for group in judged if group.mean - group.low > MOST_UNDER >= group.under]
    sentence = (
        f"The lowest group by PSNR inside the hole is {_name(lowest)}: {lowest.psnr:.2f} dB on "
        f"{lowest.cases} faces, {lowest.under:.2f} dB below the {lowest.mean:.2f} dB of the "
        f"{labelled} faces with a label of {lowest.kind}."
    )
    if below:
        sentence += f" More than {MOST_UNDER} dB below the mean: {_names(below)}."
    else:
        sentence += f" No group is more than {MOST_UNDER} dB below the mean."
    if unsure:
        sentence += f" Too few faces to be certain: {_names(unsure)}."
    return sentence


def group_table(groups: list[GroupFigures]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heading and rows of a table.

    Group, faces, realism distance with its interval if any group has one, PSNR with its interval,
    difference from the mean, SSIM.
    """
    realism = any(group.realism is not None for group in groups)
    distances = ("realism distance",) if realism else ()
    heading = ("group", "faces", *distances, "PSNR hole, dB", "to the mean, dB", "SSIM hole")
    rows: list[tuple[str, ...]] = []
    for group in groups:
        figures = ("too few to say", "-", "-")
        if group.large_enough:
            figures = (
                f"{group.psnr:.2f} ({group.low:.2f} to {group.high:.2f})",
                f"{-group.under:+.2f}",
                "-" if group.ssim is None else f"{group.ssim:.3f}",
            )
        distances = (_realism_text(group),) if realism else ()
        rows.append((_name(group), str(group.cases), *distances, *figures))
    return heading, rows


def _realism_text(group: GroupFigures) -> str:
    if group.realism is None:
        return "-"
    distance, low, high = group.realism
    return f"{distance:.2f} ({low:.2f} to {high:.2f})"


def _name(group: GroupFigures) -> str:
    return f"{group.kind} {group.label}".replace("_", " ")


def _names(groups: list[GroupFigures]) -> str:
    return ", ".join(map(_name, groups))
