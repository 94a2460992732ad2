"""TIFFs: damaged entries, previews and pages, and tags that keep their meaning."""

from __future__ import annotations

import io
import struct

import numpy as np
import PIL.Image
import pytest

from weights.base.errors import InputError
from weights.images import read_picture, restore

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ANNA, MAKER = (315, 2, b"Anna\0"), (271, 2, b"Maker\0")
PROFILE = (34675, 7, bytes(16) + b"RGB " + bytes(100))
OUTSIDE = 2**31


class Tiff:
    """A TIFF put together entry by entry, whatever they say.

    An entry is its tag, its type and the bytes of its value, or the place of 5,000 values.
    """

    def __init__(self, order="<"):
        self.order = order
        self.content = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + bytes(4))
        self.last = 4

    def numbers(self, code, *values):
        return struct.pack(f"{self.order}{len(values)}{code}", *values)

    def place(self, value):
        self.content += bytes(len(self.content) % 2)
        self.content += value
        return len(self.content) - len(value)

    def directory(self, entries):
        packed = []
        for tag, kind, value in sorted(entries, key=lambda entry: entry[0]):
            if isinstance(value, int):
                count, held = 5000, self.numbers("I", value)
            else:
                count = len(value) // SIZES.get(kind, 1)
                held = value.ljust(4, b"\0")
                if len(value) > 4:
                    held = self.numbers("I", self.place(value))
            packed.append(self.numbers("H", tag, kind) + self.numbers("I", count) + held)
        return self.place(self.numbers("H", len(packed)) + b"".join(packed) + bytes(4))

    def picture(self, width, height, pixels, *entries):
        known = {
            256: width, 257: height, 259: 1, 262: 2, 273: self.place(pixels), 277: 3, 278: height,
            279: len(pixels),
        }  # fmt: skip
        given = {entry[0] for entry in entries}
        own = [
            (tag, 4, self.numbers("I", value)) for tag, value in known.items() if tag not in given
        ]
        return self.directory([*own, (258, 3, self.numbers("H", 8, 8, 8)), *entries])

    def page(self, width, height, pixels, *entries):
        place = self.picture(width, height, pixels, *entries)
        self.content[self.last : self.last + 4] = self.numbers("I", place)
        (count,) = struct.unpack_from(f"{self.order}H", self.content, place)
        self.last = place + 2 + 12 * count
        return self

    def pointer(self, tag, place, kind=4):
        return tag, kind, self.numbers("I", place)


PIXELS = np.arange(64 * 48 * 3, dtype=np.uint32).astype(np.uint8).tobytes()


def tiff(*entries, order="<"):
    return bytes(Tiff(order).page(64, 48, PIXELS, *entries).content)


def filled(content):
    picture = read_picture(content)
    hole = np.zeros(picture.size, bool)
    hole[5:15, 5:15] = True
    pixels = picture.pixels.copy()
    pixels[hole] = 7
    written = restore(picture, pixels, hole)
    return written, PIL.Image.open(io.BytesIO(written)), picture.notes


def left_out(name):
    return (f"EXIF that is damaged was left out: {name}.",)


def preview():
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (40, 32), (200, 20, 90)).save(buffer, "JPEG")
    return buffer.getvalue() + bytes(-len(buffer.getvalue()) % 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (270, "ImageDescription"), (272, "Model"), (274, "Orientation"), (282, "XResolution"),
        (316, "HostComputer"), (33432, "Copyright"), (700, "XMLPacket"), (33723, "IPTCNAA"),
    ],
)  # fmt: skip
def test_a_damaged_entry_takes_no_other_with_it(tag, name, order):
    written, image, notes = filled(tiff(ANNA, MAKER, PROFILE, (tag, 2, OUTSIDE), order=order))
    assert notes == left_out(name)
    exif = image.getexif()
    assert (exif[315], exif[271]) == ("Anna", "Maker")
    assert image.info["icc_profile"] == PROFILE[2] and read_picture(written).notes == ()
    plain = read_picture(tiff(order=order)).pixels[20:]
    assert np.array_equal(np.asarray(image)[20:], plain)


@pytest.mark.parametrize(("kind", "value"), [(0, b"Anna\0"), (99, b"Anna\0"), (2, b"")])
def test_an_entry_without_type_or_value_is_named(kind, value):
    _, image, notes = filled(tiff(MAKER, PROFILE, (315, kind, value)))
    assert notes == left_out("Artist")
    assert image.getexif()[271] == "Maker" and image.info["icc_profile"] == PROFILE[2]


def test_a_damaged_profile_is_named():
    _, image, notes = filled(tiff(ANNA, (34675, 7, OUTSIDE)))
    assert notes == left_out("InterColorProfile")
    assert "icc_profile" not in image.info and image.getexif()[315] == "Anna"


def test_damage_in_a_directory_of_its_own_is_named():
    tiff = Tiff()
    taken = 0x9003, 2, b"2020:01:01 00:00:00\0"
    exif = tiff.directory([(0x829A, 5, OUTSIDE), taken])
    tiff.page(64, 48, PIXELS, ANNA, tiff.pointer(0x8769, exif), tiff.pointer(0x8825, OUTSIDE))
    _, image, notes = filled(bytes(tiff.content))
    assert notes == left_out("ExposureTime, GPSInfo")
    kept = image.getexif()
    assert kept[315] == "Anna" and kept.get_ifd(0x8769) == {0x9003: "2020:01:01 00:00:00"}


