from __future__ import annotations

import pytest

from weights.base.errors import ConfigurationError
from weights.base.names import import_object, unknown_name


def test_the_nearest_name_is_named_and_all_are_listed():
    text = str(unknown_name("inpainter", "gatd", ["glcic", "gated"]))
    assert text == "Unknown inpainter 'gatd'. Did you mean 'gated'? Known: gated, glcic."


def test_nothing_near_names_nothing():
    assert "Did you mean" not in str(unknown_name("inpainter", "zzz", ["gated"]))
    assert str(unknown_name("inpainter", "zzz", [])).endswith("Known: none.")


def test_a_dotted_path_is_imported():
    import json

    assert import_object("json:dumps") is json.dumps


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("json.dumps", "package.module:Name"),
        (":dumps", "package.module:Name"),
        ("json:", "package.module:Name"),
        ("no_such_package.x:y", "no module 'no_such_package'"),
        ("json.nowhere:y", "no module 'json.nowhere'"),
        ("json:nothing", "has no 'nothing'"),
    ],
)
def test_a_path_that_leads_nowhere_says_why(path, reason):
    with pytest.raises(ConfigurationError, match=reason):
        import_object(path)


def test_an_import_error_inside_the_module_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "broken_on_purpose.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        import_object("broken_on_purpose:x")
