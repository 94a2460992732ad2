"""`unmask run` on files, with stages that are plain functions."""

import csv
import io
import json
import re
import struct
import sys
import zlib
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
import torch

from pipeline import Pipeline, command_line
from pipeline.commands.working import RunWork
from pipeline.run.outputs import Outputs
from weights.catalog.lookup import get_record, locate
from weights.images import encode_picture, read_hole, read_picture, write_picture
from weights.images.mark_reader import read_mark

STAGES = '''
import numpy as np

def detect(image):
    """Pure green is a mask; a picture with pure blue in its corner cannot be worked on."""
    from weights.base.regions import MaskRegion
    if tuple(image[0, 0]) == (0, 0, 255):
        raise ValueError("blue corner")
    if tuple(image[0, 0]) == (255, 0, 255):
        raise KeyboardInterrupt
    mask = (image == (0, 255, 0)).all(axis=2)
    if not mask.any():
        return []
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return [MaskRegion(mask, box)]

class Sure:
    def __init__(self, confidence):
        self.confidence = confidence

    def detect(self, images):
        return [detect(image) if self.confidence > 0.5 else [] for image in images]

def refine(image, regions):
    return [region.mask for region in regions]

def complete(crop, hole):
    result = crop.copy()
    result[hole] = (200, 30, 40)
    return result

def mean(crop, hole):
    result = crop.copy()
    result[hole] = crop[~hole].mean(axis=0)
    return result

def blend(image, fill, hole):
    return np.where(hole[:, :, None], fill, image)
'''

RED = (200, 30, 40)

HEADER = (
    b"input,output,status,reason,face,x0,y0,x1,y1,filled_pixels,score,concerns,chance,seconds\r\n"
)
"""First line of the table of a run."""

FACE = {"box": [30, 20, 55, 40], "filled_pixels": 500, "score": 1.0}
"""The one face of the folder's pictures, as reports tell it, but for what was expected of it."""


def without_outlook(faces):
    """The faces of a report, whose concerns must be there; the chance is a network's."""
    assert all("small" in face["concerns"] and 0 < face["chance"] < 1 for face in faces)
    return [{key: face[key] for key in FACE} for face in faces]


def table(out):
    """The counts that the summary shows."""
    rows = re.findall(
        r"^(done|no mask found|skipped|failed|no picture|to do) +(\d+)  ", out, re.MULTILINE
    )
    return {status: int(count) for status, count in rows}


@pytest.fixture
def unmask(tmp_path, monkeypatch, capsys):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "constant_stages.py").write_text(STAGES)
    monkeypatch.syspath_prepend(tmp_path / "modules")

    def call(
        *arguments,
        detector="constant_stages:detect",
        inpainter="constant_stages:complete",
        blender="constant_stages:blend",
    ):
        stages = [
            *(["--detector", detector] if detector else []),
            "--refiner", "constant_stages:refine",
            *(["--inpainter", inpainter] if inpainter else []),
            *(["--blender", blender] if blender else []),
        ]  # fmt: skip
        with pytest.raises(SystemExit) as left:
            command_line.main(["run", *map(str, arguments), *stages])
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return call


def picture(masked=True, corner=(9, 9, 9), size=(60, 80)):
    y, x = np.mgrid[: size[0], : size[1]]
    array = np.dstack([x % 200, y % 200, (x + y) % 200]).astype(np.uint8)
    if masked:
        array[20:40, 30:55] = (0, 255, 0)
    array[0, 0] = corner
    return array


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    write_picture(root / "one.png", picture())
    write_picture(root / "sub dir" / "two ü.tif", picture(size=(70, 61)))
    write_picture(root / "sub dir" / "none.png", picture(masked=False))
    write_picture(root / "blue.png", picture(corner=(0, 0, 255)))
    (root / "text.jpg").write_text("no picture")
    (root / "empty.png").write_bytes(b"")
    (root / "notes.txt").write_text("notes")
    return root


