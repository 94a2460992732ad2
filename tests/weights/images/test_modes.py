"""Outside the hole every mode, shape and orientation comes back bit for bit."""

import io
import struct
import tracemalloc

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from weights.base.errors import InputError
from weights.images import encode_picture, read_hole, read_picture, restore
from weights.images.orientation import turn_back, turn_upright

HEIGHT, WIDTH = 21, 34
FILL = (210, 120, 60)


def colours(height=HEIGHT, width=WIDTH, channels=3, seed=0):
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def hole_of(height=HEIGHT, width=WIDTH):
    hole = np.zeros((height, width), bool)
    hole[5:13, 7:20] = True
    hole[8, 9] = False
    return hole


def filled(picture, hole, colour=FILL):
    pixels = np.full_like(picture.pixels, 7)  # wrong outside the hole on purpose
    pixels[hole] = colour
    return pixels


def image_of_mode(mode):
    rgb = PIL.Image.fromarray(colours())
    if mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        values = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH))
        stored = values.astype(">u2" if mode == "I;16B" else "<u2")
        return PIL.Image.frombytes(mode, (WIDTH, HEIGHT), stored.tobytes())
    if mode == "I":
        values = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH)).astype(np.int32)
        return PIL.Image.fromarray(values)
    if mode == "P":
        return rgb.quantize(60)
    bands = len(PIL.Image.new(mode, (1, 1)).getbands())
    if mode == "PA":
        data = colours(channels=2)
        image = PIL.Image.frombytes(mode, (WIDTH, HEIGHT), data.tobytes())
        image.putpalette(colours(1, 256).tobytes())
        return image
    if mode in ("RGBX", "RGBA", "LA", "CMYK"):
        return PIL.Image.frombytes(mode, (WIDTH, HEIGHT), colours(channels=bands).tobytes())
    if mode in ("La", "RGBa"):
        straight = image_of_mode({"La": "LA", "RGBa": "RGBA"}[mode])
        return straight.convert(mode)
    return rgb.convert(mode)


MODES = (
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "LAB",
    "I", "I;16", "I;16L", "I;16B", "I;16N",
)  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_pil_keeps_mode_size_and_every_value_outside(mode):
    image = image_of_mode(mode)
    assert image.mode == mode
    before = image.tobytes()
    picture = read_picture(image)
    assert picture.pixels.shape == (HEIGHT, WIDTH, 3)
    assert picture.pixels.dtype == np.uint8
    hole = hole_of()
    result = restore(picture, filled(picture, hole), hole)
    assert (result.mode, result.size) == (mode, image.size)
    assert image.tobytes() == before
    was, now = np.asarray(image), np.asarray(result)
    np.testing.assert_array_equal(now[~hole], was[~hole])
    assert (now[hole] != was[hole]).any()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("1", "P", "PA")])
def test_the_fill_arrives_in_every_mode(mode):
    picture = read_picture(image_of_mode(mode))
    hole = hole_of()
    result = restore(picture, filled(picture, hole), hole)
    seen = read_picture(result).pixels[hole].astype(int)
    colour = np.asarray(FILL)
    if mode[0] in "LI" and mode != "LAB":
        colour = np.full(3, np.asarray(PIL.Image.new("RGB", (1, 1), FILL).convert("L"))[0, 0])
    if mode in ("La", "RGBa"):
        alpha = np.asarray(result)[..., -1][hole]
        seen = seen[alpha > 128]
    assert np.abs(seen - colour).max() <= {"HSV": 4, "LAB": 3, "YCbCr": 2}.get(mode, 1)


