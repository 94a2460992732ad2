"""Written files: whole or not at all, with the metadata of the original."""

import io
import os

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from PIL.PngImagePlugin import PngInfo

from weights.base.errors import InputError, OutputError
from weights.images import format_of, read_picture, restore, write_picture
from weights.images.mark_reader import read_mark

PROFILE = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
)


def exif_block():
    exif = PIL.Image.Exif()
    exif[271], exif[272], exif[305], exif[274] = "Maker", "Model 5", "Camera 1.2", 1
    exif.get_ifd(0x8769)[0x9003] = "2020:05:04 03:02:01"
    exif.get_ifd(0x8769)[0x829A] = 0.004
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return exif.tobytes()


def photo():
    y, x = np.mgrid[:48, :64]
    return PIL.Image.fromarray(np.dstack([x * 3, y * 4, (x + y) * 2]).astype(np.uint8))


def with_metadata(path, form):
    options = {"icc_profile": PROFILE, "exif": exif_block(), "xmp": XMP, "dpi": (300, 300)}
    image = photo()
    if form == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        text.add_text("Author", "Anna")
        text.add_text("Software", "Painter 3")
        text.add(b"gAMA", (45455).to_bytes(4, "big"))
        options["pnginfo"] = text
    if form == "TIFF":
        tags = PIL.Image.Exif()
        tags.load(exif_block())
        tags[700] = XMP
        options["exif"] = tags
    if form == "JPEG":
        options["comment"] = b"a comment"
        options["extra"] = b"\xff\xed\x00\x12Photoshop 3.0\0ok"
    image.save(path, form, **options)


def result_of(path, kind, tmp_path, form):
    picture = read_picture(path if kind == "path" else path.read_bytes())
    hole = np.zeros(picture.size, bool)
    hole[10:30, 20:40] = True
    pixels = picture.pixels.copy()
    pixels[hole] = (200, 30, 40)
    result = restore(picture, pixels, hole, models=["yolo", "gated"])
    target = tmp_path / "result"
    if kind == "bytes":
        target.write_bytes(result)
        return target
    return write_picture(target, result, format=form, like=picture)


@pytest.mark.parametrize("kind", ["path", "bytes"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_metadata_survive_and_the_mark_comes_on_top(tmp_path, form, kind):
    path = tmp_path / "photo"
    with_metadata(path, form)
    written = result_of(path, kind, tmp_path, form)
    image = PIL.Image.open(written)
    image.load()
    assert image.info["icc_profile"] == PROFILE
    exif = image.getexif()
    assert (exif[271], exif[272]) == ("Maker", "Model 5")
    assert exif[305].startswith("Camera 1.2; unmask ")
    assert exif.get_ifd(0x8769)[0x9003] == "2020:05:04 03:02:01"
    assert float(exif.get_ifd(0x8769)[0x829A]) == pytest.approx(0.004)
    assert tuple(map(float, exif.get_ifd(0x8825)[2])) == (52.0, 31.0, 12.0)
    assert exif.get(274, 1) == 1
    xmp = image.info["xmp"]
    assert b'Rating="4"' in (xmp if isinstance(xmp, bytes) else xmp.encode())
    if form in ("JPEG", "PNG", "TIFF"):
        assert [round(float(value)) for value in image.info["dpi"]] == [300, 300]
    mark = read_mark(written)
    assert mark is not None
    assert mark.models == ("yolo", "gated")
    assert mark.software.startswith("unmask ")
    assert "no evidence of who the person is" in mark.notice
    assert mark.digital_source_type.endswith("/compositeWithTrainedAlgorithmicMedia")
    if form == "PNG":
        assert image.text["Author"] == "Anna"
        assert image.text["Software"].startswith("Painter 3; unmask ")
        assert image.text["Disclaimer"] == mark.notice
        assert image.info["gamma"] == pytest.approx(0.45455)
    if form == "JPEG":
        assert image.info["comment"].startswith(b"a comment\n")
        assert any(
            b"Photoshop 3.0" in content for name, content in image.applist if name == "APP13"
        )


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
def test_a_tiff_keeps_its_compression(tmp_path, compression):
    path = tmp_path / "photo"
    exif = PIL.Image.Exif()
    exif[271] = "Maker"
    photo().save(path, "TIFF", compression=compression, exif=exif, icc_profile=PROFILE)
    image = PIL.Image.open(result_of(path, "bytes", tmp_path, "TIFF"))
    assert image.info["compression"] == compression
    assert image.getexif()[271] == "Maker"
    assert image.info["icc_profile"] == PROFILE
    assert read_mark(image).models == ("yolo", "gated")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_picture_without_metadata_gets_the_mark(tmp_path, form):
    path = tmp_path / "photo"
    photo().save(path, form)
    written = result_of(path, "bytes", tmp_path, form)
    assert read_mark(written).models == ("yolo", "gated")
    assert PIL.Image.open(written).getexif()[270].startswith("The lower face")


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".ppm", ".jp2"])
def test_formats_without_xmp_get_it_beside_them(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    image = photo().quantize(50) if suffix == ".gif" else photo()
    image.save(path)
    picture = read_picture(path)
    result = restore(picture, picture.pixels, np.ones(picture.size, bool), models=["gated"])
    written = write_picture(tmp_path / f"result{suffix}", result)
    sidecar = tmp_path / f"result{suffix}.xmp"
    assert sidecar.is_file()
    assert read_mark(written).models == ("gated",)
    sidecar.unlink()
    assert read_mark(written) is None
    if suffix == ".gif":
        assert b"The lower face" in PIL.Image.open(written).info["comment"]


def test_plain_pictures_carry_no_mark(tmp_path):
    written = write_picture(tmp_path / "a.bmp", np.zeros((4, 5, 3), np.uint8))
    assert read_mark(written) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bmp"]


def test_the_thumbnail_that_shows_the_mask_is_left_out(tmp_path):
    small = io.BytesIO()
    photo().resize((16, 12)).save(small, "JPEG")
    thumbnail = small.getvalue()
    exif = PIL.Image.Exif()
    exif[271] = "Maker"
    block = bytearray(exif.tobytes())
    # One entry in IFD0: count at 14, entry 16..28, offset of the next IFD at 28.
    order = "big" if block[6:8] == b"MM" else "little"
    end = len(block) - 6
    block[28:32] = end.to_bytes(4, order)
    ifd = (2).to_bytes(2, order)
    for tag, value in ((0x0201, end + 2 + 24 + 4), (0x0202, len(thumbnail))):
        ifd += tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order)
        ifd += value.to_bytes(4, order)
    block += ifd + bytes(4) + thumbnail
    path = tmp_path / "photo.jpg"
    photo().save(path, exif=bytes(block))
    assert thumbnail in path.read_bytes()
    written = result_of(path, "path", tmp_path, "JPEG")
    assert thumbnail not in written.read_bytes()
    assert PIL.Image.open(written).getexif()[271] == "Maker"


