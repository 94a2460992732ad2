"""What `unmask run` says at its end."""

from pathlib import Path

import pytest

from pipeline.commands.summary import make_report, print_summary
from pipeline.run.folder import Job
from pipeline.run.outcome import Outcome


def outcomes(status, count, reason=""):
    return [
        Outcome(Job(Path(f"in/{status}{index}.png"), Path(f"out/{index}.png")), status, reason)
        for index in range(count)
    ]


def summary(capsys, listed, passed_over=(), *, seconds=10.0, resumed=False):
    print_summary(listed, passed_over, output=Path("out"), seconds=seconds, resumed=resumed)
    return capsys.readouterr().out


def test_every_failure_is_named_and_the_rest_is_cut(capsys):
    listed = outcomes("no mask found", 50) + outcomes("failed", 60, "It is broken.")
    out = summary(capsys, listed)
    assert out.count("It is broken.") == 60
    assert out.splitlines()[0].startswith("in/failed0.png")
    assert "... and 50 more; --json lists all." in out
    assert "\nfailed         60  named above\n" in out


def test_what_went_well_is_counted_and_not_listed(capsys):
    out = summary(capsys, outcomes("done", 30) + outcomes("skipped", 5), [Path("notes.txt")])
    assert "done0" not in out
    assert out.splitlines() == [
        "done        30  what was filled in is a guess, not evidence of who the person is",
        "skipped      5  the result exists; --overwrite replaces it",
        "no picture   1  skipped: by its suffix neither a picture nor a video",
        "30 written to out in 10.0 s, 3.0 a second.",
    ]


def test_a_single_result_is_named(capsys):
    out = summary(capsys, outcomes("done", 1) + outcomes("skipped", 3))
    assert out.splitlines()[-1] == f"Written to {Path('out/0.png')} in 10.0 s."


def test_what_could_not_be_kept_is_told(capsys):
    assert "in/done0.png  done  16 bits became 8." in summary(
        capsys, outcomes("done", 1, "16 bits became 8.")
    )


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(5.0, "in 5.0 s, 2.5 s each"), (125, "in 2 min 5 s"), (7260, "in 2 h 1 min")],
)
def test_times_are_said_in_words(capsys, seconds, says):
    assert says in summary(capsys, outcomes("done", 2), seconds=seconds)


def test_a_resumed_run_says_that_nothing_was_left(capsys):
    out = summary(capsys, outcomes("skipped", 5), resumed=True)
    assert "skipped  5  finished before\nNothing was left to do: the results are in out." in out
    out = summary(capsys, outcomes("failed", 1, "Broken."), resumed=True)
    assert "There was nothing else to do" in out


def test_a_report_lists_pictures_and_videos_apart():
    video = Outcome(Job(Path("a.mp4"), Path("b.mp4"), video=True), "done", frames=7)
    report = make_report([*outcomes("done", 2), video], [Path("x.txt")], complete=True)
    assert (len(report["pictures"]), report["videos"][0]["frames"]) == (2, 7)
    assert report["no_pictures"] == ["x.txt"]
    assert report["counts"] == {
        "done": 3, "no mask found": 0, "skipped": 0, "failed": 0, "no picture": 1,
    }  # fmt: skip
