"""What a worker does to the rows that it is given."""

import pytest

from pipeline import Pipeline
from tests.pipeline.colour_stages import STAGES, masked_scene
from weights.base.errors import WeightsError
from weights.images import encode_picture
from weights.images.mark_reader import read_mark

pytest.importorskip("pyarrow", reason="Arrow, which comes with the extra `ray`, is not installed")

from pipeline.cluster.attempts import Attempts
from pipeline.cluster.places import Place
from pipeline.cluster.rows import READ, TOLD, RowOutcome, raise_fault, table_of
from pipeline.cluster.steps import (
    Plan,
    UnmaskPictures,
    read_pictures,
    write_files,
    write_part,
)


def picture_row(name="a.bmp", form="BMP", side=48, **others):
    content = encode_picture(masked_scene((side, 60), [(10, 12, 34, 30)]), form)
    return {"name": name, "source": name, "content": content, "status": "", **others}


def unmasked(rows, plan):
    return UnmaskPictures(Pipeline(**STAGES), plan, threads=None)(table_of(rows, READ))


def told(table):
    assert tuple(table.column_names) == TOLD
    return [RowOutcome.from_row(row) for row in table.to_pylist()]


def test_a_step_that_is_done_again_finds_its_own_files(tmp_path):
    plan = Plan(Place.named(tmp_path))
    made = unmasked([picture_row()], plan)
    assert [one.status for one in told(write_files(made, plan))] == ["done"]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(path.name for path in before) == ["a.bmp", "a.bmp.xmp"]
    assert read_mark(tmp_path / "a.bmp") is not None
    again = told(write_files(made, plan))
    assert [(one.status, len(one.faces)) for one in again] == [("done", 1)]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "a.bmp").write_bytes(b"of another run")
    (other,) = told(write_files(made, plan))
    assert (other.status, other.note) == ("skipped", "another run has written it in the meantime")
    assert (tmp_path / "a.bmp").read_bytes() == b"of another run"


def test_a_part_is_written_under_the_same_name_each_time(tmp_path):
    plan = Plan(Place.named(tmp_path), table=True)
    made = unmasked([picture_row("b"), picture_row("a"), picture_row("c", status="skipped")], plan)
    first = told(write_part(made, plan))
    (part,) = tmp_path.iterdir()
    before = part.read_bytes()
    assert told(write_part(made, plan)) == first
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]
    assert [one.status for one in first] == ["done", "done", "skipped"]


def test_formats_are_changed_and_bad_rows_go_on(tmp_path):
    plan = Plan(Place.named(tmp_path), format="PNG", suffix=".png")
    rows = [picture_row("a.png"), picture_row("b.png", content=b"nothing")]
    made = unmasked([*rows, picture_row("c", status="failed", error="why")], plan).to_pylist()
    assert [row["status"] for row in made] == ["done", "failed", "failed"]
    assert made[0]["content"].startswith(b"\x89PNG")
    assert made[0]["beside"] is None
    assert made[1]["content"] is None
    assert made[1]["error"] == "b.png is not a picture, or has a format that unmask cannot read."
    assert made[2]["error"] == "why"


@pytest.mark.parametrize(
    ("name", "changes", "fault"),
    [
        ("../a.png", {}, "is not a valid file name inside the output"),
        ("/etc/a.png", {}, "is not a valid file name inside the output"),
        ("a", {}, "has no picture suffix"),
        ("clip.mp4", {"column": None}, "This is a video"),
    ],
)
def test_names_that_no_file_can_have(tmp_path, name, changes, fault):
    plan = Plan(Place.named(tmp_path), **{"column": "image", **changes})
    row = {"name": name, "source": name, "image": b"x"}
    (read,) = read_pictures(table_of_any(row), plan).to_pylist()
    assert read["status"] == "failed"
    assert fault in read["error"]


def table_of_any(row):
    import pyarrow

    return pyarrow.Table.from_pylist([row])


def test_names_get_the_suffix_of_the_format_and_finished_ones_are_skipped(tmp_path):
    plan = Plan(Place.named(tmp_path), column="image", format="PNG", suffix=".png")
    (tmp_path / "b.png").touch()
    rows = {name: {"name": name, "image": b"x"} for name in ("a", "a.jpg", "b.png")}
    read = [read_pictures(table_of_any(row), plan).to_pylist()[0] for row in rows.values()]
    assert [row["name"] for row in read] == ["a.png", "a.png", "b.png"]
    assert [row["status"] for row in read] == ["", "", "skipped"]
    table = Plan(Place.named(tmp_path), table=True, column="image", finished=frozenset({"a"}))
    assert read_pictures(table_of_any(rows["a"]), table).to_pylist()[0]["status"] == "skipped"


class Lost(BaseException):
    """Stands in for the death of a worker's process."""


def find_and_die(image):
    if image.shape[0] == 51:
        raise Lost
    return STAGES["detector"](image)


def test_a_picture_at_which_workers_are_lost_is_given_up_alone(tmp_path):
    attempts = Attempts()
    pipeline = Pipeline(**STAGES | {"detector": find_and_die})
    worker = UnmaskPictures(pipeline, Plan(Place.named(tmp_path)), None, attempts)
    rows = [picture_row(f"{side}.png", side=side) for side in (50, 51, 52)]
    for _ in range(3):
        with pytest.raises(Lost):
            worker(table_of(rows, READ))
    made = worker(table_of(rows, READ)).to_pylist()
    assert [row["status"] for row in made] == ["done", "failed", "done"]
    assert made[1]["error"] == "3 workers were lost at this picture."
    # What ended well has no past.
    assert attempts.begin(["50.png", "50.png alone"]) == [0, 0]


def test_what_keeps_all_from_being_done_reaches_the_caller(tmp_path):
    pipeline = Pipeline(
        **STAGES | {"inpainter": {"name": "gated", "weights": str(tmp_path / "no.safetensors")}}
    )
    plan = Plan(Place.named(tmp_path / "out"), table=True)
    made = UnmaskPictures(pipeline, plan, None)(table_of([picture_row()], READ))
    (row,) = write_part(made, plan).to_pylist()
    with pytest.raises(WeightsError, match=r"There is no weight file .*no\.safetensors"):
        raise_fault(row)
    assert not (tmp_path / "out").exists()
