"""The face in the examples: scikit-image's astronaut, with and without a drawn mask.

The photo is NASA's portrait of Eileen Collins (public domain), which comes with scikit-image.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from weights.base.atomic import atomic_path, write_whole
from weights.base.contracts import Hole, Image

# The 68 iBUG points, x y, on the picture from `astronaut`, found with dlib: jaw, brows, nose, eyes,
# mouth.
_POINTS = """
    239 260  240 290  243 318  246 346  253 376  269 402  290 422  314 440  342 446  371 443
    398 429  423 410  441 386  452 359  459 329  466 300  470 270
    256 237  270 222  290 218  311 222  330 231  381 234  400 227  420 226  440 231  453 246
    355 256  354 277  354 297  354 318  327 329  339 332  352 336  365 333  377 331
    278 254  291 245  308 247  322 260  306 261  289 260  385 263  399 252  415 252  429 261
    415 267  399 266
    291 348  312 349  335 350  349 353  365 350  384 351  405 353  384 378  363 388  346 390
    330 387  309 374  299 351  334 358  349 361  364 359  397 355  364 376  348 377  332 375
"""
LANDMARKS: NDArray[np.float64] = np.array(_POINTS.split(), dtype=np.float64).reshape(68, 2)


def astronaut() -> Image:
    """The astronaut's head and shoulders, uint8 RGB `(700, 700, 3)`; the jaw is 230 px wide."""
    import skimage.data

    head = PIL.Image.fromarray(skimage.data.astronaut()).crop((84, 0, 364, 280))
    return np.asarray(head.resize((700, 700), PIL.Image.Resampling.LANCZOS))


def masked_astronaut(kind: str = "surgical", seed: int = 5) -> tuple[Image, Hole]:
    """The astronaut with a drawn mask, uint8 RGB, and the mask with its straps, bool `(H, W)`."""
    from detector.synthesis import draw_mask

    random = np.random.default_rng(seed)
    drawn = draw_mask(astronaut(), LANDMARKS, random, kind=kind, worn="full")
    return drawn.masked, drawn.mask | drawn.straps


def write_faces(folder: Path, count: int = 4, side: int = 350) -> Path:
    """Write a folder of annotated faces for training: the astronaut in changing light.

    It replaces a real set of faces, so that the training examples run anywhere. The last picture
    belongs to the split "val", the others to "train".

    Args:
        folder: a new folder.
        count: number of pictures, at least 2.
        side: their side in pixels.

    Returns:
        The folder, with the pictures and their annotations, `faces.jsonl`.
    """
    face = PIL.Image.fromarray(astronaut()).resize((side, side), PIL.Image.Resampling.LANCZOS)
    points = LANDMARKS * (side / 700)
    lines = []
    for index in range(count):
        light = 0.6 + 0.6 * index / max(count - 1, 1)
        picture = np.clip(np.asarray(face) * light, 0, 255).astype(np.uint8)
        name = f"astronaut_{index}.png"
        with atomic_path(folder / name) as temporary:
            PIL.Image.fromarray(picture).save(temporary)
        lines.append(
            {
                "file": name,
                "source": "astronaut",
                "licence": "public domain (NASA)",
                "split": "train" if index < count - 1 else "val",
                "width": side,
                "height": side,
                "landmarks": points.round(1).tolist(),
            }
        )
    write_whole(folder / "faces.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return folder
