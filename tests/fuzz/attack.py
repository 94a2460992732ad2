"""Changing whole files at random, and reading what comes of it."""

from __future__ import annotations

import io
import json
import random
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import torch
from safetensors.torch import save

from detector.data.yolo_dataset import read_labels, read_yolo_dataset
from detector.find.verifier_file import load_verifier
from detector.find.weight_file import load_detector, read_extra
from detector.train.curves import CURVES_NAME, keep_epochs, last_epoch
from detector.train.run_file import RUN_NAME, RunFile
from inpainter.data.faces import list_faces
from inpainter.registry import create_model
from inpainter.training.recipe import read_recipe
from inpainter.weight_files import load_completion_network
from pipeline import Pipeline
from pipeline.weight_files.recording import describe_weights
from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.errors import UnmaskError
from weights.catalog.record import read_record
from weights.images import read_hole, read_picture, restore

if TYPE_CHECKING:
    from collections.abc import Callable

    _Target = tuple[str, bytes, Callable[[bytes], Any]]

CASES = Path(__file__).parents[1] / "cases"
_WORDS = (
    b"\x00", b"\xff", b"-1", b"1e400", b"9" * 40, b"NaN", b"{", b"[", b"]", b'"', b"null", b"\n",
    b"!!int x", b"&a", b"*a", b"2024-13-45", b"\xe2\x80\xa8", b"../", b"os:system", b"\x1b[2J",
)  # fmt: skip


@dataclass
class Found:
    """What an attack found: files by kind, raw exceptions, the slowest file."""

    kinds: dict[str, list[int]] = field(default_factory=dict)
    raw: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    @property
    def read(self) -> int:
        return sum(read for read, _ in self.kinds.values())

    @property
    def refused(self) -> int:
        return sum(refused for _, refused in self.kinds.values())


