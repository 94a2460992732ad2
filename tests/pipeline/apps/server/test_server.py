"""The HTTP API: what it answers, what it refuses, and that it keeps nothing."""

import asyncio
import base64
import io
import json
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import numpy as np
import PIL.Image
import pytest
from starlette.responses import Response

from pipeline.apps.server import ServerLimits, create_application
from pipeline.apps.server.admission import Admission
from pipeline.apps.server.loopback import is_loopback
from pipeline.core import Pipeline
from pipeline.outlook import SENTENCES
from tests.conformance.scenes import scene
from tests.pipeline.apps.server.test_outlines import filled
from tests.pipeline.apps.server.threads import running_server
from tests.pipeline.colour_stages import MASK, STAGES, fill_mean, find_colour, masked_scene
from tests.pipeline.test_references import Finder, lower_face, portrait
from weights.base.errors import InputError
from weights.images import encode_picture
from weights.images.mark import NOTICE, NOTICE_OF_REFERENCE
from weights.images.mark_reader import read_mark

PATCHES = [(20, 30, 50, 60), (80, 20, 110, 45)]
PICTURE = masked_scene((90, 130), PATCHES)
PNG = encode_picture(PICTURE, "PNG")
PIPELINE = Pipeline(**STAGES)


@contextmanager
def calling(pipeline, limits=None, **options):
    with (
        running_server(pipeline, limits, **options) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with calling(PIPELINE) as client:
        yield client


def pixels(response):
    return np.asarray(PIL.Image.open(io.BytesIO(response.content)).convert("RGB"))


def refusal(response):
    """The code of a refusal, whose shape and sentence are checked."""
    body = response.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "message"]
    assert body["error"]["message"].endswith(".")
    return response.status_code, body["error"]["code"]


def form(**parts):
    return {name: (f"{name}.png", content, "image/png") for name, content in parts.items()}


def test_a_picture_as_the_body_and_in_a_form_is_what_the_pipeline_makes(client):
    expected = PIPELINE(PNG)
    for answer in (
        client.post("/unmask", content=PNG, headers={"content-type": "image/png"}),
        client.post("/unmask", content=PNG),
        client.post("/unmask", files=form(picture=PNG)),
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["unmask-faces"] == "2"
        assert "detector;dur=" in answer.headers["server-timing"]
        assert answer.content == expected


def test_the_answer_says_that_it_is_a_guess(client):
    answer = client.post("/unmask?format=webp", content=PNG)
    assert "no evidence" in read_mark(answer.content).notice


def test_nothing_to_fill_gives_the_same_bytes(client):
    for form_ in ("PNG", "JPEG", "WEBP"):
        content = encode_picture(scene((40, 50), 3), form_)
        answer = client.post("/unmask", content=content)
        assert answer.content == content
        assert answer.headers["unmask-faces"] == "0"


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "image/png"),
        ("", None, "image/png"),
        ("", "image/avif,image/webp,image/*,*/*;q=0.8", "image/png"),
        ("", "image/webp", "image/webp"),
        ("", "image/jpeg, image/png;q=0.5", "image/jpeg"),
        ("", "image/*;q=0.2, image/webp;q=0.9", "image/webp"),
        ("", "image/png;q=0, */*", "image/jpeg"),
        ("?format=jpg", "image/png", "image/jpeg"),
        ("?format=WebP", "*/*", "image/webp"),
    ],
)
def test_the_query_or_else_accept_says_the_format(client, query, accept, kind):
    headers = {"accept": accept} if accept else {}
    answer = client.post(f"/unmask{query}", content=PNG, headers=headers)
    assert answer.headers["content-type"] == kind
    assert PIL.Image.open(io.BytesIO(answer.content)).get_format_mimetype() == kind
    assert pixels(answer).shape == PICTURE.shape


def test_other_formats_come_back_as_png_and_quality_counts(client):
    answer = client.post("/unmask", content=encode_picture(PICTURE, "BMP"))
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(pixels(answer), PIPELINE(PICTURE))
    sizes = [
        len(client.post(f"/unmask?format=jpeg&quality={quality}", content=PNG).content)
        for quality in (30, 90)
    ]
    assert sizes[0] < sizes[1]


