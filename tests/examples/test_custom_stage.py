from __future__ import annotations

import numpy as np
import PIL.Image

from examples import custom_stage
from examples.astronaut import LANDMARKS, masked_astronaut


def test_custom_stages_take_the_mask_off(tmp_path, capsys):
    custom_stage.main(["--output", str(tmp_path)])
    before, after = np.hsplit(np.asarray(PIL.Image.open(tmp_path / "custom_stage.png")), 2)
    _, hole = masked_astronaut("surgical", seed=3)
    centre = tuple(np.rint(LANDMARKS[51]).astype(int)[::-1])
    assert hole[centre]
    blueness = [int(picture[centre][2]) - int(picture[centre][0]) for picture in (before, after)]
    assert blueness[0] > 40
    assert blueness[1] < 20
    assert str(tmp_path / "custom_stage.png") in capsys.readouterr().out
    custom_stage.main(["--output", str(tmp_path)])
