"""Working through files: groups, threads, order, and what exists already."""

import json
import threading
import time

import numpy as np
import pytest

from pipeline import Pipeline
from pipeline.result import UnmaskResult
from pipeline.run import batch
from pipeline.run.batch import unmask_files
from pipeline.run.folder import find_files, plan_jobs
from pipeline.run.outputs import Outputs
from tests.pipeline.colour_stages import STAGES, masked_scene
from weights.base.errors import ConfigurationError, InputError
from weights.images import read_picture, write_picture
from weights.images.mark_reader import read_mark

SUFFIXES = ("jpg", "png", "webp", "tif")


@pytest.fixture
def folder(tmp_path):
    for index in range(12):
        patches = [(10 + index, 12, 34, 30)] if index % 4 else []
        picture = masked_scene((48 + index, 60), patches, seed=index)
        suffix = SUFFIXES[1 + 2 * (index % 2)]
        write_picture(tmp_path / "in" / f"{index:02}.{suffix}", picture)
    return tmp_path / "in"


def jobs_of(folder, target, **options):
    return plan_jobs(find_files([folder]), target, **options)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Recorder:
    """Stands in for a pipeline that finds nothing, and notes its groups."""

    def __init__(self):
        self.groups = []

    def run(self, images, masks=None, references=None):
        self.groups.append([image.shape[0] * image.shape[1] for image in images])
        return [UnmaskResult(image, [], np.zeros(image.shape[:2], bool)) for image in images]


def test_results_do_not_depend_on_threads_and_batch(folder, tmp_path):
    pipeline = Pipeline(**STAGES)
    outputs = Outputs(save_mask=True, side_by_side=True, models=("a", "b"))
    made = []
    ways = [(1, 1, 1), (1, 4, 2), (5, 3, 2), (100, 8, 1)]
    for index, (together, workers, groups) in enumerate(ways):
        target = tmp_path / f"out{index}"
        jobs = jobs_of(folder, target)
        outcomes = list(
            unmask_files(pipeline, jobs, outputs, batch=together, workers=workers, groups=groups)
        )
        assert [outcome.job.output.stem for outcome in outcomes] == [f"{i:02}" for i in range(12)]
        assert {outcome.status for outcome in outcomes} == {"done", "no mask found"}
        made.append(contents(target))
    assert len(made[0]) == 36
    assert made[0] == made[1] == made[2] == made[3]


def test_memory_is_bounded_by_small_groups(folder, tmp_path, monkeypatch):
    recorder = Recorder()
    jobs = jobs_of(folder, tmp_path / "out")
    statuses = [outcome.status for outcome in unmask_files(recorder, jobs, batch=5)]
    assert statuses == ["no mask found"] * 12
    assert [len(group) for group in recorder.groups] == [5, 5, 2]
    monkeypatch.setattr(batch, "MOST_PIXELS", 10)
    recorder.groups.clear()
    list(unmask_files(recorder, jobs, Outputs(existing="replace"), batch=5))
    assert [len(group) for group in recorder.groups] == [1] * 12


def test_reading_goes_on_while_the_pipeline_works(folder, tmp_path, monkeypatch):
    read, working = [], threading.Event()

    def note(source, **options):
        read.append(source.name)
        return read_picture(source, **options)

    class Slow(Recorder):
        def run(self, images, masks=None, references=None):
            if not working.is_set():
                working.set()
                deadline = time.perf_counter() + 5
                while len(read) < 4 and time.perf_counter() < deadline:
                    time.sleep(0.01)
                assert len(read) >= 4
            return super().run(images, masks, references)

    monkeypatch.setattr(batch, "read_picture", note)
    outcomes = list(unmask_files(Slow(), jobs_of(folder, tmp_path / "out"), batch=3, workers=2))
    assert {outcome.status for outcome in outcomes} == {"no mask found"}


