"""Runs Ultralytics' training loop by a plan, leaving the process as it was."""

from __future__ import annotations

import logging
import os
import random
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.find.isolation import import_quietly
from detector.train.plan import TrainingPlan, TrainingProgress
from weights.base.errors import TrainingError
from weights.base.stopping import at_safe_points
from weights.base.worker_pool import keep_sockets_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detector.train.ultralytics_trainer import MaskTrainer

LOG_NAME = "train.log"
"""File in a run's folder with Ultralytics' messages."""


def run_training(
    plan: TrainingPlan, progress: Callable[[TrainingProgress], None] | None = None
) -> None:
    """Train by a plan in this process; results are in the run's folder.

    Args:
        plan: for one device, or for several if this is one of the processes training together.
        progress: called after every batch and after every epoch.

    Raises:
        InputError: the data set cannot be read, or has other classes than the network.
        ConfigurationError: the initial weights are of another architecture.
        TrainingError: there is no mask to train on, or training failed.
    """
    from detector.train.ultralytics_trainer import MaskTrainer, TrainingFinishedError, reporting_off

    with ExitStack() as stack:
        stack.enter_context(_global_state_kept())
        stack.enter_context(_log_written(plan.folder / LOG_NAME))
        stack.enter_context(reporting_off(_local_font))
        if plan.workers:
            keep_sockets_together()
        try:
            trainer = MaskTrainer(plan)
            if progress is not None:
                _report_to(progress, trainer)
            with at_safe_points():
                trainer.train()
        except TrainingFinishedError:
            return
        except TrainingError:
            raise
        except RuntimeError as error:
            raise TrainingError(
                f"The training in {plan.folder} failed: {str(error).splitlines()[0]}"
            ) from error


def _report_to(progress: Callable[[TrainingProgress], None], trainer: MaskTrainer) -> None:
    """Call `progress` after every batch and every epoch of the trainer."""
    from detector.train.ultralytics_trainer import as_floats

    def report(running: MaskTrainer, metrics: Any) -> None:
        losses: Any = running.tloss
        progress(
            TrainingProgress(
                running.epoch + 1,
                running.epochs,
                running.batch,
                len(running.train_loader),
                as_floats(losses),
                as_floats(metrics),
            )
        )

    trainer.add_callback("on_train_batch_end", lambda running: report(running, None))
    trainer.add_callback("on_fit_epoch_end", lambda running: report(running, running.metrics))


def _local_font(_: str) -> str:
    """A font file for plots on this machine: Matplotlib's own."""
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@contextmanager
def _log_written(path: Path) -> Iterator[None]:
    """Send Ultralytics' messages only to a file."""
    logger: logging.Logger = import_quietly("ultralytics.utils").LOGGER
    level, propagate = logger.level, logger.propagate
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Restore random states, torch's settings and the environment afterwards."""
    import numpy as np
    import torch

    environment = dict(os.environ)
    deterministic = torch.are_deterministic_algorithms_enabled()
    threads = torch.get_num_threads()
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