def test_detection_gives_masks_and_the_holes_that_are_filled(client):
    answer = client.post("/detect", content=PNG)
    found = answer.json()
    assert (found["width"], found["height"]) == (130, 90)
    assert [mask["box"] for mask in found["masks"]] == [
        [80.0, 20.0, 110.0, 45.0],
        [20.0, 30.0, 50.0, 60.0],
    ]
    assert all(mask["score"] == 1.0 and mask["label"] == "mask" for mask in found["masks"])
    assert sorted(hole["masks"] for hole in found["holes"]) == [[0], [1]]
    holes = np.zeros((90, 130), bool)
    for hole in found["holes"]:
        holes |= filled([[tuple(point) for point in line] for line in hole["outlines"]], (90, 130))
    assert np.array_equal(holes, PIPELINE(PICTURE, return_result=True).hole)


def test_no_mask_is_no_error(client):
    found = client.post("/detect", content=encode_picture(scene((40, 50), 3), "PNG")).json()
    assert found == {"width": 50, "height": 40, "masks": [], "holes": []}


def test_a_hole_of_ones_own_is_filled_exactly(client):
    hole = np.zeros((90, 130), bool)
    hole[30:60, 20:50] = True
    transparent = np.zeros((90, 130, 4), np.uint8)
    transparent[hole] = 255
    for mask in (encode_picture(hole, "PNG"), encode_picture(transparent, "PNG")):
        answer = client.post("/complete", files=form(picture=PNG, mask=mask))
        assert answer.headers["unmask-faces"] == "1"
        changed = (pixels(answer) != PICTURE).any(axis=2)
        assert changed.any()
        assert not (changed & ~hole).any()
        assert np.array_equal(pixels(answer), PIPELINE(PICTURE, mask=hole))


def test_of_several_holes_each_is_a_face(client):
    left, right = np.zeros((90, 130), bool), np.zeros((90, 130), bool)
    left[30:60, 20:40], right[30:60, 40:70] = True, True
    masks = [
        ("mask", (f"{i}.png", encode_picture(one, "PNG"))) for i, one in enumerate((left, right))
    ]
    answer = client.post("/complete", files=[("picture", ("p.png", PNG)), *masks])
    assert answer.headers["unmask-faces"] == "2"
    assert np.array_equal(pixels(answer), PIPELINE(PICTURE, mask=[left, right]))
    together = client.post(
        "/complete", files=form(picture=PNG, mask=encode_picture(left | right, "PNG"))
    )
    assert together.headers["unmask-faces"] == "1"


class TestReferences:
    """A face of `test_references`, filled over HTTP from a photo."""

    picture = portrait()
    picture[lower_face()] = MASK
    content = encode_picture(picture, "PNG")
    photo = encode_picture(portrait(0.8), "PNG")

    @pytest.fixture
    def pipeline(self):
        return Pipeline(**STAGES, landmarks=Finder())

    def test_the_face_is_the_photo_s_and_the_answer_says_so(self, pipeline):
        expected = pipeline(self.content, reference=self.photo)
        mask = encode_picture(lower_face(), "PNG")
        with calling(pipeline) as client:
            found = client.post("/unmask", files=form(picture=self.content, reference=self.photo))
            given = client.post(
                "/complete", files=form(picture=self.content, mask=mask, reference=self.photo)
            )
            guess = client.post("/unmask", content=self.content)
        assert found.content == expected
        assert read_mark(found.content).notice == NOTICE_OF_REFERENCE
        assert np.array_equal(pixels(given), pixels(found))
        assert found.headers["unmask-reference"] == given.headers["unmask-reference"] == "0"
        assert "unmask-reference" not in guess.headers
        assert read_mark(guess.content).notice == NOTICE

    def test_of_several_photos_the_one_that_fits_is_used(self, pipeline):
        small = encode_picture(portrait()[::4, ::4], "PNG")
        finder = pipeline.landmarks
        found = finder.found
        finder.find = lambda image: found if len(image) == 200 else None
        files = [("picture", ("p", self.content)), ("reference", ("s", small))]
        with calling(pipeline) as client:
            alone = client.post("/unmask", files=files)
            both = client.post("/unmask", files=[*files, ("reference", ("r", self.photo))])
        assert refusal(alone) == (422, "unusable_picture")
        assert "No face is found in the reference photo" in alone.json()["error"]["message"]
        assert both.headers["unmask-reference"] == "1"

    def test_photos_have_limits_too(self, pipeline):
        many = [("reference", (str(i), self.photo)) for i in range(9)]
        with calling(pipeline, ServerLimits(pixels=60_000)) as client:
            files = [("picture", ("p", self.content)), *many]
            assert refusal(client.post("/unmask", files=files)) == (422, "doubled_part")
            # Each has 40,000 pixels.
            assert refusal(client.post("/unmask", files=files[:3])) == (422, "unusable_picture")
            assert client.post("/unmask", files=files[:2]).status_code == 200
            wrong = form(picture=self.content, reference=b"no picture")
            answer = client.post("/unmask", files=wrong)
        assert "The reference photo sent is not a picture" in answer.json()["error"]["message"]


