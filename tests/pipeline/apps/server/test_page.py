"""The web page in a headless Chromium, on a stand-in pipeline."""

import base64
import io
import re
from importlib.resources import files

import numpy as np
import PIL.Image
import pytest

from pipeline.core import Pipeline
from tests.pipeline.apps.server.test_server import ScoredDetector
from tests.pipeline.apps.server.threads import running_server
from tests.pipeline.browser import headless_chromium, watched_page
from tests.pipeline.colour_stages import MASK, STAGES, find_colour, masked_scene
from tests.pipeline.test_references import Finder, lower_face, portrait
from weights.images import encode_picture
from weights.images.mark_reader import read_mark

PATCHES = [(60, 90, 150, 180), (240, 60, 330, 135)]
PICTURE = masked_scene((270, 390), PATCHES)
PNG = encode_picture(PICTURE, "PNG")
PIPELINE = Pipeline(**STAGES, landmarks=None)
PHOTO = {"name": "two people.png", "mimeType": "image/png", "buffer": PNG}
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def test_no_file_of_the_page_names_another_machine():
    folder = files("pipeline.apps.server") / "page"
    for file in folder.iterdir():
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", file.read_text("utf-8"))
        assert [one for one in addresses if "www.w3.org" not in one] == [], file.name


@pytest.fixture(scope="module")
def address():
    with running_server(PIPELINE) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with headless_chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    with watched_page(browser, viewport=WIDE) as page:
        page.goto(address)
        yield page


def choose(page, photo=None):
    page.set_input_files("#file", photo or PHOTO)
    page.wait_for_selector("#edit:not([hidden])")


def fill(page):
    page.click("#fill")
    page.wait_for_selector("#result:not([hidden])")


def download(page):
    with page.expect_download() as saved:
        page.click("#download")
    content = saved.value.path().read_bytes()
    return saved.value.suggested_filename, content


def pixels(content):
    return np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))


