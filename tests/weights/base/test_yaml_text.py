from __future__ import annotations

import pytest
import yaml

from weights.base.errors import ConfigurationError
from weights.base.yaml_text import parse_yaml, read_yaml_file

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)


def test_plain_values_are_read():
    assert parse_yaml("a: [1, x, 2.5, true, null]\nb: 2024-02-03", "here")["a"] == [
        1,
        "x",
        2.5,
        True,
        None,
    ]
    assert parse_yaml("base: &b {x: 1}\nother: *b", "here")["other"] == {"x": 1}


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "device: 2024-13-45",
        "a: !!timestamp never",
        "a: !!int many",
        "a: !!int ''",
        "a: !!bool perhaps",
        "a: !!float x",
        "a: !!binary é",
        "a: !!python/object/apply:os.getcwd []",
        "? [a]\n: b",
        "a: \x00",
        "[" * 5000,
        "[" * 40 + "]" * 40,
        "&a [*a]",
        "1" + "0" * 400,
        "a: 1" + "0" * 5000,
        BOMB,
        "x" * (2 << 20),
    ],
    ids=lambda text: text[:20],
)
def test_faults_are_one_sentence(text):
    with pytest.raises(ConfigurationError, match=r"^here (is|holds) ") as raised:
        parse_yaml(text, "here")
    assert len(str(raised.value)) < 500 and "\n" not in str(raised.value)


def test_a_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Cannot read .*none\.yaml"):
        read_yaml_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="Cannot read"):
        read_yaml_file(tmp_path)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(b"a: \xff\xfe")
    with pytest.raises(ConfigurationError, match=r"wrong\.yaml: it is not UTF-8 text"):
        read_yaml_file(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "- a\n" * (1 << 18),
        "[" + "1," * (1 << 18),
        # Keys that are merged in count as if they had been written there.
        "a: &a {" + ",".join(f"k{n}: 1" for n in range(9000)) + "}\nb: {<<: *a}\nc: {<<: *a}\n",
    ],
)
def test_too_many_values_are_refused_before_any_is_made(monkeypatch, text):
    def made(*_):
        raise AssertionError

    monkeypatch.setattr("yaml.constructor.BaseConstructor.construct_document", made)
    with pytest.raises(ConfigurationError, match="more than 20000 values"):
        parse_yaml(text, "x")


def test_the_parser_in_c_is_used_where_there_is_one_and_gives_the_same(monkeypatch):
    text = "a: &a [1, 2.5, yes, null, 2024-01-02]\nb: {<<: {c: d}, e: *a}\n'f': |\n  g\n"
    assert yaml.__with_libyaml__
    monkeypatch.setattr("yaml.reader.Reader.__init__", None)
    fast = parse_yaml(text, "x")
    monkeypatch.undo()
    monkeypatch.delattr("yaml.CSafeLoader")
    assert parse_yaml(text, "x") == fast == yaml.safe_load(text)
