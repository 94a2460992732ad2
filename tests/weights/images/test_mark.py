"""The mark of filled pictures."""

import json
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest

from weights.base.errors import InputError
from weights.images import read_picture, restore, write_picture
from weights.images.mark import (
    DIGITAL_SOURCE_TYPE,
    NOTICE,
    Mark,
    make_mark,
    mark_info,
    mark_xmp,
    read_mark_from_xmp,
    save_marked,
    unmask_version,
)
from weights.images.mark_reader import read_mark, sidecar_path

MARK = Mark(("yolo", "gated"), "unmask 9.8")
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def packet(body, about=""):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="tool"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="{about}" xmlns:Iptc4xmpExt="{IPTC}" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" {body}</rdf:RDF></x:xmpmeta>'
        "<?xpacket end='w'?>"
    ).encode()


def test_a_new_packet_says_everything():
    xmp = mark_xmp(None, MARK)
    ElementTree.fromstring(xmp)
    assert read_mark_from_xmp(xmp) == MARK
    text = xmp.decode()
    assert f"<Iptc4xmpExt:DigitalSourceType>{DIGITAL_SOURCE_TYPE}<" in text
    assert "<Iptc4xmpExt:AISystemUsed>unmask, yolo, gated<" in text
    assert "<Iptc4xmpExt:AISystemVersionUsed>9.8<" in text
    assert NOTICE in text


@pytest.mark.parametrize(
    "body",
    [
        ">  <dc:format>image/jpeg</dc:format></rdf:Description>",
        'dc:format="image/jpeg"/>',
        'dc:format="image/jpeg" Iptc4xmpExt:DigitalSourceType="digitalCapture"/>',
        "><dc:format>image/jpeg</dc:format>"
        "<Iptc4xmpExt:DigitalSourceType>digitalCapture</Iptc4xmpExt:DigitalSourceType>"
        "</rdf:Description>",
        '><dc:format>image/jpeg</dc:format><Iptc4xmpExt:DigitalSourceType dc:x="y"/>'
        "</rdf:Description>",
    ],
)
@pytest.mark.parametrize("about", ["", "uuid:faf5bdd5-ba3d-11da-ad31-d33d75182f1b"])
def test_other_properties_stay_and_the_source_type_is_said_once(body, about):
    xmp = mark_xmp(packet(body, about), MARK)
    text = xmp.decode()
    assert "image/jpeg" in text
    assert "digitalCapture" not in text
    assert text.count("DigitalSourceType>") == 2
    assert text.count(f'rdf:about="{about}"') == 2
    assert text.count("<?xpacket") == 2
    assert read_mark_from_xmp(xmp) == MARK


@pytest.mark.parametrize(
    "xmp",
    [
        b"",
        b"garbage",
        b"<x:xmpmeta",
        b"\xff\xfe\x00 utf-16?",
        b"<rdf:RDF></rdf:RDF>",
        b'<!DOCTYPE a [<!ENTITY e "eeee">]>' + packet("/>"),
        b"</rdf:RDF>" * 3,
    ],
)
def test_broken_packets_are_replaced(xmp):
    assert read_mark_from_xmp(xmp) is None
    assert read_mark_from_xmp(mark_xmp(xmp, MARK)) == MARK


def test_marking_twice_keeps_one_mark_with_all_models():
    first = mark_xmp(packet('dc:format="image/jpeg"/>'), Mark(("yolo", "telea"), "unmask 1"))
    second = mark_xmp(first, MARK)
    assert second.count(b"<unmask:Software>") == 1
    assert read_mark_from_xmp(second) == Mark(("yolo", "telea", "gated"), "unmask 9.8")
    assert b"image/jpeg" in second


def test_names_are_escaped():
    mark = Mark(("a<b>&c", 'q"uote'), "unmask 1")
    assert read_mark_from_xmp(mark_xmp(None, mark)) == mark


