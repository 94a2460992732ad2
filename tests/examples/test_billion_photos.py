"""The plan for a billion photos holds when it is played through, and the docs show what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from examples.billion_photos import Work, limits, plan, report, simulate


@pytest.mark.parametrize(
    "work",
    [
        Work(),
        Work(machines=20, hours_to_loss=6.0, rate=10.0, photos=1e8),
        Work(photos=10_000_001, shard=1000, machines=50, hours_to_loss=1e9),
    ],
)
def test_the_plan_agrees_with_the_simulation(work):
    planned, (played, written) = plan(work), simulate(work)
    assert played.hours == pytest.approx(planned.hours, rel=0.03)
    assert played.losses == pytest.approx(planned.losses, abs=4 * np.sqrt(planned.losses) + 1)
    assert played.redone == pytest.approx(planned.redone, rel=0.3, abs=2 * work.part)
    assert written.sum() == work.photos
    assert (written[:-1] == work.shard).all()
    assert simulate(work)[0] == played


def test_without_losses_the_hours_are_photos_over_rate():
    work = Work(photos=3_600_000, rate=10.0, machines=10, shard=1000, hours_to_loss=1e12)
    played, _ = simulate(work)
    assert played.hours == pytest.approx(10.0)
    assert (played.losses, played.redone) == (0, 0)


def test_limits_are_where_the_storage_is_full():
    work = Work(megabytes=2.0, rate=100.0, store_gigabytes=40.0, store_requests=3000.0, part=50)
    found = limits(work)
    assert found["the storage's bytes"] == pytest.approx(100)
    assert found["the storage's requests, photos as files"] == pytest.approx(10)
    assert found["the storage's requests, photos as tables"] == pytest.approx(500)
    assert "<- with these" in report(replace(work, photos=1e6, machines=101))


def test_the_docs_show_what_the_example_prints():
    page = Path("examples/documentation/cookbook/cluster.md").read_text(encoding="utf-8")
    assert report(Work()) in page
