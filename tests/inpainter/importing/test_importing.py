"""Files in the layouts of the authors' code give what the authors' code gives, and run nothing."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from inpainter.importing import published
from inpainter.importing.conversion import import_network
from inpainter.importing.families import FAMILIES
from inpainter.importing.published import read_published
from inpainter.importing.unpickling import Placeholder, read_inertly, tensors_in
from tests.inpainter.importing import published_layouts as layouts
from weights.base.errors import ConfigurationError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

STATES = {
    "aot-gan": layouts.drawn(layouts.aot_gan()),
    # Equalised weights, which are scaled where they are used.
    "comodgan": {
        name: one * (5.0 if name.endswith("weight") else 1.0)
        for name, one in layouts.drawn(layouts.comodgan(), gain=0.4).items()
    },
    "deepfillv2": layouts.drawn(layouts.deepfillv2()),
    "dmfn": layouts.drawn(layouts.dmfn()),
    "glcic": layouts.drawn(layouts.glcic()),
    "lama": layouts.drawn(layouts.lama()),
    "migan": layouts.drawn(layouts.migan(), gain=0.4),
}

# What the authors' classes, made that narrow and given these numbers, paint of the portrait.
REFERENCE = {
    "aot-gan": [0.12291, 0.0653, 0.06954, 0.32415, 0.06702, 0.54619, 0.22371],
    "comodgan": [0.23777, 0.41274, 0.23615, 0.19837, 0.42393, 0.31359, 0.10133],
    "deepfillv2": [-0.04075, 0.00169, 0.05876, -0.04104, 0.00185, 0.05961, 0.04006],
    "dmfn": [-0.55698, -0.43941, -0.60337, -0.48588, -0.29802, -0.13292, 0.45687],
    "glcic": [0.19132, -0.1663, -0.12149, 0.07307, -0.23251, -0.08646, 0.1568],
    "lama": [0.09077, -0.10894, -0.03938, 0.02073, -0.14145, 0.04992, 0.14609],
    "migan": [0.0764, 0.32001, 0.07297, 0.12112, 0.17894, 0.1343, 0.07439],
}
# What no tensor of a file says.
OPTIONS: dict[str, dict[str, Any]] = {"glcic": {"mean_colour": [0.3, 0.5, 0.6]}}
SIZES = {"aot-gan": 512, "comodgan": 64, "glcic": 160, "migan": 64}

# How the authors' scripts wrap the state dict of the generator.
WRAPPED = {
    "aot-gan": lambda state: state,
    "comodgan": lambda state: state,
    "deepfillv2": lambda state: {"G": state, "D": {"weight": torch.ones(2)}, "n_iter": 3},
    "dmfn": lambda state: state,
    "glcic": lambda state: {f"module.{name}": one for name, one in state.items()},
    "lama": lambda state: {
        "epoch": 39,
        "state_dict": {
            **{f"generator.{name}": one for name, one in state.items()},
            "discriminator.model0.0.weight": torch.ones(3),
        },
    },
    "migan": lambda state: state,
}


@torch.no_grad()
def painted(network: torch.nn.Module) -> list[float]:
    return layouts.figures(network(*layouts.portrait()).prediction)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_an_imported_network_paints_as_the_authors_code_does(
    name: str, zipped: bool, tmp_path: Path
) -> None:
    file = tmp_path / "published.pth"
    content = WRAPPED[name](STATES[name])
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    network, options, size = import_network(name, file, OPTIONS.get(name))
    assert painted(network) == pytest.approx(REFERENCE[name], abs=2e-5)
    assert size == SIZES.get(name, 256)
    assert options.items() >= OPTIONS.get(name, {}).items()


@pytest.mark.parametrize("name", FAMILIES)
def test_safetensors_without_our_header_are_taken_too(name: str, tmp_path: Path) -> None:
    file = tmp_path / "published.safetensors"
    save_file(STATES[name], file)
    network, _, _ = import_network(name, file, OPTIONS.get(name))
    assert painted(network) == pytest.approx(REFERENCE[name], abs=2e-5)


def test_any_depth_of_lama_is_told_by_its_layers(tmp_path: Path) -> None:
    file = tmp_path / "big-lama.safetensors"
    save_file(layouts.drawn(layouts.lama(blocks=3)), file)
    network, options, _ = import_network("lama", file)
    assert options == {"width": 8, "blocks": 3, "global_ratio": 0.75}
    expected = [0.36433, -0.3957, -0.07407, 0.36548, -0.59866, -0.104, 0.25692]
    assert painted(network) == pytest.approx(expected, abs=2e-5)


def test_a_file_of_another_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "published.safetensors"
    for name in FAMILIES:
        save_file(STATES["glcic" if name != "glcic" else "lama"], file)
        with pytest.raises(WeightsError, match=r"The file is not a published .* it lacks '"):
            import_network(name, file)
    save_file({**STATES["dmfn"], "extra.weight": torch.ones(2)}, file)
    with pytest.raises(WeightsError, match=r"1 tensors do not belong to it.*'extra\.weight'"):
        import_network("dmfn", file)
    save_file({"conv1.conv.weight": torch.ones(2)}, file)
    with pytest.raises(WeightsError, match=r"networks_tf\.py"):
        import_network("deepfillv2", file)
    with pytest.raises(ConfigurationError, match="family of published weights"):
        import_network("gated", file)


def test_an_option_that_the_file_contradicts_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "published.safetensors"
    save_file(STATES["lama"], file)
    with pytest.raises(ConfigurationError, match="blocks=9 contradicts"):
        import_network("lama", file, {"blocks": 9})


class Callback:
    """As Lightning leaves its callbacks in a checkpoint: by a name of the installed package."""

    def __init__(self) -> None:
        self.best = "runs/best.ckpt"


class Harmful:
    """Runs a program when a plain unpickler meets it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return subprocess.run, (["touch", str(self.target)],)


