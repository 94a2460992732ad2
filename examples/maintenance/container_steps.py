"""Run the Dockerfile's steps without Docker: `python -m examples.maintenance.container_steps`.

For machines without a Docker engine. Each stage becomes a folder below a temporary one, this
machine's Python stands in for that of the base image, and the RUN lines run in a shell as they are
written. Then a photo goes through the entry point, and the server is started and asked by the
health check. Downloads as much as `docker build` would, unless `--borrow` is given: then the
libraries of this Python are used and only unmask itself is installed.

It shows that the steps work one after the other, not that the base image brings what they need.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from weights.base.errors import ConfigurationError, InputError, UnmaskError

ROOT = Path(__file__).parents[2]

_PASSED_ON = re.compile(r"PIP_.*|.*_proxy|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|LANG|HOME")
"""Variables of this machine that pip may need to reach its index."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its continued lines joined.

    Attributes:
        name: in capitals, such as "RUN".
        value: everything after the name.
        line: where it begins in the file, from 1.
    """

    name: str
    value: str
    line: int


@dataclass
class Stage:
    """What one FROM begins.

    Attributes:
        name: after AS, or its number.
        folder: stands for the stage's file system.
        variables: ENV and ARG, for later instructions.
        environment: ENV alone, for programs.
        work: WORKDIR, as a path inside.
        commands: ENTRYPOINT, CMD and HEALTHCHECK.
    """

    name: str
    folder: Path
    variables: dict[str, str]
    environment: dict[str, str]
    work: str = "/"
    commands: dict[str, list[str]] = field(default_factory=dict)


def read_dockerfile(path: Path) -> list[Instruction]:
    """Read the instructions of a Dockerfile.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    instructions, text, start = [], "", 0
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#") or not (text or line.strip()):
            continue
        start = start if text else number
        text += line.removesuffix("\\")
        if not line.endswith("\\"):
            name, _, value = text.strip().partition(" ")
            instructions.append(Instruction(name.upper(), value.strip(), start))
            text = ""
    return instructions


def context_files(folder: Path) -> list[Path]:
    """What `docker build` sends: the files below a folder that its .dockerignore lets through.

    Returns:
        Paths relative to the folder, sorted.
    """
    rules = []
    for line in (folder / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            wanted = pattern.startswith("!")
            rules.append((wanted, _ignore_pattern(pattern.lstrip("!").strip("/"))))
    tops = [entry for entry in folder.iterdir() if _wanted(entry.name, rules)]
    files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    relative = [path.relative_to(folder) for path in files if path.is_file()]
    return sorted(path for path in relative if _wanted(path.as_posix(), rules))


def _ignore_pattern(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts) + "(?:/.*)?")