@pytest.mark.filterwarnings("ignore")
def test_damaged_exif_is_survived(tmp_path):
    path = tmp_path / "photo.jpg"
    photo().save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12garbage")
    written = result_of(path, "path", tmp_path, "JPEG")
    assert read_mark(written) is not None


def test_xmp_too_long_for_a_jpeg_leaves_the_mark(tmp_path):
    path = tmp_path / "photo.png"
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP.decode().replace('"4"', '"' + "4" * 70_000 + '"'))
    photo().save(path, pnginfo=text)
    picture = read_picture(path)
    result = restore(picture, picture.pixels, np.ones(picture.size, bool), models=["gated"])
    assert read_mark(write_picture(tmp_path / "a.jpg", result)).models == ("gated",)
    assert b"4" * 70_000 in write_picture(tmp_path / "a.png", result).read_bytes()


@pytest.mark.parametrize(
    "name", ["a.png", "ä b'c\".png", "日本.webp", "UPPER.JPG", "x.tif", "y.bmp"]
)
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_arrays_are_written_under_any_name(tmp_path, name, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    written = write_picture(str(tmp_path / "new" / "folder" / name), array)
    assert [path.name for path in written.parent.iterdir()] == [name]
    picture = read_picture(written)
    assert picture.size == (4, 5)
    if written.suffix in (".png", ".tif", ".bmp"):
        np.testing.assert_array_equal(np.asarray(picture.original), array)


def test_alpha_and_bool_arrays_are_written(tmp_path):
    rgba = np.random.default_rng(0).integers(0, 256, (4, 5, 4), np.uint8)
    written = write_picture(tmp_path / "a.png", rgba)
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(written)), rgba)
    hole = rgba[..., 0] > 100
    written = write_picture(tmp_path / "b.png", hole)
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(written)), hole * np.uint8(255))


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        write_picture(path, np.zeros((4, 5, 3), np.uint8))
    assert path.read_bytes() == b"mine"
    write_picture(path, np.zeros((4, 5, 3), np.uint8), overwrite=True)
    assert read_picture(path).size == (4, 5)


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    for name, image in (
        ("a.jpg", np.zeros((4, 5, 4), np.uint8)),
        ("b.gif", np.zeros((4, 5, 3), np.uint8)),
    ):
        with pytest.raises(OutputError):
            write_picture(tmp_path / name, image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "a.txt", "a.psd"])
def test_an_unknown_suffix_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"use one of \.jpg"):
        write_picture(tmp_path / name, np.zeros((4, 5, 3), np.uint8))


@pytest.mark.parametrize("image", [np.zeros((4, 5), np.float32), np.zeros((0, 5), np.uint8), None])
def test_what_is_no_picture_is_not_written(tmp_path, image):
    with pytest.raises(InputError):
        write_picture(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quality", [0, 101, -3])
def test_quality_has_a_range(tmp_path, quality):
    with pytest.raises(InputError, match="from 1 to 100"):
        write_picture(tmp_path / "a.jpg", np.zeros((4, 5, 3), np.uint8), quality=quality)


def test_quality_is_heeded(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = [
        write_picture(tmp_path / f"{quality}.jpg", noise, quality=quality).stat().st_size
        for quality in (20, 60, 95)
    ]
    assert sizes == sorted(sizes)
    assert write_picture(tmp_path / "default.jpg", noise).stat().st_size == sizes[-1]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write anywhere")
def test_a_read_only_folder_gives_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Cannot write"):
            write_picture(tmp_path / "a.png", np.zeros((4, 5, 3), np.uint8))
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_cannot_be_made_gives_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for target in (tmp_path / "file" / "a.png", "/proc/nowhere/a.png", tmp_path):
        with pytest.raises(OutputError):
            write_picture(target, np.zeros((4, 5, 3), np.uint8), format="PNG")


def test_suffixes_name_formats(tmp_path):
    assert format_of(tmp_path / "a.JPEG") == "JPEG"
    assert format_of(tmp_path / "a.tif") == "TIFF"


def test_a_grey_profile_stays_with_grey_and_off_colour(tmp_path):
    grey = bytearray(PROFILE)
    grey[16:20] = b"GRAY"
    image = photo().convert("L")
    image.info["icc_profile"] = bytes(grey)
    assert "icc_profile" in PIL.Image.open(write_picture(tmp_path / "a.png", image)).info
    written = write_picture(tmp_path / "a.webp", image)  # WebP has no grey: it becomes RGB
    assert "icc_profile" not in PIL.Image.open(written).info