class HarmfulBySystem(Harmful):
    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


def test_callbacks_become_placeholders_that_hold_and_do_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lightning.ckpt"
    content = {"callbacks": {Callback: {"best": 1}, "one": Callback()}, "state_dict": {}}
    content["state_dict"] = {"weight": torch.arange(3.0)}
    torch.save(content, file)
    read = read_inertly(file)
    one = read["callbacks"]["one"]
    assert type(one) is Placeholder and not vars(one)
    assert list(tensors_in(read)) == ["state_dict/weight"]
    torch.testing.assert_close(read_published(file), {"state_dict/weight": torch.arange(3.0)})


@pytest.mark.parametrize("harmful", [Harmful, HarmfulBySystem])
@pytest.mark.parametrize("plain", [True, False])
def test_code_in_a_file_is_never_run(harmful: type[Harmful], plain: bool, tmp_path: Path) -> None:
    target, file = tmp_path / "ran", tmp_path / "harmful.pt"
    content = {"weight": torch.ones(2), "more": harmful(target)}
    if plain:
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file)
    # A file may be refused or read without what is harmful; it may not run.
    try:
        assert set(read_published(file)) == {"weight"}
    except WeightsError as error:
        assert "\n" not in str(error)
    assert not target.exists()


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    for name, content, cause in (
        ("text.pt", b"no weights", "cannot be read as weights"),
        ("empty.ckpt", b"", "it is empty or cut short"),
        ("harmful.pt", pickle.dumps(HarmfulBySystem(tmp_path), 2), r"posix\.system|nt\.system"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=cause) as told:
            read_published(tmp_path / name)
        assert "\n" not in str(told.value)
        # PyTorch's advice to read such a file less carefully is not handed on.
        assert "weights_only" not in str(told.value)
    for name, content in (("network.pt", torch.nn.Linear(2, 2)), ("nothing.pt", {})):
        torch.save(content, tmp_path / name)
        with pytest.raises(WeightsError, match="holds no named tensors"):
            read_published(tmp_path / name)
    with pytest.raises(WeightsError, match="There is no weight file"):
        read_published(tmp_path / "none.pt")
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="damaged or not a safetensors"):
        read_published(tmp_path / "bad.safetensors")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to it")
def test_a_file_that_wants_more_memory_than_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "SLACK", 1 << 28)
    # One number that is shown as 512 MiB of them.
    torch.save({"weight": torch.ones(1).expand(1 << 27)}, tmp_path / "small.pt")
    assert (tmp_path / "small.pt").stat().st_size < 1 << 16
    with pytest.raises(WeightsError, match="more memory than a file of its size"):
        read_published(tmp_path / "small.pt")


@pytest.mark.parametrize(
    "statement",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
    ],
)
def test_the_reading_process_opens_no_socket_and_starts_nothing(statement: str) -> None:
    program = (
        "import sys; from inpainter.importing.unpickling import refuse_the_outside; "
        f"sys.addaudithook(refuse_the_outside); {statement}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert "is refused while a pickled file is read" in done.stderr