def test_a_single_picture(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    code, out, err = unmask(source, "-o", tmp_path / "result.png")
    assert (code, err) == (0, "")
    assert table(out) == {"done": 1}
    assert "a guess" in out
    was, now = picture(), read_picture(tmp_path / "result.png").pixels
    hole = (was == (0, 255, 0)).all(axis=2)
    np.testing.assert_array_equal(now[~hole], was[~hole])
    assert (now[hole] == RED).all()
    mark = read_mark(tmp_path / "result.png")
    assert mark.models == ("constant_stages:detect", "constant_stages:complete")


def test_a_folder_with_all_sorts_of_files(unmask, folder, tmp_path):
    out_folder = tmp_path / "out"
    code, out, _ = unmask(folder, "-o", out_folder)
    assert code == 1
    written = sorted(
        path.relative_to(out_folder).as_posix() for path in out_folder.rglob("*") if path.is_file()
    )
    assert written == ["one.png", "sub dir/none.png", "sub dir/two ü.tif"]
    assert table(out) == {"done": 2, "no mask found": 1, "failed": 3, "no picture": 1}
    assert "blue corner" in out
    untouched = out_folder / "sub dir" / "none.png"
    assert untouched.read_bytes() == (folder / "sub dir" / "none.png").read_bytes()
    assert PIL.Image.open(out_folder / "sub dir" / "two ü.tif").format == "TIFF"


def test_the_json_report_is_all_of_stdout(unmask, folder, tmp_path):
    code, out, _ = unmask(folder, "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert code == 1
    assert report["complete"] is True
    assert report["counts"] == {
        "done": 2, "no mask found": 1, "skipped": 0, "failed": 3, "no picture": 1,
    }  # fmt: skip
    by_name = {entry["input"].rsplit("/", 1)[-1]: entry for entry in report["pictures"]}
    assert without_outlook(by_name["one.png"]["faces"]) == [FACE]
    assert by_name["one.png"]["status"] == "done"
    assert set(by_name["one.png"]["seconds"]) == {"detector", "refiner", "inpainter", "blender"}
    assert by_name["one.png"]["written"] == [str(tmp_path / "out" / "one.png")]
    assert by_name["none.png"]["status"] == "no mask found"
    assert by_name["text.jpg"]["status"] == "failed"
    assert "not a picture" in by_name["text.jpg"]["reason"]
    assert "0 bytes" in by_name["empty.png"]["reason"]
    assert by_name["blue.png"]["reason"] == "ValueError: blue corner"
    assert report["no_pictures"] == [str(folder / "notes.txt")]
    assert "no evidence" in report["notice"]
    assert list(by_name) == [
        "blue.png", "empty.png", "one.png", "text.jpg", "none.png", "two ü.tif",
    ]  # fmt: skip


def test_nothing_is_overwritten_unless_asked(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    target = tmp_path / "out" / "photo.png"
    target.parent.mkdir()
    target.write_bytes(b"mine")
    code, out, _ = unmask(source, "-o", target.parent)
    assert code == 0
    assert table(out) == {"skipped": 1}
    assert target.read_bytes() == b"mine"
    code, out, _ = unmask(source, "-o", target.parent, "--overwrite")
    assert code == 0
    assert table(out) == {"done": 1}
    assert read_mark(target) is not None


def test_a_second_run_goes_on_where_the_first_ended(unmask, folder, tmp_path):
    unmask(folder, "-o", tmp_path / "out")
    write_picture(folder / "new.png", picture())
    _, out, _ = unmask(folder, "-o", tmp_path / "out", "--json")
    assert json.loads(out)["counts"]["skipped"] == 3
    assert json.loads(out)["counts"]["done"] == 1


@pytest.fixture
def album(tmp_path):
    """Forty pictures of four formats, and ten files that are none in ten ways."""
    root = tmp_path / "album"
    for index in range(40):
        suffix = ("png", "jpg", "webp", "tif")[index % 4]
        write_picture(root / f"trip {index // 20}" / f"{index:02d}.{suffix}", picture())
    whole = {
        form: encode_picture(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8), form)
        for form in ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
    }
    flipped = bytearray(whole["PNG"])
    flipped[len(flipped) // 2] ^= 255
    width = whole["PNG"].index(b"IHDR") + 4
    huge = bytearray(whole["PNG"])
    huge[width : width + 8] = struct.pack(">II", 60_000, 60_000)
    crc = zlib.crc32(bytes(huge[width - 4 : width + 13]))
    huge[width + 13 : width + 17] = struct.pack(">I", crc)
    broken = {
        "empty.jpg": b"",
        "text.jpg": b"no picture at all",
        "page.png": b"<html>404 Not Found</html>",
        "cut.jpg": whole["JPEG"][: len(whole["JPEG"]) // 2],
        "cut.png": whole["PNG"][: len(whole["PNG"]) // 2],
        "cut.webp": whole["WEBP"][: len(whole["WEBP"]) // 2],
        "cut.tif": whole["TIFF"][: len(whole["TIFF"]) // 3],
        "cut.bmp": whole["BMP"][:40],
        "flipped.png": bytes(flipped),
        "huge.png": bytes(huge),
    }
    for name, content in broken.items():
        (root / "trip 1" / name).write_bytes(content)
    return root, set(broken)


def test_broken_pictures_among_many_are_named_and_a_second_run_does_nothing(
    unmask, album, tmp_path
):
    root, broken = album
    output = tmp_path / "out"
    code, out, err = unmask(root, "-o", output, "--resume")
    assert (code, err) == (1, "")
    assert table(out) == {"done": 40, "failed": 10}
    named = re.findall(r"^.*[/\\](\S+) +failed  (.+)$", out, re.MULTILINE)
    assert {name for name, _ in named} == broken
    assert all(name in reason and reason.endswith(".") for name, reason in named)
    written = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}
    assert len(written) == 40

    code, out, _ = unmask(root, "-o", output, "--resume")
    assert code == 1
    assert table(out) == {"skipped": 40, "failed": 10}
    assert "There was nothing else to do" in out
    assert written == {
        path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()
    }


def test_a_mask_of_one_s_own(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture(masked=False))
    hole = np.zeros((60, 80), bool)
    hole[10:15, 5:70] = True
    mask = write_picture(tmp_path / "mask.png", hole)
    code, _, _ = unmask(source, "-o", tmp_path / "out", "--mask", mask, "--save-mask")
    assert code == 0
    result = read_picture(tmp_path / "out" / "photo.png").pixels
    assert (result[hole] == RED).all()
    np.testing.assert_array_equal(result[~hole], picture(masked=False)[~hole])
    saved = PIL.Image.open(tmp_path / "out" / "photo.png.hole.png")
    np.testing.assert_array_equal(np.asarray(saved) > 127, hole)
    assert read_mark(tmp_path / "out" / "photo.png").models == ("constant_stages:complete",)


def test_a_folder_of_masks(unmask, tmp_path):
    hole = np.zeros((60, 80), bool)
    hole[10:15, 5:70] = True
    for name in ("a", "sub/b", "c"):
        write_picture(tmp_path / "in" / f"{name}.jpg", picture(masked=False))
    write_picture(tmp_path / "masks" / "a.png", hole)
    write_picture(tmp_path / "masks" / "sub" / "b.png", hole[:50])
    code, out, _ = unmask(
        tmp_path / "in", "-o", tmp_path / "out", "--mask", tmp_path / "masks", "--json"
    )
    assert code == 1
    entries = {entry["input"].rsplit("/", 1)[-1]: entry for entry in json.loads(out)["pictures"]}
    assert entries["a.jpg"]["status"] == "done"
    assert "80 x 50 pixels" in entries["b.jpg"]["reason"]
    assert "does not exist" in entries["c.jpg"]["reason"]


def test_side_by_side(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.jpg", picture())
    unmask(source, "-o", tmp_path / "out", "--side-by-side")
    assert read_picture(tmp_path / "out" / "photo.jpg.side_by_side.png").size == (60, 160)
    assert read_mark(tmp_path / "out" / "photo.jpg.side_by_side.png") is not None


def test_the_output_s_suffix_chooses_the_format_and_a_wrong_one_of_the_input_does_not(
    unmask, tmp_path
):
    source = write_picture(tmp_path / "photo.png", picture())
    unmask(source, "-o", tmp_path / "result.webp", "--quality", 80)
    assert PIL.Image.open(tmp_path / "result.webp").format == "WEBP"
    misnamed = tmp_path / "misnamed.jpg"
    misnamed.write_bytes(source.read_bytes())
    unmask(misnamed, "-o", tmp_path / "out")
    assert PIL.Image.open(tmp_path / "out" / "misnamed.jpg").format == "PNG"


def test_a_format_that_cannot_hold_the_picture_fails_in_one_sentence(unmask, tmp_path):
    rgba = np.dstack([picture(), np.full((60, 80), 99, np.uint8)])
    source = write_picture(tmp_path / "photo.png", rgba)
    code, out, _ = unmask(source, "-o", tmp_path / "result.jpg", "--json")
    assert code == 1
    assert "no transparency" in json.loads(out)["pictures"][0]["reason"]
    assert not (tmp_path / "result.jpg").exists()


def test_a_turned_photo_is_written_upright(unmask, tmp_path):
    exif = PIL.Image.Exif()
    exif[274] = 6
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(np.rot90(picture())).save(path, exif=exif)
    assert unmask(path, "-o", tmp_path / "out")[0] == 0
    result = PIL.Image.open(tmp_path / "out" / "photo.png")
    assert result.getexif()[274] == 1
    now, was = np.asarray(result), picture()
    hole = (was == (0, 255, 0)).all(axis=2)
    np.testing.assert_array_equal(now[~hole], was[~hole])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["one.png", "-o", "one.png"], "would replace the input"),
        ([".", "-o", "."], "would replace the input"),
        (["one.png", "sub/one.png", "-o", "out"], "would both be written"),
        (["one.png", "sub", "-o", "out.png"], "names one file"),
        (["one.png"], "-o FOLDER"),
        (["one.png", "-o", "out", "--resume", "--overwrite"], "choose one"),
        (["one.png", "-", "-o", "out"], "cannot be named with other paths"),
        (["sub", "-o", "-"], "takes only one picture"),
        (["one.png", "-o", "-", "--save-mask"], "takes only one picture"),
        (["one.png", "-o", "out", "--format", "xyz"], "Unknown format 'xyz'"),
        (["empty", "-o", "out"], "There are no pictures in 'empty'"),
        (["*.bmp", "-o", "out"], "No file matches"),
        (["one.png", "-o", "out", "--mask", "none.png"], "no mask file"),
        (["one.png", "-o", "out", "--config", "none.yaml"], "none.yaml"),
    ],
)
def test_calls_that_cannot_work_leave_with_2_and_one_sentence(
    unmask, tmp_path, monkeypatch, arguments, says
):
    root = tmp_path / "here"
    write_picture(root / "one.png", picture())
    write_picture(root / "sub" / "one.png", picture())
    (root / "empty").mkdir()
    monkeypatch.chdir(root)
    before = sorted(root.rglob("*"))
    code, out, err = unmask(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert sorted(root.rglob("*")) == before


def test_an_unknown_stage_leaves_with_2(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    code, out, err = unmask(source, "-o", tmp_path / "out", detector="yola")
    assert (code, out) == (2, "")
    assert "'yolo'" in err


def test_a_configuration_and_options_before_it(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    config = tmp_path / "pipeline.yaml"
    config.write_text("detector: {name: 'constant_stages:Sure', confidence: 0.9}\n")
    common = [source, "-o", tmp_path / "out", "--config", config, "--overwrite", "--json"]
    _, out, _ = unmask(*common, detector=None)
    assert json.loads(out)["counts"]["done"] == 1
    _, out, _ = unmask(*common, "--confidence", 0.1, detector=None)
    assert json.loads(out)["counts"]["no mask found"] == 1


def test_detail_is_an_option_of_the_inpainter(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    common = [source, "-o", tmp_path / "out", "--overwrite"]
    assert unmask(*common, "--detail", "off", inpainter="gated")[0] == 0
    code, _, err = unmask(*common, "--detail", "of", inpainter="gated")
    assert code == 2 and "Did you mean 'off'" in err
    code, _, err = unmask(*common, "--detail", "off", inpainter="telea")
    assert code == 2 and "detail" in err


def test_the_backend_is_an_option_of_detector_and_inpainter(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    common = [source, "-o", tmp_path / "out", "--overwrite"]
    code, _, err = unmask(*common, "--backend", "torc", detector="yolo", inpainter="gated")
    assert code == 2 and "Did you mean 'torch'" in err
    code, _, err = unmask(*common, "--backend", "torch", detector="yolo", inpainter="telea")
    assert code == 2 and "'telea' has no option 'backend'" in err
    assert unmask(*common, "--backend", "torch", detector="yolo", inpainter="gated")[0] == 0


def test_two_pictures_are_at_work_at_once_where_stages_may_be_shared(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)

    def groups(report=False, detected=True, **stages):
        outputs = Outputs(save_report=report)
        arguments = {"device": "cpu", **stages}
        return RunWork(arguments, outputs, batch=None, workers=None, detected=detected).groups

    assert groups() == 2
    # The seconds of a report are to be those of its picture.
    assert groups(report=True) == 1
    own = SimpleNamespace(detect=lambda images: [[] for _ in images])
    assert groups(detector=own) == 1
    assert groups(detector=own, detected=False) == 2
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert groups() == 1


def test_ctrl_c_ends_in_good_order(unmask, tmp_path):
    folder = tmp_path / "in"
    for index in range(20):
        corner = (255, 0, 255) if index == 12 else (9, 9, 9)
        write_picture(folder / f"{index:02}.png", picture(corner=corner))
    code, out, err = unmask(folder, "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert code == 130
    assert report["complete"] is False
    assert report["counts"]["done"] == 12
    assert "8 of 20 files were not processed; run the same command with --resume to resume" in err
    assert len(list((tmp_path / "out").iterdir())) == 12


def test_a_failed_write_is_reported_and_leaves_nothing(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    (tmp_path / "file").write_bytes(b"")
    code, out, _ = unmask(source, "-o", tmp_path / "file" / "out", "--json")
    assert code == 1
    assert json.loads(out)["pictures"][0]["status"] == "failed"


def test_animations_in_a_folder_are_reported(unmask, tmp_path):
    buffer = io.BytesIO()
    frames = [PIL.Image.new("RGB", (20, 10), (70 * index, 0, 0)) for index in range(3)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.gif").write_bytes(buffer.getvalue())
    code, out, _ = unmask(tmp_path / "in", "-o", tmp_path / "out", "--json")
    assert code == 1
    assert "several frames" in json.loads(out)["pictures"][0]["reason"]


class TestManyPicturesWithBrokenOnes:
    """A folder of good pictures and broken ones, as it comes off somebody's disk."""

    BROKEN = (
        "empty.jpg", "truncated.jpg", "text.png", "page.jpg", "scrambled.png", "cut.webp",
        "half.tif", "link.jpg", "bomb.png", "frames.gif",
    )  # fmt: skip

    @pytest.fixture
    def folder(self, tmp_path):
        root = tmp_path / "in"
        for index in range(30):
            suffix = ("jpg", "png", "webp", "tif")[index % 4]
            array = picture(masked=index % 5 != 0, size=(40 + index, 70 + 2 * index))
            place = root / ("", "a", "a/b")[index % 3] / f"{index:02}.{suffix}"
            # A lossy file would not keep the pure green that is a mask here.
            write_picture(place, array, format="PNG" if suffix in ("jpg", "webp") else None)
        noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
        for name in ("truncated.jpg", "scrambled.png", "cut.webp", "half.tif"):
            write_picture(root / "a" / name, noise)
        self.cut(root / "a" / "truncated.jpg", 0.5)
        self.cut(root / "a" / "cut.webp", 0.02)
        self.cut(root / "a" / "half.tif", 0.1)
        content = bytearray((root / "a" / "scrambled.png").read_bytes())
        content[200:600] = bytes(400)
        (root / "a" / "scrambled.png").write_bytes(content)
        (root / "a" / "empty.jpg").write_bytes(b"")
        (root / "a" / "text.png").write_text("no picture")
        (root / "a" / "page.jpg").write_text("<!doctype html><title>404</title>")
        (root / "a" / "link.jpg").symlink_to("nowhere.jpg")
        header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        (root / "a" / "bomb.png").write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + struct.pack(">I", len(header))
            + chunk
            + struct.pack(">I", zlib.crc32(chunk))
        )
        frames = [PIL.Image.new("RGB", (20, 10), (70 * index, 0, 0)) for index in range(3)]
        frames[0].save(root / "a" / "frames.gif", save_all=True, append_images=frames[1:])
        return root

    @staticmethod
    def cut(path, share):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    def test_good_ones_are_done_broken_ones_named_and_a_second_run_does_nothing(
        self, unmask, folder, tmp_path, monkeypatch
    ):
        out_folder = tmp_path / "out"
        code, out, err = unmask(folder, "-o", out_folder, "--resume", "--workers", 3)
        assert code == 1
        assert err == ""
        assert table(out) == {"done": 24, "no mask found": 6, "failed": 10}
        for name in self.BROKEN:
            (row,) = [line for line in out.splitlines() if f"/{name} " in line]
            assert "  failed  " in row
            assert len(row.split("  failed  ")[1]) > 15
        written = {path: path.stat().st_mtime_ns for path in out_folder.rglob("*.*")}
        assert len(written) == 30

        from pipeline import core

        def fails(*arguments):
            raise AssertionError("nothing is to be worked on")

        monkeypatch.setattr(core.Pipeline, "run", fails)
        code, out, _ = unmask(folder, "-o", out_folder, "--resume")
        assert code == 1
        assert table(out) == {"skipped": 30, "failed": 10}
        assert "There was nothing else to do" in out
        assert {path: path.stat().st_mtime_ns for path in out_folder.rglob("*.*")} == written

        for name in self.BROKEN:
            (folder / "a" / name).unlink()
        monkeypatch.setattr(core, "Pipeline", fails)  # nothing to do needs no pipeline
        code, out, _ = unmask(folder, "-o", out_folder, "--resume")
        assert code == 0
        assert "Nothing was left to do" in out

    def test_a_dry_run_says_the_same_and_does_nothing(self, unmask, folder, tmp_path):
        code, out, _ = unmask(folder, "-o", tmp_path / "out", "--dry-run", "--format", "webp")
        assert code == 0
        assert table(out) == {"to do": 40}
        assert f"to {tmp_path}/out/a/b/02.webp" in out
        assert not (tmp_path / "out").exists()
        write_picture(tmp_path / "out" / "00.webp", picture())
        code, out, _ = unmask(
            folder, "-o", tmp_path / "out", "--dry-run", "--format", "webp", "--json"
        )
        counts = json.loads(out)["counts"]
        assert (counts["to do"], counts["skipped"]) == (39, 1)

    def test_a_run_that_was_killed_goes_on(self, unmask, folder, tmp_path):
        for name in self.BROKEN:
            (folder / "a" / name).unlink()
        options = ["--save-mask", "--save-report", "--json"]
        unmask(folder, "-o", tmp_path / "whole", *options)
        unmask(folder, "-o", tmp_path / "out", *options)
        for name in ("00.jpg", "a/01.png.hole.png", "a/b/02.webp.report.json"):
            (tmp_path / "out" / name).unlink()
        _, out, _ = unmask(folder, "-o", tmp_path / "out", *options)
        assert json.loads(out)["counts"]["failed"] == 1  # a mask without its picture is in the way
        _, out, _ = unmask(folder, "-o", tmp_path / "out", *options, "--resume")
        counts = json.loads(out)["counts"]
        assert counts["done"] + counts["no mask found"] == 3
        assert counts["skipped"] == 27
        names = sorted(
            path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*")
        )
        assert names == sorted(
            path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.*")
        )


def test_another_format(unmask, folder, tmp_path):
    code, _, _ = unmask(folder / "sub dir", "-o", tmp_path / "out", "--format", "jpg")
    assert code == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["none.jpg", "two ü.jpg"]
    for name in written:
        assert PIL.Image.open(tmp_path / "out" / name).format == "JPEG"
    assert read_mark(tmp_path / "out" / "none.jpg") is None
    assert read_mark(tmp_path / "out" / "two ü.jpg") is not None


def test_a_report_and_an_explanation_of_each_picture(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    unmask(source, "-o", tmp_path / "out", "--save-report", "--explain")
    report = json.loads((tmp_path / "out" / "photo.png.report.json").read_text())
    assert report["status"] == "done"
    assert without_outlook(report["faces"]) == [FACE]
    assert report["models"] == ["constant_stages:detect", "constant_stages:complete"]
    assert report["written"][0] == str(tmp_path / "out" / "photo.png")
    explained = tmp_path / "out" / "photo.png.explain.png"
    assert read_picture(explained).size[1] == 1440
    assert read_mark(explained).models == tuple(report["models"])
    plain = read_picture(tmp_path / "out" / "photo.png").pixels
    unmask(source, "-o", tmp_path / "plain")
    np.testing.assert_array_equal(plain, read_picture(tmp_path / "plain" / "photo.png").pixels)


class TestStandardStreams:
    @pytest.fixture
    def streams(self, monkeypatch):
        """Standard input with some bytes, and standard output that is caught."""

        def make(content=b""):
            out = io.TextIOWrapper(io.BytesIO(), "utf-8")
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
            monkeypatch.setattr("sys.stdout", out)
            return out.buffer

        return make

    @staticmethod
    def content(form="PNG", **options):
        buffer = io.BytesIO()
        PIL.Image.fromarray(picture()).save(buffer, form, **options)
        return buffer.getvalue()

    def test_a_picture_goes_through(self, unmask, streams, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        caught = streams(self.content())
        code, _, err = unmask("-")
        assert (code, err) == (0, "")
        result = PIL.Image.open(io.BytesIO(caught.getvalue()))
        assert result.format == "PNG"
        assert (np.asarray(result)[25, 40] == RED).all()
        assert read_mark(caught.getvalue()) is not None
        assert [path.name for path in tmp_path.iterdir()] == ["modules"]

    def test_the_format_may_be_another(self, unmask, streams):
        caught = streams(self.content("TIFF"))
        assert unmask("-", "-o", "-", "--format", "webp")[0] == 0
        assert PIL.Image.open(io.BytesIO(caught.getvalue())).format == "WEBP"

    def test_from_a_file_and_into_a_file(self, unmask, streams, tmp_path):
        source = write_picture(tmp_path / "photo.png", picture())
        caught = streams()
        assert unmask(source, "-o", "-")[0] == 0
        assert read_mark(caught.getvalue()) is not None
        streams(source.read_bytes())
        assert unmask("-", "-o", tmp_path / "out" / "new.tif", "--save-mask")[0] == 0
        assert PIL.Image.open(tmp_path / "out" / "new.tif").format == "TIFF"
        assert (tmp_path / "out" / "new.tif.hole.png").exists()

    def test_a_picture_without_a_mask_comes_out_byte_for_byte(self, unmask, streams):
        buffer = io.BytesIO()
        PIL.Image.fromarray(picture(masked=False)).save(buffer, "JPEG")
        caught = streams(buffer.getvalue())
        code, _, err = unmask("-")
        assert code == 0
        assert caught.getvalue() == buffer.getvalue()
        assert err == "unmask: no mask was found; the picture is passed on unchanged.\n"

    @pytest.mark.parametrize(
        ("content", "says"), [(b"", "standard input is empty"), (b"no", "is not a picture")]
    )
    def test_what_is_no_picture_leaves_with_1_and_one_sentence(
        self, unmask, streams, content, says
    ):
        caught = streams(content)
        code, _, err = unmask("-")
        assert code == 1
        assert says in err
        assert err.count("\n") == 1
        assert caught.getvalue() == b""

    def test_a_format_without_room_for_the_mark_is_refused(self, unmask, streams):
        caught = streams(self.content("BMP"))
        code, _, err = unmask("-")
        assert code == 2
        assert "--format png" in err
        assert caught.getvalue() == b""

    def test_a_name_is_needed(self, unmask, streams, tmp_path):
        streams(self.content())
        code, _, err = unmask("-", "-o", tmp_path / "folder")
        assert code == 2
        assert "has no name" in err

    def test_a_dry_run_reads_nothing(self, unmask, streams):
        caught = streams(b"")
        assert unmask("-", "--dry-run")[0] == 0
        assert b"standard input  to do" in caught.getvalue() or b"-  to do" in caught.getvalue()

    @pytest.mark.parametrize(
        ("which", "says"), [("stdin", "Standard input is empty"), ("stdout", "-")]
    )
    def test_terminals_are_refused(self, unmask, streams, monkeypatch, which, says):
        streams(self.content())
        monkeypatch.setattr(f"sys.{which}.isatty", lambda: True, raising=False)
        code, _, err = unmask("-")
        assert code == 2
        assert says in err


class TestVideos:
    @pytest.fixture
    def calls(self, monkeypatch):
        from pipeline.video.report import VideoReport

        calls = []

        def unmask_video(pipeline, source, target, *, reference, overwrite, resume, progress):
            calls.append((source.name, overwrite, resume, *(path.name for path in reference)))
            if source.name.startswith("bad"):
                raise ValueError("no video")
            progress(3, 10)
            target.write_bytes(b"video")
            return VideoReport(
                target, 10, 4, 6, 1, 0, source.name != "calm.mp4", 0, "copied", 1.0,
                {"detector": 0.5}, ("Something was lost.",),
            )  # fmt: skip

        monkeypatch.setattr("pipeline.video.unmasking.unmask_video", unmask_video)
        return calls

    def test_videos_go_their_own_way(self, unmask, calls, folder, tmp_path):
        for name in ("clip.MP4", "calm.mp4", "bad.mov"):
            (folder / name).write_bytes(b"x")
        code, out, _ = unmask(folder, "-o", tmp_path / "out", "--save-mask", "--json")
        report = json.loads(out)
        assert code == 1
        assert len(report["pictures"]) == 6
        assert [(one["input"].rsplit("/", 1)[1], one["status"]) for one in report["videos"]] == [
            ("bad.mov", "failed"), ("calm.mp4", "no mask found"), ("clip.MP4", "done"),
        ]  # fmt: skip
        assert report["videos"][2]["frames"] == 10
        reason = "Something was lost. A video has no --save-mask."
        assert report["videos"][2]["reason"] == reason
        assert calls == [
            ("bad.mov", False, True), ("calm.mp4", False, True), ("clip.MP4", False, True),
        ]  # fmt: skip
        assert not (tmp_path / "out" / "clip.MP4.hole.png").exists()

    def test_finished_ones_are_left_and_overwriting_starts_anew(self, unmask, calls, tmp_path):
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"x")
        target = tmp_path / "out.mkv"
        unmask(clip, "-o", target)
        unmask(clip, "-o", target)
        unmask(clip, "-o", target, "--resume")
        assert calls == [("clip.mp4", False, True)]
        unmask(clip, "-o", target, "--overwrite")
        assert calls[1:] == [("clip.mp4", True, False)]

    def test_a_photo_serves_a_clip_and_a_folder_of_photos_its_name(self, unmask, calls, tmp_path):
        (tmp_path / "clip.mp4").write_bytes(b"x")
        me = write_picture(tmp_path / "people" / "clip.png", picture())
        for number, reference in enumerate((me, me.parent)):
            unmask(
                tmp_path / "clip.mp4", "-o", tmp_path / f"{number}.mp4", "--reference", reference
            )
        assert calls == [("clip.mp4", False, True, "clip.png")] * 2

    def test_a_mask_of_one_s_own_is_for_pictures(self, unmask, calls, tmp_path):
        (tmp_path / "clip.mp4").write_bytes(b"x")
        hole = write_picture(tmp_path / "hole.png", np.ones((4, 4), bool))
        code, out, _ = unmask(tmp_path / "clip.mp4", "-o", tmp_path / "out.mp4", "--mask", hole)
        assert code == 1
        assert "is for pictures" in out
        assert calls == []


def test_a_table_has_a_line_for_each_face_and_each_file_without(unmask, folder, tmp_path):
    table = tmp_path / "out.csv"
    code, _, _ = unmask(folder, "-o", tmp_path / "out", "--report", table)
    assert code == 1
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["input"].rpartition("/")[2]: row for row in csv.DictReader(file)}
    one = rows["one.png"]
    assert (one["status"], one["face"], one["filled_pixels"], one["score"]) == (
        "done", "1", "500", "1.0",
    )  # fmt: skip
    assert [one[side] for side in ("x0", "y0", "x1", "y1")] == ["30", "20", "55", "40"]
    assert "small" in one["concerns"].split()
    assert 0 < float(one["chance"]) < 1
    assert float(one["seconds"]) >= 0
    others = [row for row in rows.values() if row["status"] == "no mask found"]
    assert others and all(row["face"] == row["score"] == "" for row in others)
    assert any(row["status"] == "failed" and row["reason"] for row in rows.values())

    code, _, error = unmask(folder, "-o", tmp_path / "out", "--report", table)
    assert (code, "exists already" in error) == (2, True)
    code, _, error = unmask(folder, "-o", tmp_path / "out", "--report", tmp_path / "out.txt")
    assert (code, "must name a .csv file" in error) == (2, True)


def test_a_table_of_a_run_that_was_stopped_at_once_is_in_nobody_s_way(unmask, tmp_path):
    write_picture(tmp_path / "in" / "stop.png", picture(corner=(255, 0, 255)))
    report, out = tmp_path / "out.csv", tmp_path / "out"
    code, _, _ = unmask(tmp_path / "in", "-o", out, "--report", report)
    assert code == 130 and not report.exists()
    write_picture(tmp_path / "in" / "stop.png", picture(), overwrite=True)
    for left in (b"", HEADER):
        report.write_bytes(left)
        code, _, _ = unmask(tmp_path / "in", "-o", out, "--report", report)
        assert code == 0 and report.read_bytes().startswith(HEADER)
        assert len(report.read_bytes().splitlines()) == 2
    for other in (HEADER + b"x", b"mine"):
        report.write_bytes(other)
        code, _, error = unmask(tmp_path / "in", "-o", out, "--report", report)
        assert (code, "exists already" in error, report.read_bytes()) == (2, True, other)


class TestOnlyMask:
    def test_the_result_is_what_would_be_filled(self, unmask, folder, tmp_path):
        out = tmp_path / "out"
        code, said, _ = unmask(folder, "-o", out, "--only-mask", blender="", inpainter="")
        assert code == 1
        assert table(said) == {"done": 2, "no mask found": 1, "failed": 3, "no picture": 1}
        assert "would be filled" in said and "a guess" not in said
        written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
        assert written == ["one.png", "sub dir/none.png", "sub dir/two ü.png"]
        hole = (picture() == (0, 255, 0)).all(axis=2)
        np.testing.assert_array_equal(read_hole(out / "one.png", hole.shape), hole)
        assert not read_hole(out / "sub dir" / "none.png", hole.shape).any()
        assert read_mark(out / "one.png") is None

        filled = tmp_path / "filled"
        assert (
            unmask(folder / "one.png", "-o", filled / "one.png", "--mask", out / "one.png")[0] == 0
        )
        assert (read_picture(filled / "one.png").pixels[hole] == RED).all()

    def test_into_a_file_and_with_a_report(self, unmask, tmp_path):
        source = write_picture(tmp_path / "photo.png", picture())
        target = tmp_path / "hole.bmp"
        options = ("--only-mask", "--save-report")
        assert unmask(source, "-o", target, *options, blender="", inpainter="")[0] == 0
        assert PIL.Image.open(target).format == "BMP"
        report = json.loads((tmp_path / "hole.bmp.report.json").read_text())
        assert report["models"] == ["constant_stages:detect"]
        assert without_outlook(report["faces"]) == [FACE]

    def test_what_has_to_do_with_filling_is_refused(self, unmask, tmp_path):
        source = write_picture(tmp_path / "photo.png", picture())
        code, _, error = unmask(source, "-o", tmp_path / "out", "--only-mask", "--explain")
        assert code == 2
        assert "leave --inpainter and --blender and --explain out" in error
        assert not (tmp_path / "out").exists()

    def test_a_video_among_pictures_is_named(self, unmask, tmp_path):
        write_picture(tmp_path / "in" / "photo.png", picture())
        (tmp_path / "in" / "clip.mp4").write_bytes(b"never opened")
        out = tmp_path / "out"
        code, said, _ = unmask(tmp_path / "in", "-o", out, "--only-mask", blender="", inpainter="")
        assert code == 1
        assert "--only-mask is for pictures, but this is a video" in said
        assert [path.name for path in out.iterdir()] == ["photo.png"]


class TestWatching:
    @pytest.fixture
    def inbox(self, tmp_path, monkeypatch):
        """A folder, and what happens in it between two looks: a list of functions, then Ctrl-C."""
        happens = []

        def rest(seconds):
            assert seconds >= 1.0
            if not happens:
                raise KeyboardInterrupt
            happens.pop(0)()

        monkeypatch.setattr("pipeline.commands.watching.time.sleep", rest)
        folder = tmp_path / "inbox"
        folder.mkdir()
        return folder, happens

    def test_files_are_done_as_they_come(self, unmask, inbox, tmp_path):
        folder, happens = inbox
        out = tmp_path / "out"
        write_picture(folder / "early.png", picture())
        whole = encode_picture(picture(), "PNG")
        happens += [
            lambda: (folder / "late.png").write_bytes(whole[:100]),
            lambda: None,
            lambda: (folder / "late.png").write_bytes(whole),
            lambda: write_picture(folder / "sub" / "none.png", picture(masked=False)),
            lambda: (folder / "text.jpg").write_text("no picture"),
            *[lambda: None] * 4,
        ]
        code, said, err = unmask(folder, "-o", out, "--watch")
        assert code == 130
        assert [line.split(": ")[0] for line in said.splitlines()] == [
            "done", "done", "no mask found", "failed",
        ]  # fmt: skip
        assert f"done: {folder / 'late.png'}: to {out / 'late.png'}" in said
        assert "stopped; done 2, failed 1, no mask found 1" in err
        assert (read_picture(out / "late.png").pixels[20:40, 30:55] == RED).all()

    def test_a_second_watch_does_nothing_anew_and_overwriting_follows_changes(
        self, unmask, inbox, tmp_path
    ):
        folder, happens = inbox
        out = tmp_path / "out"
        write_picture(folder / "photo.png", picture())
        happens += [lambda: None] * 3
        assert unmask(folder, "-o", out, "--watch")[1].startswith("done: ")
        happens += [lambda: None] * 3
        code, said, err = unmask(folder, "-o", out, "--watch")
        assert (code, said) == (130, "")
        assert "stopped; skipped 1" in err
        changed = encode_picture(picture(corner=(1, 2, 3)), "PNG")
        happens += [lambda: None] * 3
        happens += [lambda: (folder / "photo.png").write_bytes(changed), *[lambda: None] * 3]
        _, said, _ = unmask(folder, "-o", out, "--watch", "--overwrite", "--json")
        assert [json.loads(line)["status"] for line in said.splitlines()] == ["done", "done"]
        assert tuple(read_picture(out / "photo.png").pixels[0, 0]) == (1, 2, 3)

    def test_a_folder_that_is_away_for_a_while_is_waited_for(self, unmask, inbox, tmp_path):
        folder, happens = inbox
        away = tmp_path / "away"
        write_picture(folder / "photo.png", picture())
        happens += [lambda: folder.rename(away), lambda: None, lambda: away.rename(folder)]
        happens += [lambda: None] * 3
        code, said, err = unmask(folder, "-o", tmp_path / "out", "--watch")
        assert (code, said.count("done: ")) == (130, 1)
        assert err.count("There is no file or folder") == 1

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("inbox", "-o", "inbox"), "would be taken for new pictures"),
            (("inbox", "-o", "."), "would be taken for new pictures"),
            (("inbox", "inbox", "-o", "out"), "one folder, but got 2 paths"),
            (("inbox/a.png", "-o", "out"), "must be a folder that is there"),
            (("inbox", "-o", "out.png"), "needs a folder for the results"),
            (("inbox", "-o", "-"), "needs a folder for the results"),
            (
                ("inbox", "-o", "out", "--report", "a.csv"),
                "cannot be combined with --dry-run, --report",
            ),
        ],
    )
    def test_calls_that_cannot_work(self, unmask, inbox, tmp_path, monkeypatch, arguments, says):
        monkeypatch.chdir(tmp_path)
        write_picture(tmp_path / "inbox" / "a.png", picture())
        code, out, err = unmask(*arguments, "--watch")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert says in err


@pytest.mark.parametrize(
    "option", ["--only-mask", "--side-by-side", "--explain", "--save-mask", "--save-report"]
)
def test_what_is_made_for_pictures_alone_is_refused_for_videos(unmask, tmp_path, option):
    (tmp_path / "clip.mp4").write_bytes(b"never opened")
    stages = {"blender": "", "inpainter": ""} if option == "--only-mask" else {}
    code, _, error = unmask(tmp_path / "clip.mp4", "-o", tmp_path / "out", option, **stages)
    assert code == 2
    assert f"{option} is for pictures, but {tmp_path / 'clip.mp4'} is a video" in error
    assert not (tmp_path / "out").exists()


def test_an_inpainter_with_weights_from_a_file(unmask, tmp_path):
    write_picture(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    arguments = (tmp_path / "a.png", "-o", tmp_path / "b.png")
    code, _, error = unmask(*arguments, "--dry-run", inpainter="gated@mine.safetensors")
    assert (code, error) == (0, "")
    code, _, error = unmask(*arguments, inpainter="gated@")
    assert (code, error.count("\n")) == (2, 1)
    assert "--inpainter must be NAME or NAME@FILE" in error


@pytest.mark.parametrize(
    ("weights", "detector", "inpainter"),
    [
        ("yolo26n-seg.faces", None, "constant_stages:complete"),
        ("gated.faces256", "constant_stages:detect", None),
        ("gated.faces256", "constant_stages:detect", "gated"),
    ],
)
def test_weights_are_used_by_the_stage_that_they_are_for(
    unmask, tmp_path, monkeypatch, weights, detector, inpainter
):
    made = []
    monkeypatch.setattr(
        "pipeline.commands.file_run.FileRun.__init__",
        lambda self, *arguments: made.append(arguments[4]) or sys.exit(0),
    )
    file = tmp_path / "mine.safetensors"
    file.symlink_to(locate(get_record(weights)))
    given = ("in.png", "-o", "out.png", "--weights", file, "--confidence", 0.4)
    assert unmask(*given, detector=detector, inpainter=inpainter)[0] == 0
    kind = "detector" if detector is None else "inpainter"
    name = {"detector": "yolo", "inpainter": "gated"}[kind]
    assert made[0][kind]["name"] == name
    assert made[0][kind]["weights"] == str(file)
    assert (made[0]["detector"]["confidence"], len(made)) == (0.4, 1)


def test_weights_that_no_stage_takes_are_refused(unmask, tmp_path):
    def refusal(*options, **stages):
        code, _, error = unmask("in.png", "-o", tmp_path / "out.png", *options, **stages)
        assert (code, error.count("\n")) == (2, 1)
        return error

    inpainter = ("--weights", "gated.faces256")
    assert "is for the inpainter 'gated', but 'telea' is asked" in refusal(
        *inpainter, inpainter="telea"
    )
    assert "but 'gated@gated.faces256' is asked for too" in refusal(
        *inpainter, *inpainter, inpainter=None
    )
    assert "but 'gated@my.safetensors' is asked" in refusal(
        *inpainter, inpainter="gated@my.safetensors"
    )
    assert "for which detector or inpainter" in refusal("--weights", "landmarks.faces68")
    assert "There is no weight file" in refusal("--weights", "none.safetensors")
    assert "is a pickle" in refusal("--weights", "yolo.pt")


@pytest.fixture
def unmask_by_mean(unmask):
    """Fills with the mean of what the inpainter sees, which differs from framing to framing."""
    return lambda *arguments: unmask(*arguments, inpainter="constant_stages:mean")


def test_variants_are_numbered_files(unmask_by_mean, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    assert unmask_by_mean(source, "-o", tmp_path / "usual.png")[0] == 0
    options = ["--variants", 3, "--seed", 7, "--side-by-side", "--save-report"]
    code, out, err = unmask_by_mean(source, "-o", tmp_path / "out" / "result.png", *options)
    assert (code, err) == (0, "")
    assert "result.1.png and 2 more next to it in" in out.replace("\n", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "result.1.png", "result.1.png.report.json", "result.1.png.side_by_side.png",
        "result.2.png", "result.3.png",
    ]  # fmt: skip
    usual = read_picture(tmp_path / "usual.png").pixels
    made = [read_picture(tmp_path / "out" / f"result.{n}.png").pixels for n in (1, 2, 3)]
    pipeline = Pipeline(
        **{
            kind: f"constant_stages:{function}"
            for kind, function in (
                ("detector", "detect"), ("refiner", "refine"),
                ("inpainter", "mean"), ("blender", "blend"),
            )
        }
    )  # fmt: skip
    [result] = pipeline.run([picture()], variants=3, seed=7)
    assert all(map(np.array_equal, made, result.variants))
    assert np.array_equal(made[0], usual)
    assert not np.array_equal(made[1], made[0])
    row = read_picture(tmp_path / "out" / "result.1.png.side_by_side.png").pixels
    assert np.array_equal(row, np.concatenate([picture(), *made], axis=1))
    report = json.loads((tmp_path / "out" / "result.1.png.report.json").read_text())
    assert "one of 3 guesses" in report["notice"]
    assert len(report["faces"]) == 1
    assert read_mark(tmp_path / "out" / "result.3.png").notice == report["notice"]


def test_resume_makes_the_variants_that_are_missing(unmask_by_mean, tmp_path):
    write_picture(tmp_path / "in" / "photo.png", picture())
    out = tmp_path / "out"
    assert unmask_by_mean(tmp_path / "in", "-o", out, "--variants", 2)[0] == 0
    code, said, _ = unmask_by_mean(tmp_path / "in", "-o", out, "--variants", 4, "--resume")
    assert (code, table(said)) == (0, {"done": 1})
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert sorted(before) == [f"photo.{number}.png" for number in (1, 2, 3, 4)]
    unmask_by_mean(tmp_path / "in", "-o", out, "--variants", 4, "--overwrite")
    for number in (1, 2, 3, 4):
        again = read_picture(out / f"photo.{number}.png").pixels
        assert np.array_equal(again, read_picture(before[f"photo.{number}.png"]).pixels)


def test_where_variants_make_no_sense(unmask, tmp_path):
    source = write_picture(tmp_path / "photo.png", picture())
    code, _, err = unmask(source, "-o", "-", "--variants", 2)
    assert (code, "takes only one picture" in err) == (2, True)
    code, _, err = unmask(source, "-o", tmp_path / "out", "--variants", 2, "--reference", source)
    assert (code, "leave variants or the reference out" in err) == (2, True)
    (tmp_path / "clip.mp4").write_bytes(b"x")
    code, _, err = unmask(tmp_path / "clip.mp4", "-o", tmp_path / "out.mp4", "--variants", 2)
    assert (code, "--variants is for pictures" in " ".join(err.split())) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_variant_never_replaces_an_input(unmask, tmp_path):
    for name in ("photo.png", "photo.2.png"):
        write_picture(tmp_path / name, picture())
    code, _, err = unmask(tmp_path / "photo*.png", "-o", tmp_path, "--variants", 2, "--overwrite")
    assert (code, "would replace the input" in err) == (2, True)
