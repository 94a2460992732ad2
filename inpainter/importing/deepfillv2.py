"""DeepFill v2 in PyTorch, from nipponjo/deepfillv2-pytorch, for its `networks.py`."""

from __future__ import annotations

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
    None,
    "up_block1.conv1_upsample.conv",
    "up_block1.conv2",
    None,
    "up_block2.conv1_upsample.conv",
    "up_block2.conv2",
)
"""The layers of a decoder; None for those of ours that enlarge and have no weights."""


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
    for prefix, theirs, ours in (
        ("stage1.", (*_DOWN, *_BOTTOM, *_UP), "coarse"),
        ("stage2.conv_", (*_DOWN, *_BOTTOM), "refinement.convolution_branch"),
        ("stage2.ca_", (*_DOWN, "conv_bn1"), "refinement.attention_encoder"),
        ("stage2.ca_", ("conv_bn4", "conv_bn5"), "refinement.after_attention"),
        ("stage2.", _UP, "refinement.decoder"),
    ):
        for place, name in enumerate(theirs):
            if name is not None:
                renaming.move(f"{prefix}{name}.conv", f"{ours}.{place}.convolution")
    renaming.move("stage1.conv_to_rgb.conv", "coarse.18")
    renaming.move("stage2.conv_to_rgb.conv", "refinement.decoder.8")
    # A constant identity kernel for fusing attention scores.
    renaming.drop(".fuse_weight")
    sketch = stem.shape[1] == 6
    return {"width": len(stem) // 2, "sketch": sketch, "nearest_hole": True}, 256