def test_info_is_not_changed_in_place():
    info = {"dpi": (72, 72), "comment": b"hello"}
    marked = mark_info(info, MARK)
    assert info == {"dpi": (72, 72), "comment": b"hello"}
    assert marked["dpi"] == (72, 72)
    assert marked["comment"] == b"hello\n" + NOTICE.encode()
    assert mark_info(marked, MARK)["comment"] == marked["comment"]


def test_a_description_of_the_user_s_is_kept():
    exif = PIL.Image.Exif()
    exif[270] = "My holiday"
    marked = PIL.Image.Exif()
    marked.load(mark_info({"exif": exif.tobytes()}, MARK)["exif"])
    assert marked[270] == "My holiday"
    assert marked[305] == "unmask 9.8"


def test_a_pil_result_carries_the_mark_and_plain_saving_to_jpeg_keeps_its_sentence(tmp_path):
    image = PIL.Image.new("RGB", (20, 10), (9, 9, 9))
    picture = read_picture(image)
    hole = np.ones((10, 20), bool)
    result = restore(picture, picture.pixels, hole, models=["gated"])
    assert read_mark(result).models == ("gated",)
    result.save(tmp_path / "a.jpg", xmp=result.info["xmp"])
    assert read_mark(tmp_path / "a.jpg").models == ("gated",)
    result.save(tmp_path / "b.jpg")
    assert NOTICE.encode() in PIL.Image.open(tmp_path / "b.jpg").info["comment"]
    assert read_mark(restore(picture, picture.pixels, ~hole)) is None
    assert read_mark(image) is None


def test_this_version_is_named():
    assert make_mark(["a"]) == Mark(("a",), f"unmask {unmask_version()}")


def test_the_sidecar_lies_beside_the_picture():
    assert str(sidecar_path("x/photo.bmp")).endswith("photo.bmp.xmp")


def test_reading_the_mark_of_no_picture_is_an_input_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no")
    with pytest.raises(InputError):
        read_mark(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_sheets_carry_the_mark_too(tmp_path, suffix):
    path = tmp_path / f"sheet{suffix}"
    save_marked(np.zeros((8, 9, 3), np.uint8), path, MARK)
    assert read_mark(path) == MARK


class TestCommonTools:
    """The mark as other programs see it."""

    @pytest.fixture(params=["png", "jpg", "webp"])
    def path(self, request, tmp_path):
        source = tmp_path / f"in.{request.param}"
        PIL.Image.new("RGB", (40, 30), (90, 120, 60)).save(source)
        picture = read_picture(source)
        hole = np.zeros((30, 40), bool)
        hole[5:10, 5:10] = True
        result = restore(picture, picture.pixels, hole, models=["yolo", "gated"])
        return write_picture(tmp_path / f"out.{request.param}", result, like=picture)

    def test_pillow(self, path):
        pytest.importorskip("defusedxml", reason="Pillow's getxmp needs it")
        description = PIL.Image.open(path).getxmp()["xmpmeta"]["RDF"]["Description"]
        assert description["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert description["AISystemUsed"] == "unmask, yolo, gated"

    def test_any_reader_of_xml(self, path):
        content = path.read_bytes()
        start, end = content.index(b"<x:xmpmeta"), content.index(b"</x:xmpmeta>")
        root = ElementTree.fromstring(content[start : end + len(b"</x:xmpmeta>")])
        assert root.findtext(f".//{{{IPTC}}}DigitalSourceType") == DIGITAL_SOURCE_TYPE
        assert root.findtext(f".//{{{IPTC}}}AISystemUsed") == "unmask, yolo, gated"

    def test_exif(self, path):
        exif = PIL.Image.open(path).getexif()
        assert exif[305] == f"unmask {unmask_version()}"
        assert exif[270] == NOTICE

    @pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
    def test_exiftool(self, path):
        done = subprocess.run(
            ["exiftool", "-j", "-n", path], capture_output=True, check=True, timeout=60
        )
        (tags,) = json.loads(done.stdout)
        assert tags["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert tags["AISystemUsed"] == "unmask, yolo, gated"
        assert tags["Models"] == ["yolo", "gated"]
