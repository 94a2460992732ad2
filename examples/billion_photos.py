"""A plan for a billion photos: time, machines, cost, and the first bottleneck.

Run it from a clone: `python -m examples.billion_photos --help`. It computes the plan and checks it
with a simulation, in which machines process shards of photos, fail at random, come back, and redo
what was not written. The simulation is deterministic.
"""

from __future__ import annotations

import argparse
import heapq
import math
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Work:
    """The workload and resources; the defaults are assumptions to replace with your own.

    Attributes:
        photos: number of photos.
        rate: photos per second and machine, measured with the number of workers it will have.
        machines: number of machines.
        shard: photos per call of `unmask_dataset`.
        part: photos written at once, and so at most redone after a loss.
        hours_to_loss: mean time to the loss of a machine, in hours of work.
        minutes_to_return: time until its replacement has started, loaded its stages and found the
            results written before.
        price: price of a machine per hour.
        megabytes: size of a photo, and of its result.
        store_gigabytes: gigabytes per second that the storage reads and writes in total.
        store_requests: requests per second that it answers.
    """

    photos: float = 1e9
    rate: float = 60.0
    machines: int = 200
    shard: int = 50_000
    part: int = 64
    hours_to_loss: float = 24.0
    minutes_to_return: float = 5.0
    price: float = 1.5
    megabytes: float = 1.5
    store_gigabytes: float = 50.0
    store_requests: float = 3500.0


@dataclass(frozen=True)
class Outcome:
    """The outcome of the work.

    Attributes:
        hours: until the last photo is written.
        machine_hours: machine hours to pay for.
        losses: number of machines lost.
        redone: photos processed again.
    """

    hours: float
    machine_hours: float
    losses: float
    redone: float


def plan(work: Work) -> Outcome:
    """Estimate the outcome by a formula."""
    seconds = work.photos / work.rate
    losses = seconds / 3600 / work.hours_to_loss
    redone = losses * work.part / 2
    busy = (seconds + redone / work.rate) / 3600 + losses * work.minutes_to_return / 60
    # At the end, machines wait for the last shards: half a shard on average.
    waiting = work.machines * work.shard / work.rate / 3600 / 2
    hours = (busy + waiting) / work.machines
    return Outcome(hours, hours * work.machines, losses, redone)


def simulate(work: Work, seed: int = 0) -> tuple[Outcome, np.ndarray]:
    """Simulate the work shard by shard.

    Returns:
        The outcome, and the number of photos written per shard, which must be all of them.
    """
    random = np.random.default_rng(seed)
    shards = math.ceil(work.photos / work.shard)
    left = np.full(shards, work.shard, np.int64)
    left[-1] -= shards * work.shard - round(work.photos)
    written = np.zeros(shards, np.int64)
    next_shard = 0
    losses = redone = 0
    ends = 0.0
    life = random.exponential(3600 * work.hours_to_loss, work.machines)
    # Machines by the time at which they become free; ties by number.
    free = [(0.0, machine) for machine in range(work.machines)]
    held: dict[int, int] = {}
    while free:
        now, machine = heapq.heappop(free)
        if machine not in held:
            if next_shard == shards:
                continue
            held[machine] = next_shard
            next_shard += 1
        shard = held[machine]
        needed = left[shard] / work.rate
        if needed <= life[machine]:
            life[machine] -= needed
            written[shard] += left[shard]
            left[shard] = 0
            del held[machine]
            ends = max(ends, now + needed)
            heapq.heappush(free, (now + needed, machine))
            continue
        done = int(life[machine] * work.rate)
        kept = done // work.part * work.part
        written[shard] += kept
        left[shard] -= kept
        losses, redone = losses + 1, redone + done - kept
        back = now + life[machine] + 60 * work.minutes_to_return
        life[machine] = random.exponential(3600 * work.hours_to_loss)
        heapq.heappush(free, (back, machine))
    return Outcome(ends / 3600, ends / 3600 * work.machines, losses, redone), written


def limits(work: Work) -> dict[str, float]:
    """The number of machines above which something else becomes the bottleneck."""
    traffic = 2 * work.megabytes / 1000 * work.rate
    # As files, each photo takes three requests: lookup, read and write; as tables, each part does.
    return {
        "the storage's bytes": work.store_gigabytes / traffic,
        "the storage's requests, photos as files": work.store_requests / (3 * work.rate),
        "the storage's requests, photos as tables": work.store_requests
        / (3 * work.rate / work.part),
        "shards, two for each machine": work.photos / work.shard / 2,
    }


def report(work: Work) -> str:
    """The plan, the simulation and the limits, as text."""
    planned, (played, written) = plan(work), simulate(work)
    lines = [f"{'':22}{'plan':>14}{'simulated':>14}"]
    for name, first, second in (
        ("hours", planned.hours, played.hours),
        ("machine hours", planned.machine_hours, played.machine_hours),
        ("cost", planned.machine_hours * work.price, played.machine_hours * work.price),
        ("machines lost", planned.losses, played.losses),
        ("photos done again", planned.redone, played.redone),
    ):
        lines.append(f"{name:22}{first:>14,.1f}{second:>14,.1f}")
    lines.append(f"written: {int(written.sum()):,} of {round(work.photos):,}")
    lines.append("\nWhat limits the work, and from how many machines on:")
    for name, machines in sorted(limits(work).items(), key=lambda item: item[1]):
        held = " <- with these" if machines < work.machines else ""
        lines.append(f"{name:42}{machines:>8,.0f}{held}")
    return "\n".join(lines)


def main() -> None:
    """Read the options and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for field in fields(Work):
        kind = int if isinstance(field.default, int) else float
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    print(report(Work(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
