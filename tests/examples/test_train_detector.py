from __future__ import annotations

from examples import train_detector


def test_a_detector_is_trained_on_a_data_set_of_its_own_making(tmp_path, capsys):
    train_detector.main(["--output", str(tmp_path), "--device", "cpu"])
    assert (tmp_path / "training" / "detector.safetensors").is_file()
    assert (tmp_path / "data" / "detection" / "data.yaml").is_file()
    assert "2 epochs" in capsys.readouterr().out