@pytest.mark.parametrize("mode", MODES)
def test_no_hole_gives_the_same_picture(mode):
    image = image_of_mode(mode)
    picture = read_picture(image)
    result = restore(picture, filled(picture, hole_of()), np.zeros((HEIGHT, WIDTH), bool))
    assert result is not image
    assert result.mode == mode
    assert result.tobytes() == image.tobytes()
    assert result.getpalette() == image.getpalette()


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_arrays_come_back_as_arrays(channels):
    array = colours(channels=channels)
    before = array.copy()
    hole = hole_of()
    picture = read_picture(array)
    result = restore(picture, filled(picture, hole), hole)
    assert isinstance(result, np.ndarray)
    assert (result.shape, result.dtype) == (array.shape, np.uint8)
    np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(result[~hole], array[~hole])
    if channels == 0:
        assert set(result[hole]) == {(210 * 19595 + 120 * 38470 + 60 * 7471 + 0x8000) >> 16}
    else:
        assert (result[hole][:, :3] == FILL).all()
    if channels == 4:
        np.testing.assert_array_equal(result[..., 3], array[..., 3])
    untouched = restore(picture, picture.pixels, np.zeros_like(hole))
    np.testing.assert_array_equal(untouched, array)
    assert not np.shares_memory(untouched, array)


def test_grey_fill_of_a_grey_array_is_exact():
    array = colours(channels=0)
    picture = read_picture(array)
    hole = np.ones_like(array, bool)
    np.testing.assert_array_equal(restore(picture, picture.pixels, hole), array)


