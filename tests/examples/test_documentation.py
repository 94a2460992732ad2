"""The documentation's pages: what they show runs, what they name exists, and the site builds."""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import yaml

from examples.astronaut import masked_astronaut, write_faces
from examples.maintenance import site_pages, stage_pictures
from weights.images.mark_reader import read_mark

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "documentation"
PAGES = sorted(FOLDER.rglob("*.md"))
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page: Path, *kinds: str) -> list[tuple[int, str, str]]:
    """Line, kind and text of a page's blocks of code."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 2, found[1], found[2])
        for found in BLOCK.finditer(text)
        if found[1] in kinds
    ]


def named(pages: list[Path], *kinds: str) -> list[Any]:
    """Pages that have blocks of these kinds, with their names for pytest."""
    return [
        pytest.param(page, id=str(page.relative_to(FOLDER).with_suffix("")))
        for page in pages
        if blocks(page, *kinds)
    ]


def prepare(folder: Path, text: str) -> None:
    """Make the files that a page takes for granted, as far as it names them."""
    photo, drawn = masked_astronaut("surgical", 10)
    small = PIL.Image.fromarray(photo).resize((350, 350), PIL.Image.Resampling.LANCZOS)
    small.save(folder / "photo.jpg", quality=95)
    PIL.Image.fromarray(drawn).resize((350, 350)).save(folder / "hole.png")
    if '"photos' in text:
        (folder / "photos").mkdir()
        for name in ("a", "b"):
            shutil.copy(folder / "photo.jpg", folder / "photos" / f"{name}.jpg")
    if '"faces"' in text:
        write_faces(folder / "faces", side=96)
    if '"clip.mp4"' in text:
        write_clip(folder / "clip.mp4", np.asarray(small.resize((192, 192))))


def write_clip(path: Path, frame: np.ndarray, frames: int = 3) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = frame.shape[:2]
        stream.pix_fmt = "yuv420p"
        for _ in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


@pytest.mark.parametrize("page", named(PAGES, "python", "pycon"))
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    text = page.read_text(encoding="utf-8")
    if "pipeline.cluster" in text:
        pytest.importorskip("ray", reason="Ray, which the page is about, is not installed")
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, text)
    namespace: dict[str, Any] = {"__name__": "page"}
    # Classes that a page defines look themselves up in their module.
    monkeypatch.setitem(sys.modules, "page", type(sys)("page"))
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for line, kind, text in blocks(page, "python", "pycon"):
        if kind == "python":
            code = compile("\n" * (line - 1) + text, str(page), "exec")
            exec(code, namespace)
        else:
            test = parser.get_doctest(text, namespace, page.name, str(page), line - 1)
            told = io.StringIO()
            runner.run(test, out=told.write, clear_globs=False)
            assert not runner.failures, told.getvalue()
            namespace.update(test.globs)


@pytest.mark.parametrize("page", named(PAGES, "yaml", "json"))
def test_the_settings_of_a_page_can_be_read(page):
    from dataclasses import fields

    from inpainter import Recipe
    from pipeline.stages.configured import configuration_defaults

    known = {*configuration_defaults(), *(one.name for one in fields(Recipe))}
    for line, kind, text in blocks(page, "yaml", "json"):
        content = yaml.safe_load(text) if kind == "yaml" else json.loads(text)
        assert kind == "json" or set(content) <= known, f"{page}:{line}"


def shell_lines() -> list[Any]:
    """Every call of the program in a page's shell blocks."""
    found = []
    for page in PAGES:
        for line, _, text in blocks(page, "sh"):
            joined = text.replace("\\\n", " ")
            calls = [one.partition("  #")[0].strip() for one in joined.splitlines()]
            name = str(page.relative_to(FOLDER))
            found += [pytest.param(one, id=f"{name}:{line}:{one[:50]}") for one in calls if one]
    return found


