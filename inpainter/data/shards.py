"""Faces in shards: tar files in WebDataset's layout, for data sets with very many files.

The shards are indexed once, and each picture is then read from its place, so that samples follow
from the seed as those of single files do.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from inpainter.data.face import Face, ShardMember
from weights.base.errors import InputError
from weights.base.json_text import parse_json

_PICTURES: Final = frozenset({"png", "jpg", "jpeg", "bmp", "webp"})


def shard_faces(root: Path) -> list[Face]:
    """List the faces in a folder's shards, `*.tar`.

    Files that share a name up to its first dot belong together: a picture, such as `0001.jpg`, and
    its annotation, `0001.json`, with `split`, `landmarks` and labels as in a line of `faces.jsonl`.
    The annotation is optional.

    Raises:
        InputError: a shard cannot be read or is compressed, or a JSON file in it is malformed.
    """
    return [face for shard in sorted(root.glob("*.tar")) for face in _faces_in(shard)]


def _faces_in(shard: Path) -> Iterator[Face]:
    pictures: dict[str, tuple[str, ShardMember]] = {}
    known: dict[str, dict[str, Any]] = {}
    try:
        # Uncompressed only: members are read by their offsets.
        with tarfile.open(shard, "r:") as file:
            for member in file:
                folder, slash, name = member.name.rpartition("/")
                stem, _, suffix = name.partition(".")
                key = folder + slash + stem
                if not member.isfile():
                    continue
                if suffix.lower() in _PICTURES:
                    place = ShardMember(shard, member.offset_data, member.size)
                    pictures.setdefault(key, (member.name, place))
                elif suffix.lower() == "json":
                    content = file.extractfile(member)
                    assert content is not None
                    known[key] = parse_json(content.read(), member.name)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise InputError(f"The shard {shard} cannot be read: {error}.") from error
    for key, (name, place) in pictures.items():
        try:
            face = Face.from_entry(dict(known.get(key, {})), shard / name)
        except (TypeError, ValueError) as error:
            raise InputError(f"{key}.json in {shard} is not an annotated face: {error}.") from error
        yield Face(face.path, face.landmarks, face.split, face.labels, place)
