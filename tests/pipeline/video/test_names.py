"""A video's name is the name of a file, whatever FFmpeg would make of it."""

from __future__ import annotations

import socket
import threading

import pytest

pytest.importorskip("av")

from pipeline.video import VideoSettings, unmask_video
from pipeline.video.source import VideoSource
from tests.pipeline.video.clips import moving_face, pipeline, read_video, write_video
from weights.base.errors import InputError


@pytest.mark.parametrize("name", ["12:30.mp4", "file,x [1].mp4", "a%20b#c?.mp4", "pipe:0.mp4"])
def test_any_name_is_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video("plain.mp4", moving_face(4))
    (tmp_path / "plain.mp4").rename(tmp_path / name)
    assert VideoSource(name).first is not None
    target = tmp_path / f"out {name}"
    unmask_video(pipeline(), name, target, settings=VideoSettings(segment=4, chunk=4))
    assert len(read_video(target)[0]) == 4


@pytest.mark.parametrize("scheme", ["http", "tcp", "udp"])
def test_a_name_opens_no_connection(tmp_path, monkeypatch, scheme):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        called = threading.Event()
        listener.settimeout(1.0)

        def listen():
            try:
                listener.accept()[0].close()
                called.set()
            except TimeoutError:
                pass

        thread = threading.Thread(target=listen)
        thread.start()
        name = f"{scheme}:127.0.0.1:{listener.getsockname()[1]}.mp4"
        (tmp_path / name).write_bytes(b"no video")
        with pytest.raises(InputError, match="not a video"):
            VideoSource(name)
        playlist = tmp_path / "playlist.mp4"
        port = listener.getsockname()[1]
        playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n")
        with pytest.raises(InputError, match=r"not a video|moving pictures|no frame"):
            VideoSource(playlist)
        thread.join()
    assert not called.is_set()
