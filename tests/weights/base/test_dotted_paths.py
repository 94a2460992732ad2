from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inpainter.holes.registry import create_holes
from inpainter.losses.registry import create_loss
from inpainter.registry import create_discriminator, create_model
from inpainter.training.face_data import create_mask_source
from inpainter.training.recipe import read_recipe
from pipeline.configuration import read_configuration
from pipeline.stages.registry import create_stage
from weights.base.dotted_paths import import_component
from weights.base.errors import ConfigurationError

ROOT = Path(__file__).parents[3]

MAKERS = {
    "holes": create_holes,
    "loss": create_loss,
    "masks": create_mask_source,
    "network": lambda spec: create_model(**spec),
    "discriminator": lambda spec: create_discriminator(**spec),
    **{
        kind: lambda spec, kind=kind: create_stage(kind, spec)
        for kind in ("detector", "refiner", "inpainter", "blender")
    },
}

RUNNING = [
    {"name": "subprocess:Popen", "args": "touch {mark}", "shell": True},
    {"name": "subprocess:run", "args": "touch {mark}", "shell": True},
    {"name": "os:system", "command": "touch {mark}"},
    {"name": "builtins:exec", "source": "open('{mark}', 'w')"},
    {"name": "functools:partial", "func": "x"},
    {"name": "torch:load", "f": "{mark}"},
    {"name": "torch.hub:load", "repo_or_dir": "{mark}", "model": "x"},
    {"name": "numpy:save", "file": "{mark}", "arr": [1]},
    {"name": "numpy:ndarray", "shape": [2]},
]


@pytest.mark.parametrize("spec", RUNNING, ids=lambda spec: spec["name"])
@pytest.mark.parametrize("maker", MAKERS)
def test_only_what_fits_the_component_is_made(tmp_path, maker, spec):
    mark = tmp_path / "ran"
    spec = {
        key: value.replace("{mark}", str(mark)) if isinstance(value, str) else value
        for key, value in spec.items()
    }
    with pytest.raises(ConfigurationError, match=spec["name"]):
        MAKERS[maker](spec)
    assert list(tmp_path.iterdir()) == []


def test_components_that_fit_are_made():
    face = "detector.synthesis.holes:FaceMaskHoles"
    assert type(create_holes(face)).__name__ == "FaceMaskHoles"
    assert create_loss({"name": "inpainter.losses.reconstruction:L1Loss", "region": "hole"})
    assert create_model("inpainter.networks.unet:UNetCompletionNetwork", width=4)
    assert import_component("x", face).__name__ == "FaceMaskHoles"


PLANTED = "open('ran', 'w').close()\ndef complete(crop, hole):\n    return crop\n"


