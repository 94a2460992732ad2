"""`unmask run` on files, with stages that are plain functions."""

import io
import json

import numpy as np
import PIL.Image
import pytest

from pipeline import command_line
from pipeline.pictures import read_picture, write_picture
from pipeline.provenance import read_mark

STAGES = '''
import numpy as np

def detect(image):
    """Pure green is a mask; a picture with pure blue in its corner cannot be worked on."""
    from detector.regions import MaskRegion
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

def blend(image, fill, hole):
    return np.where(hole[:, :, None], fill, image)
'''

RED = (200, 30, 40)


@pytest.fixture
def unmask(tmp_path, monkeypatch, capsys):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "constant_stages.py").write_text(STAGES)
    monkeypatch.syspath_prepend(tmp_path / "modules")

    def call(*arguments, detector="constant_stages:detect"):
        stages = [
            *(["--detector", detector] if detector else []),
            "--refiner", "constant_stages:refine",
            "--inpainter", "constant_stages:complete",
            "--blender", "constant_stages:blend",
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
    assert "1 done" in out
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
    assert "2 done, 1 no mask found, 3 failed, 1 no picture" in out
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
    assert by_name["one.png"]["faces"] == [{"box": [30, 20, 55, 40], "filled_pixels": 500}]
    assert by_name["one.png"]["status"] == "done"
    assert set(by_name["one.png"]["seconds"]) == {"detector", "refiner", "inpainter", "blender"}
    assert by_name["one.png"]["written"] == [str(tmp_path / "out" / "one.png")]
    assert by_name["none.png"]["status"] == "no mask found"
    assert by_name["text.jpg"]["status"] == "failed"
    assert "no picture" in by_name["text.jpg"]["reason"]
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
    assert "1 skipped" in out
    assert target.read_bytes() == b"mine"
    code, out, _ = unmask(source, "-o", target.parent, "--overwrite")
    assert code == 0
    assert "1 done" in out
    assert read_mark(target) is not None


def test_a_second_run_goes_on_where_the_first_ended(unmask, folder, tmp_path):
    unmask(folder, "-o", tmp_path / "out")
    write_picture(folder / "new.png", picture())
    _, out, _ = unmask(folder, "-o", tmp_path / "out", "--json")
    assert json.loads(out)["counts"]["skipped"] == 3
    assert json.loads(out)["counts"]["done"] == 1


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
    assert "There is no file" in entries["c.jpg"]["reason"]


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
        (["one.png", "sub", "-o", "out.png"], "names one picture"),
        (["empty", "-o", "out"], "There is no picture in 'empty'"),
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


def test_ctrl_c_ends_in_good_order(unmask, tmp_path):
    folder = tmp_path / "in"
    for index in range(20):
        corner = (255, 0, 255) if index == 12 else (9, 9, 9)
        write_picture(folder / f"{index:02}.png", picture(corner=corner))
    code, out, err = unmask(folder, "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert code == 130
    assert report["complete"] is False
    assert report["counts"]["done"] == 8
    assert "12 of 20 pictures were not worked on" in err
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_memory_is_bounded_by_small_groups(tmp_path, monkeypatch):
    from pipeline import batch
    from pipeline.folder import find_pictures, plan_jobs
    from pipeline.result import UnmaskResult

    groups = []

    class Recorder:
        def run(self, images, masks=None):
            groups.append([image.shape[0] * image.shape[1] for image in images])
            return [UnmaskResult(image, [], np.zeros(image.shape[:2], bool)) for image in images]

    for index in range(11):
        write_picture(tmp_path / "in" / f"{index:02}.png", picture())
    monkeypatch.setattr(batch, "MOST_PIXELS", 5 * 60 * 80)
    jobs = plan_jobs(find_pictures([tmp_path / "in"]), tmp_path / "out")
    outcomes = list(batch.unmask_files(Recorder(), jobs))
    assert [outcome.status for outcome in outcomes] == ["no mask found"] * 11
    assert [len(group) for group in groups] == [5, 5, 1]
    monkeypatch.setattr(batch, "MOST_PIXELS", 10)
    groups.clear()
    list(batch.unmask_files(Recorder(), jobs, overwrite=True))
    assert [len(group) for group in groups] == [1] * 11


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
