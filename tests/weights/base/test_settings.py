from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from weights.base.errors import ConfigurationError
from weights.base.settings import read_yaml, settings_from_mapping


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    steps: int
    inner: Inner = field(default_factory=lambda: Inner("x"))
    many: tuple[Inner, ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    clip: float | None = None
    mode: Literal["fast", "slow"] = "fast"
    folder: Path = Path()
    weights: dict[str, float] = field(default_factory=dict)
    anything: Any = None
    flag: bool = False


def read(**values):
    return settings_from_mapping(Outer, values, "test.yaml")


def test_nested_values_become_nested_settings():
    settings = read(
        steps=3,
        inner={"name": "y", "share": 1},
        many=[{"name": "a"}, {"name": "b"}],
        pair=[1, 2],
        clip=None,
        mode="slow",
        folder="out",
        weights={"l1": 1},
        anything=[1],
        flag=True,
    )
    assert settings.inner == Inner("y", 1.0)
    assert isinstance(settings.inner.share, float)
    assert [one.name for one in settings.many] == ["a", "b"]
    assert settings.pair == (1.0, 2.0)
    assert settings.folder == Path("out")
    assert settings.weights == {"l1": 1.0}
    assert settings.mode == "slow"
    assert settings.anything == [1]
    assert settings.flag is True


def test_a_number_that_yaml_reads_as_text_is_a_number():
    assert read(steps=1, clip="1e-4").clip == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "lacks the key 'steps'"),
        ({"step": 1}, "Did you mean 'steps'"),
        ({"steps": "many"}, "steps must be of type int"),
        ({"steps": True}, "steps must be of type int"),
        ({"steps": 1.5}, "steps must be of type int"),
        ({"steps": 1, "inner": {"nam": "x"}}, r"inner.*Did you mean 'name'"),
        ({"steps": 1, "inner": 3}, "inner must hold keys and values"),
        ({"steps": 1, "many": "abc"}, "many must be a list"),
        ({"steps": 1, "many": [{"name": "a"}, {"name": 2}]}, r"many\[1\]: name"),
        ({"steps": 1, "pair": [1]}, "pair must have 2 values"),
        ({"steps": 1, "mode": "fats"}, "Did you mean 'fast'"),
        ({"steps": 1, "mode": []}, "mode"),
        ({"steps": 1, "clip": "x"}, "clip must be of type float"),
        ({"steps": 1, "clip": True}, "clip must be of type float"),
        ({"steps": 1, "flag": 1}, "flag must be of type bool"),
        ({"steps": 1, "weights": {"l1": "x"}}, r"weights\.l1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(values, reason):
    with pytest.raises(ConfigurationError, match=reason) as caught:
        read(**values)
    assert "test.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [", "\x00", "3"])
def test_a_file_that_holds_no_mapping_is_named(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"x\.yaml"):
        read_yaml(path)


def test_a_missing_file_and_bytes_that_are_no_text_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gone\.yaml"):
        read_yaml(tmp_path / "gone.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigurationError, match=r"x\.yaml"):
        read_yaml(tmp_path / "x.yaml")
