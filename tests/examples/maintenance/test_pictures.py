from __future__ import annotations

import PIL.Image

from examples.maintenance import pictures


def test_the_pictures_of_the_readme_are_made(tmp_path):
    assert pictures.main(["--output", str(tmp_path)]) == 0
    for kind in pictures.KINDS:
        with PIL.Image.open(tmp_path / f"astronaut_{kind}.jpg") as picture:
            assert picture.size == (3 * 520, 520)