def drag(page, *points):
    """Drag over the photo; points are x y in its pixels."""
    box = page.locator("#overlay").bounding_box()
    where = [
        (box["x"] + x * box["width"] / 390, box["y"] + y * box["height"] / 270) for x, y in points
    ]
    page.mouse.move(*where[0])
    page.mouse.down()
    for point in where[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def test_from_photo_to_download(page):
    assert "never evidence of who someone is" in page.inner_text("#notice")
    choose(page)
    assert page.locator("#mask-list input:checked").count() == 2
    assert page.inner_text("#fill") == "Take the masks off"
    fill(page)
    assert page.inner_text("#summary").strip() == "2 faces were filled."
    assert "never evidence" in page.inner_text("#result figcaption")
    assert page.input_value("#cut") == "50"
    name, content = download(page)
    assert name == "two people.unmasked.png"
    assert content == PIPELINE(PNG)
    assert read_mark(content) is not None


class TestReference:
    """A second photo; the stand-in landmarks are those of `test_references`."""

    picture = np.where(lower_face()[:, :, None], MASK, portrait())
    masked = encode_picture(picture, "PNG")
    own = encode_picture(portrait(0.8), "PNG")

    @pytest.fixture
    def pipeline(self):
        return Pipeline(**STAGES, landmarks=Finder())

    @pytest.fixture
    def page(self, browser, pipeline):
        with running_server(pipeline) as address, watched_page(browser, viewport=WIDE) as page:
            page.goto(address)
            choose(page, {**PHOTO, "buffer": self.masked})
            yield page

    def test_the_face_is_filled_from_it_and_the_page_says_so(self, page, pipeline):
        page.set_input_files("#reference input", {**PHOTO, "name": "me.png", "buffer": self.own})
        page.wait_for_selector("#reference img:visible")
        assert "me.png" in page.inner_text("#reference")
        fill(page)
        assert page.inner_text("#side-after") == "after, from your photo"
        assert "from the second photo" in page.inner_text("#result figcaption")
        expected = pipeline(self.masked, reference=self.own)
        assert download(page)[1] == expected
        page.click("#back")
        page.click("#reference button")
        fill(page)
        assert page.inner_text("#side-after") == "after, a guess"
        assert download(page)[1] == pipeline(self.masked)

    def test_what_is_dropped_on_its_field_is_not_the_photo(self, page):
        transfer_file(page, "drop", "dataTransfer", self.own, "#reference label")
        page.wait_for_selector("#reference img:visible")
        assert page.evaluate("document.getElementById('photo').naturalWidth") == 200
        assert page.locator("#mask-list input").count() == 1
        transfer_file(page, "drop", "dataTransfer", PNG)
        # The one that was dropped before was of another person, perhaps.
        page.wait_for_selector("#reference img", state="hidden")
        assert page.evaluate("document.getElementById('photo').naturalWidth") == 390

    def test_one_that_does_not_fit_gets_a_sentence(self, page):
        page.set_input_files("#reference input", {**PHOTO, "buffer": b"no picture"})
        page.click("#fill")
        page.wait_for_selector("#error:not([hidden])")
        assert page.inner_text("#error").startswith("The reference photo sent is not a picture")
        assert page.is_visible("#edit")


def transfer_file(page, kind, key, content, selector="body"):
    """Paste or drop a picture on an element."""
    page.evaluate(
        """([kind, key, text, selector]) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
          transfer.items.add(new File([bytes], "x.png", {type: "image/png"}));
          const Type = kind === "paste" ? ClipboardEvent : DragEvent;
          const event = new Type(kind, {[key]: transfer, bubbles: true});
          document.querySelector(selector).dispatchEvent(event);
        }""",
        [kind, key, base64.b64encode(content).decode(), selector],
    )


def test_a_mask_that_is_switched_off_stays(page):
    choose(page)
    drag(page, (285, 100))
    assert page.locator("#mask-list input:checked").count() == 1
    fill(page)
    found = PIPELINE(PICTURE, return_result=True)
    kept, taken = sorted(found.faces, key=lambda face: -np.flatnonzero(face.hole.any(0))[0])
    _, content = download(page)
    changed = (pixels(content) != PICTURE).any(axis=2)
    assert not changed[kept.hole].any()
    assert np.array_equal(pixels(content), PIPELINE(PICTURE, mask=taken.hole))


def test_masks_that_touch_stay_faces_of_their_own(browser):
    def find_halves(image):
        [patch] = find_colour(image)
        left = patch.mask & (np.arange(image.shape[1]) < 150)
        return [left, patch.mask & ~left, np.roll(left, 120, axis=1) & ~patch.mask]

    picture = masked_scene((270, 390), [(100, 90, 200, 150)])
    pipeline = Pipeline(**{**STAGES, "detector": find_halves}, landmarks=None)
    with running_server(pipeline) as address, watched_page(browser, viewport=WIDE) as page:
        page.goto(address)
        choose(page, {**PHOTO, "buffer": encode_picture(picture, "PNG")})
        page.keyboard.press("3")
        fill(page)
        assert page.inner_text("#summary").strip() == "2 faces were filled."
        masks = [find_halves(picture)[index] for index in (0, 1)]
        assert np.array_equal(pixels(download(page)[1]), pipeline(picture, mask=masks))


def test_paint_belongs_to_the_mask_beside_it(page):
    choose(page)
    groups = page.evaluate(
        """async () => {
          const { HoleDrawing } = await import("/page/hole_drawing.js");
          const square = (x, y, side) => ({
            box: [x, y, x + side, y + side],
            outlines: [[[x, y], [x + side, y], [x + side, y + side], [x, y + side]]],
          });
          const drawing = new HoleDrawing(400, 300, [square(0, 0, 100), square(100, 0, 100)]);
          const paint = (x, y) => drawing.beginStroke(x, y, 20, true);
          paint(215, 50);  // beside the second
          paint(350, 250);  // beside none
          paint(365, 250);  // beside that one
          drawing.beginStroke(50, 50, 20, false);
          return drawing.faces().map((one) => [one.box, one.holes.length, one.strokes.length]);
        }"""
    )
    assert groups == [
        [[0, 0, 100, 100], 1, 0],
        [[100, 0, 225, 100], 1, 1],
        [[340, 240, 375, 260], 0, 2],
    ]


def test_badges_lie_on_their_masks(page):
    choose(page)
    middles = page.evaluate(
        """async () => {
          const { HoleDrawing } = await import("/page/hole_drawing.js");
          const [body] = document.getElementById("file").files;
          const found = await (await fetch("/detect", {method: "POST", body})).json();
          // A ring, in whose middle there is nothing.
          const ring = {box: [0, 0, 90, 90], outlines: [
            [[0, 0], [90, 0], [90, 90], [0, 90]], [[20, 20], [20, 80], [80, 80], [80, 20]],
          ]};
          const {width, height} = found;
          return new HoleDrawing(width, height, [...found.holes, ring]).holes.map(
            (hole) => hole.middle,
          );
        }"""
    )
    for (x, y), (x0, y0, x1, y1) in zip(middles, sorted(PATCHES, reverse=True), strict=False):
        assert abs(x - (x0 + x1) / 2) <= 1
        assert abs(y - (y0 + y1) / 2) <= 1
    x, y = middles[-1]
    assert 0 <= x <= 90
    assert not (20 <= x <= 80 and 20 <= y <= 80)


def test_holes_are_drawn_to_the_pixel(page):
    choose(page)
    png = page.evaluate(
        """async () => {
          const { HoleDrawing } = await import("/page/hole_drawing.js");
          const [body] = document.getElementById("file").files;
          const answer = await fetch("/detect", {method: "POST", body});
          const found = await answer.json();
          const drawing = new HoleDrawing(found.width, found.height, found.holes);
          const png = await drawing.toPng();
          return Array.from(new Uint8Array(await png.arrayBuffer()));
        }"""
    )
    mask = PIL.Image.open(io.BytesIO(bytes(png)))
    hole = PIPELINE(PICTURE, return_result=True).hole
    assert np.array_equal(np.asarray(mask.convert("RGBA"))[:, :, 3], hole * np.uint8(255))


def test_brush_paints_erases_and_undoes(page):
    choose(page, {**PHOTO, "buffer": encode_picture(masked_scene((270, 390), []), "PNG")})
    plain = masked_scene((270, 390), [])
    assert "Paint over it" in page.inner_text("#mask-list")
    assert page.is_checked("input[value=add]")
    assert page.is_disabled("#fill")
    drag(page, (100, 100), (200, 100))
    drag(page, (30, 240))
    page.keyboard.press("Control+z")
    page.keyboard.press("e")
    drag(page, (200, 100))
    fill(page)
    _, content = download(page)
    changed = (pixels(content) != plain).any(axis=2)
    assert changed[95:105, 105:175].mean() > 0.9
    assert not changed[95:105, 195:205].any()
    assert not changed[200:].any()
    rows = np.flatnonzero(changed.any(axis=1))
    assert 15 <= rows[-1] - rows[0] <= 30


def test_keys_do_everything(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    choose(page)
    assert page.evaluate("document.activeElement.id") == "fill"
    page.keyboard.press("2")
    assert page.locator("#mask-list input:checked").count() == 1
    page.keyboard.press("p")
    before = int(page.input_value("#size"))
    page.keyboard.press("]")
    assert int(page.input_value("#size")) == before + 5
    page.focus("#overlay")
    for key in ("ArrowRight", "ArrowDown", "Space", "s"):
        page.keyboard.press(key)
    assert page.is_enabled("#undo")
    page.keyboard.press("+")
    assert page.inner_text("#edit .zoom") == "150 %"
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "cut"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#cut") == "2"
    assert page.get_attribute("#cut", "aria-valuetext") == "2 % photo, 98 % result"
    page.keyboard.press("Escape")
    assert page.is_visible("#edit")
    order = []
    page.focus("#overlay")
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate(
                "document.activeElement.name || document.activeElement.id "
                "|| document.activeElement.type"
            )
        )
    assert order == ["tool", "size", "undo", "clear", "checkbox", "checkbox"]


def test_paste_and_drop(page):
    for kind, key in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        transfer_file(page, kind, key, PNG)
        page.wait_for_selector("#edit:not([hidden])")
        assert page.locator("#mask-list input").count() == 2
        page.click("#edit .another")
        page.wait_for_selector("#choose:not([hidden])")


def test_what_is_no_picture_gets_a_sentence(page):
    page.set_input_files("#file", {**PHOTO, "buffer": b"no picture at all"})
    page.wait_for_selector("#error:not([hidden])")
    assert page.inner_text("#error").startswith("The file sent is not a picture")
    assert page.is_visible("#choose")
    choose(page)
    assert page.is_hidden("#error")


def test_formats_that_browsers_do_not_know_are_shown(page):
    choose(page, {**PHOTO, "name": "scan.tiff", "buffer": encode_picture(PICTURE, "TIFF")})
    assert page.evaluate("document.getElementById('photo').naturalWidth") == 390
    fill(page)
    name, content = download(page)
    assert name == "scan.unmasked.png"
    assert np.array_equal(pixels(content), PIPELINE(PICTURE))


def test_a_full_queue_is_waited_for(page):
    answers = iter([429, 429])

    def meddle(route):
        if next(answers, 200) == 429:
            body = '{"error": {"code": "queue_full", "message": "Full."}}'
            route.fulfill(status=429, body=body, headers={"retry-after": "0.2"})
        else:
            route.continue_()

    page.route("**/detect", meddle)
    choose(page)
    assert page.is_hidden("#error")


def test_escape_stops_waiting(page):
    page.route("**/detect", lambda route: None)
    page.set_input_files("#file", PHOTO)
    page.wait_for_selector("#busy:not([hidden])")
    page.keyboard.press("Escape")
    page.wait_for_selector("#busy", state="hidden")
    assert page.is_visible("#choose")
    assert page.is_hidden("#error")


class TestChoices:
    """What a server lets its clients choose; one that does not shows nothing of it."""

    @pytest.fixture
    def pipeline(self):
        stages = {**STAGES, "detector": ScoredDetector(0.3), "inpainter": "telea"}
        return Pipeline(**stages, landmarks=None)

    @pytest.fixture
    def page(self, browser, pipeline):
        inpainters = {"navier-stokes": "navier-stokes"}
        with (
            running_server(pipeline, inpainters=inpainters) as address,
            watched_page(browser, viewport=WIDE) as page,
        ):
            page.goto(address)
            choose(page)
            yield page

    def test_a_guess_is_chosen_from_several(self, page, pipeline):
        expected = pipeline(PNG, variants=3)
        assert page.is_hidden("#fills")
        page.select_option("#variants", "3")
        fill(page)
        assert page.locator("#fill-list input").count() == 3
        assert page.inner_text("#side-after") == "after, a guess (1 of 3)"
        assert download(page) == ("two people.unmasked.1.png", expected[0])
        page.focus("#fill-list input")
        page.keyboard.press("ArrowRight")
        page.get_by_text("after, a guess (2 of 3)").wait_for()
        assert download(page) == ("two people.unmasked.2.png", expected[1])
        page.click("#others")
        page.wait_for_selector("#busy", state="hidden")
        page.click("#fill-list label:nth-of-type(3)")
        page.get_by_text("after, a guess (3 of 3)").wait_for()
        assert download(page)[1] == pipeline(PNG, variants=3, seed=1)[2]

    def test_another_inpainter(self, page, pipeline):
        page.select_option("#inpainter", "navier-stokes")
        fill(page)
        assert download(page)[1] == pipeline.with_stages(inpainter="navier-stokes")(PNG)

    def test_how_sure_the_detector_must_be(self, page, pipeline):
        assert page.inner_text("#confidence-value") == "30 % sure"
        assert page.locator("#mask-list input").count() == 2
        page.focus("#confidence")
        page.keyboard.press("End")
        page.wait_for_selector("#mask-list input", state="detached")
        page.keyboard.press("Home")
        page.wait_for_selector("#mask-list input")
        assert page.locator("#mask-list input").count() == 2
        fill(page)
        assert download(page)[1] == pipeline(PNG)

    def test_a_reference_leaves_nothing_to_guess(self, page):
        page.set_input_files("#reference input", PHOTO)
        assert page.is_disabled("#variants")
        page.click("#reference button")
        assert page.is_enabled("#variants")

    def test_what_is_done_is_shown(self, page):
        page.route(
            "**/progress*",
            lambda route: route.fulfill(json={"stage": "inpainter", "share": 0.4}),
        )
        page.route("**/unmask*", lambda route: None)
        page.click("#fill")
        page.get_by_text("Painting a face that could be there").wait_for()
        assert page.evaluate("document.getElementById('progress').value") == 0.4


def test_what_a_server_does_not_offer_is_not_shown(page):
    choose(page)
    for control in ("#confidence", "#inpainter"):
        assert page.is_hidden(control)


def test_what_speaks_against_a_fill_is_said(browser):
    cut = masked_scene((270, 390), [(0, 100, 90, 180)])
    pipeline = Pipeline(**STAGES, landmarks=Finder())
    with running_server(pipeline) as address, watched_page(browser, viewport=WIDE) as page:
        page.goto(address)
        choose(page, {**PHOTO, "buffer": encode_picture(cut, "PNG")})
        said = page.locator("#mask-list .outlook")
        assert "It is cut by the picture's frame." in said.inner_text()
        assert "such fill" in said.inner_text()
        described = page.get_attribute("#mask-list input", "aria-describedby")
        assert described == said.get_attribute("id")


def test_every_control_has_a_name(page):
    choose(page)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a, canvas, progress")]
          .filter((one) => !(one.labels?.length || one.textContent.trim()
            || one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


CONTRAST = """() => {
  const light = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => {
      const share = one / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return /, 0\\)$/.test(colour) && one.parentElement ? ground(one.parentElement) : colour;
  };
  const faint = [];
  for (const one of document.querySelectorAll("body *")) {
    const said = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!said || !one.checkVisibility() || one.closest(":disabled, .side")) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${one.tagName} ${one.id} ${one.className}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, address, scheme):
    with watched_page(browser, viewport=WIDE, color_scheme=scheme) as page:
        page.goto(address)
        assert page.evaluate(CONTRAST) == []
        choose(page)
        assert page.evaluate(CONTRAST) == []
        fill(page)
        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens(browser, address, scheme):
    with watched_page(
        browser,
        viewport=PHONE,
        color_scheme=scheme,
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    ) as page:
        page.goto(address)
        assert "Ctrl" not in page.inner_text("body")
        square = encode_picture(masked_scene((390, 390), PATCHES), "PNG")
        choose(page, {**PHOTO, "buffer": square})
        assert "Esc" not in page.inner_text("body")
        # What one came for is in reach without scrolling, before and after the tools are looked at.
        brush = page.locator("#size").bounding_box()
        assert brush["y"] + brush["height"] <= page.locator("#fill").bounding_box()["y"]
        for _ in range(2):
            button = page.locator("#fill").bounding_box()
            assert button["y"] + button["height"] <= PHONE["height"]
            page.evaluate("document.querySelector('.tools').scrollIntoView({block: 'center'})")
        page.evaluate("scrollTo(0, 0)")
        page.click("#edit .another")
        choose(page)
        box = page.locator("#overlay").bounding_box()
        page.touchscreen.tap(box["x"] + 285 / 390 * box["width"], box["y"] + 0.4 * box["height"])
        assert page.locator("#mask-list input:checked").count() == 1
        for step in (lambda: None, lambda: fill(page)):
            step()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for button in page.locator("button:visible, a.button:visible").all():
            assert button.bounding_box()["height"] >= 40
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", ground))) > 380
        assert light == (scheme == "light")


def test_the_documentation_is_drawn_from_the_description(browser, address):
    with watched_page(browser, viewport=WIDE) as page:
        page.goto(f"{address}/docs")
        page.wait_for_selector(".endpoint")
        text = page.inner_text("main")
        for path in ("POST /unmask", "POST /detect", "POST /complete", "GET /health", "429"):
            assert path in text
        assert f"{address}/unmask" in text