class TestVariants:
    """Several fills of one picture, by an inpainter that sees how its crops are framed."""

    pipeline = Pipeline(**{**STAGES, "inpainter": "telea"})

    def test_they_are_those_of_the_pipeline(self):
        mask = encode_picture(find_colour(PICTURE)[0].mask, "PNG")
        with calling(self.pipeline) as client:
            found = client.post("/unmask?variants=3&seed=5", content=PNG).json()
            given = client.post(
                "/complete?variants=2&format=webp", files=form(picture=PNG, mask=mask)
            ).json()
        pictures = [base64.b64decode(one) for one in found["pictures"]]
        assert pictures == self.pipeline(PNG, variants=3, seed=5)
        assert found["media_type"] == "image/png"
        assert found["faces"] == 2
        assert set(found["seconds"]) == {"detector", "refiner", "inpainter", "blender"}
        assert len(given["pictures"]) == 2
        assert given["media_type"] == "image/webp"
        assert "one of 3 guesses" in read_mark(pictures[0]).notice

    def test_a_reference_photo_leaves_nothing_to_guess(self):
        with calling(self.pipeline) as client:
            answer = client.post("/unmask?variants=2", files=form(picture=PNG, reference=PNG))
        assert refusal(answer) == (422, "unusable_picture")
        assert "Variants are several guesses" in answer.json()["error"]["message"]


def test_a_request_may_choose_another_inpainter():
    inpainters = {"fill_mean": "telea", "navier-stokes": "navier-stokes"}
    with calling(PIPELINE, inpainters=inpainters) as client:
        assert client.get("/health").json()["inpainters"] == ["fill_mean", "navier-stokes"]
        usual = client.post("/unmask?inpainter=fill_mean", content=PNG)
        other = client.post("/unmask?inpainter=navier-stokes", content=PNG)
    assert usual.content == PIPELINE(PNG)
    assert other.content == Pipeline(**{**STAGES, "inpainter": "navier-stokes"})(PNG)


class ScoredDetector:
    """Finds patches of the mask's colour, and is the surer of each the larger it is."""

    def __init__(self, confidence=0.1):
        self.confidence = confidence

    def with_confidence(self, confidence):
        return ScoredDetector(confidence)

    def detect(self, images):
        found = [
            [replace(one, score=10 * float(one.mask.mean())) for one in find_colour(image)]
            for image in images
        ]
        return [[one for one in own if one.score >= self.confidence] for own in found]


def test_a_request_may_say_how_sure_the_detector_must_be():
    pipeline = Pipeline(**{**STAGES, "detector": ScoredDetector()})
    with calling(pipeline) as client:
        assert client.get("/health").json()["confidence"] == 0.1
        for confidence, faces in ((None, 2), (0.7, 1), (0.95, 0)):
            query = {} if confidence is None else {"confidence": confidence}
            found = client.post("/detect", content=PNG, params=query).json()
            answer = client.post("/unmask", content=PNG, params=query)
            assert len(found["masks"]) == len(found["holes"]) == faces
            assert answer.headers["unmask-faces"] == str(faces)


def test_detection_says_what_is_to_be_expected_of_each_fill():
    patches = [(20, 30, 50, 60), (0, 0, 30, 25)]
    content = encode_picture(masked_scene((90, 130), patches), "PNG")
    with calling(Pipeline(**STAGES, landmarks=None)) as client:
        unknown = client.post("/detect", content=content).json()["holes"]
    assert [(hole["concerns"], hole["chance"]) for hole in unknown] == [([], None)] * 2
    with calling(PIPELINE) as client:
        holes = client.post("/detect", content=content).json()["holes"]
    result = PIPELINE.run([content])[0]
    for hole, face in zip(holes, result.faces, strict=True):
        assert hole["concerns"] == list(face.outlook.concerns)
        assert hole["warnings"] == [SENTENCES[one] for one in face.outlook.concerns]
        assert hole["chance"] == face.outlook.chance
    assert "It is cut by the picture's frame." in {*holes[0]["warnings"], *holes[1]["warnings"]}


