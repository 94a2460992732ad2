"""Other renderings of a photo that its metadata hold: thumbnails, previews, layers, gain maps.

They would still show the mask, so they go; the rest of the metadata stays.

Sources: Adobe Photoshop File Formats Specification (image resources); IPTC IIM 4.2; XMP
Specification part 3; Google's and Adobe's schemas of depth maps, gain maps and motion photos.
"""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"ftypheic", b"ftypavif", b"8BPS\x00")
"""How files of pictures begin, in the values of metadata."""

_PHOTOSHOP = b"Photoshop 3.0\0"
_THUMBNAILS, _IPTC = (1033, 1036), 1028
_IPTC_PREVIEWS = ((2, 200), (2, 201), (2, 202), (7, 10), (8, 10))

_RENDERING_NAMES = frozenset({"Thumbnails", "HasExtendedXMP"})
_RENDERING_SPACES = (
    "http://ns.google.com/photos/1.0/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
)
_ENCODED_PICTURE = re.compile(r"\s*(/9j/|iVBORw0KGgo|UklGR)[A-Za-z0-9+/=\s]{200,}")
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def holds_picture(value: bytes) -> bool:
    """Whether a value of metadata has a file of a picture in it."""
    return len(value) > 100 and any(start in value for start in PICTURE_STARTS)


def without_renderings_photoshop(content: bytes) -> bytes:
    """Leave the thumbnails out of Photoshop's resources.

    What cannot be read stays where it holds no picture, and is empty otherwise.

    Args:
        content: resources, with or without the head of a JPEG's APP13 segment.
    """
    head = _PHOTOSHOP if content.startswith(_PHOTOSHOP) else b""
    kept = []
    try:
        for number, name, data in _resources(content[len(head) :]):
            if number in _THUMBNAILS:
                continue
            value = _without_iptc_previews(data) if number == _IPTC else data
            if not holds_picture(value):
                kept.append(_resource(number, name, value))
    except (IndexError, ValueError):
        kept = []
    if kept:
        return head + b"".join(kept)
    return b"" if b"8BIM" in content or holds_picture(content) else content


def _resources(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    place = 0
    while content[place : place + 4] in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
        number = int.from_bytes(content[place + 4 : place + 6], "big")
        length = content[place + 6]
        name = content[place + 7 : place + 7 + length]
        place += 6 + (length + 2) // 2 * 2
        size = int.from_bytes(content[place : place + 4], "big")
        data = content[place + 4 : place + 4 + size]
        if len(data) < size:
            raise ValueError("cut")
        place += 4 + (size + 1) // 2 * 2
        yield number, name, data


def _resource(number: int, name: bytes, data: bytes) -> bytes:
    named = bytes([len(name)]) + name
    parts = (named + b"\0" * (len(named) % 2), len(data).to_bytes(4, "big"), data)
    return b"8BIM" + number.to_bytes(2, "big") + b"".join(parts) + b"\0" * (len(data) % 2)


def _without_iptc_previews(content: bytes) -> bytes:
    kept, place = [], 0
    while place + 5 <= len(content) and content[place] == 0x1C:
        size = int.from_bytes(content[place + 3 : place + 5], "big")
        start = place + 5
        if size & 0x8000:
            start += size & 0x7FFF
            size = int.from_bytes(content[place + 5 : start], "big")
        end = min(start + size, len(content))
        if (content[place + 1], content[place + 2]) not in _IPTC_PREVIEWS:
            kept.append(content[place:end])
        place = end
    return b"".join(kept)


def without_renderings_xmp(packet: bytes) -> bytes:
    """Leave thumbnails, depth and gain maps and motion clips out of XMP, and what claims them.

    A packet that has none comes back as it is; one that cannot be read and may have some is empty.
    """
    suspicious = any(
        word in packet
        for word in (b"humbnail", b"photos/", b"gain-map", b"GainMap", b"pixeldatainfo",
                     b"HasExtendedXMP", b"/9j/", b"iVBORw0KGgo", b"UklGR")
    )  # fmt: skip
    if not suspicious:
        return packet
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return b""
    start, end = packet.find(b"<?xpacket"), packet.find(b"<x:xmpmeta")
    begin = end if end >= 0 else packet.find(b"<rdf:RDF")
    stop = packet.rfind(b">", 0, packet.rfind(b"<?xpacket") if start >= 0 else len(packet)) + 1
    if begin < 0 or stop <= begin:
        return b""
    try:
        tree = ElementTree.fromstring(packet[begin:stop])
        for _, (prefix, space) in ElementTree.iterparse(
            io.BytesIO(packet[begin:stop]), events=["start-ns"]
        ):
            if not re.fullmatch(r"ns\d+", prefix):
                ElementTree.register_namespace(prefix, space)
    except (ElementTree.ParseError, ValueError):
        return b""
    _strip(tree)
    inner: bytes = ElementTree.tostring(tree, encoding="utf-8")
    return packet[:begin] + inner + packet[stop:] if start >= 0 else inner


def _strip(element: ElementTree.Element) -> None:
    for name, value in list(element.attrib.items()):
        if _is_rendering(name) or _ENCODED_PICTURE.match(value):
            del element.attrib[name]
    for child in list(element):
        encoded = child.text is not None and _ENCODED_PICTURE.match(child.text)
        if _is_rendering(child.tag) or encoded:
            element.remove(child)
        else:
            _strip(child)


def _is_rendering(name: str) -> bool:
    space, _, local = name.removeprefix("{").rpartition("}")
    return local in _RENDERING_NAMES or space.startswith(_RENDERING_SPACES)


def without_renderings_text(key: str, value: str) -> str:
    """Leave pictures out of a PNG's text: empty where it is one, or says it in digits."""
    if key.startswith("Raw profile type "):
        kind = key.removeprefix("Raw profile type ").lower()
        try:
            content = bytes.fromhex("".join(value.split()[2:]))
        except ValueError:
            return ""
        if kind not in ("8bim", "iptc"):
            return "" if holds_picture(content) else value
        kept = without_renderings_photoshop(content)
        if kept == content:
            return value
        digits = kept.hex()
        lines = [digits[place : place + 72] for place in range(0, len(digits), 72)]
        return "\n".join(["", kind, f"{len(kept):8d}", *lines, ""]) if kept else ""
    if _ENCODED_PICTURE.match(value) or holds_picture(value.encode("latin-1", "replace")):
        return ""
    with_start = value[:64].encode("ascii", "ignore")
    try:
        decoded = base64.b64decode(with_start[: len(with_start) // 4 * 4])
    except ValueError:
        return value
    return "" if decoded.startswith(PICTURE_STARTS) else value