@pytest.mark.parametrize("view", ["flipped", "fortran", "strided", "read only"])
def test_arrays_of_any_layout(view):
    array = colours(40, 60)
    array = {
        "flipped": array[:, ::-1, ::-1],
        "fortran": np.asfortranarray(array),
        "strided": array[::2, ::3],
        "read only": array,
    }[view]
    array.flags.writeable = view != "read only"
    picture = read_picture(array)
    hole = np.zeros(picture.size, bool)
    hole[3:9, 2:6] = True
    result = restore(picture, filled(picture, hole), hole)
    np.testing.assert_array_equal(result[~hole], array[~hole])
    assert result.flags.writeable


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2), (101, 67)])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA"])
def test_any_size(mode, size):
    image = PIL.Image.fromarray(colours(*size)).convert(mode)
    picture = read_picture(image)
    hole = np.zeros(size, bool)
    hole[size[0] // 2, size[1] // 2] = True
    result = restore(picture, filled(picture, hole), hole)
    np.testing.assert_array_equal(np.asarray(result)[~hole], np.asarray(image)[~hole])
    whole = restore(picture, filled(picture, ~hole | hole), np.ones(size, bool))
    assert whole.size == image.size


def test_palette_is_kept_and_the_fill_takes_its_nearest_colours():
    image = PIL.Image.new("P", (30, 20))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture = read_picture(image)
    hole = np.zeros((20, 30), bool)
    hole[5:15, 5:25] = True
    result = restore(picture, filled(picture, hole, (250, 5, 5)), hole)
    assert result.getpalette() == image.getpalette()
    indices = np.asarray(result)
    assert indices.max() <= 3
    assert (indices[hole] == 1).mean() > 0.9
    assert (indices[~hole] == 0).all()


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("entries", [2, 3, 16, 100])
def test_pixels_past_the_end_of_a_palette_stay_as_they_are(form, entries):
    y, x = np.mgrid[:40, :60]
    stored = ((x + 2 * y) % 180).astype(np.uint8)
    image = PIL.Image.fromarray(stored, "L")
    image.putpalette(np.random.default_rng(0).integers(1, 256, 3 * entries).tolist())
    assert image.mode == "P"
    picture = read_picture(image)
    hole = np.zeros((40, 60), bool)
    hole[5:15, 5:15] = True
    pixels = picture.pixels.copy()
    pixels[hole] = 9
    written = encode_picture(restore(picture, pixels, hole), form)
    again = PIL.Image.open(io.BytesIO(written)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(again)[~hole], picture.pixels[~hole])


def test_the_fill_of_a_palette_picture_is_never_transparent():
    image = PIL.Image.new("P", (30, 20), 2)
    image.putpalette([250, 5, 5, 255, 0, 0, 0, 255, 0])
    image.info["transparency"] = 0
    picture = read_picture(image)
    hole = np.zeros((20, 30), bool)
    hole[5:15, 5:25] = True
    result = restore(picture, filled(picture, hole, (250, 5, 5)), hole)
    assert result.info["transparency"] == 0
    assert (np.asarray(result)[hole] != 0).all()


def test_the_fill_of_a_colour_key_picture_is_never_transparent():
    image = PIL.Image.fromarray(colours())
    image.info["transparency"] = FILL
    picture = read_picture(image)
    hole = hole_of()
    result = restore(picture, filled(picture, hole), hole)
    values = np.asarray(result)[hole].astype(int)
    assert (values != FILL).any(axis=1).all()
    assert np.abs(values - FILL).max() == 1


def test_sixteen_bit_values_are_kept_and_white_is_white():
    values = np.random.default_rng(3).integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    picture = read_picture(PIL.Image.fromarray(values))
    np.testing.assert_array_equal(picture.pixels[..., 1], values >> 8)
    hole = hole_of()
    result = np.asarray(restore(picture, filled(picture, hole, (255, 255, 255)), hole))
    np.testing.assert_array_equal(result[~hole], values[~hole])
    assert (result[hole] == 65535).all()


@pytest.mark.parametrize(
    "image", [PIL.Image.new("F", (4, 3)), PIL.Image.new("I", (4, 3), 70000)], ids=["F", "I"]
)
def test_values_of_unknown_range_are_refused(image):
    with pytest.raises(InputError, match="convert it to 8 or 16 bits"):
        read_picture(image)


def test_alpha_stays_inside_the_hole_too():
    image = image_of_mode("RGBA")
    picture = read_picture(image)
    hole = hole_of()
    result = restore(picture, filled(picture, hole), hole)
    np.testing.assert_array_equal(result.getchannel("A"), image.getchannel("A"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_agree_with_pillow(orientation):
    array = colours()
    image = PIL.Image.fromarray(array)
    exif = PIL.Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    expected = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(buffer)))
    np.testing.assert_array_equal(turn_upright(array, orientation), expected)
    np.testing.assert_array_equal(turn_back(expected, orientation), array)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
def test_a_damaged_tag_does_not_keep_a_picture_from_being_turned(form):
    # The maker as a fraction, 1 / 2, and the orientation 6; the XMP says the latter too.
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2)
    block += struct.pack("<HHII", 271, 5, 1, 38) + struct.pack("<HHII", 274, 3, 1, 6)
    block += struct.pack("<III", 0, 1, 2)
    said = "<tiff:Orientation>6</tiff:Orientation>" if form == "WEBP" else 'tiff:Orientation="6"'
    options = {"xmp": said.encode()} if form != "PNG" else {}
    buffer = io.BytesIO()
    PIL.Image.fromarray(colours()).save(buffer, form, exif=block, **options)
    stored = np.asarray(PIL.Image.open(buffer).convert("RGB"))
    picture = read_picture(buffer.getvalue())
    assert np.array_equal(picture.pixels, turn_upright(stored, 6))
    assert picture.notes == ("EXIF that is damaged was left out: Make.",)
    hole = np.zeros(picture.size, bool)
    hole[2:9, 4:11] = True
    result = PIL.Image.open(io.BytesIO(restore(picture, filled(picture, hole), hole)))
    assert result.getexif()[274] == 1
    assert said.encode().replace(b"6", b"1") == picture.original.info.get("xmp", b"") or not options


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["path", "bytes", "pil"])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_every_orientation_is_seen_upright_and_comes_back_right(tmp_path, kind, form, orientation):
    array = colours()
    exif = PIL.Image.Exif()
    exif[274] = orientation
    exif[271] = "Maker"
    path = tmp_path / "photo"
    options = {"lossless": True} if form == "WEBP" else {}
    PIL.Image.fromarray(array).save(path, form, exif=exif, **options)
    upright = turn_upright(array, orientation)
    source = {
        "path": lambda: path,
        "bytes": path.read_bytes,
        "pil": lambda: PIL.Image.open(path),
    }[kind]()
    picture = read_picture(source)
    np.testing.assert_array_equal(picture.pixels, upright)
    hole = np.zeros(picture.size, bool)
    hole[2:9, 4:11] = True
    result = restore(picture, filled(picture, hole), hole)
    if kind == "bytes":
        assert PIL.Image.open(io.BytesIO(result)).format == form
        result = PIL.Image.open(io.BytesIO(result))
    assert result.getexif()[271] == "Maker"
    if kind == "pil":
        assert result.size == source.size
        assert result.getexif().get(274, 1) == source.getexif().get(274, 1)
        result = PIL.ImageOps.exif_transpose(result)
    elif form != "TIFF":  # Pillow turns a TIFF while it loads it and takes the tag out
        assert result.getexif()[274] == 1
    else:
        assert result.getexif().get(274, 1) == 1
    np.testing.assert_array_equal(np.asarray(result)[~hole], upright[~hole])
    assert (np.asarray(result)[hole] == FILL).all()


