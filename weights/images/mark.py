"""The provenance mark in the metadata of every filled picture: what was done, and by what.

The mark is added to the picture's XMP: the IPTC digital source type "composite with trained
algorithmic media", the program and its version, the models' names, and a plain sentence that the
filled part is a guess. The program is also in the EXIF tag Software, the sentence in the EXIF
ImageDescription if that was empty, in the comment of formats that have one, and in a PNG's text.
Like all metadata the mark can be removed; it informs, it does not prove.

Source: IPTC Photo Metadata Standard 2025.1 (DigitalSourceType, AISystemUsed, AISystemVersionUsed);
XMP Specification Part 1 (ISO 16684-1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import PIL.Image
from PIL.PngImagePlugin import PngInfo

from weights.base.contracts import Image
from weights.base.errors import OutputError
from weights.images.exif import load_exif, read_tags, write_tags

DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
NOTICE = (
    "The lower face in this picture was filled in by a model; "
    "it is a guess and no evidence of who the person is."
)
NOTICE_OF_VARIANT = (
    "The lower face in this picture was filled in by a model; "
    "it is one of {guesses} guesses and no evidence of who the person is."
)
NOTICE_OF_REFERENCE = (
    "The lower face in this picture was filled from a reference photo by a program; "
    "it is no evidence of who the person is or what the photo showed."
)

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_OWN = "urn:unmask:provenance:1/"
_SOFTWARE_TAG, _DESCRIPTION_TAG = 0x0131, 0x010E
_IPTC_PROPERTIES = "DigitalSourceType|AISystemUsed|AISystemVersionUsed"


@cache
def unmask_version() -> str:
    """Return the version of the installed package, "unknown" if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("unmask")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True)
class Mark:
    """The mark in the metadata of a filled picture.

    Attributes:
        models: names of the stages and networks used.
        software: program and version.
        notice: the human-readable sentence.
        digital_source_type: IPTC code for the kind of picture.
    """

    models: tuple[str, ...]
    software: str
    notice: str = NOTICE
    digital_source_type: str = DIGITAL_SOURCE_TYPE


def make_mark(
    models: Sequence[str] = (), *, from_reference: bool = False, guesses: int = 1
) -> Mark:
    """Make the mark of this version of the program.

    Args:
        models: names of the models used.
        from_reference: whether a face was filled from a reference photo.
        guesses: how many fills were made; the picture shows one.
    """
    guess = NOTICE if guesses == 1 else NOTICE_OF_VARIANT.format(guesses=guesses)
    notice = NOTICE_OF_REFERENCE if from_reference else guess
    return Mark(tuple(models), f"unmask {unmask_version()}", notice)


def mark_info(info: Mapping[Any, Any], mark: Mark) -> dict[Any, Any]:
    """Return a copy of a PIL image's `.info` with the mark in XMP, EXIF and comment."""
    marked = dict(info)
    xmp = marked.get("xmp")
    marked["xmp"] = mark_xmp(xmp.encode() if isinstance(xmp, str) else xmp, mark)
    marked.pop("XML:com.adobe.xmp", None)
    marked["exif"] = _mark_exif(marked.get("exif"), mark)
    comment = marked.get("comment", b"")
    said = comment.encode("utf-8", "replace") if isinstance(comment, str) else bytes(comment)
    if mark.notice.encode() not in said:
        marked["comment"] = (said + b"\n" if said else b"") + mark.notice.encode()
    return marked


def mark_xmp(xmp: bytes | None, mark: Mark) -> bytes:
    """Return `xmp` with the mark added.

    An earlier mark is replaced, keeping its models; another digital source type is replaced too.
    XMP that is not well-formed UTF-8, or has its own document type, is dropped.
    """
    earlier = read_mark_from_xmp(xmp)
    if earlier is not None:
        mark = replace(mark, models=tuple(dict.fromkeys((*earlier.models, *mark.models))))
    text = _decoded(xmp)
    if text is not None:
        text = _without_marked_properties(text)
        end = text.rfind("</rdf:RDF>")
        about = re.search(r"""rdf:about\s*=\s*["']([^"']*)["']""", text)
        if end >= 0:
            block = _block(mark, about.group(1) if about else "")
            merged = (text[:end] + block + text[end:]).encode()
            if read_mark_from_xmp(merged) == mark:
                return merged
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n<rdf:RDF xmlns:rdf="{_RDF}">\n'
        f'{_block(mark, "")}</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


