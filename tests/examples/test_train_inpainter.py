from __future__ import annotations

import numpy as np
import PIL.Image

from examples import train_inpainter
from examples.astronaut import masked_astronaut


def test_an_inpainter_is_trained_and_fills_the_hole(tmp_path, capsys):
    train_inpainter.main(["--output", str(tmp_path), "--device", "cpu"])
    assert "8 steps" in capsys.readouterr().out
    before, after = np.hsplit(np.asarray(PIL.Image.open(tmp_path / "astronaut.png")), 2)
    hole = masked_astronaut()[1]
    assert np.array_equal(before[~hole], after[~hole])
    assert (before[hole] != after[hole]).any(axis=1).mean() > 0.9
