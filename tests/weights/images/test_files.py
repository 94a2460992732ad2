"""Files of all sorts: each is read, or refused in one sentence."""

import io
import struct
import warnings
import zlib

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from weights.base.errors import InputError, OutputError, UnmaskError
from weights.images import encode_picture, read_hole, read_picture, restore

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "AVIF", "PPM")
LOSSLESS = ("PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "PPM")


def smooth(height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return np.dstack([x * 3, y * 4, (x + y) * 2]).astype(np.uint8)


def content_of(form, image=None, **options):
    buffer = io.BytesIO()
    image = image or PIL.Image.fromarray(smooth())
    if form == "WEBP":
        options = {"lossless": True, **options}
    if form == "GIF":
        image = image.quantize(200)
    image.save(buffer, form, **options)
    return buffer.getvalue()


def hole_of(picture):
    hole = np.zeros(picture.size, bool)
    hole[10:30, 20:40] = True
    return hole


def red(picture, hole):
    pixels = picture.pixels.copy()
    pixels[hole] = (200, 30, 40)
    return pixels


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["path", "bytes"])
def test_formats_are_read_by_content_and_given_back(tmp_path, form, kind):
    content = content_of(form)
    path = tmp_path / "file with no suffix ü"
    path.write_bytes(content)
    expected = np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))
    picture = read_picture(path if kind == "path" else content)
    assert (picture.kind, picture.format) == (kind, form)
    np.testing.assert_array_equal(picture.pixels, expected)
    hole = hole_of(picture)
    unchanged = restore(picture, picture.pixels, np.zeros_like(hole))
    result = restore(picture, red(picture, hole), hole)
    if kind == "bytes":
        assert unchanged == content
        opened = PIL.Image.open(io.BytesIO(result))
        assert opened.format == form
    else:
        assert isinstance(unchanged, PIL.Image.Image)
        opened = result
    values = np.asarray(opened.convert("RGB")).astype(int)
    far = np.ones_like(hole)
    far[2:38, 12:48] = False
    difference = np.abs(values - expected)
    if kind == "path" or form in LOSSLESS:
        np.testing.assert_array_equal(difference[~hole], 0)
    assert difference[far].mean() < 1.0
    assert np.abs(values[hole] - (200, 30, 40)).mean() < (60 if form == "GIF" else 12)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_all_sorts_of_bytes_come_back_as_bytes(kind):
    picture = read_picture(kind(content_of("PNG")))
    hole = hole_of(picture)
    assert type(restore(picture, red(picture, hole), hole)) is bytes


def test_a_jpeg_keeps_its_tables_and_sampling():
    content = content_of("JPEG", quality=70, subsampling=2, progressive=True)
    before = PIL.Image.open(io.BytesIO(content))
    picture = read_picture(content)
    hole = hole_of(picture)
    after = PIL.Image.open(io.BytesIO(restore(picture, red(picture, hole), hole)))
    assert after.quantization == before.quantization
    assert after.info["progressive"]
    from PIL.JpegImagePlugin import get_sampling

    assert get_sampling(after) == get_sampling(before)


def test_a_jpeg_without_original_is_of_high_quality():
    content = encode_picture(smooth(), "JPEG")
    difference = np.abs(read_picture(content).pixels.astype(int) - smooth())
    assert difference.mean() < 1.0


def test_lossy_webp_stays_lossy_and_lossless_stays_lossless():
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    image = PIL.Image.fromarray(noise)
    for lossless in (True, False):
        picture = read_picture(content_of("WEBP", image, lossless=lossless))
        hole = hole_of(picture)
        result = read_picture(restore(picture, red(picture, hole), hole))
        assert result.encoding["lossless"] is lossless


def frames(count=3):
    return [PIL.Image.new("RGB", (20, 10), (70 * index, 0, 0)) for index in range(count)]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_animations_and_pages_are_refused(form):
    buffer = io.BytesIO()
    first, *others = frames()
    first.save(buffer, form, save_all=True, append_images=others)
    with pytest.raises(InputError, match=r"several (frames|pages)"):
        read_picture(buffer.getvalue())
    opened = PIL.Image.open(buffer)
    opened.load()
    with pytest.raises(InputError, match=r"image\.copy\(\)"):
        read_picture(opened)
    assert read_picture(opened.copy()).size == (10, 20)


