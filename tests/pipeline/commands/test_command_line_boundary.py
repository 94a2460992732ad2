"""What the program does where the system refuses, and where it is told to stop."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inpainter import train
from pipeline.command_line import main
from tests.faces import write_faces
from tests.pipeline.colour_stages import masked_scene
from weights.base import stopping
from weights.base.errors import InputError
from weights.base.printable import printable
from weights.base.training_command import exit_status
from weights.images import encode_picture

ROOT = Path(__file__).parents[3]
PNG = encode_picture(masked_scene((60, 80), [(20, 30, 40, 50)]), "PNG")
RUN = [sys.executable, "-m", "pipeline", "run"]
STAGES = [
    f"--{kind}=tests.pipeline.colour_stages:{name}"
    for kind, name in (
        ("detector", "find_colour"),
        ("refiner", "exact_holes"),
        ("inpainter", "fill_colour"),
    )
]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells, signals and /dev/full")


@pytest.fixture(autouse=True)
def default_signal_handlers():
    """Undo the handler that Ray leaves in a process in which it ran: ours respects it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def in_shell(command, folder):
    text = " ".join([*RUN, *STAGES, command])
    return subprocess.run(
        ["/bin/sh", "-c", text], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photo.png").write_bytes(PNG)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("photo.png -o out.png <&-", 0),
        ("photo.png -o out.png >&-", 0),
        ("photo.png -o out.png 2>&-", 0),
        ("photo.png -o out.png <&- >&- 2>&-", 0),
        ("- -o out.png <&-", 1),
        ("photo.png -o - > /dev/full", 2),
        ("photo.png -o /proc/nowhere/out.png", 1),
        ("photo.png --config none.yaml -o out.png", 2),
    ],
)
def test_a_refusal_of_the_system_is_a_sentence(folder, command, code):
    done = in_shell(command, folder)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert done.returncode == code, done.stderr
    if code == 0:
        assert (folder / "out.png").is_file()


def test_a_name_of_255_bytes_and_its_mask_fit(folder):
    name = "x" * 247 + ".png"
    (folder / "photo.png").rename(folder / name)
    done = in_shell(f"{name} -o out --save-mask", folder)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    assert done.returncode == 0 or "name" in done.stdout