def test_one_picture_that_cannot_be_worked_on_does_not_spoil_its_group(folder, tmp_path):
    class Picky(Recorder):
        def run(self, images, masks=None, references=None):
            if any(image.shape[0] == 51 for image in images):
                raise RuntimeError("not\nthis one")
            return super().run(images, masks, references)

    outcomes = list(unmask_files(Picky(), jobs_of(folder, tmp_path / "out"), batch=6))
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert [outcome.job.source.stem for outcome in failed] == ["03"]
    assert failed[0].reason == "RuntimeError: not this one"
    assert len(contents(tmp_path / "out")) == 11


def test_a_stage_that_cannot_be_made_ends_everything(folder, tmp_path):
    class Broken:
        def run(self, images, masks=None, references=None):
            raise ConfigurationError("No such stage.")

    with pytest.raises(ConfigurationError):
        list(unmask_files(Broken(), jobs_of(folder, tmp_path / "out")))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"batch": 0}, {"workers": 0}, {"batch": True}])
def test_numbers_are_checked_at_once(options):
    with pytest.raises(InputError, match="whole number from 1"):
        unmask_files(Recorder(), [], **options)


def test_threads_end_when_nobody_takes_the_results_any_more(folder, tmp_path):
    work = unmask_files(Recorder(), jobs_of(folder, tmp_path / "out"), batch=2, workers=3)
    next(work)
    work.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("unmask")]


class TestWhatExists:
    everything = Outputs(save_mask=True, side_by_side=True, save_report=True, models=("m",))

    def work(self, folder, target, outputs):
        jobs = jobs_of(folder, target)
        return list(unmask_files(Pipeline(**STAGES), jobs, outputs))

    def with_existing(self, existing):
        return Outputs(
            save_mask=True, side_by_side=True, save_report=True, models=("m",), existing=existing
        )

    def test_every_picture_has_all_its_files(self, folder, tmp_path):
        outcomes = self.work(folder, tmp_path / "out", self.everything)
        assert len(contents(tmp_path / "out")) == 48
        for outcome in outcomes:
            assert outcome.written[0] == outcome.job.output
            assert len(outcome.written) == 4
            report = json.loads(
                outcome.job.output.with_name(f"{outcome.job.output.name}.report.json").read_text()
            )
            assert report["status"] == outcome.status
            assert report["models"] == ["m"]
            marked = read_mark(outcome.written[0]) is not None
            assert marked == (outcome.status == "done")
            assert (read_mark(outcome.written[2]) is not None) == marked  # before and after

    def test_skipping_goes_by_the_result_alone(self, folder, tmp_path):
        target = tmp_path / "out"
        self.work(folder, target, Outputs())
        before = contents(target)
        outcomes = self.work(folder, target, self.everything)
        assert {outcome.status for outcome in outcomes} == {"skipped"}
        assert contents(target) == before

    def test_a_file_in_the_way_is_named_before_any_work(self, folder, tmp_path):
        target = tmp_path / "out"
        write_picture(target / "01.tif.hole.png", np.ones((4, 4), bool))
        outcomes = self.work(folder, target, self.everything)
        failed = [outcome for outcome in outcomes if outcome.status == "failed"]
        assert [outcome.job.source.name for outcome in failed] == ["01.tif"]
        assert "--resume keeps it" in failed[0].reason
        assert [name for name in contents(target) if name.startswith("01.")] == ["01.tif.hole.png"]

    def test_completing_makes_what_is_missing_and_touches_nothing_else(self, folder, tmp_path):
        target = tmp_path / "out"
        self.work(folder, target, self.everything)
        whole = contents(target)
        missing = ["01.tif", "02.png.hole.png", "04.png.side_by_side.png"]
        for name in missing:
            (target / name).unlink()
        kept = {path: path.stat().st_mtime_ns for path in target.iterdir()}
        outcomes = self.work(folder, target, self.with_existing("complete"))
        worked = [one.job.output.name for one in outcomes if one.status != "skipped"]
        assert worked == ["01.tif", "02.png", "04.png"]
        assert sorted(path.name for one in outcomes for path in one.written) == missing
        assert contents(target) == whole
        assert {path: path.stat().st_mtime_ns for path in kept} == kept

    def test_replacing_makes_all_anew(self, folder, tmp_path):
        target = tmp_path / "out"
        self.work(folder, target, self.everything)
        (target / "01.tif").write_bytes(b"spoilt")
        outcomes = self.work(folder, target, self.with_existing("replace"))
        assert {outcome.status for outcome in outcomes} == {"done", "no mask found"}
        assert (target / "01.tif").stat().st_size > 100

    def test_what_cannot_be_written_leaves_nothing_behind(self, folder, tmp_path):
        alpha = np.dstack([masked_scene((40, 50), [(5, 5, 20, 20)]), np.full((40, 50), 9, "u1")])
        write_picture(tmp_path / "alpha" / "a.png", alpha)
        jobs = jobs_of(tmp_path / "alpha", tmp_path / "out", format="jpg")
        (outcome,) = unmask_files(Pipeline(**STAGES), jobs, self.everything)
        assert outcome.status == "failed"
        assert "no transparency" in outcome.reason
        assert contents(tmp_path / "out") == {}