def test_a_file_whose_pixels_are_damaged_is_refused():
    with pytest.raises(InputError, match="is not a picture"):
        read_picture(tiff(ANNA, (273, 4, OUTSIDE)))


@pytest.mark.parametrize("kind", sorted(SIZES))
@pytest.mark.parametrize("tag", [65000, 0x927C])
def test_a_picture_in_a_tag_goes_whatever_its_type(tag, kind):
    tiff, own = Tiff(), (tag, kind, preview())
    entries = [ANNA, own]
    if tag == 0x927C:
        entries = [ANNA, tiff.pointer(0x8769, tiff.directory([own, (0x9003, 2, b"2020\0")]))]
    tiff.page(64, 48, PIXELS, *entries)
    content = bytes(tiff.content)
    written, image, _ = filled(content)
    exif = image.getexif()
    assert b"JFIF" in content and b"JFIF" not in written and exif[315] == "Anna"
    assert tag not in exif and tag not in exif.get_ifd(0x8769)


def iptc():
    credit = b"\x1c\x02\x6e\0\4Anna"
    content = credit + b"\x1c\x02\xca" + struct.pack(">H", len(preview())) + preview()
    return credit, content + bytes(-len(content) % 4)


@pytest.mark.parametrize("kind", [1, 4, 7])
def test_previews_go_out_of_iptc_and_the_rest_stays(kind):
    credit, content = iptc()
    written, image, notes = filled(tiff(ANNA, (33723, kind, content)))
    assert notes == () and image.getexif()[33723] == credit and b"JFIF" not in written


def test_thumbnails_go_out_of_photoshop_s_resources_and_the_rest_stays():
    def resource(number, data):
        return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)

    rest = resource(1028, iptc()[0]) + resource(1005, bytes(16))
    content = resource(1036, bytes(28) + preview()) + rest
    written, image, notes = filled(tiff(ANNA, (34377, 1, content)))
    assert notes == () and image.getexif()[34377] == rest and b"JFIF" not in written


@pytest.mark.parametrize("reduced", [(254, 1), (255, 2)])
def test_sub_ifds_and_pages_that_are_previews_go(reduced):
    small, (tag, value) = b"\x55\xaa\x11" * 16 * 12, reduced
    tiff = Tiff()
    mark = tiff.pointer(tag, value)
    inner = tiff.picture(16, 12, small, mark)
    tiff.page(64, 48, PIXELS, MAKER, tiff.pointer(330, inner, 13))
    tiff.page(16, 12, small, mark, (282, 5, tiff.numbers("I", 9, 1)), PROFILE)
    tiff.page(8, 6, small[:144], mark)
    content = bytes(tiff.content)
    written, image, notes = filled(content)
    assert small[:9] * 2 in content and small[:9] * 2 not in written
    assert (image.size, image.n_frames, notes) == ((64, 48), 1, ())
    assert image.getexif()[271] == "Maker" and 330 not in image.getexif()
    assert 282 not in image.getexif() and "icc_profile" not in image.info


def test_what_may_be_the_picture_itself_is_refused():
    for width, entries in ((16, []), (128, [Tiff().pointer(254, 1)])):
        tiff = Tiff()
        inner = tiff.picture(width, 12, bytes(width * 36), *entries)
        tiff.page(64, 48, PIXELS, MAKER, tiff.pointer(330, inner))
        with pytest.raises(InputError, match="raw file"):
            read_picture(bytes(tiff.content))
    for kind in (0, 2, 4):
        pages = Tiff().page(64, 48, PIXELS)
        pages.page(16, 12, bytes(576), pages.pointer(254, 1))
        pages.page(16, 12, bytes(576), pages.pointer(254, kind))
        with pytest.raises(InputError, match="several pages"):
            read_picture(bytes(pages.content))


def test_pages_of_an_opened_picture_stay_apart():
    pages = Tiff().page(64, 48, PIXELS)
    pages.page(16, 12, bytes(576), pages.pointer(254, 1))
    image = PIL.Image.open(io.BytesIO(bytes(pages.content)))
    assert read_picture(image).pixels.shape == (48, 64, 3) and image.tell() == 0
    image.seek(1)
    with pytest.raises(InputError):
        read_picture(image)
    assert image.tell() == 1


def test_the_shape_of_the_pixels_stays():
    across, down = struct.pack("<II", 300, 1), struct.pack("<II", 150, 1)
    entries = (282, 5, across), (283, 5, down)
    kept = filled(tiff(*entries, (296, 3, b"\1\0")))[1].tag_v2
    assert (kept[282], kept[283], kept[296]) == (300, 150, 1)
    kept = filled(tiff(*entries, (296, 3, b"\3\0")))[1].tag_v2
    assert (float(kept[282]), float(kept[283]), kept[296]) == (762, 381, 2)
    assert 282 not in filled(tiff(ANNA))[1].tag_v2
