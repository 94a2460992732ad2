"""Frozen test cases on disk: pictures with their fixed holes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from inpainter.data.face import read_picture
from inpainter.evaluation.benchmark_cases import Case, HoleChecksum
from weights.base.atomic import write_whole
from weights.base.errors import InputError, OutputError
from weights.base.json_text import parse_json
from weights.base.text_files import read_lines

LIST_FILE: Final = "cases.jsonl"
"""The list of a set: one line about the set, then one per case."""


def store_cases(
    cases: Iterable[Case],
    folder: str | Path,
    *,
    configuration: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> str:
    """Write cases to a folder: PNG pictures and holes, and finally their list.

    Args:
        cases: the cases.
        folder: the target folder; an existing set is not replaced.
        configuration: how they were generated, stored in the list.
        progress: called with the number of cases done.

    Returns:
        The checksum of names and holes, as reports show it.

    Raises:
        OutputError: there already is a set, or it cannot be written.
        InputError: there is no case.
    """
    root = Path(folder)
    if (root / LIST_FILE).exists():
        raise OutputError(f"{root} already holds a set of test cases: choose another folder.")
    checksum = HoleChecksum()
    lines = []
    for number, case in enumerate(cases):
        files = {
            "image": (f"images/{number:05d}.png", case.image),
            "hole": (f"holes/{number:05d}.png", case.hole.astype(np.uint8) * 255),
        }
        if case.inside is not None and not case.inside.all():
            files["inside"] = (f"inside/{number:05d}.png", case.inside.astype(np.uint8) * 255)
        if case.masked is not None:
            files["masked"] = (f"masked/{number:05d}.png", case.masked)
        for name, pixels in files.values():
            _store(root / name, pixels)
        checksum.add(case)
        named = {key: name for key, (name, _) in files.items()}
        lines.append({"name": case.name, **named, "groups": dict(case.groups)})
        if progress is not None:
            progress(len(lines))
    if not lines:
        raise InputError("There are no test cases to store.")
    head = {
        "checksum_of_holes": checksum.hex(),
        "cases": len(lines),
        "configuration": dict(configuration or {}),
    }
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (head, *lines))
    write_whole(root / LIST_FILE, text)
    return checksum.hex()


def _store(path: Path, pixels: Any) -> None:
    # An interrupted run may have left the picture; without a list it belongs to no set.
    written = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    done, encoded = cv2.imencode(".png", written)
    if not done:
        raise OutputError(f"Cannot encode {path}.")
    write_whole(path, encoded.tobytes(), overwrite=True)


class StoredCases:
    """Cases from a folder written by `store_cases`; each pass yields the same ones, one at a time.

    Args:
        folder: the folder.

    Attributes:
        checksum: checksum of names and holes at storage time.
        configuration: how they were generated.

    Raises:
        InputError: there is no list, or it is malformed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.root = Path(folder)
        path = self.root / LIST_FILE
        texts = read_lines(path, "the list of test cases")
        try:
            lines = [parse_json(text, "a line") for text in texts]
            self.checksum = str(lines[0]["checksum_of_holes"])
            self.configuration: dict[str, Any] = dict(lines[0]["configuration"])
            self._lines: list[dict[str, Any]] = lines[1:]
            whole = [(line["name"], line["image"], line["hole"]) for line in self._lines]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(f"{path} is not a list of test cases: {error!r}.") from error
        if len(whole) != lines[0].get("cases"):
            raise InputError(
                f"{path} is incomplete: it lists {len(whole)} of {lines[0].get('cases')} cases."
            )

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def masked(self) -> bool:
        """Whether all cases include the masked picture."""
        return all("masked" in line for line in self._lines)

    def __iter__(self) -> Iterator[Case]:
        """Yield the cases.

        Raises:
            InputError: a picture is missing, or a hole has changed since it was stored.
        """
        checksum = HoleChecksum()
        for line in self._lines:
            case = self._case(line)
            checksum.add(case)
            yield case
        if checksum.hex() != self.checksum:
            raise InputError(
                f"The holes in {self.root} have changed since they were stored: their checksum is "
                f"{checksum.hex()[:16]} instead of {self.checksum[:16]}."
            )

    def only(self, names: Iterable[str]) -> Iterator[Case]:
        """Yield the cases of these names."""
        wanted = set(names)
        return (self._case(line) for line in self._lines if line["name"] in wanted)

    def _case(self, line: dict[str, Any]) -> Case:
        pictures = {
            part: read_picture(self.root / line[part])
            for part in ("image", "hole", "inside", "masked")
            if part in line
        }
        inside = pictures.get("inside")
        return Case(
            str(line["name"]),
            pictures["image"],
            pictures["hole"][..., 0] > 127,
            dict(line.get("groups") or {}),
            None if inside is None else inside[..., 0] > 127,
            pictures.get("masked"),
        )