def test_how_far_a_request_is_can_be_asked():
    gate = _Gate()
    name = "0123-abcd"
    with running_server(Pipeline(**{**STAGES, "inpainter": gate})) as address:

        def progress():
            return httpx.get(f"{address}/progress", params={"name": name}).json()

        assert progress() == {"stage": None, "share": 0.0}
        asking = threading.Thread(
            target=httpx.post,
            args=(f"{address}/unmask?progress={name}",),
            kwargs={"content": PNG, "timeout": 60},
        )
        asking.start()
        wait_until(lambda: gate.entered == 1)
        assert progress() == {"stage": "inpainter", "share": pytest.approx(0.3)}
        gate.open.set()
        asking.join()
        assert progress() == {"stage": None, "share": 0.0}


def test_an_empty_hole_only_converts(client):
    mask = encode_picture(np.zeros((90, 130), bool), "PNG")
    answer = client.post("/complete?format=webp&quality=100", files=form(picture=PNG, mask=mask))
    assert answer.headers["content-type"] == "image/webp"
    assert read_mark(answer.content) is None


def test_a_turned_photo_is_upright_for_all(client):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.rot90(PICTURE)).save(buffer, "PNG", exif=exif)
    found = client.post("/detect", content=buffer.getvalue()).json()
    assert (found["width"], found["height"]) == (130, 90)
    assert pixels(client.post("/unmask", content=buffer.getvalue())).shape == (90, 130, 3)


BIG_MASK = encode_picture(np.ones((91, 130), bool), "PNG")


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        ("/unmask", {"content": b""}, (422, "missing_picture")),
        ("/unmask", {"content": b"no picture"}, (422, "unusable_picture")),
        ("/unmask", {"content": PNG[:200]}, (422, "unusable_picture")),
        ("/unmask", {"json": {"picture": "x"}}, (415, "unsupported_media_type")),
        ("/unmask", {"data": {"picture": "x"}}, (415, "unsupported_media_type")),
        ("/unmask", {"files": form(photo=PNG)}, (422, "unknown_part")),
        ("/unmask", {"files": form(picture=b"")}, (422, "missing_picture")),
        ("/unmask", {"files": {"picture": (None, "text")}}, (422, "no_file")),
        (
            "/unmask",
            {"files": [("picture", ("a", PNG)), ("picture", ("b", PNG))]},
            (422, "doubled_part"),
        ),
        (
            "/unmask",
            {"content": b"--x", "headers": {"content-type": "multipart/form-data"}},
            (400, "malformed_form"),
        ),
        ("/unmask?format=gif", {"content": PNG}, (400, "unknown_format")),
        ("/unmask?quality=0", {"content": PNG}, (400, "invalid_query")),
        ("/unmask?quality=x", {"content": PNG}, (400, "invalid_query")),
        ("/unmask?variants=0", {"content": PNG}, (400, "invalid_query")),
        ("/unmask?variants=5", {"content": PNG}, (400, "too_many_variants")),
        ("/unmask?seed=-1", {"content": PNG}, (400, "invalid_query")),
        ("/unmask?progress=short", {"content": PNG}, (400, "invalid_query")),
        ("/unmask?variant=2", {"content": PNG}, (400, "invalid_query")),
        ("/unmask?inpainter=os:system", {"content": PNG}, (400, "unknown_inpainter")),
        ("/detect?confidence=0", {"content": PNG}, (400, "invalid_query")),
        ("/detect?confidence=0.5", {"content": PNG}, (400, "fixed_confidence")),
        (
            "/unmask",
            {"content": PNG, "headers": {"accept": "application/json"}},
            (406, "not_acceptable"),
        ),
        ("/complete", {"content": PNG}, (415, "unsupported_media_type")),
        ("/complete", {"files": form(picture=PNG)}, (422, "missing_mask")),
        ("/complete", {"files": form(mask=PNG)}, (422, "missing_picture")),
        ("/complete", {"files": form(picture=PNG, mask=BIG_MASK)}, (422, "unusable_picture")),
        ("/complete", {"files": form(picture=PNG, mask=b"x")}, (422, "unusable_picture")),
        ("/nothing", {"content": PNG}, (404, "not_found")),
        ("/page/nothing.js", {}, (405, "method_not_allowed")),
        ("/health", {}, (405, "method_not_allowed")),
    ],
)
def test_refusals_have_one_shape(client, path, request_, expected):
    assert refusal(client.post(path, **request_)) == expected


