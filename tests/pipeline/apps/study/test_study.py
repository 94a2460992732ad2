"""Making a study's page, and reading what raters saved."""

import base64
import io
import itertools
import json
import re
import zlib

import numpy as np
import PIL.Image
import pytest

from pipeline import command_line
from pipeline.apps.study import (
    REAL,
    StudyKey,
    analyse_exports,
    make_study,
    read_export,
    read_key,
    study_document,
    study_json,
    study_markdown,
)
from pipeline.apps.study.key import unseal_key
from tests.pipeline.apps.study.folders import MODELS, make_small_study, write_export, write_folders
from weights.base.errors import InputError, OutputError
from weights.images import write_picture


def page_data(path):
    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(found.group(1))


def decoded(entry):
    kind, _, content = entry["data"].partition(",")
    assert kind == "data:image/webp;base64"
    return PIL.Image.open(io.BytesIO(base64.b64decode(content)))


def test_the_page_holds_every_version_of_every_face(tmp_path):
    made = make_small_study(tmp_path)
    data = page_data(made.path)
    assert (made.faces, made.pictures, made.left_out) == (6, 18, 0)
    key = unseal_key(data["key"], "the page")
    assert key.models == (REAL, *MODELS)
    for entry in data["pictures"]:
        model, face = key.pictures[entry["id"]]
        version = key.models.index(model)
        expected = 20 + 30 * int(face[-1]) + 5 * version
        assert abs(int(np.asarray(decoded(entry))[0, 0, 0]) - expected) <= 2
    faces = {entry["id"]: entry["face"] for entry in data["pictures"]}
    for (one, (_, first)), (other, (_, second)) in itertools.pairwise(key.pictures.items()):
        assert (faces[one] == faces[other]) == (first == second)


def test_the_page_gives_nothing_away(tmp_path):
    made = make_small_study(tmp_path)
    text = made.path.read_text(encoding="utf-8")
    for name in (*MODELS, "truth", "face_0", str(tmp_path)):
        assert name not in text
    assert "never evidence" in re.sub(r"\s+", " ", text)
    pictures = [decoded(entry) for entry in page_data(made.path)["pictures"]]
    assert {picture.size for picture in pictures} == {(40, 48)}
    assert all(not picture.getexif() and "xmp" not in picture.info for picture in pictures)
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text) == []
    assert "default-src &#x27;none&#x27;" in text


def test_the_order_in_the_page_is_by_chance_and_by_the_seed(tmp_path):
    def order(folder, seed):
        folder.mkdir()
        data = page_data(make_small_study(folder, seed=seed).path)
        key = unseal_key(data["key"], "the page")
        return data["study"], [key.pictures[entry["id"]] for entry in data["pictures"]]

    study, first = order(tmp_path / "a", 0)
    assert order(tmp_path / "b", 0) == (study, first)
    other_study, other = order(tmp_path / "c", 1)
    assert other_study != study
    assert first != other
    assert first != sorted(first)