def read_mark_from_xmp(xmp: bytes | str | None) -> Mark | None:
    """Return the mark in an XMP packet, or None if there is none."""
    root = _parsed(_decoded(xmp))
    if root is None:
        return None
    software = root.findtext(f".//{{{_OWN}}}Software")
    if software is None:
        return None
    return Mark(
        tuple(item.text or "" for item in root.findall(f".//{{{_OWN}}}Models/*/{{{_RDF}}}li")),
        software,
        root.findtext(f".//{{{_OWN}}}Notice") or "",
        root.findtext(f".//{{{_IPTC}}}DigitalSourceType") or "",
    )


def save_marked(image: Image, path: Path, mark: Mark, quality: int = 92) -> None:
    """Write a picture with its mark as JPEG or PNG, by the path's suffix.

    For contact sheets and data sets; `weights.images.write_picture` also keeps a user's metadata.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        path: the file to write, for example from `weights.base.atomic.atomic_path`.
        mark: the mark.
        quality: of a JPEG, 1 to 100.

    Raises:
        OutputError: the picture cannot be encoded.
    """
    picture = PIL.Image.fromarray(np.ascontiguousarray(image))
    info = mark_info({}, mark)
    try:
        if path.suffix == ".png":
            text = PngInfo()
            text.add_itxt("XML:com.adobe.xmp", info["xmp"].decode())
            picture.save(path, format="PNG", pnginfo=text, compress_level=4)
        else:
            picture.save(path, format="JPEG", quality=quality, **info)
    except (OSError, ValueError) as error:
        raise OutputError(f"Cannot write {path}: {error}.") from error


def _block(mark: Mark, about: str) -> str:
    models = "".join(f"<rdf:li>{escape(model)}</rdf:li>" for model in mark.models)
    program, _, version = mark.software.partition(" ")
    used = ", ".join((program, *mark.models))
    return (
        f'<rdf:Description rdf:about="{about}" xmlns:Iptc4xmpExt="{_IPTC}" xmlns:unmask="{_OWN}">\n'
        f" <Iptc4xmpExt:DigitalSourceType>{escape(mark.digital_source_type)}"
        "</Iptc4xmpExt:DigitalSourceType>\n"
        f" <Iptc4xmpExt:AISystemUsed>{escape(used)}</Iptc4xmpExt:AISystemUsed>\n"
        f" <Iptc4xmpExt:AISystemVersionUsed>{escape(version)}</Iptc4xmpExt:AISystemVersionUsed>\n"
        f" <unmask:Software>{escape(mark.software)}</unmask:Software>\n"
        f" <unmask:Models><rdf:Bag>{models}</rdf:Bag></unmask:Models>\n"
        f" <unmask:Notice>{escape(mark.notice)}</unmask:Notice>\n"
        "</rdf:Description>\n"
    )


def _without_marked_properties(text: str) -> str:
    """Remove an earlier mark and the IPTC properties set by the mark from an XMP packet."""
    for pattern in (
        rf"<rdf:Description(?=[^>]*{re.escape(_OWN)})[^>]*>.*?</rdf:Description>\s*",
        rf"<([\w.-]+):({_IPTC_PROPERTIES})\b[^>]*/>",
        rf"<([\w.-]+):({_IPTC_PROPERTIES})\b[^>]*>.*?</\1:\2\s*>",
        rf"""\s[\w.-]+:({_IPTC_PROPERTIES})\s*=\s*("[^"]*"|'[^']*')""",
    ):
        text = re.sub(pattern, "", text, flags=re.S)
    return text


def _decoded(xmp: bytes | str | None) -> str | None:
    if not xmp:
        return None
    try:
        return xmp if isinstance(xmp, str) else xmp.rstrip(b"\0 ").decode("utf-8")
    except UnicodeDecodeError:
        return None


def _parsed(text: str | None) -> ElementTree.Element | None:
    # Pictures are untrusted: entities defined in the packet could expand without bound.
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, ValueError):
        return None


def _mark_exif(block: bytes | None, mark: Mark) -> bytes:
    try:
        exif = load_exif(block or b"")
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        exif = PIL.Image.Exif()
    tags = read_tags(exif)
    software = _text(tags.get(_SOFTWARE_TAG))
    if mark.software not in software:
        tags[_SOFTWARE_TAG] = f"{software}; {mark.software}" if software else mark.software
    if not _text(tags.get(_DESCRIPTION_TAG)):
        tags[_DESCRIPTION_TAG] = mark.notice
    return write_tags(tags, exif.endian)[0]


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
    return text.strip("\0 ")