def test_a_camera_s_multi_picture_file_is_its_first_picture():
    buffer = io.BytesIO()
    first, *others = frames()
    first.save(buffer, "MPO", save_all=True, append_images=others)
    picture = read_picture(buffer.getvalue())
    assert picture.format == "JPEG"
    hole = np.ones(picture.size, bool)
    result = PIL.Image.open(io.BytesIO(restore(picture, picture.pixels, hole)))
    assert (result.format, getattr(result, "n_frames", 1)) == ("JPEG", 1)


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_give_one_sentence(form, tmp_path):
    content = content_of(form, PIL.Image.fromarray(np.tile(smooth(), (4, 4, 1))))
    path = tmp_path / "photo.jpg"
    for share in (0.02, 0.2, 0.5, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputError) as caught:
            read_picture(path)
        text = str(caught.value)
        assert str(path) in text
        assert text.endswith(".")
        assert "\n" not in text
    random = np.random.default_rng(5)
    for _ in range(30):
        broken = bytearray(content)
        for at in random.integers(0, len(content), 20):
            broken[at] = random.integers(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_picture(bytes(broken))
            except InputError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\0", "not a picture"),
        (b"Dear Sir or Madam,\nthis is no picture.\n" * 50, "not a picture"),
        (b"\xff\xd8\xff", "not a picture|damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture|damaged"),
    ],
)
@pytest.mark.parametrize("kind", ["path", "bytes"])
def test_what_is_no_picture_gives_one_sentence(tmp_path, content, says, kind):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        read_picture(path if kind == "path" else content)
    assert "\n" not in str(caught.value)


def png_header(width, height):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0" * 99))


def test_a_decompression_bomb_is_refused_by_its_header():
    with pytest.raises(InputError, match="60000 x 60000 pixels, more than the limit"):
        read_picture(png_header(60_000, 60_000))


def test_a_large_picture_of_few_bytes_is_refused_by_its_header():
    """Nobody has a photo of one colour; one of 98 million pixels takes more than 1 GiB to work."""
    content = png_header(9_900, 9_900)
    with pytest.raises(InputError, match=r"9900 x 9900 pixels in [\d,]+ bytes: no photo is so"):
        read_picture(content)
    with pytest.raises(InputError, match="so large and so empty"):
        read_picture(png_header(6_800, 6_800))


def test_the_limit_is_the_caller_s_and_nothing_global_is_touched():
    from PIL import ImageFile

    before = PIL.Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    content = content_of("PNG")
    with pytest.raises(InputError, match="limit of 1,000"):
        read_picture(content, max_pixels=1_000)
    with pytest.raises(InputError, match="limit of 1,000"):
        read_picture(PIL.Image.open(io.BytesIO(content)), max_pixels=1_000)
    assert before == (PIL.Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_a_hundred_megapixels_are_read_without_a_warning():
    content = content_of("PNG", PIL.Image.new("L", (10_000, 10_000), 90), compress_level=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read_picture(content)
        assert picture.size == (10_000, 10_000)
        hole = np.zeros(picture.size, bool)
        hole[[0, -1], [0, -1]] = True
        pixels = picture.pixels
        pixels[hole] = 200
        result = restore(picture, pixels, hole)
    values = np.asarray(read_picture(result).original)
    assert values[0, 0] == 200
    assert values[5, 5] == 90


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 5, 3), np.float32), r"array \* 255"),
        (np.full((4, 5, 3), np.nan), "NaN"),
        (np.zeros((4, 5, 3), bool), "multiply it by 255"),
        (np.zeros((4, 5, 3), np.int64), r"astype\(np.uint8\)"),
        (np.zeros((4, 5, 3), np.uint16), ">> 8"),
        (np.zeros((3, 40, 50), np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((40, 50, 2), np.uint8), r"\(H, W\), \(H, W, 3\) or \(H, W, 4\)"),
        (np.zeros((40, 50, 1), np.uint8), r"\[:, :, 0\]"),
        (np.zeros((2, 40, 50, 3), np.uint8), "one by one"),
        (np.zeros((0, 50, 3), np.uint8), "no pixels"),
        (np.zeros(7, np.uint8), "shape"),
        (np.zeros((), np.uint8), "shape"),
        (np.array([["a"]]), "astype"),
        (np.array([[None]]), "astype"),
    ],
)
def test_wrong_arrays_are_told_how_to_become_right(array, says):
    with pytest.raises(InputError, match=says) as caught:
        read_picture(array)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [None, 3, [[1, 2]], object(), io.BytesIO(b"x")])