def test_a_name_that_the_query_does_not_have_is_named(client):
    message = client.post("/unmask?variant=2", content=PNG).json()["error"]["message"]
    assert message == "The query has a name 'variant' that is not known here: see /docs."


def test_a_format_that_cannot_hold_the_picture_is_refused(client):
    clear = np.dstack([PICTURE, np.full((90, 130), 100, np.uint8)])
    answer = client.post("/unmask?format=jpeg", content=encode_picture(clear, "PNG"))
    assert refusal(answer) == (422, "unwritable_format")


def test_large_bodies_and_pictures_are_refused():
    noise = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    content = encode_picture(noise, "PNG")
    limits = ServerLimits(body_bytes=len(content), pixels=90 * 130)
    with calling(PIPELINE, limits) as client:
        assert client.post("/unmask", content=content).status_code == 200
        assert refusal(client.post("/unmask", content=content + b"x")) == (413, "too_large")
        in_pieces = iter([content, b"x"])
        assert refusal(client.post("/unmask", content=in_pieces)) == (413, "too_large")
        wide = encode_picture(np.zeros((90, 131, 3), np.uint8), "PNG")
        answer = client.post("/detect", content=wide)
        assert refusal(answer) == (422, "unusable_picture")
        assert "131 x 90" in answer.json()["error"]["message"]


