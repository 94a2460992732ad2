"""Model cards: what is known about a weight file, in readable form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weights.catalog.group_figures import GROUPS, group_table, lowest_sentence, read_groups
from weights.catalog.record import WeightKind, WeightRecord

LICENCE_SENTENCE = (
    "A licence clears the photograph and not the person in it: it does not mean that the people "
    "shown agreed to this use."
)
"""Sentence on training pictures in every card."""

_PURPOSE: dict[WeightKind, str] = {
    "detector": "Detects worn face masks in photos and outlines them.",
    "confirmation": "Verifies a detector's proposals: keeps worn face masks and outlines them.",
    "landmarks": "Predicts the 68 landmarks of a face, including those under a face mask.",
    "inpainter": "Fills the area of a face mask in a square crop of a face.",
}

_LIMITS: dict[WeightKind, str] = {
    "detector": (
        "It knows masks like those in its training pictures. It misses more face coverings of "
        "other kinds and more masks on small, blurred or profile faces, and it can mistake a hand, "
        "a scarf or a beard for a mask. It says nothing about who wears a mask."
    ),
    "confirmation": (
        "It judges a detector's proposals and finds nothing by itself. It knows masks like those "
        "in its training pictures: it rejects some unusual ones, and accepts some scarves, hands "
        "and beards. It says nothing about who wears a mask."
    ),
    "landmarks": (
        "It was trained on points set by another program, and repeats its errors. Points under a "
        "mask are guesses from what is visible. It does worse on faces seen from the side, and on "
        "people, ages and light that are rare in its training pictures. It says nothing about who "
        "someone is."
    ),
    "inpainter": (
        "No identity is recovered: a filled face is a guess, never evidence of who someone is. "
        "The network generates a lower face that is plausible among its training pictures: mouth, "
        "nose, chin, beard, skin marks and expression are invented. It does worse on people, ages, "
        "poses and light that are rare in its training pictures. Do not use it to identify anyone, "
        "and do not pass its output off as a photo of a person."
    ),
}


def model_card(record: WeightRecord) -> str:
    """Write the model card of a record, as Markdown.

    It describes what the network does, its training data and their licences, the measured figures,
    also by group of people, what it gets wrong, and its limits; it adds nothing that is not in the
    record.
    """
    low, high = record.value_range
    options = ", ".join(f"{name} = {value}" for name, value in record.options.items())
    facts = {
        "Architecture": f"{record.architecture}" + (f" ({options})" if options else ""),
        "Input": (
            f"{record.input_size} x {record.input_size} pixels, values from {low:g} to {high:g}"
        ),
        "Parameters": f"{record.parameters:,}",
        "Multiply-adds at that size": f"{record.multiply_adds:,}",
        "Recipe and seed": f"{record.recipe}, {record.seed}",
        "File": f"{record.file}, {record.bytes:,} bytes",
        "SHA-256": record.sha256,
        "Licence of the weights": record.licence,
    }
    sources = [(source.name, source.licence, source.credit) for source in record.data]
    figures = [(name, _number(value)) for name, value in _flat(record.metrics)]
    sections = [
        f"# {record.name}",
        _PURPOSE[record.kind],
        _table(("", ""), facts.items()),
        "## Training data",
        _table(("data", "licence", "credit"), sources),
        LICENCE_SENTENCE,
        "## Measured",
        _table(("figure", "value"), figures) if figures else "Nothing has been measured yet.",
        *_by_group(record.metrics),
    ]
    if record.gets_wrong:
        sections.append("## What it gets wrong")
        sections.append("\n".join(f"- {one.strip()}" for one in record.gets_wrong))
    sections += ["## Limits", _LIMITS[record.kind]]
    if record.notes.strip():
        sections.append(record.notes.strip())
    return "\n\n".join(sections) + "\n"


def _by_group(metrics: Mapping[str, Any]) -> list[str]:
    sections = []
    for name, measurement in metrics.items():
        groups = read_groups(measurement)
        if groups:
            sections += [
                f"## By group of people, {name}",
                lowest_sentence(groups),
                _table(*group_table(groups)),
                "Means with 95 % intervals. Labels are those supplied with the pictures.",
            ]
    return sections


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in metrics.items():
        if name == GROUPS:
            continue
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}, ")
        else:
            rows.append((prefix + name, value))
    return rows


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
