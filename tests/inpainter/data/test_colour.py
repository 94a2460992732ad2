"""Changes of colour and light, made to a whole batch at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpainter.data.colour import change_colours, draw_colour_change, to_pictures

UNCHANGED = (1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def changed(pictures: torch.Tensor, **values: float) -> torch.Tensor:
    """Change every picture by these numbers of the change, named `p0` to `p12`."""
    change = list(UNCHANGED)
    for name, value in values.items():
        change[int(name[1:])] = value
    return change_colours(pictures, torch.tensor([change]).expand(len(pictures), -1))


def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


def test_no_change_changes_nothing() -> None:
    torch.testing.assert_close(changed(pictures()), pictures())
    assert draw_colour_change(np.random.default_rng(1), 0.0, 0.0, 0.0).tolist() == list(UNCHANGED)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("p0", 2.0, (0.04, 0.25, 0.64)),
        ("p1", 1.2, (0.14, 0.5, 0.86)),
        ("p2", 0.1, (0.3, 0.6, 0.9)),
        ("p4", 0.5, (0.2, 0.25, 0.8)),
        ("p6", 1.0, (0.4445, 0.4445, 0.4445)),
    ],
)
def test_each_number_changes_what_it_names(
    name: str, value: float, expected: tuple[float, ...]
) -> None:
    level = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    found = (changed(level * 2.0 - 1.0, **{name: value}) + 1.0) / 2.0
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor(expected), atol=1e-3, rtol=0.0)


def test_light_slopes_across_and_down_in_each_colour() -> None:
    flat = torch.full((1, 3, 5, 5), 0.0)
    across = (changed(flat, p7=0.4) + 1.0) / 2.0
    torch.testing.assert_close(across[0, 0, 3], torch.tensor([0.3, 0.4, 0.5, 0.6, 0.7]))
    assert (across[0, 1:] == 0.5).all()
    down = (changed(flat, p12=0.4) + 1.0) / 2.0
    torch.testing.assert_close(down[0, 2, :, 1], torch.tensor([0.3, 0.4, 0.5, 0.6, 0.7]))
    assert (down[0, :2] == 0.5).all()


def test_whatever_is_drawn_stays_in_range_and_differs_by_picture() -> None:
    random = np.random.default_rng(0)
    drawn = [draw_colour_change(random, 0.9, 0.5, 0.9) for _ in range(32)]
    assert all(one.shape == (13,) and one.dtype == np.float32 for one in drawn)
    assert 8 <= sum(one[6] == 1.0 for one in drawn) <= 24
    found = change_colours(pictures()[:1].expand(32, -1, -1, -1), torch.tensor(np.stack(drawn)))
    assert torch.isfinite(found).all() and found.min() >= -1.0 and found.max() <= 1.0
    assert len({float(one.mean()) for one in found}) == 32


def test_a_batch_is_pictured_with_and_without_changes() -> None:
    pixels = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3)
    batch = {"image": pixels, "masked": 255 - pixels}
    plain = to_pictures(batch)
    torch.testing.assert_close(plain, pixels.permute(0, 3, 1, 2) / 127.5 - 1.0)
    assert plain.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(to_pictures(batch, "masked"), -plain)
    darker = torch.tensor([UNCHANGED, UNCHANGED])
    darker[1, 2] = -0.2
    found = to_pictures({**batch, "colours": darker})
    torch.testing.assert_close(found[0], plain[0])
    assert found[1].mean() < plain[1].mean()


def test_all_of_it_happens_on_the_device_of_the_pictures() -> None:
    changes = torch.tensor([UNCHANGED, UNCHANGED], device="meta")
    found = change_colours(pictures().to("meta"), changes)
    assert found.device.type == "meta" and found.shape == pictures().shape
