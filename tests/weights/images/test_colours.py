"""What a file says of its colours is kept, or said; what would be read wrong is refused."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from pipeline import Pipeline
from pipeline.run.batch import unmask_files
from pipeline.run.folder import Job
from tests.pipeline.colour_stages import STAGES
from weights.base.errors import InputError, MissingDependencyError
from weights.images import encode_picture, read_picture, restore, write_picture
from weights.images.reading import read_image

CASES = Path(__file__).parents[2] / "cases"
DISPLAY_P3, REC_2020_PQ = (12, 13), (9, 16)


def values(kind=np.uint16):
    y, x = np.mgrid[:48, :64]
    return np.dstack([x * 1000, y * 1300, (x + y) * 550]).astype(kind)


def saved(form, **options):
    buffer = io.BytesIO()
    PIL.Image.fromarray((values() >> 8).astype(np.uint8)).save(buffer, form, **options)
    return buffer.getvalue()


def filled(content, colour=(7, 7, 7)):
    picture = read_picture(content)
    hole = np.zeros(picture.size, bool)
    hole[10:30, 10:30] = True
    pixels = picture.pixels.copy()
    pixels[hole] = colour
    return restore(picture, pixels, hole), picture.notes


def chunk(name, content):
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(depth, colour, array, *chunks):
    height, width = array.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    parts = chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def tags_of(content):
    place = content.index(b"colrnclx") + 8
    return struct.unpack(">HH", content[place : place + 4])


def tagged(form, tags):
    content = saved(form, quality=95)
    place = content.index(b"colrnclx") + 8
    return content[:place] + struct.pack(">HH", *tags) + content[place + 4 :]


def test_a_png_keeps_what_it_says_of_its_colours():
    chunks = [
        (b"cICP", bytes([9, 16, 0, 1])),
        (b"mDCV", bytes(range(24))),
        (b"cLLI", bytes(range(8))),
    ]
    plain = saved("PNG")
    content = plain[:33] + b"".join(chunk(*one) for one in chunks) + plain[33:]
    written, _ = filled(content)
    for one in chunks:
        assert written.count(chunk(*one)) == 1
    assert np.array_equal(read_picture(written).pixels[40:], read_picture(plain).pixels[40:])


@pytest.mark.parametrize("tags", [DISPLAY_P3, REC_2020_PQ])
def test_an_avif_keeps_its_colour_tags(tags):
    written, notes = filled(tagged("AVIF", tags))
    assert tags_of(written) == tags and notes == ()
    assert tags_of(filled(saved("AVIF"))[0]) == (1, 13)


def test_colour_tags_go_into_other_formats_or_their_loss_is_said(tmp_path):
    source, mask = tmp_path / "photo.avif", tmp_path / "mask.png"
    source.write_bytes(tagged("AVIF", DISPLAY_P3))
    hole = np.zeros((48, 64), bool)
    hole[10:30, 10:30] = True
    write_picture(mask, hole)
    picture = read_picture(source)
    shown = encode_picture(picture.original, "PNG", like=picture)
    assert chunk(b"cICP", bytes([12, 13, 0, 1])) in shown
    assert tags_of(encode_picture(picture.original, "AVIF", like=read_picture(shown))) == DISPLAY_P3
    forms = {"out.jpg": "JPEG", "out.png": "PNG"}
    jobs = [Job(source, tmp_path / name, form, mask) for name, form in forms.items()]
    jpeg, other = unmask_files(Pipeline(**STAGES), jobs)
    assert (jpeg.status, other.status) == ("done", "done")
    assert "primaries 12 and transfer 13 of H.273, which JPEG cannot say" in jpeg.reason
    assert other.reason == ""


def test_fewer_bits_are_said():
    _, notes = filled((CASES / "f07_rgb10.avif").read_bytes())
    assert "Colours of 10 bits per channel were read as 8 bits." in notes
    deep = b"P6\n# a comment\n4 4\n65535\n" + bytes(4 * 4 * 6)
    sixteen = ("Colours of 16 bits per channel were read as 8 bits.",)
    assert read_picture(deep).notes == sixteen
    ten = b"P6\n4 4\n# of\n1023\n" + bytes(4 * 4 * 6)
    assert read_picture(ten).notes == ("Colours of 10 bits per channel were read as 8 bits.",)
    assert read_picture(saved("PPM")).notes == ()
    assert read_picture(png(16, 2, values())).notes == sixteen


@pytest.mark.parametrize("boxed", [True, False])
def test_fewer_bits_of_a_jpeg_2000_are_said(boxed):
    import cv2

    whole = (cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    content = cv2.imencode(".jp2", values(), whole)[1].tobytes()
    if not boxed:
        content = content[content.index(b"\xff\x4f\xff\x51") :]
    assert read_picture(content).notes == ("Colours of 16 bits per channel were read as 8 bits.",)
    grey = read_picture(cv2.imencode(".jp2", values()[..., 0], whole)[1].tobytes())
    assert grey.notes == () and grey.original.mode == "I;16"
    assert read_picture(saved("JPEG2000")).notes == ()


def tiff(array, **options):
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def test_a_tiff_of_planes_is_read_right_or_refused():
    planes = {"photometric": "rgb", "planarconfig": "separate"}
    eight = (values() >> 8).astype(np.uint8)
    read = read_picture(tiff(eight.transpose(2, 0, 1).copy(), **planes))
    assert np.array_equal(read.pixels, eight)
    for compression in (None, "deflate"):
        deep = tiff(values().transpose(2, 0, 1).copy(), compression=compression, **planes)
        with pytest.raises(InputError, match="16 bits in separate planes"):
            read_picture(deep)
    together = read_picture(tiff(values(), photometric="rgb"))
    assert np.abs(together.pixels.astype(int) - eight).max() <= 1
    assert together.notes == ("Colours of 16 bits per channel were read as 8 bits.",)
    with pytest.raises(InputError, match="0 is white"):
        read_picture(tiff(values()[..., 0], photometric="miniswhite"))


def test_a_tiff_of_twelve_bits_is_refused():
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.zeros((8, 8), np.uint16)).save(buffer, "TIFF")
    sixteen, twelve = (struct.pack("<HHIH", 258, 3, 1, bits) for bits in (16, 12))
    content = buffer.getvalue()
    assert content.count(sixteen) == 1
    with pytest.raises(InputError, match="TIFF of 12 bits"):
        read_picture(content.replace(sixteen, twelve))


def test_a_tiff_without_resolution_gets_none():
    written, _ = filled(saved("TIFF"))
    assert 282 not in PIL.Image.open(io.BytesIO(written)).tag_v2
    written, _ = filled(saved("TIFF", dpi=(300, 300)))
    assert PIL.Image.open(io.BytesIO(written)).info["dpi"] == (300, 300)


def test_the_transparent_value_of_16_bit_grey_stays_and_no_fill_meets_it():
    grey = values()[..., 0]
    key = 60 * 257
    written, notes = filled(png(16, 0, grey, chunk(b"tRNS", struct.pack(">H", key))), (60,) * 3)
    again = PIL.Image.open(io.BytesIO(written))
    stored = np.asarray(again)
    assert again.info["transparency"] == key and notes == ()
    assert set(np.unique(stored[10:30, 10:30])) == {key ^ 1}
    assert np.array_equal(stored[40:], grey[40:])


def test_the_transparent_colour_of_a_16_bit_png_is_said_to_be_lost():
    key = struct.pack(">HHH", *values()[40, 40])
    written, notes = filled(png(16, 2, values(), chunk(b"tRNS", key)))
    assert notes[-1] == "The colour that counts as transparent, of 16 bits, could not be kept."
    assert "transparency" not in PIL.Image.open(io.BytesIO(written)).info


@pytest.mark.parametrize("tags", [{50706: b"\x01\x04\0\0"}, {254: 1}, {271: "Maker", 330: 8}])
def test_a_raw_file_is_refused(tags):
    with pytest.raises(InputError, match="a camera's raw file: save it as TIFF, PNG or JPEG first"):
        read_picture(saved("TIFF", tiffinfo=tags))


def test_a_raw_file_of_several_pages_is_called_raw():
    first = PIL.Image.new("RGB", (16, 16))
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=[first], tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(InputError, match="raw file"):
        read_picture(buffer.getvalue())


@pytest.mark.parametrize(
    "start",
    [
        b"II*\0\x10\0\0\0CR\x02\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
        b"FOVb\0\0\2\0",
        b"\0MRM\0\0\0\0",
    ],
)
def test_raw_files_of_other_kinds_are_refused(start):
    with pytest.raises(InputError, match="raw file"):
        read_picture(start + bytes(200))


def test_a_progressive_jpeg_without_its_end_is_read():
    content = saved("JPEG", progressive=True, quality=90)
    picture = read_picture(content[:-2])
    assert picture.notes == ("The JPEG's end marker was missing.",)
    assert np.array_equal(picture.pixels, read_picture(content).pixels)


def test_heic_is_named_where_nothing_reads_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(PIL.Image.OPEN, "HEIF", raising=False)
    said = r"pip install 'unmask\[heic\]'"
    with pytest.raises(InputError, match=rf"is a HEIC picture\. .*{said}"):
        read_picture(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(MissingDependencyError, match=said):
        write_picture(tmp_path / "a.heic", PIL.Image.new("RGB", (16, 16)))


def test_an_avif_whose_brand_is_mif1_needs_no_heic(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(PIL.Image.OPEN, "HEIF", raising=False)
    content = saved("AVIF").replace(b"ftypavif", b"ftypmif1", 1)
    assert b"avif" in content[:40] and read_picture(content).format == "AVIF"


@pytest.fixture
def heic():
    heif = pytest.importorskip("pillow_heif")

    def make(bits=8, **options):
        buffer = io.BytesIO()
        sixteen = values() if bits > 8 else values() >> 8 << 8
        mode, content = ("RGB;16", sixteen) if bits > 8 else ("RGB", (values() >> 8).astype("u1"))
        heif.from_bytes(mode, (64, 48), content.tobytes()).save(buffer, quality=95, **options)
        return buffer.getvalue()

    return make


def test_heic_is_read_and_given_back(heic):
    exif = PIL.Image.Exif()
    exif[271], exif[274] = "Maker", 6
    content = heic(exif=exif.tobytes())
    picture = read_picture(content)
    assert picture.format == "HEIF" and picture.notes == ()
    assert np.abs(picture.pixels.astype(int) - np.rot90(values() >> 8, -1)).mean() < 3
    written, _ = filled(content)
    again = read_picture(written)
    assert again.format == "HEIF" and again.original.getexif()[271] == "Maker"
    assert again.size == picture.size
    assert np.abs(again.pixels[12:28, 12:28].astype(int) - 7).mean() < 3


def test_heic_keeps_its_colour_tags_and_fewer_bits_are_said(heic):
    written, notes = filled(heic(bits=10, color_primaries=12, transfer_characteristics=13))
    assert notes == ("Colours of 10 bits per channel were read as 8 bits.",)
    assert tags_of(written) == DISPLAY_P3


def test_a_mask_may_be_heic(heic):
    assert read_image(heic(), "the mask").size == (64, 48)


def test_no_other_rendering_is_written_into_heic(heic):
    picture = read_picture(heic())
    thumbnail = saved("JPEG")
    picture.original.info["metadata"] = [
        {"type": "mime", "content_type": "image/jpeg", "metadata_type": "mime", "data": thumbnail}
    ]
    assert thumbnail[:100] not in encode_picture(picture.original, "HEIF")
