"""Writes measured figures into the README, catalog records and model cards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from inpainter.metrics import SIGMAS
from pipeline.evaluation.difference import StoredReport, read_report
from pipeline.evaluation.document import Table, cells, markdown_table
from weights.base.atomic import write_whole
from weights.base.errors import ConfigurationError, InputError
from weights.catalog.record import WeightRecord, read_record

BEGIN: Final = "<!-- unmask figures: begin -->"
"""Line of a README before the table of figures."""
END: Final = "<!-- unmask figures: end -->"
"""Line after it."""

_REALISM: Final = (
    "realism_distance",
    "detectability",
    *(f"detail_{sigma}" for sigma in SIGMAS),
    "grid",
    "alternation",
)
_RESULT: Final = ("psnr_hole", "ssim_hole", "lpips", "face_found")
_SHOWN: Final = {
    "inpainter": (*_REALISM, *_RESULT, "landmark_error"),
    "pipeline": ("masks_found", "mask_left", "known_changed", *_REALISM, *_RESULT, "seconds"),
}
"""Metrics shown in a README if measured, in this order."""


def publish(
    reports: Mapping[str, Path],
    *,
    readme: Path | None = None,
    records: Path | None = None,
) -> list[Path]:
    """Write the figures of reports to README, records and model cards.

    Args:
        reports: name of the measurement to its report.json; the names become keys of the records.
        readme: a Markdown file; the text between the lines `BEGIN` and `END` is replaced.
        records: folder of catalog records; those of the measured weights get the figures, in
            addition to figures of other names, and their cards are rewritten.

    Returns:
        The written files.

    Raises:
        InputError: a report cannot be read, or the README has no such lines.
        ConfigurationError: neither `readme` nor `records` is given, or the measured weights have no
            record.
        OutputError: a file cannot be written.
    """
    if readme is None and records is None:
        raise ConfigurationError("Figures need a README or a folder of records to be written to.")
    stored = {name: read_report(path) for name, path in reports.items()}
    written = []
    if readme is not None:
        text = filled_text(readme, figures_table(stored))
        write_whole(readme, text, overwrite=True)
        written.append(readme)
    if records is not None:
        written += _update_records(stored, records)
    return written


def figures_table(reports: Mapping[str, StoredReport]) -> str:
    """Format the figures as a Markdown table: what was measured, by which command, the means."""
    rows = []
    for report in reports.values():
        command = f"`unmask evaluate {report.stage}`"
        found = _detector_row(report) if report.stage == "detector" else _rows(report)
        rows += [cells(what, command, figures) for what, figures in found]
    return markdown_table(Table("Figures", ("what", "command", "figures"), tuple(rows), labels=3))


def filled_text(readme: Path, table: str) -> str:
    """Return a README's text with a table between its two lines.

    Raises:
        InputError: the file cannot be read, or lacks one of the lines.
    """
    try:
        text = readme.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot read {readme}: {error.strerror or error}.") from error
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise InputError(
            f"{readme} has no place for figures: add the lines {BEGIN!r} and {END!r} there."
        )
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _rows(report: StoredReport) -> list[tuple[str, str]]:
    settings, content = report.configuration, report.content
    if report.stage == "inpainter":
        # A face measured with several kinds of holes is one case for each.
        counted = "cases" if "holes" in content["parts"] else "faces"
        what = f"{content['cases']} {counted}{_part(settings)}"
        what += f", {settings['holes']}" if settings.get("holes") else ""
        what += f", {settings['size']} px" if settings.get("size") else ""
    else:
        what = f"{content['cases']} pictures of {_sets(settings)}"
    return [(f"{system} on {what}", _means(report, system)) for system in content["systems"]]


def _means(report: StoredReport, system: str) -> str:
    figures = []
    for name in _SHOWN[report.stage]:
        metric = report.content["metrics"].get(name)
        mean = (report.content["overall"][system].get(name) or {}).get("mean")
        if metric is not None and mean is not None:
            title, _, unit = str(metric["title"]).partition(", ")
            figures.append(f"{title} {mean:.{int(metric['decimals'])}f} {unit}".strip())
    return ", ".join(figures)


def _part(settings: Mapping[str, Any]) -> str:
    return f" of the part {settings['split']}" if settings.get("split") else ""


def _sets(settings: Mapping[str, Any]) -> str:
    """Names of the sets; for a folder of faces also the split."""
    names = []
    for text in str(settings.get("sets", "")).split(", "):
        path = Path(text)
        names.append(path.stem if path.suffix else f"{path.name}{_part(settings)}")
    return " and ".join(names)


def _detector_row(report: StoredReport) -> list[tuple[str, str]]:
    content = report.content
    what, figures = [], []
    if content["drawn"]:
        masked = sum(1 for outcome in content["outcomes"] if outcome["drawn"])
        what.append(f"{content['drawn']} masks on {masked} pictures")
        figures.append(f"{_percent(content['recall'])} found at IoU 0.5")
        if content.get("precision") is not None:
            figures.append(f"{_percent(content['precision'])} of the detections correct")
        figures.append(f"AP50 {content['ap50']:.3f}")
        for name, quality in content["quality"].items():
            if quality.get("iou") is not None:
                figures.append(
                    f"{'before refinement' if name == 'detector' else name}: mean IoU "
                    f"{quality['iou']:.3f}, {_percent(quality['residual'])} of the mask left, "
                    f"{_percent(quality['beyond'])} of its size beyond it"
                )
    if content["unmasked_pictures"]:
        what.append(f"{content['unmasked_pictures']} pictures without masks")
        share = list(content["unmasked_changed"].values())[-1]
        figures.append(f"{_percent(share)} of those without masks changed")
    return [(f"{', '.join(what)} ({_sets(report.configuration)})", "; ".join(figures))]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _update_records(reports: Mapping[str, StoredReport], folder: Path) -> list[Path]:
    from weights.catalog.register import write_record_and_card

    records = {path: read_record(path) for path in sorted(folder.glob("*.yaml"))}
    figures: dict[Path, dict[str, Any]] = {}
    for name, report in reports.items():
        digests = set(dict(report.content.get("weights") or {}).values())
        matching = [path for path, record in records.items() if record.sha256 in digests]
        if not matching:
            raise ConfigurationError(
                f"{report.path} measured no weights that have a record in {folder}."
            )
        for path in matching:
            found = _figures(report, records[path])
            if found is not None:
                figures.setdefault(path, {})[name] = found
    written = []
    for path, own in figures.items():
        record = records[path]
        updated = dataclasses.replace(record, metrics={**record.metrics, **own})
        written += [path, write_record_and_card(updated, path, overwrite=True)]
    return written


def _figures(report: StoredReport, record: WeightRecord) -> dict[str, Any] | None:
    """Figures for the weights of a record; None if the report does not cover their stage."""
    from pipeline.weight_files.recording import read_figures

    if record.kind != "inpainter" and report.stage != "detector":
        return None
    figures = read_figures(report.path, record, record.sha256)
    # Without its warning, the identity distance would be mistaken for a quality metric.
    figures.pop("identity", None)
    return figures