def _wanted(path: str, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    """The last rule that speaks of a path decides."""
    return next((wanted for wanted, rule in reversed(rules) if rule.fullmatch(path)), True)


class ContainerSteps:
    """Runs a Dockerfile's instructions in folders.

    Args:
        folder: for everything that is made; new or empty.
        context: the folder that `docker build` would be given.
        arguments: values of ARG instructions.
        dry: run nothing; only parse, look for what is copied, and check the shell's syntax.
        borrow: use the libraries of this Python.

    Raises:
        InputError: the folder is not empty.
    """

    def __init__(
        self,
        folder: Path,
        context: Path = ROOT,
        arguments: dict[str, str] | None = None,
        *,
        dry: bool = False,
        borrow: bool = False,
    ) -> None:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} must be a new or empty folder, but holds something.")
        self.context = context
        self.dry = dry
        self.borrow = borrow
        self._folder = folder
        self._arguments = arguments or {}
        self._files = context_files(context)
        self._stages: list[Stage] = []
        # The programs that pip writes name their Python by its whole path, which must stay the
        # same from stage to stage: a link that points to the stage in hand.
        self._root = folder / "root"
        self._python = folder / "base" / "bin"
        self._python.mkdir(parents=True)
        base = getattr(sys, "_base_executable", None) or sys.executable
        (self._python / "python").symlink_to(base)

    def inside(self, path: str) -> Path:
        """Where an absolute path of the stage in hand lies on this machine."""
        return self._root / path.lstrip("/")

    def build(self, instructions: list[Instruction]) -> Stage:
        """Do all instructions and return the last stage.

        Raises:
            ConfigurationError: an instruction is unknown or wrong, or a RUN line fails.
        """
        before: dict[str, str] = {}
        for instruction in instructions:
            print(f"{instruction.line:4} {instruction.name} {instruction.value}", flush=True)
            if instruction.name == "FROM":
                self._begin_stage(instruction, before)
            elif not self._stages:
                self._argument(instruction, before)
            else:
                self._do(instruction, self._stages[-1])
        if not self._stages:
            raise ConfigurationError("The Dockerfile has no FROM.")
        return self._stages[-1]

    def _begin_stage(self, instruction: Instruction, before: dict[str, str]) -> None:
        image, _, name = _expand(instruction.value, before).partition(" AS ")
        if not re.fullmatch(r"python:3\.\d+-slim", image):
            raise _wrong(instruction, "this Python stands in for python:3.*-slim only")
        folder = self._folder / "stages" / str(len(self._stages))
        folder.mkdir(parents=True)
        self._root.unlink(missing_ok=True)
        self._root.symlink_to(folder)
        search = f"{self._python}:/usr/local/bin:/usr/bin:/bin"
        own = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
        if self.borrow:
            own |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
        stage = Stage(name or str(len(self._stages)), folder, {"PATH": search}, own)
        stage.environment["PATH"] = search
        self._stages.append(stage)

    def _do(self, instruction: Instruction, stage: Stage) -> None:
        name, value = instruction.name, instruction.value
        if name == "RUN":
            self._run(instruction, stage)
        elif name == "COPY":
            self._copy(instruction, stage)
        elif name == "ARG":
            self._argument(instruction, stage.variables)
            stage.environment |= {
                key: text for key, text in stage.variables.items() if key == value.split("=")[0]
            }
        elif name == "ENV":
            for entry in shlex.split(value):
                key, _, text = entry.partition("=")
                stage.variables[key] = _expand(self._mapped(text), stage.variables)
                stage.environment[key] = stage.variables[key]
                if key == "HOME":
                    Path(stage.variables[key]).mkdir(parents=True, exist_ok=True)
        elif name == "WORKDIR":
            stage.work = _expand(value, stage.variables)
            self.inside(stage.work).mkdir(parents=True, exist_ok=True)
        elif name in {"ENTRYPOINT", "CMD", "HEALTHCHECK"}:
            stage.commands[name] = _exec_form(instruction)
        elif name == "USER":
            if value.partition(":")[0] in {"root", "0"}:
                raise _wrong(instruction, "the image must not run as root")
        elif name not in {"LABEL", "EXPOSE"}:
            raise _wrong(instruction, "this program does not know the instruction")

    def _argument(self, instruction: Instruction, variables: dict[str, str]) -> None:
        if instruction.name != "ARG":
            raise _wrong(instruction, "only ARG may stand before FROM")
        key, _, default = instruction.value.partition("=")
        variables[key] = self._arguments.get(key, default)

    def _mapped(self, text: str) -> str:
        """An ENV value with each absolute path in it moved below the stage's folder."""
        if "://" in text:
            return text
        parts = [str(self.inside(part)) if part[:1] == "/" else part for part in text.split(":")]
        return ":".join(parts)

    def _run(self, instruction: Instruction, stage: Stage) -> None:
        command = instruction.value
        if re.search(r"(?<![\w.:/}])/[a-z]+/", command):
            raise _wrong(instruction, "name absolute paths by a variable, which can be moved")
        if subprocess.run(["sh", "-n", "-c", command], check=False).returncode:
            raise _wrong(instruction, "the shell does not understand it")
        if self.dry:
            return
        if self.borrow and "pip uninstall" in command:
            print("     skipped: it would change the borrowed libraries", flush=True)
            return
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.inside(stage.work),
            env=stage.environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise _wrong(instruction, f"it ended with exit code {done.returncode}")
        if self.borrow and " -m venv " in command:
            self._lend(Path(stage.variables["VIRTUAL_ENV"]))

    def _lend(self, environment: Path) -> None:
        """Let a virtual environment see the libraries of this Python."""
        own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        for packages in environment.glob("lib/python*/site-packages"):
            # The setuptools of a new environment may be too old, and would hide the borrowed one.
            for old in [*packages.glob("setuptools*"), packages / "pkg_resources"]:
                shutil.rmtree(old, ignore_errors=True)
            (packages / "borrowed.pth").write_text("\n".join(sorted(own)) + "\n", encoding="utf-8")

    def _copy(self, instruction: Instruction, stage: Stage) -> None:
        words = shlex.split(_expand(instruction.value, stage.variables))
        source_stage = None
        if words[0].startswith("--from="):
            wanted = words.pop(0).partition("=")[2]
            source_stage = next((one for one in self._stages if one.name == wanted), None)
            if source_stage is None:
                raise _wrong(instruction, f"there is no stage {wanted!r}")
        *sources, target = words
        place = self.inside(target if target.startswith("/") else f"{stage.work}/{target}")
        for source in sources:
            if source_stage is None:
                self._copy_from_context(instruction, source, place, target.endswith("/"))
            elif not self.dry:
                origin = source_stage.folder / source.lstrip("/")
                if not origin.is_dir():
                    raise _wrong(instruction, f"{source} is no folder of {source_stage.name!r}")
                shutil.copytree(origin, place, symlinks=True, dirs_exist_ok=True)

    def _copy_from_context(
        self, instruction: Instruction, source: str, place: Path, into: bool
    ) -> None:
        base = Path(source)
        found = [path for path in self._files if path == base or base in path.parents]
        if not found:
            raise _wrong(instruction, f"the context has no {source!r}; see .dockerignore")
        for path in found:
            target = place / path.relative_to(base) if path != base else place
            target = place / base.name if path == base and into else target
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.context / path, target)

    def program(self, stage: Stage, arguments: list[str]) -> list[str]:
        """The entry point with arguments, its program found on the stage's search path."""
        entry = stage.commands.get("ENTRYPOINT", [])
        return self.found(stage, [*entry, *arguments])

    def found(self, stage: Stage, command: list[str]) -> list[str]:
        """A command with its program found on the stage's search path.

        Raises:
            ConfigurationError: there is no such program.
        """
        where = shutil.which(command[0], path=stage.environment["PATH"])
        if where is None:
            raise ConfigurationError(f"The image has no program {command[0]!r}.")
        return [where, *command[1:]]

    def try_photo(self, stage: Stage) -> None:
        """Take the mask off a drawn picture in the folder where `docker run` would start.

        Raises:
            ConfigurationError: it fails, or writes no picture.
        """
        from examples.astronaut import masked_astronaut
        from weights.images import write_picture

        folder = self.inside(stage.work)
        write_picture(folder / "photo.png", masked_astronaut()[0])
        command = self.program(stage, ["run", "photo.png", "-o", "out.png"])
        print(f"     {shlex.join(command)}", flush=True)
        done = subprocess.run(command, cwd=folder, env=stage.environment, check=False)
        if done.returncode or not (folder / "out.png").is_file():
            raise ConfigurationError(f"The picture failed with exit code {done.returncode}.")

    def try_server(self, stage: Stage, patience: float = 180.0) -> None:
        """Start CMD on a free port of this machine and wait until HEALTHCHECK is content.

        Raises:
            ConfigurationError: the server ends, or the check fails for `patience` seconds.
        """
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        local = ["127.0.0.1" if word == "0.0.0.0" else word for word in stage.commands["CMD"]]
        command = self.program(stage, [*local, "--port", port])
        check = [
            word.replace(":8000/", f":{port}/")
            for word in self.found(stage, stage.commands["HEALTHCHECK"])
        ]
        print(f"     {shlex.join(command)}", flush=True)
        folder = self.inside(stage.work)
        with subprocess.Popen(command, cwd=folder, env=stage.environment) as server:
            try:
                end = time.monotonic() + patience
                while True:
                    quiet = subprocess.run(
                        check, env=stage.environment, capture_output=True, check=False
                    )
                    if quiet.returncode == 0:
                        break
                    if server.poll() is not None or time.monotonic() > end:
                        raise ConfigurationError(
                            "The health check did not succeed: "
                            + quiet.stderr.decode(errors="replace").strip().rpartition("\n")[2]
                        )
                    time.sleep(1.0)
            finally:
                server.send_signal(signal.SIGTERM)
        print("     healthy", flush=True)


