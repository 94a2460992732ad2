"""Add turned heads to a folder of faces, because photos in profile are rare.

    python -m examples.maintenance.turned_heads meshes FACES meshes.npz
    python -m examples.maintenance.turned_heads turn FACES meshes.npz FACES_AND_TURNED
    python -m examples.maintenance.turned_heads mask FACES meshes.npz MASKED

The first finds the mesh of each turned face of the split `train`, with MediaPipe's Face Mesh. It
needs `pip install mediapipe==0.10.14`, which includes the models, in an environment with NumPy 1.
The second turns these heads farther in the direction they face, and writes a folder with all faces
and the turned ones, for the inpainter. The third draws a mask on each head before turning it, and
writes the pictures, with the outlines of the masks in `masked.jsonl`, for the detector:
`unmask synthesize --photographs MASKED/masked.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.synthesis import draw_mask
from detector.synthesis.face_check import CannotDrawMaskError
from inpainter.data.face import Face
from inpainter.data.faces import list_faces
from inpainter.data.head_turning import mesh_yaw, turn_head
from pipeline.dataset.labels import simplify_polygon, visible_outlines
from weights.base.errors import ConfigurationError, InputError, UnmaskError
from weights.images import write_picture
from weights.landmarks.head_pose import estimate_yaw

TURNED_TO = (40.0, 75.0)
"""Range of the final yaw, in degrees."""

TURNED_BY = (15.0, 40.0)
"""Range of the turn, in degrees, from which it is sampled if the final yaw is out of its reach."""

MOST_MADE_UP = 0.25
"""Maximum fraction of the head's pixels that come from past the photo's border."""


def main(arguments: list[str] | None = None) -> int:
    """Find meshes or turn heads."""
    parser = argparse.ArgumentParser(prog="python -m examples.maintenance.turned_heads")
    steps = parser.add_subparsers(dest="step", required=True)
    meshes = steps.add_parser("meshes", help="find the meshes of turned faces")
    meshes.add_argument("faces", type=Path, help="folder with faces.jsonl")
    meshes.add_argument("meshes", type=Path, help="the .npz file to write")
    meshes.add_argument("--least-yaw", type=float, default=18.0, help="by landmarks, in degrees")
    turn = steps.add_parser("turn", help="turn the heads that have a mesh")
    mask = steps.add_parser("mask", help="draw masks on the heads that have a mesh, and turn them")
    for step in (turn, mask):
        step.add_argument("faces", type=Path, help="folder with faces.jsonl")
        step.add_argument("meshes", type=Path, help="the .npz file with the meshes")
        step.add_argument("output", type=Path, help="the folder to write")
        step.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    try:
        if options.step == "meshes":
            found = find_meshes(options.faces, options.least_yaw)
            np.savez(options.meshes, **found)  # type: ignore[arg-type]
            print(f"{len(found)} meshes in {options.meshes}")
        else:
            with np.load(options.meshes, allow_pickle=False) as archive:
                found = dict(archive)
            write = turn_heads if options.step == "turn" else mask_heads
            count = write(options.faces, found, options.output, options.seed)
            print(f"{count} turned heads in {options.output}")
    except UnmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def find_meshes(folder: Path, least_yaw: float) -> dict[str, NDArray[np.float32]]:
    """Find the mesh `(468, 3)` of each turned face of the split `train`, by name in the folder.

    Raises:
        ConfigurationError: MediaPipe is not installed.
    """
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh
    except ImportError as error:
        raise ConfigurationError(
            "Meshes need mediapipe: pip install mediapipe==0.10.14."
        ) from error
    finder = FaceMesh(static_image_mode=True, max_num_faces=1, min_detection_confidence=0.3)
    meshes = {}
    for face in list_faces(folder, "train"):
        if face.landmarks is None or abs(estimate_yaw(face.landmarks)) < least_yaw:
            continue
        image = face.read()
        # Faces that fill the whole picture are only found with a margin.
        margin = max(image.shape[:2]) // 4
        wide = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), "reflect")
        found = finder.process(wide).multi_face_landmarks
        if found:
            height, width = wide.shape[:2]
            points = np.array([(point.x, point.y, point.z) for point in found[0].landmark])
            mesh = points * (width, height, width) - (margin, margin, 0.0)
            meshes[_name(face, folder)] = mesh.astype(np.float32)
    return meshes


def turn_heads(
    folder: Path, meshes: Mapping[str, NDArray[np.float32]], output: Path, seed: int
) -> int:
    """Write a folder with all faces and the turned ones; return the number of the latter.

    Raises:
        InputError: the folder to write is there already, or a face's file lies outside of `folder`.
    """
    _refuse_existing(output)
    random = np.random.default_rng(seed)
    faces = list_faces(folder)
    lines = []
    for face in faces:
        name = _name(face, folder)
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(face.path, target)
        lines.append(_line(face, name, face.landmarks))
    for face, landmarks, mesh in _with_meshes(faces, folder, meshes):
        head = turn_head(face.read(), mesh, landmarks, _degrees(mesh_yaw(mesh), random))
        if head.made_up <= MOST_MADE_UP:
            new = f"turned/{_flat_name(face, folder)}"
            write_picture(output / new, head.image, quality=95)
            lines.append(_line(face, new, head.landmarks))
    (output / "faces.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines) - len(faces)


def mask_heads(
    folder: Path, meshes: Mapping[str, NDArray[np.float32]], output: Path, seed: int
) -> int:
    """Write a folder of turned heads with masks and their outlines; return their number.

    Raises:
        InputError: the folder to write is there already, or a face's file lies outside of `folder`.
    """
    _refuse_existing(output)
    random = np.random.default_rng(seed)
    lines = []
    for face, landmarks, mesh in _with_meshes(list_faces(folder), folder, meshes):
        try:
            drawn = draw_mask(face.read(), landmarks, random)
        except CannotDrawMaskError:
            continue
        degrees = _degrees(mesh_yaw(mesh), random)
        head = turn_head(drawn.masked, mesh, landmarks, degrees)
        if head.made_up > MOST_MADE_UP:
            continue
        # Body and straps are turned as two channels of one picture.
        drawing = np.dstack([drawn.mask, drawn.straps, drawn.straps]).astype(np.uint8) * 255
        turned = turn_head(drawing, mesh, landmarks, degrees).image > 127
        body, straps = visible_outlines(turned[..., 0]), visible_outlines(turned[..., 1])
        if body:
            name = _flat_name(face, folder)
            write_picture(output / name, head.image, quality=95)
            mask = {"pieces": _rounded(body), "straps": _rounded(straps)}
            lines.append(json.dumps({"file": name, "masks": [mask]}, ensure_ascii=False))
    output.mkdir(parents=True, exist_ok=True)
    (output / "masked.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def _refuse_existing(output: Path) -> None:
    if output.exists():
        raise InputError(f"{output} is there already: choose another folder.")


def _with_meshes(
    faces: Sequence[Face], folder: Path, meshes: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[Face, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield each face that has a mesh, its landmarks `(68, 2)` and the mesh `(468, 3)`."""
    for face in faces:
        name = _name(face, folder)
        if face.landmarks is not None and name in meshes:
            yield face, face.landmarks, meshes[name].astype(np.float64)


def _rounded(polygons: list[NDArray[np.float64]]) -> list[list[list[float]]]:
    return [simplify_polygon(polygon).round(1).tolist() for polygon in polygons]


def _degrees(yaw: float, random: np.random.Generator) -> float:
    """Sample by how many degrees a head is turned farther in the direction it faces."""
    degrees = random.uniform(*TURNED_TO) - abs(yaw)
    if not TURNED_BY[0] <= degrees <= TURNED_BY[1]:
        degrees = random.uniform(*TURNED_BY)
    return math.copysign(degrees, yaw)


def _name(face: Face, folder: Path) -> str:
    path = face.path.resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"{face.path} lies outside of {folder}: a face's file must be inside.")
    return path.relative_to(folder.resolve()).as_posix()


def _flat_name(face: Face, folder: Path) -> str:
    return Path(_name(face, folder)).with_suffix(".jpg").as_posix().replace("/", "_")


def _line(face: Face, name: str, landmarks: NDArray[np.float64] | None) -> str:
    points = {} if landmarks is None else {"landmarks": landmarks.round(2).tolist()}
    entry = {"file": name, "split": face.split, **face.labels, **points}
    return json.dumps(entry, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())