@pytest.mark.parametrize("outputs", [Outputs(), Outputs(save_mask=True, existing="complete")])
def test_two_runs_into_one_folder_share_the_work(folder, tmp_path, outputs):
    target = tmp_path / "out"
    jobs = jobs_of(folder, target)
    alone = list(unmask_files(Pipeline(**STAGES), jobs_of(folder, tmp_path / "alone"), outputs))
    ended = {}

    def run(name):
        ended[name] = list(unmask_files(Pipeline(**STAGES), jobs, outputs, batch=2, workers=2))

    runs = [threading.Thread(target=run, args=[name]) for name in "ab"]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    for first, second, expected in zip(ended["a"], ended["b"], alone, strict=True):
        assert {first.status, second.status} <= {expected.status, "skipped"}
        assert expected.status in (first.status, second.status)
    made, expected = contents(target), contents(tmp_path / "alone")
    assert made.keys() == expected.keys()
    assert all(made[name] == expected[name] for name in made if name.endswith("hole.png"))


def test_what_appears_while_a_picture_is_worked_on_is_kept(folder, tmp_path):
    (job, *_) = jobs_of(folder, tmp_path / "out")

    class Slow(Recorder):
        def run(self, images, masks=None, references=None):
            job.output.parent.mkdir()
            job.output.write_bytes(b"made by another run")
            return super().run(images, masks, references)

    (outcome,) = unmask_files(Slow(), [job])
    assert (outcome.status, outcome.reason) == (
        "skipped",
        "another run has written it in the meantime",
    )
    assert job.output.read_bytes() == b"made by another run"


def test_a_picture_that_goes_on_the_way_is_named(folder, tmp_path):
    (job, *_) = jobs_of(folder, tmp_path / "out")

    class Takes(Recorder):
        def run(self, images, masks=None, references=None):
            job.source.unlink()
            return super().run(images, masks, references)

    (outcome,) = unmask_files(Takes(), [job])
    assert outcome.status == "failed"
    assert outcome.reason == f"{job.source} cannot be read or written: No such file or directory."


def test_groups_that_are_at_work_at_once_share_the_cores(folder, tmp_path):
    import torch

    met, seen = threading.Barrier(2, timeout=60), []

    class Meeting(Recorder):
        def run(self, images, masks=None, references=None):
            seen.append(torch.get_num_threads())
            met.wait()
            return super().run(images, masks, references)

    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        jobs = jobs_of(folder, tmp_path / "out")
        outcomes = list(unmask_files(Meeting(), jobs, batch=1, groups=2))
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
    # None of the twelve would be done if it were not met by another.
    assert {outcome.status for outcome in outcomes} == {"no mask found"}
    assert [outcome.job.output.stem for outcome in outcomes] == [f"{i:02}" for i in range(12)]
    assert set(seen) == {2}