def _expand(text: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: variables.get(found[1], ""), text)


def _exec_form(instruction: Instruction) -> list[str]:
    """The list of words of ENTRYPOINT, CMD or HEALTHCHECK [options] CMD."""
    text = instruction.value[instruction.value.find("[") :]
    try:
        words = json.loads(text)
    except ValueError as error:
        raise _wrong(instruction, "write it as a JSON list of words") from error
    return [str(word) for word in words]


def _wrong(instruction: Instruction, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"Line {instruction.line} of the Dockerfile, {instruction.name}: {why}."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the steps; the exit code is 1 where one fails and 2 where the call is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.container_steps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dockerfile", type=Path, default=ROOT / "Dockerfile")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--folder", type=Path, help="kept for a look; a temporary one without it")
    parser.add_argument("--borrow", action="store_true", help="use the libraries of this Python")
    parser.add_argument("--dry-run", action="store_true", help="check everything, run nothing")
    options = parser.parse_args(arguments)
    values = dict(entry.partition("=")[::2] for entry in options.build_arg)
    with tempfile.TemporaryDirectory(prefix="container-") as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        try:
            steps = ContainerSteps(
                folder, arguments=values, dry=options.dry_run, borrow=options.borrow
            )
            instructions = read_dockerfile(options.dockerfile)
        except UnmaskError as error:
            print(error, file=sys.stderr)
            return 2
        try:
            stage = steps.build(instructions)
            if not options.dry_run:
                steps.try_photo(stage)
                steps.try_server(stage)
        except UnmaskError as error:
            print(error, file=sys.stderr)
            return 1
    print("All steps are fine." if options.dry_run else "All steps work.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
