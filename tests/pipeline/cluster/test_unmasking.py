"""Many pictures on Ray Data: nothing lost, nothing twice, and the same as in one process."""

import json
from collections import Counter
from importlib.util import find_spec

import numpy as np
import PIL.Image
import pytest
import torch
from typer.testing import CliRunner

from examples.astronaut import masked_astronaut
from pipeline import Pipeline
from pipeline.cluster.ray_runtime import load_ray
from pipeline.cluster.unmasking import unmask_dataset
from pipeline.run.batch import unmask_files
from pipeline.run.folder import find_files, plan_jobs
from pipeline.run.outputs import Outputs
from tests.pipeline.colour_stages import STAGES, masked_scene
from weights.base.errors import WeightsError
from weights.images import write_picture
from weights.images.mark_reader import read_mark

# It is not imported here: `load_ray` does that, and before it sees to what Ray tells.
if find_spec("ray") is None:
    pytest.skip("Ray Data, the extra `ray` of 0.5 GB, is not installed", allow_module_level=True)


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One Ray for all tests here: two workers and what reads and writes."""
    ray = load_ray()
    ray.init(
        address="local",
        num_cpus=3,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=200_000_000,
    )
    yield
    ray.shutdown()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def in_one_process(source, target, **stages):
    pipeline = Pipeline(**stages)
    outputs = Outputs(models=tuple(pipeline.model_names()))
    jobs = plan_jobs(find_files([source]), target)
    threads = torch.get_num_threads()
    # As workers do it: rounding differs in larger batches and on more threads, by a grey level.
    torch.set_num_threads(1)
    try:
        outcomes = list(unmask_files(pipeline, jobs, outputs, batch=1))
    finally:
        torch.set_num_threads(threads)
    return Counter(outcome.status for outcome in outcomes)


@pytest.fixture
def scenes(tmp_path):
    for index in range(5):
        patches = [(10, 12, 34, 30)] if index else []
        picture = masked_scene((48 + index, 60), patches, seed=index)
        write_picture(tmp_path / "in" / "sub" / f"{index}.png", picture)
    return tmp_path / "in"


def test_a_killed_worker_loses_nothing_and_repeats_nothing(tmp_path):
    scene, _ = masked_astronaut()
    for index in range(60):
        side = 120 + 2 * index
        picture = PIL.Image.fromarray(scene).resize((side, side), PIL.Image.Resampling.LANCZOS)
        write_picture(tmp_path / "in" / f"{index:02}.{('png', 'jpg')[index % 2]}", picture)
    expected = in_one_process(tmp_path / "in", tmp_path / "one", device="cpu")
    assert expected["done"] > 40
    tomb = tmp_path / "tomb"
    mortal = "tests.pipeline.cluster.mortal_detector:MortalDetector"
    told = []
    report = unmask_dataset(
        tmp_path / "in",
        tmp_path / "many",
        workers=2,
        on_outcome=told.append,
        detector={"name": mortal, "tomb": str(tomb)},
        device="cpu",
    )
    assert tomb.exists()
    assert report.counts == dict(expected)
    assert report.errors is None
    assert sorted(one.name for one in told) == sorted(contents(tmp_path / "in"))
    one, many = contents(tmp_path / "one"), contents(tmp_path / "many")
    assert sorted(one) == sorted(many)
    for name in one:
        alone = PIL.Image.open(tmp_path / "one" / name)
        shared = PIL.Image.open(tmp_path / "many" / name)
        assert np.array_equal(np.asarray(alone), np.asarray(shared)), name
    mark = read_mark(tmp_path / "many" / "40.png")
    assert mark is not None
    assert mark.models[-1] == "gated"


def test_a_run_goes_on_and_bad_pictures_are_told(scenes, tmp_path):
    (scenes / "sub" / "bad.png").write_bytes(b"no picture")
    target = tmp_path / "out"
    write_picture(target / "sub" / "3.png", np.zeros((4, 4, 3), np.uint8))
    before = (target / "sub" / "3.png").read_bytes()
    told = []
    report = unmask_dataset(scenes, target, workers=1, on_outcome=told.append, **STAGES)
    assert report.counts == {"done": 3, "no mask found": 1, "skipped": 1, "failed": 1}
    (bad,) = [one for one in told if one.status == "failed"]
    assert bad.error == "sub/bad.png is not a picture, or has a format that unmask cannot read."
    assert report.errors == str(target / "_errors.csv")
    lines = (target / "_errors.csv").read_text().splitlines()
    assert lines[0] == "name,source,error"
    assert lines[1].startswith(f"sub/bad.png,{scenes / 'sub' / 'bad.png'},")
    assert (target / "sub" / "3.png").read_bytes() == before
    in_one_process(scenes, tmp_path / "one", **STAGES)
    one, many = contents(tmp_path / "one"), contents(target)
    del many["_errors.csv"], many["sub/3.png"], one["sub/3.png"]
    assert one == many

    (scenes / "sub" / "bad.png").unlink()
    again = unmask_dataset(scenes, target, workers=1, overwrite=True, **STAGES)
    assert again.counts == {"done": 4, "no mask found": 1}
    assert not (target / "_errors.csv").exists()
    faces = {one.name: len(one.faces) for one in told if one.status == "done"}
    assert faces == {"sub/1.png": 1, "sub/2.png": 1, "sub/4.png": 1}


def test_tables_are_read_and_written(scenes, tmp_path):
    import pyarrow
    import pyarrow.parquet

    pictures = {
        f"people/{index}": (scenes / "sub" / f"{index}.png").read_bytes() for index in range(5)
    }
    rows = {
        "name": [*pictures, "nothing"],
        "photo": [*({"bytes": content, "path": None} for content in pictures.values()), None],
        "camera": ["a"] * 6,
    }
    pyarrow.parquet.write_table(pyarrow.table(rows), tmp_path / "in.parquet")
    target = tmp_path / "out"
    arguments = {"column": "photo", "results": "table", "workers": 1, **STAGES}
    report = unmask_dataset(tmp_path / "in.parquet", target, **arguments)
    assert report.counts == {"done": 4, "no mask found": 1, "failed": 1}
    table = pyarrow.parquet.read_table(target)
    made = {row["name"]: row for row in table.to_pylist()}
    assert len(made) == table.num_rows == 6
    assert made["nothing"]["image"] is None
    assert made["nothing"]["error"] == "The column 'photo' does not hold a picture file here."
    in_one_process(scenes, tmp_path / "one", **STAGES)
    for name in pictures:
        assert made[name]["image"] == (tmp_path / "one/sub" / f"{name[-1]}.png").read_bytes()
        assert made[name]["error"] is None
    assert json.loads(made["people/1"]["faces"])[0]["box"] == [10, 12, 34, 30]

    parts = contents(target)
    assert unmask_dataset(tmp_path / "in.parquet", target, **arguments).counts == {"skipped": 6}
    assert {name: parts[name] for name in parts if name.endswith(".parquet")} == {
        name: content for name, content in contents(target).items() if name.endswith(".parquet")
    }


def test_a_stage_that_cannot_be_made_ends_the_work_with_its_sentence(scenes, tmp_path):
    stages = STAGES | {"inpainter": {"name": "gated", "weights": str(tmp_path / "no.safetensors")}}
    with pytest.raises(WeightsError, match=r"no\.safetensors"):
        unmask_dataset(scenes, tmp_path / "out", workers=1, **stages)
    assert not (tmp_path / "out").exists()


def test_the_command_tells_what_became_of_each_file(scenes, tmp_path):
    from pipeline.command_line import app

    stages = {kind: f"tests.pipeline.colour_stages:{STAGES[kind].__name__}"
              for kind in ("detector", "refiner", "inpainter")}  # fmt: skip
    options = [word for kind, name in stages.items() for word in (f"--{kind}", name)]
    called = ["run", str(scenes), "-o", str(tmp_path / "out"), "--engine", "ray", "--workers", "1"]
    done = CliRunner().invoke(app, [*called, "--json", *options])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["counts"]["done"] == 4
    assert report["pictures"][1]["output"] == str(tmp_path / "out" / "sub" / "1.png")
    assert report["pictures"][1]["faces"][0]["box"] == [10, 12, 34, 30]


def test_nothing_is_told_to_the_makers_of_ray():
    from ray._common.usage.usage_lib import usage_stats_enabled
    from ray.data._internal.usage.collector import usage_collection_disabled

    assert not usage_stats_enabled()
    assert usage_collection_disabled()
    assert {node["NodeManagerAddress"] for node in load_ray().nodes()} == {"127.0.0.1"}
