"""`unmask doctor` and what it looks at."""

import json

import pytest
from packaging.requirements import Requirement

from pipeline import command_line
from pipeline.apps import doctor
from pipeline.apps.doctor import Finding, examine, requirements
from weights.catalog import lookup


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        command_line.main([str(argument) for argument in arguments])
    return left.value.code, capsys.readouterr().out


@pytest.fixture
def installed(monkeypatch):
    """Say which distributions are there, and what unmask needs."""

    def say(listed, versions):
        def version(name):
            if name not in versions:
                raise doctor.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(doctor, "requires", lambda _: listed)
        monkeypatch.setattr(doctor, "version", version)

    return say


def by_name(findings):
    return {(finding.topic, finding.name): finding for finding in findings}


def test_here_everything_is_fine():
    findings = by_name(examine(trial=False))
    assert not [one for one in findings.values() if one.state == "broken"]
    assert findings["libraries", "torch"].state == "fine"
    assert ("device", "backend") in findings
    for name in lookup.DEFAULTS.values():
        assert findings["weights", f"{name} (default)"].detail.startswith("whole, SHA-256 ")
    assert "JPEG" in findings["files", "pictures"].detail


def test_needs_are_sorted_by_extra(installed):
    installed(
        ["numpy>=1.26", 'av>=18; extra == "video"', "lightning>=2.5 ; extra == 'train'"],
        {},
    )
    assert requirements() == {"": ["numpy>=1.26"], "video": ["av>=18"], "train": ["lightning>=2.5"]}


def test_a_checkout_that_is_not_installed_tells_its_needs_all_the_same(monkeypatch):
    def missing(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", missing)
    found = requirements()
    assert any(one.startswith("torch>=") for one in found[""])
    assert "train" in found


def test_a_missing_library_breaks_and_the_rest_is_not_tried(installed, capsys):
    installed(["numpy>=1.26", "no-such-library>=3"], {"numpy": "2.0"})
    findings = by_name(examine())
    broken = findings["libraries", "no-such-library"]
    assert (broken.state, broken.advice) == ("broken", "pip install 'no-such-library>=3'")
    assert ("trial", "a drawn picture") not in findings
    code, out = call(capsys, "doctor")
    assert code == 1
    assert "1 broken" in out


def test_a_library_that_is_too_old_breaks(installed):
    installed(["numpy>=1.26"], {"numpy": "1.9.5"})
    finding = by_name(examine())["libraries", "numpy"]
    assert (finding.state, finding.detail) == ("broken", "1.9.5, but 1.26 is needed")


def test_a_library_that_cannot_be_imported_breaks(installed, monkeypatch):
    def fails(module):
        raise ImportError("libGL.so.1: cannot open\nshared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", fails)
    installed(["opencv-python>=4.9"], {"opencv-python": "4.9"})
    finding = by_name(examine())["libraries", "opencv-python"]
    assert finding.detail == "cannot be imported: libGL.so.1: cannot open shared object file"
    assert "opencv-python-headless" in finding.advice


def test_opencv_without_windows_counts(installed):
    installed(["opencv-python>=4.9"], {})
    finding = by_name(examine(trial=False))["libraries", "opencv-python"]
    assert finding.state == "fine"
    assert finding.detail[0].isdigit()


def test_extras_that_are_missing_say_how_to_install_them(installed):
    listed = ['av>=18.1; extra == "video"', 'onnx>=1.17; extra == "export"', 'x; extra == "test"']
    installed(listed, {"unmask": "1", "onnx": "1.20.0"})
    findings = by_name(examine(trial=False))
    video = findings["extras", "video"]
    assert (video.state, video.detail) == ("missing", "without av")
    assert video.advice == "pip install 'unmask[video]'"
    assert findings["extras", "export"] == Finding("extras", "export", "fine", "onnx 1.20.0")
    assert ("extras", "test") not in findings


def test_weights_that_are_not_whole_break(monkeypatch, tmp_path, capsys):
    name = lookup.DEFAULTS["inpainter"]
    path = lookup.locate(lookup.get_record(name))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    (tmp_path / path.name).write_bytes(content)
    monkeypatch.setattr(lookup, "weight_folders", lambda: [tmp_path, lookup.FILES])
    code, out = call(capsys, "doctor", "--no-trial", "--json")
    report = json.loads(out)
    assert code == 1
    assert report["works"] is False
    (broken,) = [one for one in report["findings"] if one["state"] == "broken"]
    assert broken["name"] == f"{name} (default)"
    assert "damaged or was changed" in broken["detail"]


def test_a_device_that_is_not_here_breaks(capsys):
    code, out = call(capsys, "doctor", "--no-trial", "--device", "cuda:99")
    assert code == 1
    assert "There is no device 'cuda:99' here" in out


def test_a_trial_that_fails_breaks(monkeypatch):
    from pipeline import core

    def fails(self, images, masks=None):
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(core.Pipeline, "run", fails)
    finding = by_name(examine())["trial", "a drawn picture"]
    assert (finding.state, finding.detail) == ("broken", "RuntimeError: no luck")


def test_the_command_works_here(capsys):
    code, out = call(capsys, "doctor")
    assert code == 0
    assert "unmask works here." in out
    assert "taken off in" in out
    assert "BROKEN" not in out


@pytest.mark.parametrize(
    ("less", "more"), [("1.9.5", "1.26"), ("2", "2.0.1"), ("2.10.0+cpu", "2.11"), ("4.9", "4.10")]
)
def test_versions_are_compared_by_number(less, more):
    assert doctor._is_too_old(less, Requirement(f"it>={more}"))
    assert not doctor._is_too_old(more, Requirement(f"it>={less.partition('+')[0]}"))


def test_zeros_at_the_end_do_not_count():
    assert not doctor._is_too_old("2.6.0+cu124", Requirement("it>=2.6"))
    assert not doctor._is_too_old("2.6", Requirement("it>=2.6.0"))