def test_versions_of_a_face_come_to_one_size(tmp_path):
    for name, side in (("truth", 300), ("m", 120)):
        write_picture(tmp_path / name / "x.png", np.zeros((side, side // 2, 3), np.uint8))
    made = make_study({"m": tmp_path / "m"}, tmp_path / "truth", tmp_path / "s.html")
    assert {decoded(entry).size for entry in page_data(made.path)["pictures"]} == {(60, 120)}
    made = make_study({"m": tmp_path / "m"}, tmp_path / "truth", tmp_path / "t.html", size=64)
    assert {decoded(entry).size for entry in page_data(made.path)["pictures"]} == {(32, 64)}


def test_what_lies_beside_results_or_has_no_partner_is_left_out(tmp_path):
    folders = write_folders(tmp_path, faces=2)
    grey = np.zeros((8, 8, 3), np.uint8)
    alpha = folders[MODELS[0]]
    write_picture(alpha / "face_0.png.hole.png", grey)
    write_picture(alpha / "face_0.png.side_by_side.png", grey)
    write_picture(alpha / "only_here.png", grey)
    (alpha / "notes.txt").write_text("no picture")
    truth = folders.pop("truth")
    made = make_study(folders, truth, tmp_path / "s.html")
    assert (made.faces, made.pictures, made.left_out) == (2, 6, 1)
    made = make_study(folders, truth, tmp_path / "u.html", unpaired=True)
    assert (made.faces, made.pictures, made.left_out) == (7, 7, 0)


def test_a_part_of_the_faces(tmp_path):
    made = make_small_study(tmp_path, count=2)
    assert (made.faces, made.pictures) == (2, 6)


def test_the_key_may_be_a_file_of_its_own(tmp_path):
    made = make_small_study(tmp_path, key=tmp_path / "key.json")
    assert page_data(made.path)["key"] is None
    key = read_key(tmp_path / "key.json")
    assert key.study == made.study
    assert len(key.pictures) == 18


def test_a_title_cannot_break_the_page(tmp_path):
    title = "</script><b>'\"&"
    made = make_small_study(tmp_path, title=title)
    text = made.path.read_text(encoding="utf-8")
    assert page_data(made.path)["title"] == title
    assert "<b>" not in text


def test_wrong_folders_are_named(tmp_path):
    folders = write_folders(tmp_path, faces=2)
    truth = folders.pop("truth")
    page = tmp_path / "s.html"
    (tmp_path / "empty").mkdir()
    for results, why in (
        ({}, "at least one folder"),
        ({REAL: truth}, "No model can be called"),
        ({"m": tmp_path / "nowhere"}, "no folder"),
        ({"m": tmp_path / "empty"}, "no picture"),
    ):
        with pytest.raises(InputError, match=why):
            make_study(results, truth, page)
    write_picture(tmp_path / "others" / "z.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="same name in all folders"):
        make_study({"m": tmp_path / "others"}, truth, page)
    write_picture(tmp_path / "others" / "z.jpg", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="two pictures called 'z'"):
        make_study({"m": tmp_path / "others"}, truth, page)
    assert not page.exists()
    make_study(folders, truth, page)
    with pytest.raises(OutputError, match="exists already"):
        make_study(folders, truth, page)
    make_study(folders, truth, page, overwrite=True)


def made_key(faces=10, models=("m",), study="s1"):
    names = (REAL, *models)
    return StudyKey(
        study,
        names,
        {f"{model}-{face}": (model, f"f{face}") for model in names for face in range(faces)},
    )


def exports(tmp_path, key, rows, **options):
    """One export per row: a function from model and face number to a rating, or None."""
    made = []
    for number, rating in enumerate(rows):
        ratings = {
            name: value
            for name, (model, face) in key.pictures.items()
            if (value := rating(model, int(face[1:]))) is not None
        }
        path = tmp_path / f"{number}.json"
        made.append(read_export(write_export(path, key, ratings, rater=f"r{number}", **options)))
    return made


def test_figures_of_known_answers(tmp_path):
    key = made_key(faces=10, models=("low", "same"))

    def rating(model, face):
        return {REAL: 6 + face % 2, "same": 6 + (face + 1) % 2, "low": 2}[model]

    result = analyse_exports(exports(tmp_path, key, [rating] * 3), resamples=300)
    assert [one.model for one in result.models] == [REAL, "same", "low"]
    real, same, low = result.models
    assert (real.ratings, real.raters, real.faces) == (30, 3, 10)
    assert real.histogram == (0, 0, 0, 0, 0, 15, 15, 0, 0, 0)
    assert real.mean.value == pytest.approx(6.5)
    assert real.mean.low < 6.5 < real.mean.high
    assert real.below_real is None
    assert low.histogram == (0, 30, 0, 0, 0, 0, 0, 0, 0, 0)
    assert (low.mean.value, low.mean.low, low.mean.high) == (2.0, 2.0, 2.0)
    assert low.below_real.value == pytest.approx(4.5)
    assert low.beside_real == type(low.beside_real)(0.0, 0.0, 0.0)
    assert same.below_real.value == pytest.approx(0.0)
    assert same.beside_real.value == pytest.approx(0.5)
    assert result.seconds == 2.0
    assert (result.raters, result.unfinished) == (3, 0)


def test_the_mean_is_over_all_ratings_and_gaps_are_left_out(tmp_path):
    key = made_key(faces=4)
    rows = [
        lambda model, face: 10 if face < 3 else None,
        lambda model, face: 2 if face == 0 and model == "m" else None,
    ]
    result = analyse_exports(exports(tmp_path, key, rows), resamples=100)
    real, model = result.models
    assert real.mean.value == 10.0
    assert model.mean.value == pytest.approx((30 + 2) / 4)
    assert (model.ratings, model.raters, model.faces) == (4, 2, 3)
    assert model.beside_real.value == pytest.approx(0.5)
    assert result.unfinished == 2


def test_intervals_know_that_people_differ(tmp_path):
    """Many faces rated by few people who disagree must not look sure."""
    key = made_key(faces=200)
    levels = (3, 5, 8)
    rows = [lambda model, face, level=level: level for level in levels]
    real = analyse_exports(exports(tmp_path, key, rows), resamples=500).models[0]
    assert real.mean.value == pytest.approx(16 / 3)
    assert real.mean.low <= 11 / 3 + 1e-9
    assert real.mean.high >= 6.9


def test_the_seed_makes_intervals_the_same(tmp_path):
    key = made_key()
    rows = [lambda model, face: 1 + (3 * face + len(model)) % 10] * 2
    made = exports(tmp_path, key, rows)
    once = study_json(analyse_exports(made, resamples=200, seed=4))
    assert once == study_json(analyse_exports(made, resamples=200, seed=4))
    assert once != study_json(analyse_exports(made, resamples=200, seed=5))


def test_the_fuller_of_two_exports_of_one_person_counts(tmp_path):
    key = made_key(faces=2)
    some = write_export(tmp_path / "some.json", key, {"m-0": 3})
    all_ = write_export(tmp_path / "all.json", key, dict.fromkeys(key.pictures, 7))
    for order in ((some, all_), (all_, some)):
        result = analyse_exports([read_export(path) for path in order], resamples=10)
        assert result.raters == 1
        assert result.left_out == (str(some),)
        assert result.models[1].mean.value == 7.0
    assert "Left out" in study_markdown(result)
    assert "say nothing about other people" in study_markdown(result)


def test_a_model_without_ratings_has_no_figures(tmp_path):
    key = made_key()
    rows = [lambda model, face: 5 if model == REAL else None]
    result = analyse_exports(exports(tmp_path, key, rows), resamples=10)
    assert np.isnan(result.models[1].mean.value)
    assert study_json(result)["models"][1]["mean"]["value"] is None
    assert "| m | 0 | 0 | 0 | - |" in study_markdown(result)


def test_how_well_real_photos_scored_is_said_first(tmp_path):
    key = made_key(faces=4, models=("m",))
    rated = exports(tmp_path, key, [lambda model, face: 9 if face else 3])
    assert "Real photos were rated 7.50 on average" in study_markdown(analyse_exports(rated))
    assert "75 % of their ratings were over 5." in study_markdown(analyse_exports(rated))
    unseen = exports(tmp_path, key, [lambda model, face: 5 if model == "m" else None])
    assert "No real photo was rated" in study_markdown(analyse_exports(unseen))


def test_the_page_of_a_result_has_its_figures_and_plots(tmp_path, monkeypatch):
    from pipeline.apps.study import report

    key = made_key(faces=3, models=("m|x",))
    result = analyse_exports(exports(tmp_path, key, [lambda model, face: 2 + face]))
    document = study_document(result)
    ratings, counts = document.tables
    assert [row[0].text for row in ratings.rows] == [REAL, "m|x"]
    assert [cell.text for cell in counts.rows[0][1:]] == [*"0111000000"]
    assert [picture.media_type for picture in document.pictures] == ["image/png"]
    monkeypatch.setattr(report, "can_plot", lambda: False)
    assert "unmask[evaluate]" in study_document(result).lead[-1]
    json.dumps(study_json(result), allow_nan=False)


def test_exports_that_do_not_belong_together_are_refused(tmp_path):
    key, other = made_key(), made_key(study="s2")
    one = read_export(write_export(tmp_path / "1.json", key, {"m-0": 3}))
    two = read_export(write_export(tmp_path / "2.json", other, {"m-0": 3}))
    bare = read_export(write_export(tmp_path / "3.json", key, {"m-0": 3}, sealed=False))
    stranger = read_export(write_export(tmp_path / "4.json", key, {"x-0": 3}))
    silent = read_export(write_export(tmp_path / "5.json", key, {}))
    for given, used, why in (
        ([], None, "at least one export"),
        ([one, two], None, "different studies"),
        ([bare], None, "separate file"),
        ([bare], other, "another study"),
        ([stranger], None, "the study does not have"),
        ([silent], None, "no answer"),
    ):
        with pytest.raises(InputError, match=why):
            analyse_exports(given, used)
    assert analyse_exports([bare], key, resamples=5).raters == 1
    assert analyse_exports([bare, one], resamples=5).raters == 1


ANSWER = {"id": "m-0", "rating": 3, "seconds": 1.0}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "other"}, "not an export"),
        ({"version": 2}, "version 2"),
        ({"study": 5}, "no text 'study'"),
        ({"rater": None}, "no text 'rater'"),
        ({"shown": "20"}, "how many pictures"),
        ({"shown": 0}, "how many pictures"),
        ({"shown": 1, "answers": [ANSWER, {**ANSWER, "id": "b"}]}, "2 answers to 1 pictures"),
        ({"answers": {}}, "no list of answers"),
        ({"answers": [5]}, "Answer 1"),
        ({"answers": [{"rating": 3}]}, "which picture"),
        ({"answers": [{**ANSWER, "rating": 0}]}, "from 1 to 10, but is 0"),
        ({"answers": [{**ANSWER, "rating": 11}]}, "from 1 to 10, but is 11"),
        ({"answers": [{**ANSWER, "rating": 3.5}]}, "from 1 to 10"),
        ({"answers": [{**ANSWER, "rating": True}]}, "from 1 to 10"),
        ({"answers": [{**ANSWER, "rating": "7"}]}, "from 1 to 10"),
        ({"answers": [{**ANSWER, "seconds": -1}]}, "not a valid duration"),
        ({"answers": [{**ANSWER, "seconds": "x"}]}, "not a valid duration"),
        ({"answers": [ANSWER, ANSWER]}, "two answers to the picture"),
        ({"key": "!"}, "damaged key"),
        ({"key": 7}, "damaged key"),
        ({"key": base64.b64encode(b"x").decode()}, "damaged key"),
        ({"key": made_key(study="s2").sealed()}, "key of another study"),
    ],
)
def test_malformed_exports_are_refused_with_one_sentence(tmp_path, changes, why):
    path = write_export(tmp_path / "export.json", made_key(), {"m-0": 3}, **changes)
    with pytest.raises(InputError, match=why) as refused:
        read_export(path)
    assert "export.json" in str(refused.value)
    assert str(refused.value).endswith(".")