def test_uploads_stay_in_memory(client, monkeypatch):
    def rollover(self):
        raise AssertionError("an upload was written to disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    noise = np.random.default_rng(0).integers(0, 256, (800, 1000, 3), np.uint8)
    content = encode_picture(noise, "PNG")
    assert len(content) > 2_000_000
    assert client.post("/unmask", files=form(picture=content)).status_code == 200


def test_a_fault_is_a_refusal_too():
    def broken(crop, hole):
        raise ZeroDivisionError

    with calling(Pipeline(**{**STAGES, "inpainter": broken})) as client:
        assert refusal(client.post("/unmask", content=PNG)) == (500, "fault")
        assert client.get("/health").json()["requests"] == 0


def test_health_and_description(client):
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["limits"]["pixels"] == ServerLimits().pixels
    assert len(health["models"]) == 2
    assert health["inpainters"] == ["fill_mean"]
    assert health["confidence"] is None
    description = client.get("/openapi.json").json()
    paths = ["/unmask", "/complete", "/detect", "/progress", "/health"]
    assert list(description["paths"]) == paths
    assert "guess" in description["info"]["description"]
    answers = description["paths"]["/unmask"]["post"]["responses"]
    assert {"200", "413", "422", "429", "503"} <= set(answers)
    assert {"image/webp", "application/json"} <= set(answers["200"]["content"])
    reference = answers["429"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.endswith("/RefusalAnswer")
    body = description["paths"]["/complete"]["post"]["requestBody"]["content"]
    assert body["multipart/form-data"]["schema"]["required"] == ["picture", "mask"]


def test_answers_may_load_nothing_from_elsewhere(client):
    for path in ("/", "/docs", "/page/main.js"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.get("/page/..%2fapplication.py").status_code == 404


def test_a_study_is_served_beside(client):
    assert client.get("/study").status_code == 404
    with calling(PIPELINE, study=b"<!doctype html>x") as other:
        assert other.get("/study").content == b"<!doctype html>x"
        assert "default-src" not in other.get("/study").headers["content-security-policy"]


class _Gate:
    """An inpainter that waits until it is let through."""

    def __init__(self):
        self.open = threading.Event()
        self.entered = 0

    def complete(self, crops, holes):
        self.entered += 1
        assert self.open.wait(20)
        return [fill_mean(crop, hole) for crop, hole in zip(crops, holes, strict=True)]


async def _until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_a_full_queue_says_when_to_come_again():
    async def scenario():
        gate = _Gate()
        application = create_application(
            Pipeline(**{**STAGES, "inpainter": gate}), ServerLimits(waiting=2)
        )
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            tasks = [asyncio.create_task(client.post("/unmask", content=PNG)) for _ in range(8)]
            await _until(lambda: sum(task.done() for task in tasks) == 5)
            refused = [task.result() for task in tasks if task.done()]
            assert (await client.get("/health")).json()["requests"] == 3
            gate.open.set()
            answers = await asyncio.gather(*tasks)
            after = await client.post("/unmask", content=PNG)
        assert {refusal(answer) for answer in refused} == {(429, "queue_full")}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
        assert after.status_code == 200

    asyncio.run(scenario())


def test_who_would_wait_too_long_is_refused_at_once():
    class Slow:
        usual_seconds = 10.0

        def seconds_until_free(self, requests):
            return 10 * requests

    async def scenario():
        free = asyncio.Event()

        async def application(scope, receive, send):
            await free.wait()
            await Response()(scope, receive, send)

        admission = Admission(application, ServerLimits(seconds=60, waiting=16), Slow())
        transport = httpx.ASGITransport(admission)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            tasks = [asyncio.create_task(client.post("/unmask")) for _ in range(10)]
            await _until(lambda: sum(task.done() for task in tasks) == 6)
            refused = [task.result() for task in tasks if task.done()]
            free.set()
            answers = await asyncio.gather(*tasks)
        assert {refusal(answer) for answer in refused} == {(429, "queue_full")}
        assert {answer.headers["retry-after"] for answer in refused} == {"40"}
        # Four times ten seconds are well within sixty.
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [429] * 6

    asyncio.run(scenario())


def test_work_that_takes_too_long_is_given_up_and_what_waits_is_not_begun(monkeypatch):
    async def scenario():
        gate = _Gate()
        wait = asyncio.wait

        async def until_begun(waited, *, timeout, return_when):
            # However slow this machine is, time is up once the first is worked on, and not later.
            assert timeout == 1.0
            if gate.open.is_set():
                return await wait(waited, return_when=return_when)
            await _until(lambda: gate.entered)
            return set(), waited

        monkeypatch.setattr(asyncio, "wait", until_begun)
        application = create_application(
            Pipeline(**{**STAGES, "inpainter": gate}), ServerLimits(seconds=1.0)
        )
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(*(client.post("/unmask", content=PNG) for _ in range(3)))
            assert {refusal(answer) for answer in answers} == {(503, "too_slow")}
            assert gate.entered == 1
            gate.open.set()
            assert (await client.post("/unmask", content=PNG)).status_code == 200

    asyncio.run(scenario())


def begin_post(address, content, length):
    """A socket over which a request to unmask has begun: some of a body of so many bytes."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    head = f"POST /unmask HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode() + content)
    return connection


def wait_until(condition):
    """Return when something has come to be; a minute is the end of a test that waits in vain."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def test_a_client_that_goes_away_frees_its_place():
    gate = _Gate()
    pipeline = Pipeline(**{**STAGES, "inpainter": gate})
    with running_server(pipeline, ServerLimits(waiting=1)) as address, httpx.Client() as client:

        def requests():
            return client.get(f"{address}/health").json()["requests"]

        with begin_post(address, PNG, len(PNG)):
            wait_until(lambda: gate.entered == 1)
            with begin_post(address, PNG, len(PNG)):
                wait_until(lambda: requests() == 2)
            wait_until(lambda: requests() == 1)
        wait_until(lambda: requests() == 0)
        gate.open.set()
        # The one that waited was not begun.
        assert client.post(f"{address}/unmask", content=PNG, timeout=60).status_code == 200
        assert gate.entered == 2


def test_a_body_that_never_ends_is_refused():
    with running_server(PIPELINE, ServerLimits(seconds=0.2)) as address:
        with begin_post(address, PNG[:20], len(PNG)) as connection:
            answer = b""
            while part := connection.recv(4096):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408")
        assert json.loads(body)["error"]["code"] == "slow_body"


def test_stopping_answers_what_was_begun():
    gate = _Gate()
    answers = []
    pipeline = Pipeline(**{**STAGES, "inpainter": gate})
    with running_server(pipeline) as address:
        thread = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{address}/unmask", content=PNG, timeout=20))
        )
        thread.start()
        while not gate.entered:
            time.sleep(0.01)
        threading.Timer(0.3, gate.open.set).start()
    thread.join(10)
    assert answers[0].status_code == 200
    assert np.array_equal(pixels(answers[0]), PIPELINE(PICTURE))


def test_limits_are_checked():
    for wrong in (
        {"body_bytes": 0}, {"pixels": -1}, {"seconds": float("nan")}, {"waiting": -1},
        {"variants": 0},
    ):  # fmt: skip
        with pytest.raises(InputError, match=next(iter(wrong))):
            ServerLimits(**wrong)
    assert ServerLimits(waiting=0).waiting == 0


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_answers_are_plain_json(client):
    assert json.loads(client.post("/detect", content=PNG).content)["masks"][0]["outlines"]
