"""DeepFill v2 in PyTorch, from nipponjo/deepfillv2-pytorch, for its `networks.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from inpainter.importing.layout import Renamed, Renaming
from weights.base.errors import WeightsError

_DOWN: Final = (
    "conv1",
    "down_block1.conv1_downsample",
    "down_block1.conv2",
    "down_block2.conv1_downsample",
    "down_block2.conv2",
)
_BOTTOM: Final = tuple(f"conv_bn{number}" for number in range(1, 6))
_UP: Final = (
    "conv_bn6",
    "conv_bn7",
    "up_block1.conv1_upsample.conv",
    "up_block1.conv2",
    "up_block2.conv1_upsample.conv",
    "up_block2.conv2",
)


def rename(renaming: Renaming) -> Renamed:
    """Convert the generator of a checkpoint to our layout.

    Weights for that project's `networks_tf.py`, which pads like TensorFlow, are rejected.

    Raises:
        WeightsError: the file is of another network.
    """
    if "conv1.conv.weight" in renaming:
        raise WeightsError(
            "The file holds DeepFill v2 for networks_tf.py, which pads as TensorFlow does: take "
            "the fine-tuned weights for networks.py."
        )
    stem = renaming.look("stage1.conv1.conv.weight")
    coarse = [f"stage1.{name}" for name in (*_DOWN, *_BOTTOM, *_UP)]
    _move(renaming, coarse, "coarse", enlarged_from=12)
    _move_picture(renaming, "stage1", "coarse.18")
    branch = [f"stage2.conv_{name}" for name in (*_DOWN, *_BOTTOM)]
    _move(renaming, branch, "refinement.convolution_branch")
    attention = [f"stage2.ca_{name}" for name in (*_DOWN, "conv_bn1")]
    _move(renaming, attention, "refinement.attention_encoder")
    after = ["stage2.ca_conv_bn4", "stage2.ca_conv_bn5"]
    _move(renaming, after, "refinement.after_attention")
    _move(renaming, [f"stage2.{name}" for name in _UP], "refinement.decoder", enlarged_from=2)
    _move_picture(renaming, "stage2", "refinement.decoder.8")
    # A constant identity kernel for fusing attention scores.
    renaming.drop(".fuse_weight")
    sketch = stem.shape[1] == 6
    return {"width": len(stem) // 2, "sketch": sketch, "nearest_hole": True}, 256


def _move(
    renaming: Renaming, theirs: Iterable[str], ours: str, enlarged_from: int | None = None
) -> None:
    """Convert a sequence of gated convolutions.

    Args:
        renaming: renaming of the file.
        theirs: their names.
        ours: our sequence.
        enlarged_from: position of the first of two upsampling layers in it, each followed by two
            convolutions.
    """
    place = 0
    for name in theirs:
        if enlarged_from is not None and place in (enlarged_from, enlarged_from + 3):
            place += 1
        renaming.move(f"{name}.conv", f"{ours}.{place}.convolution")
        place += 1


def _move_picture(renaming: Renaming, theirs: str, ours: str) -> None:
    renaming.move(f"{theirs}.conv_to_rgb.conv", ours)
