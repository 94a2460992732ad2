"""What a file holds besides its pixels: other renderings of the photo go, the rest stays."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.TiffImagePlugin
import pytest
from PIL.PngImagePlugin import PngInfo

from weights.base.errors import InputError
from weights.images import encode_picture, read_picture, restore
from weights.images.exif import load_exif
from weights.images.metadata import gather_exif
from weights.images.renderings import (
    holds_picture,
    without_renderings_photoshop,
    without_renderings_text,
    without_renderings_xmp,
)
from weights.images.writing import losses

CASES = Path(__file__).parents[2] / "cases"


def scene():
    grey = np.linspace(0, 255, 96 * 64).reshape(64, 96).astype(np.uint8)
    return PIL.Image.fromarray(np.dstack([grey, grey[::-1], grey[:, ::-1]]))


def saved(form="JPEG", **options):
    buffer = io.BytesIO()
    scene().save(buffer, form, **options)
    return buffer.getvalue()


def filled(content):
    picture = read_picture(content)
    hole = np.zeros(picture.size, bool)
    hole[10:30, 10:30] = True
    pixels = picture.pixels.copy()
    pixels[hole] = 7
    return restore(picture, pixels, hole), picture.notes


THUMBNAIL = saved()


def resource(number, data):
    head = b"8BIM" + struct.pack(">H", number) + b"\0\0" + struct.pack(">I", len(data))
    return head + data + b"\0" * (len(data) % 2)


def iptc(record, number, data):
    return bytes([0x1C, record, number]) + struct.pack(">H", len(data)) + data


CREDIT = iptc(2, 110, b"Anna")


@pytest.mark.parametrize("number", [1033, 1036])
def test_thumbnails_of_photoshop_go_and_iptc_stays(number):
    resources = resource(0x0404, CREDIT + iptc(2, 202, THUMBNAIL)) + resource(1005, b"0" * 15)
    content = b"Photoshop 3.0\0" + resource(number, b"\0" * 28 + THUMBNAIL) + resources
    kept = without_renderings_photoshop(content)
    assert kept == b"Photoshop 3.0\0" + resource(0x0404, CREDIT) + resource(1005, b"0" * 15)
    assert without_renderings_photoshop(content[:-40]) in (b"", kept[: len(kept)])
    segment = b"\xff\xed" + struct.pack(">H", len(content) + 2) + content
    photo = saved(extra=segment)
    written, _ = filled(photo)
    assert photo.count(b"\xff\xd8\xff") == 3
    assert written.count(b"\xff\xd8\xff") == 1 and b"Anna" in written


def test_the_case_of_a_photoshop_thumbnail():
    content = (CASES / "p01_photoshop_thumbnail.jpg").read_bytes()
    written, _ = filled(content)
    assert content.count(b"\xff\xd8\xff") == 2
    assert written.count(b"\xff\xd8\xff") == 1 and b"8BIM\x04\x04" in written


def test_a_gain_map_is_not_claimed_after_it_is_gone():
    written, _ = filled((CASES / "p04_ultra_hdr.jpg").read_bytes())
    for word in (b"hdrgm", b"hdr-gain-map", b"GainMap", b"Container", b"MPF"):
        assert word not in written


def test_a_motion_clip_behind_a_photo_goes():
    clip = b"\0\0\0\x18ftypmp42" + bytes(300)
    written, _ = filled(saved() + clip)
    assert b"ftypmp42" not in written


XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    "<rdf:RDF "
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:g="http://ns.google.com/photos/1.0/{space}/" '
    'xmp:Rating="4"{attribute}>{element}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
JPEG_TEXT = "/9j/" + "A" * 400


@pytest.mark.parametrize(
    ("space", "attribute", "element"),
    [
        ("x", "", "<xmp:Thumbnails><rdf:Alt><rdf:li>x</rdf:li></rdf:Alt></xmp:Thumbnails>"),
        ("image", f' g:Data="{JPEG_TEXT}"', ""),
        ("depthmap", ' g:Near="1"', ""),
        ("camera", ' g:MicroVideo="1" g:MotionPhoto="1"', ""),
        ("container", "", "<g:Directory><rdf:Seq/></g:Directory>"),
        ("x", "", f'<own:x xmlns:own="http://own.example/">{JPEG_TEXT}</own:x>'),
    ],
)
def test_renderings_go_out_of_xmp_and_the_rest_stays(space, attribute, element):
    packet = XMP.format(space=space, attribute=attribute, element=element).encode()
    kept = without_renderings_xmp(packet)
    assert b'xmp:Rating="4"' in kept and kept.endswith(b'<?xpacket end="w"?>')
    for word in ("Thumbnails", JPEG_TEXT, "g:Data", "Near", "MicroVideo", "Directory"):
        assert word.encode() not in kept
    plain = XMP.format(space="x", attribute="", element="").encode().replace(b"photos/1.0/x", b"")
    assert without_renderings_xmp(plain) == plain
    assert without_renderings_xmp(packet[:-60]) == b""


ENCODED = [
    base64.b64encode(saved(form)).decode()[:9000]
    for form in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF")
]


@pytest.mark.parametrize(
    "text",
    [*ENCODED, "data:image/jpeg;base64," + ENCODED[0], f'{{"img":"{ENCODED[1]}"}}', saved().hex()],
    ids=lambda text: text[:30],
)
def test_pictures_written_as_text_go_wherever_they_stand(text):
    element = '<own:{0} xmlns:own="http://own.example/">{1}</own:{0}>'
    for placed in (
        element.format("x", escape(text)),
        element.format("x", f"<own:y/>{escape(text)}"),
        element.format("x", f"<![CDATA[{text}]]>"),
        f"<!-- {text} -->",
        element.format("x", "".join(f"&#{ord(one)};" for one in text)),
    ):
        packet = XMP.format(space="x", attribute="", element=placed).encode()
        kept = without_renderings_xmp(packet)
        assert b'xmp:Rating="4"' in kept and len(kept) < 700
    exif = PIL.Image.Exif()
    exif[271], exif[270], exif[0x9C9C] = "Maker", text, text.encode("utf-16-le")
    exif[0x8769] = {0x927C: b"note\0" + text.encode()}
    for form in ("JPEG", "WEBP", "PNG"):
        kept_exif = PIL.Image.open(io.BytesIO(filled(saved(form, exif=exif))[0])).getexif()
        assert kept_exif[271] == "Maker"
        assert kept_exif.get(270) != text and 0x9C9C not in kept_exif
        assert 0x927C not in kept_exif.get_ifd(0x8769)
    pnginfo = PngInfo()
    pnginfo.add_itxt("Own", text)
    assert "Own" not in PIL.Image.open(io.BytesIO(filled(saved("PNG", pnginfo=pnginfo))[0])).text
    for form in ("JPEG", "GIF"):
        content = saved(form, comment=text.encode())
        assert text.encode()[:80] in content and text.encode()[:80] not in filled(content)[0]


def test_a_comment_that_is_a_picture_goes():
    written, _ = filled(saved(comment=THUMBNAIL))
    assert written.count(b"\xff\xd8\xff") == 1


def test_xmp_of_sixteen_bits_is_cleaned_too():
    thumbnails = "<xmp:Thumbnails><rdf:Alt><rdf:li>x</rdf:li></rdf:Alt></xmp:Thumbnails>"
    packet = XMP.format(space="x", attribute="", element=thumbnails)
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        kept = without_renderings_xmp(packet.encode(encoding))
        assert b'xmp:Rating="4"' in kept and b"Thumbnails" not in kept
    assert without_renderings_xmp(b"\xff\xfe<\0x") == b""


def test_xmp_in_a_raw_profile_of_a_png_is_cleaned():
    packet = XMP.format(space="image", attribute=f' g:Data="{JPEG_TEXT}"', element="").encode()
    text = without_renderings_text("Raw profile type xmp", raw_profile("xmp", packet))
    kept = bytes.fromhex("".join(text.split()[2:]))
    assert b'xmp:Rating="4"' in kept and b"Data" not in kept


def test_how_a_panorama_is_projected_stays():
    packet = XMP.format(
        space="panorama", attribute=' g:ProjectionType="equirectangular"', element=""
    ).encode()
    assert without_renderings_xmp(packet) == packet
    assert b"equirectangular" in filled(saved(xmp=packet))[0]


def test_a_pil_image_comes_back_without_other_renderings():
    exif = PIL.Image.Exif()
    exif[271], exif[0x8769] = "Maker", {0x927C: b"note" + THUMBNAIL}
    packet = XMP.format(space="image", attribute=f' g:Data="{JPEG_TEXT}"', element="").encode()
    segment = b"Photoshop 3.0\0" + resource(1036, b"\0" * 28 + THUMBNAIL)
    segment = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    image = PIL.Image.open(
        io.BytesIO(saved(exif=exif, xmp=packet, comment=THUMBNAIL, extra=segment))
    )
    restored, _ = filled(image)
    assert restored.getexif()[271] == "Maker" and b'xmp:Rating="4"' in restored.info["xmp"]
    for value in restored.info.values():
        assert not holds_picture(str(value)) and "ffd8ff" not in str(value)
    assert not holds_picture(restored.info["exif"]) and b"Data" not in restored.info["xmp"]
    assert b"JFIF" in image.info["comment"], "the caller's picture is left as it is"


def test_renderings_go_out_of_exif_and_the_rest_stays():
    exif = PIL.Image.Exif()
    exif[271], exif[37724] = "Maker", b"layers" * 50
    exif[0x8769] = {0x927C: b"note" * 30 + THUMBNAIL, 0x829A: 0.004, 0x9286: b"ASCII\0\0\0hello"}
    written, _ = filled(saved(exif=exif))
    assert THUMBNAIL[:200] not in written and b"layers" not in written
    kept = PIL.Image.open(io.BytesIO(written)).getexif()
    assert kept[271] == "Maker" and 37724 not in kept
    inner = kept.get_ifd(0x8769)
    assert 0x927C not in inner and inner[0x9286] == b"ASCII\0\0\0hello"
    assert not holds_picture(gather_exif(PIL.Image.open(io.BytesIO(written)))[0])


def test_layers_of_a_tiff_go():
    content = saved("TIFF", tiffinfo={37724: b"8BPS\0" + b"layer" * 100, 315: "Anna"})
    written, _ = filled(content)
    assert b"layerlayer" in content and b"layerlayer" not in written
    assert PIL.Image.open(io.BytesIO(written)).getexif()[315] == "Anna"


def raw_profile(kind, content):
    return f"\n{kind}\n{len(content):8d}\n{content.hex()}\n"


def test_pictures_go_out_of_the_text_of_a_png():
    text = PngInfo()
    resources = resource(1036, b"\0" * 28 + THUMBNAIL) + resource(0x0404, CREDIT)
    text.add_text("Raw profile type 8bim", raw_profile("8bim", resources), zip=True)
    text.add_text("Raw profile type mine", raw_profile("mine", THUMBNAIL), zip=True)
    text.add_text("Thumb", JPEG_TEXT)
    text.add_text("Author", "Anna")
    written, _ = filled(saved("PNG", pnginfo=text))
    kept = PIL.Image.open(io.BytesIO(written)).text
    assert "Thumb" not in kept and "Raw profile type mine" not in kept
    assert kept["Author"] == "Anna"
    assert kept["Raw profile type 8bim"].endswith(resource(0x0404, CREDIT).hex() + "\n")
    assert without_renderings_text("Raw profile type 8bim", "no digits at all") == ""


def test_a_damaged_exif_tag_is_left_out_and_said_and_the_rest_stays():
    written, notes = filled((CASES / "e0_orientation_as_BYTE.jpg").read_bytes())
    assert notes == ("EXIF that is damaged was left out: Orientation.",)
    kept = PIL.Image.open(io.BytesIO(written)).getexif()
    assert (kept[271], kept[272]) == ("Maker", "Model")


def camera_exif():
    exif = PIL.Image.Exif()
    exif[271], exif[272], exif[274], exif[315] = "Maker", "Model", 6, "Anna Example"
    exif[0x8769] = {0x829A: 0.004, 0x9003: "2020:01:01 00:00:00"}
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0), 29: "2020:01:01"}
    return exif.tobytes()


def all_tags(exif):
    inner = {(parent, tag) for parent in (0x8769, 0x8825) for tag in exif.get_ifd(parent)}
    return {(0, tag) for tag in exif} | inner


@pytest.mark.parametrize(
    ("place", "value"),
    [(2, 0), (2, 99), (4, 0), (4, 2**31), (8, 2**32 - 1)],
    ids=["no type", "no such type", "no value", "too many values", "outside"],
)
@pytest.mark.parametrize("tag", [272, 315, 0x829A, 0x9003, 2, 29])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_entry_of_exif_takes_no_other_with_it(form, tag, place, value):
    block = bytearray(camera_exif())
    whole = all_tags(load_exif(bytes(block)))
    kind = {2: 5, 0x829A: 12}.get(tag, 2)
    entry = block.index(struct.pack(">HH", tag, kind))
    struct.pack_into(">H" if place == 2 else ">I", block, entry + place, value)
    written, notes = filled(saved(form, exif=bytes(block)))
    named = PIL.ExifTags.TAGS.get(tag, f"0x{tag:04x}")
    assert notes == (f"EXIF that is damaged was left out: {named}.",)
    kept = PIL.Image.open(io.BytesIO(written)).getexif()
    [lost] = whole - all_tags(kept)
    assert lost[1] == tag and kept[271] == "Maker" and kept[274] == 1
    assert read_picture(written).size == (96, 64), "the orientation still counts"


@pytest.mark.parametrize("pointer", [0, 2, 8, 14, 40, 10_000, 2**32 - 1])
@pytest.mark.parametrize("tag", [0x8769, 0x8825])
def test_a_directory_of_exif_that_lies_wrong_takes_no_other_with_it(tag, pointer):
    block = bytearray(camera_exif())
    struct.pack_into(">I", block, block.index(struct.pack(">HH", tag, 4)) + 8, pointer)
    kept = PIL.Image.open(io.BytesIO(filled(saved(exif=bytes(block)))[0])).getexif()
    other = {0x8769: 0x8825, 0x8825: 0x8769}[tag]
    assert kept[271] == "Maker" and len(kept.get_ifd(other)) == len(
        load_exif(camera_exif()).get_ifd(other)
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("block", [b"Exif\0\0nothing here", b"Exif\0\0MM\0*\xff\0\0\0\0\0"])
def test_exif_that_is_none_is_left_out_and_said(form, block):
    written, notes = filled(saved(form, exif=block))
    assert notes == ("The EXIF was damaged and left out.",)
    assert read_picture(written).notes == ()


def test_text_in_exif_keeps_its_bytes():
    written, notes = filled((CASES / "e4_Artist_UTF-8.jpg").read_bytes())
    assert notes == () and "Zoë Ł".encode() in written


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("value", [b"\x06", "x", (1, 2), 1.5, 2**40, -3])
def test_no_value_of_a_tag_makes_a_photo_fail(form, value):
    buffer = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[271] = "Maker"
    block = bytearray(exif.tobytes())
    scene().save(buffer, form, exif=bytes(block))
    picture = read_picture(buffer.getvalue())
    holder = picture.original
    own = holder.getexif()
    own[274], own[305] = value, "Zoë"
    holder.info.pop("exif", None)
    assert encode_picture(holder, form, like=picture)


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("tag", [270, 274, 296, 315, 700, 33723, 34377, 34675])
def test_no_tag_of_another_type_makes_a_tiff_fail(tag, kind):
    tags = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    tags[tag] = b"ab" if kind in (1, 7) else "ab" if kind == 2 else (3,)
    tags.tagtype[tag] = kind
    written, notes = filled(saved("TIFF", tiffinfo=tags))
    assert read_picture(written).size == (64, 96)
    if tag in (700, 34675) and kind not in (1, 2, 7):
        said = {700: "XMP", 34675: "ICC profile"}[tag]
        assert notes == (f"The {said} was damaged and left out.",)


def test_a_long_comment_and_long_exif_fit_a_jpeg():
    exif = PIL.Image.Exif()
    exif[271], exif[270] = "Maker", "long " * 20_000
    image = scene()
    image.info.update(comment=b"c" * 200_000, exif=exif.tobytes())
    again = PIL.Image.open(io.BytesIO(encode_picture(image, "JPEG")))
    again.load()
    assert again.getexif()[271] == "Maker" and 270 not in again.getexif()
    segments = [content for name, content in again.applist if name == "COM"]
    assert b"".join(segments) == b"c" * 200_000


LONG = "long " * 20_000
LONG_XMP = "The XMP is too long for JPEG and was left out."
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:own="http://own.example/"><own:x>{}</own:x></rdf:Description></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize(
    ("form", "info", "said"),
    [
        ("JPEG", {270: LONG}, ["EXIF that is too long for JPEG was left out: ImageDescription."]),
        ("PNG", {270: LONG}, []),
        ("JPEG", {"xmp": PACKET.format(LONG).encode()}, [LONG_XMP]),
        ("JPEG", {"xmp": PACKET.format("\n" * 70_000).encode()}, []),
        ("PNG", {"xmp": PACKET.format(LONG).encode()}, []),
        ("WEBP", {"xmp": b"<half of a packet"}, ["The XMP was damaged and left out."]),
        ("WEBP", {"xmp": PACKET.format("short").encode()}, []),
        ("GIF", {"comment": b"c" * 70_000}, ["The comment was cut to 65,533 bytes."]),
        ("JPEG", {"comment": b"c" * 70_000}, []),
    ],
)  # fmt: skip
def test_metadata_that_a_format_cannot_hold_are_named(form, info, said):
    exif = PIL.Image.Exif()
    exif[271] = "Maker"
    exif.update({tag: value for tag, value in info.items() if isinstance(tag, int)})
    image = scene()
    image.info.update({key: value for key, value in info.items() if isinstance(key, str)})
    image.info["exif"] = exif.tobytes()
    if form == "GIF":
        image = image.quantize()
    picture = read_picture(image)
    assert list(losses(picture, form)) == said
    assert encode_picture(picture.original, form, like=picture)


def test_a_jpeg_without_its_end_is_read_and_one_that_lacks_pixels_is_not():
    content = (CASES / "f41_no_eoi.jpg").read_bytes()
    picture = read_picture(content)
    assert picture.notes == ("The JPEG's end marker was missing.",)
    assert np.array_equal(picture.pixels, read_picture(content + b"\xff\xd9").pixels)
    assert np.array_equal(read_picture(content + b"\xff").pixels, picture.pixels)
    for cut in (1, 5, 100, 5000):
        with pytest.raises(InputError, match="damaged"):
            read_picture(content[:-cut])


def chunk(name, content):
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def test_a_large_picture_of_few_bytes_is_refused_by_its_header():
    plain = saved("PNG")
    header = struct.pack(">II", 14_000, 14_000) + plain[24:29]
    with pytest.raises(InputError, match="no photo is so large"):
        read_picture(plain[:8] + chunk(b"IHDR", header) + plain[33:])