def test_control_characters_in_names_are_escaped(folder):
    name = "a\x1b[2Jb\n.png"
    (folder / name).write_bytes(b"no picture")
    done = subprocess.run(
        [*RUN, name, "photo.png", "-o", "out", *STAGES], cwd=folder, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert "\x1b" not in done.stdout + done.stderr
    assert r"a\x1b[2Jb\n.png" in done.stdout
    assert printable("é ü 日本") == "é ü 日本" and printable("a\u202eb") == r"a\u202eb"
    assert str(InputError("There is no \r file.")) == r"There is no \r file."


WAITING = """
import os, sys, time
from pathlib import Path

def detect(image):
    Path(os.environ["MARK"]).touch()
    time.sleep(60)
    return []
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_and_leaves_nothing_behind(folder, number, code):
    (folder / "waiting.py").write_text(WAITING)
    temporary, mark = folder / "temporary", folder / "mark"
    temporary.mkdir()
    with subprocess.Popen(
        [*RUN, "-", "-o", "out.png", "--detector=waiting:detect", *STAGES[1:]],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "MARK": str(mark)},
    ) as process:  # fmt: skip
        process.stdin.write(PNG)
        process.stdin.close()
        while not mark.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(60) == code
    assert list(temporary.iterdir()) == []


IMPORTING = {
    "unmask": """
import sys, types
from importing import command
from pipeline import command_line
sys.modules["pipeline.commands.doctor"] = types.SimpleNamespace(doctor=command)
command_line.main(["doctor"])
""",
    "a trainer's program": """
import sys
from importing import command
from weights.base.training_command import exit_status
sys.exit(exit_status(command))
""",
}


@pytest.mark.parametrize("program", IMPORTING.values(), ids=IMPORTING)
def test_torch_leaves_no_folder_behind(tmp_path, program):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "importing.py").write_text(
        "import os\n\n\ndef command() -> None:\n    import torchvision  # noqa: F401\n\n"
        "    print(os.listdir(os.environ['TMPDIR']))\n"
    )
    hidden = {"TORCHINDUCTOR_CACHE_DIR"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "torchinductor" in done.stdout, "torch makes a folder, which goes at the end"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("where", ["make_context", "resolve_command", "invoke"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_wherever_it_is(monkeypatch, capsys, where, number, code):
    def stopped(*arguments, **options):
        signal.raise_signal(number)

    monkeypatch.setattr(f"typer.core.TyperGroup.{where}", stopped)
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as ended:
            main(["weights", "list"])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert ended.value.code == code
    assert capsys.readouterr().err == "unmask: stopped.\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_program_while_it_is_imported(tmp_path, number, code):
    mark = tmp_path / "mark"
    slow = f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(60)\n"
    (tmp_path / "typer.py").write_text(slow)
    search = f"{tmp_path}{os.pathsep}{ROOT}"
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "weights", "list"], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": search, "PYTHONSAFEPATH": "1"},
    ) as process:  # fmt: skip
        while not mark.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "unmask: stopped.\n")
    assert process.returncode == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_program_exits_ends_it_at_once(number, code):
    program = (
        "import atexit, signal, sys\n"
        "from pipeline.__main__ import main\n"
        f"atexit.register(lambda: (signal.raise_signal({int(number)}), print('too far')))\n"
        "sys.argv[1:] = ['weights', '--help']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
    assert "Usage" in done.stdout and "too far" not in done.stdout


def synthesize(folder, out):
    write_faces(folder / "faces", count=6, side=96, width=96, height=96)
    shape = ["--pairs", "8", "--scenes", "12", "--scene-size", "96", "--workers", "2"]
    return [sys.executable, "-m", "pipeline", "synthesize", "faces", out, *shape]


def test_ctrl_c_ends_all_processes_of_a_command_and_it_goes_on(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "temporary")}
    (tmp_path / "temporary").mkdir()
    command, done = synthesize(tmp_path, "out"), tmp_path / "out" / "manifest.jsonl"
    settings = {"cwd": tmp_path, "env": environment, "text": True}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **settings
    ) as process:
        while not (done.exists() and done.stat().st_size):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        # A terminal sends it to the processes that draw, too.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said == "unmask: stopped; run the same command to resume.\n"
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not list((tmp_path / "out").rglob(".*unmask-part*"))
    # The kill of a worse kind: a line cut in the middle.
    done.write_bytes(done.read_bytes()[:-30])
    assert subprocess.run(command, capture_output=True, timeout=300, **settings).returncode == 0
    whole = synthesize(tmp_path, "whole")
    assert subprocess.run(whole, capture_output=True, timeout=300, **settings).returncode == 0
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*"))
    for file in files:
        one, other = tmp_path / "whole" / file, tmp_path / "out" / file
        assert one.is_dir() or one.read_bytes() == other.read_bytes(), file


def test_a_signal_at_safe_points_waits_for_one():
    reached = []

    def run():
        with stopping.at_safe_points():
            signal.raise_signal(signal.SIGTERM)
            reached.append("behind the signal")
            stopping.stop_if_asked()
            reached.append("behind the safe point")

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert exit_status(run) == 143
        assert exit_status(lambda: signal.raise_signal(signal.SIGINT)) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert reached == ["behind the signal"]
    stopping.stop_if_asked()  # what came before is forgotten


@pytest.mark.parametrize("lost", [False, True])
def test_a_library_that_makes_an_error_of_a_signal_ends_as_told(capsys, lost):
    def run():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            if not lost:
                raise AttributeError("half of a module") from None
        with stopping.at_safe_points():
            print("too far")

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert exit_status(run) == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr()
    assert said.out == "" and "run the same command to resume" in said.err


def test_a_second_signal_ends_at_once_and_says_where_to_go_on():
    program = (
        "import signal\n"
        "from weights.base import stopping\n"
        "stopping.install()\n"
        "with stopping.at_safe_points():\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    print('goes on', flush=True)\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    print('does not', flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "goes on\n")
    assert done.stderr == "unmask: stopped; run the same command to resume.\n"


def test_a_library_that_ends_the_process_at_a_signal_is_held_to_the_exit_code():
    def run(asked):
        with stopping.at_safe_points():
            if asked:
                signal.raise_signal(signal.SIGTERM)
            raise SystemExit

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert exit_status(lambda: run(True)) == 143
        with pytest.raises(SystemExit):
            exit_status(lambda: run(False))
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("most", "named"), [(10_000, "average.safetensors"), (200_000, "best.ckpt")]
)
def test_a_disk_that_gets_full_while_training_is_a_sentence(tmp_path, capsys, most, named):
    faces = write_faces(tmp_path / "faces")
    changes = ["network.width=4", "phases.0.steps=2", "phases.0.batch=2", "validation_interval=1"]
    call = ["--config", "unet.tiny", "--faces", str(faces), "--output", str(tmp_path / "run")]
    call += ["--device", "cpu", *(word for change in changes for word in ("--set", change))]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file that may grow no further fails as one on a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        assert train.main(call) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert said == f"unmask: Cannot write {tmp_path / 'run' / named}: File too large.\n"
    assert not list(tmp_path.rglob(".*unmask-part*"))


def test_a_training_folder_that_cannot_be_is_a_sentence(tmp_path, capsys):
    faces = write_faces(tmp_path / "faces")
    (tmp_path / "file").touch()
    call = ["--config", "unet.tiny", "--faces", str(faces), "--output", str(tmp_path / "file/run")]
    assert train.main([*call, "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert said == f"unmask: {tmp_path / 'file/run'} cannot be read or written: Not a directory.\n"


def test_a_full_disk_while_training_is_a_sentence(capsys):
    def run():
        raise OSError(28, "No space left on device", "runs/last.ckpt")

    assert exit_status(run) == 2
    expected = "unmask: runs/last.ckpt cannot be read or written: No space left on device.\n"
    assert capsys.readouterr().err == expected