def test_what_is_no_json_is_refused(tmp_path):
    for content, why in (
        (b"{", "valid JSON"),
        (b"\xff\xfe\x00", "valid JSON"),
        (b"[]", "not an export"),
    ):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(InputError, match=why):
            read_export(tmp_path / "x.json")
    with pytest.raises(InputError, match="Cannot read"):
        read_export(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="not a study key"):
        (tmp_path / "x.json").write_text("{}")
        read_key(tmp_path / "x.json")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        command_line.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


def test_the_commands(tmp_path, capsys):
    folders = write_folders(tmp_path, faces=3)
    code, out, _ = call(
        capsys, "study", "make", folders[MODELS[0]], f"mine={folders[MODELS[1]]}",
        "--truth", folders["truth"], "-o", tmp_path / "s.html", "--key", tmp_path / "key.json",
    )  # fmt: skip
    assert (code, "9 pictures of 3 faces" in out) == (0, True)
    key = read_key(tmp_path / "key.json")
    assert key.models == (REAL, MODELS[0], "mine")
    export = write_export(tmp_path / "e.json", key, dict.fromkeys(key.pictures, 4), sealed=False)
    code, out, _ = call(
        capsys, "study", "read", export, "--key", tmp_path / "key.json", "-o", tmp_path / "report"
    )
    assert code == 0
    assert "| mine | 3 | 1 | 3 | 4.00 | 4.00 to 4.00 | 0.00 |" in out
    assert (tmp_path / "report" / "report.md").read_text(encoding="utf-8") in out + "\n"
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Real photos were rated 4.00" in page and "Real photos were rated 4.00" in out
    assert "How often each rating was given" in page and "<script" not in page
    code, _, err = call(
        capsys, "study", "read", export, "--key", tmp_path / "key.json", "-o", tmp_path / "report"
    )
    assert (code, "--overwrite replaces it" in err) == (2, True)
    code, out, _ = call(capsys, "study", "read", export, "--key", tmp_path / "key.json", "--json")
    assert json.loads(out) == json.loads((tmp_path / "report" / "report.json").read_text())
    code, _, err = call(capsys, "study", "read", tmp_path / "s.html")
    assert (code, "is not valid JSON" in err) == (2, True)
    code, _, err = call(
        capsys, "study", "make", folders[MODELS[0]], folders[MODELS[0]],
        "--truth", folders["truth"], "-o", tmp_path / "t.html",
    )  # fmt: skip
    assert (code, "have the same name" in err) == (2, True)


@pytest.mark.parametrize("read", [read_export, read_key])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[" * 100_000, "nested too deeply"), ('{"shown": 1' + "0" * 400 + "}", "too large")],
)
def test_json_out_of_proportion_is_one_sentence(tmp_path, read, text, sentence):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "x.json")


def test_a_sealed_key_out_of_proportion_is_one_sentence():
    sealed = base64.b64encode(zlib.compress(b"[" * 100_000)).decode()
    with pytest.raises(InputError, match="damaged key"):
        unseal_key(sealed, "page.html")
