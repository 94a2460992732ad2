"""`unmask weights push` and `pull`, with a folder in the place of the hub."""

from __future__ import annotations

import inspect
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import huggingface_hub
import pytest
import yaml
from typer.testing import CliRunner

from inpainter.registry import create_model
from inpainter.weight_files import save_completion_network
from pipeline.commands.weights import app
from pipeline.weight_files.recording import describe_weights
from weights.base.errors import (
    ConfigurationError,
    InputError,
    MissingDependencyError,
    OutputError,
    WeightsError,
)
from weights.catalog.lookup import get_record, verify
from weights.catalog.record import TrainingData
from weights.catalog.register import CatalogPlace, TrainingSources, register_weights

if TYPE_CHECKING:
    from pathlib import Path

REAL = huggingface_hub.HfApi


class FolderHub:
    """What is used of the hub's client, on folders; calls must fit the client's own signatures."""

    root: Path

    def __init__(self, **options: Any) -> None:
        inspect.signature(REAL).bind(**options)

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, name)
        if name.startswith("_") or not callable(own):
            return own

        def call(*arguments: Any, **options: Any) -> Any:
            inspect.signature(getattr(REAL, name)).bind(self, *arguments, **options)
            return own(*arguments, **options)

        return call

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
        folder = self.root / repo_id
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / ".private").write_text(str(private))
        assert exist_ok

    def list_repo_files(self, repo_id: str, *, revision: str | None = None) -> list[str]:
        folder = self.root / repo_id
        if not folder.exists():
            raise OSError("404 Client Error.\nRepository Not Found")
        return sorted(path.name for path in folder.iterdir())

    def create_commit(self, repo_id: str, operations: Any, *, commit_message: str) -> Any:
        for one in operations:
            with one.as_file() as content:
                (self.root / repo_id / one.path_in_repo).write_bytes(content.read())
        (self.root / repo_id / ".message").write_text(commit_message)
        return SimpleNamespace(commit_url=f"hub/{repo_id}/commit/1")

    def hf_hub_download(
        self, repo_id: str, filename: str, *, revision: str | None, local_dir: str
    ) -> str:
        return str(shutil.copy(self.root / repo_id / filename, local_dir))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    FolderHub.root = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub, "HfApi", FolderHub)
    return FolderHub.root


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog with the weights `unet.mine`."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("UNMASK_HOME", str(folder))
    file = tmp_path / "average.safetensors"
    network = create_model("unet", width=4)
    save_completion_network(network, file, name="unet", options={"width": 4}, input_size=32)
    register_weights(
        file,
        describe_weights(file),
        CatalogPlace("unet.mine", folder),
        trained_on=TrainingSources((TrainingData("Faces", "CC BY 4.0", "A. Photographer"),)),
        recipe="tiny",
        seed=3,
    )
    return folder


def weights(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture
def pushed(hub: Path, home: Path) -> Path:
    weights("push", "unet.mine", "me/faces")
    return hub / "me" / "faces"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setenv("UNMASK_HOME", str(folder))
    return folder


def test_file_record_and_card_are_pushed(hub: Path, home: Path) -> None:
    said = weights("push", "unet.mine", "me/faces")
    assert "hub/me/faces/commit/1" in said
    there = hub / "me" / "faces"
    for suffix in ("safetensors", "yaml", "md"):
        name = f"unet.mine.{suffix}"
        assert (there / name).read_bytes() == (home / name).read_bytes()
    _, front, readme = (there / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(front)["license_name"] == "AGPL-3.0-or-later"
    assert readme.strip() == (home / "unet.mine.md").read_text(encoding="utf-8").strip()
    assert (there / ".private").read_text() == "True"
    assert (there / ".message").read_text() == "Weights unet.mine"

    (there / "README.md").write_text("by hand")
    weights("push", "unet.mine", "me/faces", "--message", "again")
    assert (there / "README.md").read_text() == "by hand"
    weights("push", "unet.mine", "me/open", "--public")
    assert (hub / "me" / "open" / ".private").read_text() == "False"


def test_what_was_pushed_is_pulled_and_is_of_use(pushed: Path, elsewhere: Path) -> None:
    said = weights("pull", "me/faces", "--revision", "1")
    assert "AGPL-3.0-or-later" in said
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        "unet.mine.md", "unet.mine.safetensors", "unet.mine.yaml",
    ]  # fmt: skip
    assert verify("unet.mine") == elsewhere / "unet.mine.safetensors"
    assert get_record("unet.mine").seed == 3
    with pytest.raises(OutputError, match="exists already"):
        weights("pull", "me/faces")
    weights("pull", "me/faces", "unet.mine", "--overwrite")


def test_a_damaged_catalog_is_not_pushed(hub: Path, home: Path) -> None:
    with (home / "unet.mine.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match="damaged"):
        weights("push", "unet.mine", "me/faces")
    assert not hub.exists()


def replaced(path: Path, **changes: Any) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


@pytest.mark.parametrize("fault", ["bytes", "digest", "network", "name", "pickle", "missing"])
def test_what_is_not_as_its_record_says_is_not_kept(
    pushed: Path, elsewhere: Path, fault: str
) -> None:
    file, record = pushed / "unet.mine.safetensors", pushed / "unet.mine.yaml"
    says = "size or SHA-256 differ"
    if fault == "bytes":
        file.write_bytes(file.read_bytes() + b"x")
    elif fault == "digest":
        replaced(record, sha256="0" * 64)
    elif fault == "network":
        for suffix in ("yaml", "safetensors"):
            (pushed / f"unet.mine.{suffix}").rename(pushed / f"glcic.mine.{suffix}")
        record = pushed / "glcic.mine.yaml"
        changes = {"name": "glcic.mine", "architecture": "glcic", "file": "glcic.mine.safetensors"}
        replaced(record, **changes)
        says = "holds a unet, but its record says glcic"
    elif fault == "name":
        replaced(record, name="unet.other")
        says = "is of 'unet.other'"
    elif fault == "pickle":
        file.rename(pushed / "unet.mine.pt")
        replaced(record, file="unet.mine.pt")
        says = "the name of a .safetensors file"
    else:
        file.unlink()
        says = "but no unet.mine.safetensors"
    with pytest.raises(WeightsError, match=says):
        weights("pull", "me/faces")
    assert list(elsewhere.iterdir()) == []


def test_one_of_several_weights_is_named(pushed: Path, elsewhere: Path) -> None:
    shutil.copy(pushed / "unet.mine.yaml", pushed / "unet.other.yaml")
    with pytest.raises(InputError, match=r"name one of unet\.mine, unet\.other"):
        weights("pull", "me/faces")
    with pytest.raises(ConfigurationError, match=r"Did you mean 'unet\.mine'"):
        weights("pull", "me/faces", "unet.mien")
    weights("pull", "me/faces", "unet.mine")


def test_faults_of_the_hub_are_one_sentence(hub: Path, elsewhere: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        weights("pull", "me/none")
    assert str(caught.value) == (
        "me/none on the hub cannot be used: 404 Client Error. Repository Not Found."
    )
    (hub / "me" / "empty").mkdir(parents=True)
    with pytest.raises(WeightsError, match="holds no unmask weights"):
        weights("pull", "me/empty")


def test_a_missing_library_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.weight_files.hub.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"unmask\[hub\]"):
        weights("pull", "me/faces")
