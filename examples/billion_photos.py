"""A plan for a billion photos: how long, how many machines, what it costs, what breaks first.

Run it from a clone: `python -m examples.billion_photos --help`. It computes the plan, and checks it
by playing the work through: machines that take shards of photos one by one, are lost at random and
come back, and do again what was not written. The same numbers come out each time.
"""

from __future__ import annotations

import argparse
import heapq
import math
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Work:
    """What is to be done and with what; the defaults are assumptions to put your own in place of.

    Attributes:
        photos: how many.
        rate: photos a second that one machine does, measured with as many workers as it will have.
        machines: how many work.
        shard: photos in one call of `unmask_dataset`.
        part: photos that are written at once, so that as many are done again after a loss.
        hours_to_loss: mean time after which a machine is lost, in hours of its work.
        minutes_to_return: until another is there in its place, has loaded its stages and has found
            what was written before.
        price: of a machine, an hour.
        megabytes: of a photo; its result has as many.
        store_gigabytes: that the storage reads and writes a second, both together.
        store_requests: that it answers a second.
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
    """How the work goes.

    Attributes:
        hours: until the last photo is written.
        machine_hours: that are paid for.
        losses: of machines.
        redone: photos that were done again.
    """

    hours: float
    machine_hours: float
    losses: float
    redone: float


def plan(work: Work) -> Outcome:
    """Say by a formula how the work goes."""
    seconds = work.photos / work.rate
    losses = seconds / 3600 / work.hours_to_loss
    redone = losses * work.part / 2
    busy = (seconds + redone / work.rate) / 3600 + losses * work.minutes_to_return / 60
    # At the end machines wait for those that are still at a shard, half of one on average.
    waiting = work.machines * work.shard / work.rate / 3600 / 2
    hours = (busy + waiting) / work.machines
    return Outcome(hours, hours * work.machines, losses, redone)


def simulate(work: Work, seed: int = 0) -> tuple[Outcome, np.ndarray]:
    """Play the work through, shard by shard.

    Returns:
        How it went, and for each shard how many of its photos were written, which must be all of
        them once.
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
    # Machines by the time at which they are free; ties go by their number.
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
    """Machines above which something else than the machines is what holds the work up."""
    traffic = 2 * work.megabytes / 1000 * work.rate
    # As files each photo is looked for, read and written; as a table these are a part's.
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
    lines.append("\nWhat holds the work up, and from how many machines on:")
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
