"""`unmask run --engine ray`, with a cluster that does nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from pipeline.cluster import unmasking
from pipeline.cluster.rows import RowOutcome
from pipeline.command_line import app


@pytest.mark.parametrize("output", ["s3://bucket/unmasked", "gs://bucket/a/b/", "results"])
def test_the_output_is_taken_as_it_is_written(monkeypatch, output):
    given = []

    def unmask_dataset(source, target, *, on_outcome, **_options):
        given.extend([source, target])
        on_outcome(RowOutcome("a.jpg", "s3://bucket/photos/a.jpg", "done"))
        return SimpleNamespace(counts={"done": 1})

    monkeypatch.setattr(unmasking, "unmask_dataset", unmask_dataset)
    called = ["run", "s3://bucket/photos", "-o", output, "--engine", "ray", "--json"]
    done = CliRunner().invoke(app, called)
    assert done.exit_code == 0, done.output
    assert given == [["s3://bucket/photos"], output]
    [picture] = json.loads(done.stdout)["pictures"]
    assert picture["output"] == ("results/a.jpg" if output == "results" else "a.jpg")
