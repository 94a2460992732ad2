"""Many clients at once: `python -m tests.pipeline.apps.server.load --seconds 60 --clients 50`.

Starts `unmask serve` in a process of its own, with a fast stand-in pipeline or, by `--shipped`,
with the shipped weights, lets clients send pictures to it all the time, and says what they were
answered and how the process's memory grew.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.pipeline.colour_stages import masked_scene
from weights.images import encode_picture

ROOT = Path(__file__).parents[4]
CONFIGURATION = """
detector: tests.pipeline.colour_stages:find_colour
refiner: tests.pipeline.colour_stages:exact_holes
inpainter: tests.pipeline.colour_stages:fill_mean
blender: none
"""
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass
class Load:
    """What came of it.

    Attributes:
        answers: how often each status came; "broken" counts connections that failed.
        without_advice: 429 answers that had no `Retry-After`.
        memory: resident bytes of the server at each sample.
        exit_code: of the server, after SIGINT.
        stopping: seconds from SIGINT to the server's end.
        slowest: seconds that the slowest answer of 200 took.
    """

    answers: Counter[int | str] = field(default_factory=Counter)
    without_advice: int = 0
    memory: list[int] = field(default_factory=list)
    exit_code: int | None = None
    stopping: float = 0.0
    slowest: float = 0.0


def put_under_load(
    clients: int,
    *,
    pictures: float = math.inf,
    seconds: float = math.inf,
    waiting: int = 16,
    shipped: bool = False,
) -> Load:
    """Run the server under load.

    Args:
        clients: how many send at once, each its next picture as soon as it was answered.
        pictures: how many filled pictures each client wants.
        seconds: for how long, where that is over before.
        waiting: how many requests may wait in the server.
        shipped: with the shipped weights, on the astronaut.
    """
    load = Load()
    scene = masked_scene((480, 640), [(200, 200, 330, 300)])
    if shipped:
        from examples.astronaut import masked_astronaut

        scene, _ = masked_astronaut()
    picture = encode_picture(scene, "JPEG")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pipeline.yaml"
        config.write_text("{}" if shipped else CONFIGURATION)
        server = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "serve", "--port", "0", "--config", str(config),
             "--waiting", str(waiting)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
            # Its stages lie there; what a file names is not imported from the working directory.
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            # A background shell's children are begun with Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().split("http://127.0.0.1:")[1].split("/")[0])
            _send(load, port, picture, clients, (pictures, seconds), server.pid)
        finally:
            server.send_signal(signal.SIGINT)
            began = time.monotonic()
            # It answers what it has begun, and gives up after the time that a request may take.
            load.exit_code = server.wait(120)
            load.stopping = time.monotonic() - began
    return load


def _send(
    load: Load,
    port: int,
    picture: bytes,
    clients: int,
    limits: tuple[float, float],
    process: int,
) -> None:
    lock = threading.Lock()
    pictures, seconds = limits
    end = time.monotonic() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        filled = 0
        while filled < pictures and time.monotonic() < end:
            began = time.monotonic()
            try:
                connection.request("POST", "/unmask", picture, {"Content-Type": "image/jpeg"})
                answer = connection.getresponse()
                status: int | str = answer.status
                advice = answer.headers.get("Retry-After")
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                status, advice = "broken", None
            filled += status == 200
            with lock:
                load.answers[status] += 1
                if status == 200:
                    load.slowest = max(load.slowest, time.monotonic() - began)
                load.without_advice += status == 429 and advice is None
            if status == "broken":
                # Whoever lost the server is done.
                break
            if status == 429:
                # A client that came again at once would only measure the loopback.
                time.sleep(0.2)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = Path(f"/proc/{process}/statm").read_text().split()[1]
            load.memory.append(int(pages) * PAGE_SIZE)
        time.sleep(0.2)
    for thread in threads:
        thread.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--waiting", type=int, default=16)
    parser.add_argument("--shipped", action="store_true", help="with the shipped weights")
    arguments = parser.parse_args()
    load = put_under_load(
        arguments.clients,
        seconds=arguments.seconds,
        waiting=arguments.waiting,
        shipped=arguments.shipped,
    )
    print(f"answers: {dict(load.answers)}; slowest of 200: {load.slowest:.2f} s")
    print(f"exit code after Ctrl-C: {load.exit_code}, {load.stopping:.1f} s later")
    if load.memory:
        tenth = max(1, len(load.memory) // 10)
        after_start = sum(load.memory[tenth : 2 * tenth]) / tenth if len(load.memory) > 2 else 0
        at_end = sum(load.memory[-tenth:]) / tenth
        print(
            f"memory, MiB: {after_start / 2**20:.1f} near the start, "
            f"{at_end / 2**20:.1f} at the end, {max(load.memory) / 2**20:.1f} at most"
        )


if __name__ == "__main__":
    main()