def attack(count: int, seed: int) -> Found:
    """Read `count` damaged files, drawn by a seed alone."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        targets = _targets(Path(folder))
        for number in range(count):
            chance = random.Random(f"{seed} {number}")
            kind, content, read = targets[number % len(targets)]
            damaged = mutated(content, chance)
            counts = found.kinds.setdefault(kind, [0, 0])
            began = time.perf_counter()
            try:
                read(damaged)
                counts[0] += 1
            except UnmaskError as error:
                counts[1] += 1
                if "\n" in str(error) or not str(error):
                    found.raw.append(f"{kind} {number}: no sentence: {str(error)!r}")
            except Exception as error:
                found.raw.append(f"{kind} {number}: {type(error).__name__}: {str(error)[:120]}")
            found.slowest = max(found.slowest, (time.perf_counter() - began, f"{kind} {number}"))
    return found


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A file with some of its bytes changed, cut out, doubled, or replaced by unlucky ones."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 12))):
        # Faults in the head of a file are the interesting ones.
        most = len(damaged) if chance.random() < 0.5 else min(len(damaged), 400)
        place, length = chance.randrange(most + 1), chance.choice((1, 1, 2, 8, 64))
        way = chance.randrange(6)
        if way == 0:
            damaged[place : place + length] = chance.randbytes(length)
        elif way == 1:
            del damaged[place : place + length]
        elif way == 2:
            damaged[place:place] = damaged[place : place + length]
        elif way == 3:
            word = chance.choice(_WORDS)
            damaged[place : place + chance.choice((0, len(word)))] = word
        elif way == 4 and place < len(damaged):
            damaged[place] ^= 1 << chance.randrange(8)
        elif chance.random() < 0.3:
            del damaged[chance.randrange(len(damaged) + 1) :]
    if damaged == content:
        damaged[chance.randrange(len(damaged))] ^= 1
    return bytes(damaged)


def _targets(folder: Path) -> list[_Target]:
    targets: list[_Target] = []
    grey = np.linspace(0, 255, 48 * 64).reshape(48, 64).astype(np.uint8)
    scene = PIL.Image.fromarray(np.dstack([grey, grey[::-1], grey[:, ::-1]]))
    exif = PIL.Image.Exif()
    exif[271], exif[274], exif[0x8769] = "Maker", 6, {0x829A: 0.004, 0x927C: b"note" * 20}
    for form in ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF"):
        buffer = io.BytesIO()
        options = {"exif": exif.tobytes()} if form in ("JPEG", "PNG", "WEBP", "AVIF") else {}
        if form == "TIFF":
            tags = {270: "text " * 9, 282: 300.0, 33723: b"\x1c\2\x6e\0\4Anna", 65000: (1,) * 9}
            options = {"tiffinfo": {**exif, **tags}}
        scene.save(buffer, form, **options)
        targets.append((form, buffer.getvalue(), _fill))
    targets += [(case.name, case.read_bytes(), _fill) for case in sorted(CASES.glob("*.jpg"))]
    buffer = io.BytesIO()
    PIL.Image.fromarray(grey > 127).save(buffer, "PNG")
    targets.append(("mask", buffer.getvalue(), lambda content: read_hole(content, (48, 64))))

    from_file = partial(_from_file, folder)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = create_model("unet", width=1)
    header = {"architecture": "unet", "options": '{"width": 1}', "input_size": "32"}
    weights = save({name: one.contiguous() for name, one in network.state_dict().items()}, header)
    for read in (lambda path: load_completion_network(weights=path), describe_weights):
        targets.append(("inpainter.safetensors", weights, from_file("x.safetensors", read)))
    for name, loads in (
        ("detector", (load_detector, read_extra)),
        ("confirmation", (load_verifier,)),
    ):
        header = {"format": f"unmask.{name}", "configuration": "{}", "extra": '{"metrics": {}}'}
        content = save({"a": torch.zeros(2)}, header)
        targets += [
            (f"{name}.safetensors", content, from_file("y.safetensors", one)) for one in loads
        ]

    targets += _run_files(folder)
    root = Path(__file__).parents[2]
    recipe = (root / "inpainter/recipes/unet.yaml", root / "inpainter/recipes/gated.cpu.yaml")
    text = next(one for one in recipe if one.is_file()).read_bytes()
    targets.append(("recipe.yaml", text, from_file("recipe.yaml", read_recipe)))
    pipeline = b"detector: {name: yolo, confidence: 0.3}\ninpainter: telea\ncontext: 1.5\n"
    targets.append(("pipeline.yaml", pipeline, from_file("pipeline.yaml", Pipeline.from_config)))
    record = (root / "weights/records/gated.faces256.yaml").read_bytes()[:3000]
    targets.append(("record.yaml", record, from_file("record.yaml", read_record)))
    (folder / "images").mkdir(exist_ok=True)
    scene.save(folder / "images" / "a.jpg")
    data = b"path: .\ntrain: images\nval: images\nnames: {0: mask}\n"
    targets.append(("data.yaml", data, from_file("data.yaml", read_yolo_dataset)))
    labels = b"0 0.1 0.2 0.5 0.2 0.5 0.6\n0 0.3 0.3 0.8 0.3 0.8 0.9 0.2 0.7\n"

    def labelled(_: Path) -> Any:
        return read_labels(folder / "images" / "a.jpg", 1)

    targets.append(("labels.txt", labels, from_file("labels/a.txt", labelled)))
    points = [[10 + index, 20 + index % 7] for index in range(68)]
    line = {"file": "a.jpg", "split": "train", "landmarks": points}
    faces = f"{json.dumps(line)}\n{json.dumps({**line, 'file': 'b.jpg'})}\n".encode()

    def read_split(path: Path) -> Any:
        return list_faces(path.parent, "train")

    targets.append(("faces.jsonl", faces, from_file("faces/faces.jsonl", read_split)))
    return targets


def _from_file(folder: Path, name: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    def write_and_read(content: bytes) -> Any:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return write_and_read


def _run_files(folder: Path) -> list[_Target]:
    """Files from which a training is resumed."""
    RunFile("data.yaml", 3, {"epochs": 2}, "cpu", {"epochs": 2}, None, 5.0).write(folder)
    write_checkpoint(folder / "last.pt", {"epoch": 1, "model": {"a": torch.zeros(20)}})
    curves = b"epoch,time,loss\n1,10.5,0.5\n2,20.5,0.4\n"

    def resume(path: Path) -> None:
        last_epoch(path.parent)
        keep_epochs(path, 1)

    return [
        (name, content, _from_file(folder, name, read))
        for name, content, read in (
            (RUN_NAME, (folder / RUN_NAME).read_bytes(), lambda path: RunFile.read(path.parent)),
            (CURVES_NAME, curves, resume),
            (
                "last.pt",
                (folder / "last.pt").read_bytes(),
                lambda path: read_checkpoint(path, ("epoch", "model")),
            ),
        )
    ]


def _fill(content: bytes) -> Any:
    picture = read_picture(content, max_pixels=4_000_000)
    hole = np.zeros(picture.size, bool)
    hole[: picture.size[0] // 2, : picture.size[1] // 2 + 1] = True
    pixels = picture.pixels.copy()
    pixels[hole] = 7
    return restore(picture, pixels, hole, models=("fuzz",))