def test_other_things_are_refused(source):
    with pytest.raises(InputError, match="must be a path, bytes, a PIL image or a uint8 array"):
        read_picture(source)


def test_a_tensor_is_told_how_to_become_an_array():
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match="permute"):
        read_picture(torch.zeros(3, 4, 5))


def test_paths_that_are_no_files(tmp_path):
    for source, says in (
        (tmp_path / "none.jpg", "none.jpg does not exist"),
        (tmp_path, "is a folder"),
        ("", "not a valid path"),
        ("a\0b", "not a valid path"),
        ("https://example.org/a.jpg", "opens no network"),
        ("/dev/null", "no regular file"),
        (tmp_path / ("x" * 300 + ".jpg"), "cannot be read"),
    ):
        with pytest.raises(InputError, match=says):
            read_picture(source)
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    with pytest.raises(InputError):
        read_picture(loop)


def test_a_closed_pil_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "a.png"
    PIL.Image.fromarray(smooth()).save(path)
    image = PIL.Image.open(path)
    image.close()
    with pytest.raises(InputError):
        read_picture(image)


def test_an_empty_pil_image_is_refused():
    with pytest.raises(InputError, match="no pixels"):
        read_picture(PIL.Image.new("RGB", (0, 5)))


def test_sixteen_bit_colour_is_read_with_a_note():
    values = (smooth().astype(np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0)

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    picture = read_picture(content)
    assert "8 bits" in picture.notes[0]
    np.testing.assert_array_equal(picture.pixels, smooth())
    assert read_picture(content_of("PNG")).notes == ()


def test_sixteen_bit_grey_png_stays_sixteen_bit():
    values = np.random.default_rng(0).integers(0, 65536, (48, 64)).astype(np.uint16)
    picture = read_picture(content_of("PNG", PIL.Image.fromarray(values)))
    hole = hole_of(picture)
    result = PIL.Image.open(io.BytesIO(restore(picture, red(picture, hole), hole)))
    assert result.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(result)[~hole], values[~hole])


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_files_stay_cmyk(form):
    values = (
        np.random.default_rng(0).integers(0, 256, (6, 8, 4), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    image = PIL.Image.frombytes("CMYK", (64, 48), values.tobytes())
    picture = read_picture(content_of(form, image))
    hole = hole_of(picture)
    result = PIL.Image.open(io.BytesIO(restore(picture, red(picture, hole), hole)))
    assert result.mode == "CMYK"
    if form == "TIFF":
        np.testing.assert_array_equal(np.asarray(result)[~hole], values[~hole])
    assert np.abs(np.asarray(result.convert("RGB"))[20, 30].astype(int) - (200, 30, 40)).max() < 12


@pytest.mark.parametrize(
    ("mode", "form", "says"),
    [
        ("RGBA", "JPEG", "no transparency"),
        ("LA", "JPEG", "no transparency"),
        ("I;16", "JPEG", "no 16-bit"),
        ("CMYK", "PNG", "cannot hold"),
        ("RGB", "GIF", "cannot hold"),
        ("RGB", "XCF", "no encoder"),
    ],
)
def test_formats_that_would_lose_something_are_refused(mode, form, says):
    with pytest.raises(OutputError, match=says):
        encode_picture(PIL.Image.new(mode, (4, 3)), form)


@pytest.mark.parametrize(
    ("mode", "form", "becomes"),
    [
        ("P", "JPEG", "RGB"),
        ("1", "JPEG", "L"),
        ("1", "WEBP", "RGB"),
        ("LA", "WEBP", "RGBA"),
        ("La", "PNG", "LA"),
        ("RGBa", "PNG", "RGBA"),
        ("PA", "PNG", "RGBA"),
        ("YCbCr", "PNG", "RGB"),
        ("HSV", "PNG", "RGB"),
        ("I;16B", "PNG", "I;16"),
        ("I", "PNG", "I;16"),
    ],
)
def test_other_formats_get_the_nearest_mode_that_loses_nothing(mode, form, becomes):
    content = encode_picture(PIL.Image.new(mode, (8, 6)), form)
    assert PIL.Image.open(io.BytesIO(content)).mode == becomes


def test_opaque_alpha_is_dropped_for_a_jpeg():
    image = PIL.Image.new("RGBA", (8, 6), (9, 99, 199, 255))
    assert PIL.Image.open(io.BytesIO(encode_picture(image, "JPEG"))).mode == "RGB"


class TestHoles:
    expected = np.zeros((6, 9), bool)
    expected[1:4, 2:7] = True
    grey = (expected * 255).astype(np.uint8)

    @pytest.mark.parametrize(
        "mask",
        [
            expected,
            grey,
            (expected * 128).astype(np.uint8),
            expected.astype(np.float16),
            0.3 + 0.4 * expected,
            PIL.Image.fromarray(expected.astype(np.float32)),
            np.dstack([grey] * 3),
            np.dstack([grey, grey, grey, np.full_like(grey, 255)]),
            np.dstack([np.full_like(grey, 255)] * 3 + [grey]),
            PIL.Image.fromarray(grey),
            PIL.Image.fromarray(grey).convert("1"),
            PIL.Image.fromarray(grey).convert("RGB"),
            PIL.Image.fromarray(grey).convert("P"),
            PIL.Image.fromarray(grey).convert("LA"),
            PIL.Image.fromarray(grey.astype(np.uint16) * 257),
            encode_picture(expected, "PNG"),
            encode_picture(grey, "WEBP"),
        ],
        ids=lambda mask: type(mask).__name__,
    )
    def test_every_kind_of_mask(self, mask, tmp_path):
        hole = read_hole(mask, (6, 9))
        assert hole.dtype == np.bool_
        np.testing.assert_array_equal(hole, self.expected)
        if isinstance(mask, bytes):
            path = tmp_path / "mask.png"
            path.write_bytes(mask)
            np.testing.assert_array_equal(read_hole(path, (6, 9)), self.expected)

    @pytest.mark.parametrize(
        ("mask", "says"),
        [
            (expected.astype(np.uint8), "0 and 1"),
            (PIL.Image.fromarray(expected.astype(np.uint8)), "0 and 1"),
            (255.0 * expected, "from 0 to 255, but they must be from 0 to 1: pass mask > 0.5"),
            (np.where(expected, np.nan, 0.0), "from nan to nan"),
            (
                expected[:, :, None].astype(float),
                r"a float array \(H, W\) of 0 to 1, but is float64",
            ),
            (expected.astype(np.int64) * 255, "mask > 0"),
            (expected[:5], r"9 x 5 pixels \(width x height\), but the picture is 9 x 6"),
            (expected.T, "6 x 9"),
            (np.zeros((6, 9, 2), np.uint8), "shape"),
            (np.zeros((1, 6, 9), bool), "shape"),
            (PIL.Image.new("F", (9, 6), 2.0), "from 0 to 1"),
            ("none.png", "the mask none.png does not exist"),
            (b"x", "not a picture"),
            (7, "must be"),
        ],
    )
    def test_wrong_masks_give_one_sentence(self, mask, says):
        with pytest.raises(InputError, match=says) as caught:
            read_hole(mask, (6, 9))
        assert "\n" not in str(caught.value)

    def test_all_empty_is_legal(self):
        assert not read_hole(np.zeros((6, 9), np.uint8), (6, 9)).any()

    def test_the_mask_is_not_shared(self):
        mask = self.expected.copy()
        hole = read_hole(mask, (6, 9))
        hole[:] = False
        assert mask.any()


def test_every_refusal_is_of_the_one_family():
    assert issubclass(InputError, UnmaskError)
    assert issubclass(OutputError, UnmaskError)
