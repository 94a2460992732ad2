"""The study's page in a headless Chromium, opened as a file and served."""

import itertools
import json

import pytest

from pipeline.apps.study import analyse_exports, read_export
from pipeline.core import Pipeline
from tests.pipeline.apps.server.threads import running_server
from tests.pipeline.apps.study.folders import MODELS, make_small_study
from tests.pipeline.browser import headless_chromium, watched_page
from tests.pipeline.colour_stages import STAGES


@pytest.fixture(scope="module")
def browser():
    with headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_small_study(tmp_path_factory.mktemp("study"), title="How real?")


def picture(page):
    return page.get_attribute("#picture", "src")


def save(page, path):
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(path)
    assert saved.value.suggested_filename.startswith("study-")
    return read_export(path)


def test_rating_by_keys_from_a_file_to_a_report(browser, study, tmp_path):
    with watched_page(browser) as page:
        page.goto(study.path.as_uri())
        assert page.inner_text("#total") == "18"
        page.fill("#name", "A. B.")
        page.click("#start")
        seen = []
        for number in range(18):
            assert page.inner_text("#progress") == f"Picture {number + 1} of 18"
            seen.append(picture(page))
            page.keyboard.press(str(number % 10))
        assert len(set(seen)) == 18
        export = save(page, tmp_path / "export.json")
    assert sorted(export.ratings.values()) == sorted((number % 10) or 10 for number in range(18))
    assert export.shown == 18
    assert json.loads((tmp_path / "export.json").read_text())["name"] == "A. B."
    result = analyse_exports([export], resamples=20)
    assert {one.ratings for one in result.models} == {6}


def test_answers_outlive_the_page_and_can_be_changed(browser, study, tmp_path):
    with watched_page(browser) as page:
        page.goto(study.path.as_uri())
        page.click("#start")
        first = picture(page)
        page.click("#scale button:nth-child(7)")
        second = picture(page)
        page.keyboard.press("3")
        page.reload()
        assert page.inner_text("#start") == "Go on (2 of 18 answered)"
        page.click("#start")
        assert page.inner_text("#progress") == "Picture 3 of 18"
        page.keyboard.press("ArrowLeft")
        assert picture(page) == second
        assert page.get_attribute("#scale button:nth-child(3)", "aria-pressed") == "true"
        page.click("#previous")
        assert picture(page) == first
        assert page.is_disabled("#previous")
        page.keyboard.press("0")
        assert page.inner_text("#progress") == "Picture 3 of 18"
        for _ in range(16):
            page.keyboard.press("5")
        export = save(page, tmp_path / "export.json")
    assert list(export.ratings.values()) == [10, 3] + [5] * 16


def test_each_person_sees_an_order_of_their_own(browser, study):
    orders = []
    with watched_page(browser) as page:
        page.goto(study.path.as_uri())
        for _ in range(3):
            page.click("#start")
            order = []
            for _ in range(18):
                order.append(picture(page))
                page.keyboard.press("5")
            orders.append(order)
            page.click("#next-person")
        faces = page.evaluate(
            "Object.fromEntries(JSON.parse(document.getElementById('data').textContent)"
            ".pictures.map(({data, face}) => [data, face]))"
        )
    assert len({tuple(order) for order in orders}) == 3
    assert len({frozenset(order) for order in orders}) == 1
    for order in orders:
        in_a_row = sum(faces[a] == faces[b] for a, b in itertools.pairwise(order))
        assert in_a_row == 0


def test_each_face_once(browser, tmp_path):
    made = make_small_study(tmp_path, once=True)
    with watched_page(browser) as page:
        page.goto(made.path.as_uri())
        assert page.inner_text("#total") == "6"
        page.click("#start")
        for _ in range(6):
            page.keyboard.press("5")
        export = save(page, tmp_path / "export.json")
    faces = [export.key.pictures[name][1] for name in export.ratings]
    assert len(set(faces)) == 6


def test_served_on_a_phone_and_nothing_given_away(browser, study):
    with (
        running_server(Pipeline(**STAGES), study=study.path.read_bytes()) as address,
        watched_page(browser, viewport={"width": 360, "height": 700}) as page,
    ):
        page.goto(f"{address}/study")
        page.click("#start")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate("document.getElementById('picture').naturalWidth") == 40
        scale = page.locator("#scale button").all()
        assert len(scale) == 10
        assert all(button.bounding_box()["height"] >= 40 for button in scale)
        content = page.content()
        for name in (*MODELS, "truth", "face_0"):
            assert name not in content
        assert page.get_attribute("#picture", "alt") == "Picture 1"


def test_a_browser_that_keeps_nothing_says_so(browser, study, tmp_path):
    with watched_page(browser) as page:
        page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }});"
        )
        page.goto(study.path.as_uri())
        assert "keeps nothing" in page.inner_text("#warning")
        page.click("#start")
        for _ in range(18):
            page.keyboard.press("8")
        assert len(save(page, tmp_path / "export.json").ratings) == 18
