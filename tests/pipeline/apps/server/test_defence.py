from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from pipeline.apps.server.connections import OncePerMinute, most_connections
from tests.pipeline.colour_stages import masked_scene
from weights.images import encode_picture

pytest.importorskip("uvicorn")

ROOT = Path(__file__).parents[4]
PNG = encode_picture(masked_scene((60, 80), [(20, 30, 40, 50)]), "PNG")

PROGRAM = """
import resource, sys, time
from pipeline import Pipeline
from pipeline.apps.server import ServerLimits, connections, run_server
from tests.pipeline.colour_stages import STAGES

descriptors, hangs, silence = int(sys.argv[1]), sys.argv[2] == "hangs", float(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
connections.SILENCE = silence
warm = [False]

def detect(image):
    while hangs and warm[0]:
        time.sleep(0.05)
    return STAGES["detector"](image)

def ready(address):
    warm[0] = True
    print(address, flush=True)

stages = {**STAGES, "detector": detect}
run_server(Pipeline(**stages), port=0, limits=ServerLimits(seconds=1.0), ready=ready)
"""


@contextlib.contextmanager
def serving(descriptors=1024, hangs=False, silence=1.0):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(descriptors), "hangs" if hangs else "", str(silence)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def port_of(address):
    return int(address.rstrip("/").rpartition(":")[2])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:1234"}, 200),
        ({"host": "[::1]"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:8000"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
    ],
)
def test_other_names_and_other_sites_are_refused(server, headers, status):
    assert httpx.post(f"{server}unmask", content=PNG, headers=headers).status_code == status
    own = httpx.post(f"{server}unmask", content=PNG, headers={"origin": server.rstrip("/")})
    assert own.status_code == 200


@pytest.fixture(scope="module")
def server():
    with serving(silence=5.0) as (_, address):
        yield address


def test_a_client_that_ends_its_part_gets_its_answer(server):
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=20) as client:
        head = f"POST /unmask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(PNG)}\r\n\r\n"
        client.sendall(head.encode() + PNG)
        client.shutdown(socket.SHUT_WR)
        content = b""
        while block := client.recv(65536):
            content += block
    assert content.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_a_connection_that_says_nothing_is_closed(head):
    with (
        serving(silence=0.5) as (_, address),
        socket.create_connection(("127.0.0.1", port_of(address)), timeout=20) as client,
    ):
        client.sendall(head)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(10) == b""


def test_many_connections_stay_below_the_limit_of_open_files():
    with serving(descriptors=160, silence=60.0) as (process, address):
        clients = []
        for _ in range(400):
            with contextlib.suppress(OSError):
                clients.append(socket.create_connection(("127.0.0.1", port_of(address)), timeout=5))
        for client in clients:
            client.close()
        assert httpx.get(f"{address}health", timeout=20).json()["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert len(log) < 10_000


def test_a_stage_that_hangs_shows_in_health_and_does_not_keep_the_server_from_ending():
    with serving(hangs=True) as (process, address):
        assert httpx.post(f"{address}unmask", content=PNG, timeout=20).status_code == 503
        deadline = time.monotonic() + 20
        while (health := httpx.get(f"{address}health")).status_code != 503:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert health.json()["status"] == "hangs"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) is not None


def test_a_log_says_each_thing_once_in_a_minute():
    kept = OncePerMinute()
    records = [logging.LogRecord("x", 30, "", 0, text, None, None) for text in ("a", "a\nb", "c")]
    assert [kept.filter(record) for record in records] == [True, False, True]
    assert 4 <= most_connections() <= 256