def test_a_hole_for_a_turned_pil_image_may_lie_either_way():
    image = PIL.Image.fromarray(colours())
    exif = PIL.Image.Exif()
    exif[274] = 6
    image.info["exif"] = exif.tobytes()
    picture = read_picture(image)
    assert picture.size == (WIDTH, HEIGHT)
    lying = hole_of()
    np.testing.assert_array_equal(read_hole(lying, picture), turn_upright(lying, 6))
    upright = np.zeros(picture.size, bool)
    upright[3, 4] = True
    np.testing.assert_array_equal(read_hole(upright, picture), upright)


def test_cmyk_goes_through_a_usable_profile_or_none():
    image = image_of_mode("CMYK")
    image.info["icc_profile"] = b"no profile at all"
    broken = read_picture(image)
    plain = read_picture(image_of_mode("CMYK"))
    np.testing.assert_array_equal(broken.pixels, plain.pixels)


def test_results_of_a_wrong_size_are_refused():
    picture = read_picture(colours())
    with pytest.raises(InputError, match="shape"):
        restore(picture, colours(4, 4), hole_of())
    with pytest.raises(InputError, match="height and width"):
        restore(picture, picture.pixels, np.ones((4, 4), bool))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "LA", "L", "P", "CMYK", "YCbCr"])
def test_strips_make_the_picture(mode, monkeypatch):
    """However few rows come from Pillow at once, the pixels are the same."""
    image = image_of_mode(mode)
    whole = read_picture(image).pixels
    monkeypatch.setattr("weights.images.conversion._STRIP", 4)
    assert np.array_equal(read_picture(image).pixels, whole)
    if mode == "RGB":
        assert np.array_equal(whole, np.asarray(image))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_the_picture_s_own_image_is_filled_where_it_may_be(mode, tmp_path):
    image_of_mode(mode).save(tmp_path / "photo.png")
    hole = hole_of()
    usual = read_picture(tmp_path / "photo.png")
    kept = np.asarray(usual.original).copy()
    expected = restore(usual, filled(usual, hole), hole)
    assert np.array_equal(np.asarray(usual.original), kept)
    picture = read_picture(tmp_path / "photo.png")
    for colour in ((1, 2, 3), FILL):  # as the variants of a fill
        restored = restore(picture, filled(picture, hole, colour), hole, reuse=True)
    assert np.array_equal(np.asarray(restored), np.asarray(expected))
    assert restored.info == expected.info
    assert mode == "I;16" or restored is picture.original


def test_reading_holds_a_large_picture_twice_at_most():
    image = PIL.Image.new("RGB", (3000, 2000))
    tracemalloc.start()
    try:
        picture = read_picture(image)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * picture.pixels.nbytes, "Pillow's own memory is not counted"