def help_of(words: list[str]) -> str:
    """What `--help` prints for a command of the program or for an example."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), pytest.raises(SystemExit) as ended:
        if words[0] == "unmask":
            from pipeline.command_line import main

            main([*words[1:], "--help"])
        else:
            __import__(words[0], fromlist=["main"]).main(["--help"])
    assert not ended.value.code, told.getvalue()
    return told.getvalue()


@pytest.mark.parametrize("call", shell_lines())
def test_the_commands_of_a_page_and_their_options_exist(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = shlex.split(call.partition(" < ")[0])
    if words[0] in {"pip", "python3", "git", "curl", "export", "cd"}:
        return
    if words[:2] == ["python", "-m"]:
        command, rest = [words[2]], words[3:]
    else:
        assert words[0] == "unmask"
        command = ["unmask", words[1]]
        groups = {"train", "evaluate", "export", "study", "weights", "bench"}
        if words[1] in groups and len(words) > 2 and not words[2].startswith("-"):
            command.append(words[2])
        rest = words[len(command) :]
    shown = help_of(command)
    for option in (word for word in rest if word.startswith("-") and word != "-"):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", shown), option


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path, monkeypatch, capsys):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    identifiers = [cell["id"] for cell in content["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    assert "guess, never evidence" in "".join(content["cells"][0]["source"]).replace("\n", " ")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for index, cell in enumerate(content["cells"]):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "clear the outputs before committing"
            exec(compile("".join(cell["source"]), f"{notebook.name}:{index}", "exec"), namespace)
    assert namespace["result"].faces


def test_the_pictures_are_few_and_small_and_marked():
    pictures = sorted((FOLDER / "pictures").iterdir())
    assert len(pictures) <= 6
    for path in pictures:
        assert path.suffix == ".jpg"
        assert path.stat().st_size < 60 * 1024
    marked = {path.stem for path in pictures if read_mark(path)}
    assert marked == {"before_and_after", "fill", "result"}


def test_the_pictures_are_those_that_the_script_makes(tmp_path, capsys):
    assert stage_pictures.main(["--output", str(tmp_path)]) == 0
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in (FOLDER / "pictures").iterdir()}
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in made:
        assert f"pictures/{name})" in text


def test_the_zoo_shows_everything_that_has_a_name():
    from inpainter import list_models
    from inpainter.holes import list_holes
    from inpainter.losses import list_losses
    from pipeline.stages.registry import BUILT_IN
    from weights import DEFAULTS

    page = site_pages.zoo_page()
    for name in (
        *list_models(),
        *list_holes(),
        *list_losses(),
        *(name for table in BUILT_IN.values() for name in table),
        *DEFAULTS.values(),
    ):
        assert f"`{name}`" in page
    assert "not the person in it" in page


def test_the_page_of_commands_shows_all_of_them():
    from pipeline.command_line import COMMANDS

    page = site_pages.command_line_page()
    for name in COMMANDS:
        assert f"\n## unmask {name}\n" in page
    assert "\n## unmask evaluate inpainter\n" in page
    assert "| `--side-by-side` |" in page


def test_a_made_page_can_be_printed(capsys):
    assert site_pages.main(["unmask_a_photo"]) == 0
    assert "```python\nimport numpy as np" in capsys.readouterr().out


def test_every_page_is_in_the_navigation():
    # MkDocs' own tags for its settings are no plain YAML; these have none.
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    def pages(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [
            page
            for one in (entry.values() if isinstance(entry, dict) else entry)
            for page in pages(one)
        ]

    listed = pages(settings["nav"])
    assert len(listed) == len(set(listed))
    written = {page.relative_to(FOLDER).as_posix() for page in PAGES}
    assert set(listed) == written | set(site_pages.site_pages())


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(PAGES)
    loads = re.compile(r'<(?:script|img|iframe|link)\b[^>]+(?:src|href)="(?:https?:)?//')
    for page in pages:
        assert not loads.search(page.read_text(encoding="utf-8")), page
    for sheet in tmp_path.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", text), sheet
