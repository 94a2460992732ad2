"""Training on several devices: one process each, started by torchrun.

The processes use Ultralytics' own distributed data-parallel loop. Only the launch differs:
Ultralytics would empty the run's folder, write a program and a pickle of the trainer into its
settings folder, and build the trainer with its own arguments instead of ours. Here each process
gets the whole plan as JSON and trains as on one device; the first one reports progress, as lines of
JSON, to the process that started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detector.train.plan import TrainingPlan, TrainingProgress
from detector.train.ultralytics_loop import LOG_NAME, run_training
from weights.base.atomic import write_whole
from weights.base.errors import TrainingError, UnmaskError

PLAN_NAME = "plan.json"
"""File in a run's folder with the plan for its processes."""

_MARK = "unmask-training "


def launch_command(plan_file: Path, processes: int, module: str = __name__) -> list[str]:
    """The command that starts the processes of a training on this machine.

    Args:
        plan_file: the plan as JSON.
        processes: one for each device.
        module: run by each of them, with the plan's file as its argument.
    """
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr=127.0.0.1",
        f"--nproc-per-node={processes}",
        "-m",
        module,
        str(plan_file),
    ]


def run_distributed(
    plan: TrainingPlan,
    progress: Callable[[TrainingProgress], None] | None = None,
    *,
    processes: int | None = None,
    module: str = __name__,
) -> None:
    """Train by a plan in several processes; results are in the run's folder.

    Args:
        plan: as for `run_training`.
        progress: called after every batch and after every epoch.
        processes: number of processes; None means one per device of the plan.
        module: see `launch_command`.

    Raises:
        TrainingError: a process failed; the message says why, or where to find out.
    """
    plan_file = plan.folder / PLAN_NAME
    write_whole(plan_file, plan.to_json(), overwrite=True)
    # The processes must find the same packages as this one, whatever the working directory.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = launch_command(plan_file, processes or plan.processes, module)
    fault = ""
    try:
        with (
            (plan.folder / LOG_NAME).open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            ) as running,
        ):
            assert running.stdout is not None
            try:
                for line in running.stdout:
                    message = _read_message(line)
                    if message is None:
                        log.write(line)
                    elif "fault" in message:
                        fault = fault or str(message["fault"])
                    elif progress is not None:
                        progress(TrainingProgress(**message))
            except BaseException:
                running.terminate()
                raise
    finally:
        plan_file.unlink(missing_ok=True)
    if running.returncode != 0:
        raise TrainingError(
            fault or f"The training in {plan.folder} failed: see {plan.folder / LOG_NAME}."
        )


def _read_message(line: str) -> dict[str, Any] | None:
    if not line.startswith(_MARK):
        return None
    with suppress(ValueError):
        message = json.loads(line.removeprefix(_MARK))
        if isinstance(message, dict):
            return message
    return None


def _tell(message: dict[str, Any]) -> None:
    # A single write, so that lines of several processes do not mix.
    sys.stdout.write(f"{_MARK}{json.dumps(message)}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as one of a training's processes; the argument is the plan's file."""
    (plan_file,) = sys.argv[1:] if arguments is None else arguments
    plan = TrainingPlan.from_json(Path(plan_file).read_text(encoding="utf-8"))
    first = os.environ.get("RANK", "0") == "0"
    try:
        run_training(plan, (lambda progress: _tell(asdict(progress))) if first else None)
    except UnmaskError as error:
        _tell({"fault": str(error)})
        return 1
    finally:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
