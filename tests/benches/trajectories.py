#!/usr/bin/env python3
"""Jerk-limited trajectories beside the official Ruckig, in one run, as a Markdown table.

    python3 -m venv .venv && .venv/bin/pip install ruckig
    cargo build --release -p triune-cerebellum --example trajectory_speed
    .venv/bin/python tests/benches/trajectories.py [--write]

The motions are random. Ours runs as a Rust program; Ruckig is C++, called from Python, where a call
whose only joint is switched off is taken off. For each group the median of the shortest times of
its motions counts, and what 99 of 100 motions take at most. --write puts the table into
docs/benchmarks.md.
"""

import json
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

import ruckig

import page

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", page.ROOT / "target"))
BATCHES, CALLS, MOTIONS = 60, 50, 100


def motion(joints, moving, dice):
    """Per joint: start, target, limits; from rest to rest, or from any motion to any velocity."""
    drawn = []
    for _ in range(joints):
        v, a, j = dice.uniform(0.5, 5), dice.uniform(1, 20), dice.uniform(5, 200)
        part = lambda most: dice.uniform(-most, most) * moving
        drawn.append([dice.uniform(-3, 3), part(0.9) * v, part(0.9) * a])
        drawn[-1] += [dice.uniform(-3, 3), part(0.6) * v, v, a, j]
    return drawn


def groups():
    for joints in (1, 7, 32):
        for moving, name in ((0, "rest to rest"), (1, "any state to any velocity")):
            dice = random.Random(joints)
            title = f"{joints} joint{'s' if joints > 1 else ''}, {name}"
            yield title, [motion(joints, moving, dice) for _ in range(MOTIONS)]


def least(call):
    found = float("inf")
    for _ in range(BATCHES):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        found = min(found, (time.perf_counter() - start) * 1e6 / CALLS)
    return found


def by_ruckig(drawn, enabled=True):
    """Shortest time of a call, us, and the duration of the motion, s."""
    otg, way = ruckig.Ruckig(len(drawn)), ruckig.Trajectory(len(drawn))
    told = ruckig.InputParameter(len(drawn))
    columns = [list(column) for column in zip(*drawn)]
    told.current_position, told.current_velocity, told.current_acceleration = columns[:3]
    told.target_position, told.target_velocity = columns[3:5]
    told.max_velocity, told.max_acceleration, told.max_jerk = columns[5:]
    told.enabled = [enabled] * len(drawn)
    assert otg.calculate(told, way) in (ruckig.Result.Working, ruckig.Result.Finished)
    return least(lambda: otg.calculate(told, way)), way.duration


def by_triune(motions, folder):
    file = folder / "motions"
    with file.open("wb") as out:
        for drawn in motions:
            numbers = [number for joint in drawn for number in joint]
            out.write(struct.pack(f"<Q{len(numbers)}d", len(drawn), *numbers))
    program = [str(TARGET / "release/examples/trajectory_speed"), str(file)]
    return json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    over = by_ruckig(motion(1, 0, random.Random(1)), enabled=False)[0]
    lines = [
        "| motion | Triune, a plan | 99 % | a tick | Ruckig, a plan | 99 % | faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, motions in groups():
            ours = by_triune(motions, pathlib.Path(folder))
            theirs = [by_ruckig(drawn) for drawn in motions]
            for duration, (_, known) in zip(ours["duration"], theirs):
                assert abs(duration - known) < 1e-9, f"{name}: {duration} and {known}"
            times = sorted(time - over for time, _ in theirs)
            plans, ticks = sorted(ours["plan"]), statistics.median(ours["tick"])
            middle, last = statistics.median, len(plans) * 99 // 100 - 1
            ratio = f"{middle(times) / middle(plans):.2f}"
            mine = f"{middle(plans):.2f} | {plans[last]:.2f} | {ticks:.3f}"
            lines.append(f"| {name} | {mine} | {middle(times):.2f} | {times[last]:.2f} | {ratio} |")
    table = "\n".join(lines)
    said = f"Ruckig {version('ruckig')}; {over:.2f} us taken off for the call."
    print(f"{said}\n\n{table}")
    if "--write" in sys.argv:
        page.write("trajectories", f"{said}\n\n{table}")


if __name__ == "__main__":
    main()
