"""Removing other renderings of a photo from metadata: thumbnails, previews, layers, gain maps.

They would still show the mask; the rest of the metadata stays.

Sources: Adobe Photoshop File Formats Specification (image resources); IPTC IIM 4.2; XMP
Specification part 3; Google's and Adobe's schemas of depth maps, gain maps and motion photos.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator

_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|8BPS\0|GIF8[79]a|RIFF.{4}WEBP|\0\0\0\x0cjP {2}"
    rb"|\A(?:II\*\0|MM\0\*)|ftyp(?:heic|heix|mif1|msf1|avif|avis|isom|iso2|mp4[12]|qt {2})",
    re.DOTALL,
)
"""Signatures of picture and video files, anywhere in a value."""

_PICTURE_IN_TEXT = re.compile(
    rb"(?<![A-Za-z0-9+/])(?:/9j/|iVBORw0KGgo|UklGR|R0lGOD|OEJQUw|SUkqA|TU0AK|AAAA.GZ0eXB)"
    rb"[A-Za-z0-9+/=\s]{150,}"
    rb"|(?i:ffd8ff|89504e470d0a1a0a|52494646|66747970(?:68656963|61766966|6d696631))"
    rb"[A-Fa-f0-9\s]{150,}"
)
"""The same in base64 or hexadecimal digits."""

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
_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
"""Describes a panorama's projection, and contains no picture."""


def holds_picture(value: bytes | str) -> bool:
    """Whether a metadata value contains a picture file, as bytes or encoded as text."""
    if len(value) <= 100:
        return False
    content = value.encode("latin-1", "replace") if isinstance(value, str) else value
    if _PICTURE.search(content):
        return True
    # 16-bit text has a zero in every second byte.
    return any(_PICTURE_IN_TEXT.search(text) for text in (content, content.replace(b"\0", b"")))


def without_renderings_photoshop(content: bytes) -> bytes:
    """Remove the thumbnails from Photoshop's resources.

    Unreadable resources stay if they contain no picture; otherwise the result is empty.

    Args:
        content: resources, with or without the head of a JPEG's APP13 segment.
    """
    head = _PHOTOSHOP if content.startswith(_PHOTOSHOP) else b""
    kept = []
    try:
        for number, name, data in _resources(content[len(head) :]):
            if number in _THUMBNAILS:
                continue
            value = without_renderings_iptc(data) if number == _IPTC else data
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


def without_renderings_iptc(content: bytes) -> bytes:
    """Remove previews from IPTC; what is no IPTC stays as it is."""
    if content[:1] != b"\x1c":
        return content
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
    """Remove thumbnails, depth and gain maps and motion clips, and references to them, from XMP.

    A packet without any is returned unchanged, in UTF-8; an unreadable one that may have some
    becomes empty.
    """
    try:
        packet = _as_utf8(packet)
    except UnicodeDecodeError:
        return b""
    encoded = holds_picture(packet)
    suspicious = encoded or any(
        word in packet
        for word in (b"humbnail", b"photos/", b"gain-map", b"GainMap", b"pixeldatainfo",
                     b"HasExtendedXMP", b"&#")
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
    if not _strip(tree) and not encoded:
        return packet
    inner: bytes = ElementTree.tostring(tree, encoding="utf-8")
    return packet[:begin] + inner + packet[stop:] if start >= 0 else inner


def _as_utf8(packet: bytes) -> bytes:
    """Convert a packet in UTF-16 to UTF-8, as most formats expect."""
    if b"\0" not in packet[:2] and packet[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return packet
    if packet[0] in (0, 0xFE):
        return packet.decode("utf-16-be").encode()
    return packet.decode("utf-16-le").encode()


def _strip(element: ElementTree.Element) -> bool:
    """Remove renderings from an element; return whether there were any."""
    found = False
    for name, value in list(element.attrib.items()):
        if _is_rendering(name) or holds_picture(value):
            del element.attrib[name]
            found = True
    for child in list(element):
        if holds_picture(child.tail or ""):
            child.tail, found = "", True
        if _is_rendering(child.tag) or holds_picture(child.text or ""):
            element.remove(child)
            found = True
        else:
            found |= _strip(child)
    return found


def _is_rendering(name: str) -> bool:
    space, _, local = name.removeprefix("{").rpartition("}")
    if space == _PANORAMA:
        return False
    return local in _RENDERING_NAMES or space.startswith(_RENDERING_SPACES)


def without_renderings_text(key: str, value: str) -> str:
    """Remove pictures from a PNG's text: empty if it is one, also in encoded form."""
    if not key.startswith("Raw profile type "):
        return "" if holds_picture(value) else value
    kind = key.removeprefix("Raw profile type ").lower()
    try:
        content = bytes.fromhex("".join(value.split()[2:]))
    except ValueError:
        return ""
    clean = _PROFILES.get(kind)
    if clean is None:
        return "" if holds_picture(content) else value
    kept = clean(content)
    if kept == content:
        return value
    digits = kept.hex()
    lines = [digits[place : place + 72] for place in range(0, len(digits), 72)]
    return "\n".join(["", kind, f"{len(kept):8d}", *lines, ""]) if kept else ""


_PROFILES: dict[str, Callable[[bytes], bytes]] = {
    "8bim": without_renderings_photoshop,
    "iptc": without_renderings_photoshop,
    "xmp": without_renderings_xmp,
}
"""Functions that remove renderings from the profiles that PNGs store as digits."""