def run_here(folder, program, *arguments):
    environment = {**os.environ, "PYTHONPATH": ""}
    # -m and -c put the working directory first; the repository is put last by the program itself.
    text = f"import sys; sys.path.append({str(ROOT)!r})\n{program}"
    return subprocess.run(
        [sys.executable, "-c", text, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


READ = """
from weights.base.errors import ConfigurationError
try:
    {call}
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "from pipeline import Pipeline; Pipeline.from_config('file.yaml')",
            "inpainter: planted:complete",
        ),
        (
            "from inpainter.training import read_recipe; read_recipe('file.yaml')",
            "network: {name: unet}\nholes: {face: {name: 'planted:complete'}}",
        ),
    ],
)
def test_a_file_cannot_have_code_of_the_working_directory_imported(tmp_path, call, text):
    (tmp_path / "planted.py").write_text(PLANTED)
    (tmp_path / "file.yaml").write_text(text)
    done = run_here(tmp_path, READ.format(call=call))
    assert "'planted:complete', which is in the working directory" in done.stdout, done.stderr
    assert not (tmp_path / "ran").exists()


def test_what_is_named_on_the_command_line_is_imported_from_the_working_directory(tmp_path):
    (tmp_path / "planted.py").write_text(PLANTED)
    program = (
        "sys.path = [one for one in sys.path if one]\n"
        "from pipeline.commands.stage_options import StageOptions\n"
        "from pipeline.stages.registry import create_stage\n"
        "chosen = StageOptions(inpainter=sys.argv[1]).arguments()\n"
        "print(create_stage('inpainter', chosen['inpainter']))"
    )
    done = run_here(tmp_path, program, "planted:complete")
    assert "inpainter 'complete'" in done.stdout, done.stderr
    assert (tmp_path / "ran").exists()


def test_a_recipe_that_runs_a_command_is_refused(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "holes: {face: {name: 'subprocess:Popen', shell: true, "
        f"args: 'touch {tmp_path}/ran'}}}}\n"
        "network: {name: unet, width: 8}\nlosses: [{name: l1, weight: 1.0}]\n"
        "phases: [{steps: 1, size: 64, batch: 1}]\n"
    )
    recipe = read_recipe(path)
    with pytest.raises(ConfigurationError, match="Python's standard library"):
        create_holes(recipe.holes.face)
    assert not (tmp_path / "ran").exists()


def test_a_configuration_of_a_stage_that_is_installed_is_read(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("inpainter: inpainter.classical:TeleaInpainter\n")
    assert read_configuration(path) == {"inpainter": "inpainter.classical:TeleaInpainter"}


def test_in_a_checkout_our_own_components_are_ours_and_in_a_strangers_folder_they_are_not(tmp_path):
    program = (
        "from weights.base.dotted_paths import refuse_working_directory\n"
        "refuse_working_directory({'holes': 'detector.synthesis.holes:FaceMaskHoles'}, 'a.yaml')"
    )
    # Without the path that `run_here` adds: the working directory alone makes them be found.
    own = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert own.returncode == 0, own.stderr
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "__init__.py").write_text("", encoding="utf-8")
    refused = run_here(tmp_path, program)
    assert "'detector.synthesis.holes:FaceMaskHoles', which is in the working" in refused.stderr


OTHERS = ["torch:load", "torch.serialization:load", "numpy:load", "cv2:imread", "ultralytics:YOLO"]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("maker", MAKERS)
def test_a_package_for_other_ends_gives_no_component_by_its_arguments_alone(maker, name):
    with pytest.raises(
        ConfigurationError, match=f"^'{name}' is not a valid .*package .* not made for "
    ):
        MAKERS[maker]({"name": name})


def installed(folder, name, metadata, points=""):
    (folder / f"{name}.py").write_text(
        "from torch import load\nclass Stage:\n    def complete(self, crops, holes):\n"
        "        return crops\ndef complete(crop, hole):\n    return crop\n"
    )
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}"
    )
    (about / "entry_points.txt").write_text(points)
    (about / "RECORD").write_text(f"{name}.py,,\n")


def test_installed_functions_are_stages_where_their_package_is_for_unmask(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    site.mkdir()
    installed(site, "stranger_of_unmask", "Requires-Dist: numpy\n")
    installed(site, "friend_of_unmask", "Requires-Dist: unmask>=0.1\n")
    installed(site, "plugin_of_unmask", "", "[unmask.inpainters]\nmine = plugin_of_unmask:Stage\n")
    monkeypatch.syspath_prepend(site)
    with pytest.raises(ConfigurationError, match="'stranger_of_unmask' was not made for unmask"):
        create_stage("inpainter", "stranger_of_unmask:complete")
    for name in ("friend_of_unmask:complete", "plugin_of_unmask:complete"):
        assert create_stage("inpainter", name).function([1], None) == [1]
    # What says by its method that it is a stage needs nothing else.
    assert create_stage("inpainter", "stranger_of_unmask:Stage").complete([1], [2]) == [1]
    with pytest.raises(ConfigurationError, match="'torch' was not made for unmask"):
        create_stage("inpainter", "friend_of_unmask:load")


def test_own_functions_outside_of_installed_packages_are_stages(tmp_path, monkeypatch):
    (tmp_path / "own_stage.py").write_text(
        "from torch import load\ndef complete(crop, hole):\n    return crop\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert create_stage("inpainter", "own_stage:complete").function([1], None) == [1]
    with pytest.raises(ConfigurationError, match="'torch' was not made for unmask"):
        create_stage("detector", "own_stage:load")
    with pytest.raises(ConfigurationError, match="only classes are components"):
        create_stage("refiner", "weights.base.atomic:atomic_path")
