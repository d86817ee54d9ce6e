#!/usr/bin/env python3
"""Dense quadratic programs beside quadprog and ProxQP, in one run, as a Markdown table.

    python3 -m venv .venv && .venv/bin/pip install quadprog proxsuite numpy
    cargo build --release -p triune-cerebellum --example qp_speed
    .venv/bin/python tests/benches/qp.py [--write]

The problems: the walking and balancing ones of the public benchmark in $TRIUNE_FIXTURES, and whole-
body and force problems of a quadruped's size with random costs: equalities, friction cones, bounds.
Ours runs as a Rust program; the peers from Python, where a call with one variable is taken off. For
each group the median of the shortest times of its problems counts. --write puts the table into
docs/benchmarks.md.
"""

import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import proxsuite
import quadprog

import page

FIXTURES = pathlib.Path(os.environ.get("TRIUNE_FIXTURES", page.ROOT / "../shared/fixtures"))
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", page.ROOT / "target"))


def public(prefix):
    for file in sorted((FIXTURES / "qp").glob(f"{prefix}*.npz")):
        p = np.load(file)
        yield p["P"], p["q"], p["G"], np.full(len(p["h"]), -np.inf), p["h"]


def cone(n, first):
    """Friction 0.6 in four rows, and the force along the normal, 0 to 200 N."""
    rows = np.zeros((5, n))
    for row, (axis, sign) in enumerate([(0, 1), (0, -1), (1, 1), (1, -1)]):
        rows[row, first + axis], rows[row, first + 2] = sign, 0.6
    rows[4, first + 2] = 1.0
    return rows, np.zeros(5), np.array([np.inf] * 4 + [200.0])


def whole_body(feet, random):
    """Accelerations and forces: base and standing feet are equalities, torques are rows."""
    n, equal = 18 + 3 * feet, 6 + 3 * feet
    root = random.normal(size=(n, n))
    rows = [random.normal(size=(equal, n)), random.normal(size=(12, n))]
    inside = random.normal(size=n)
    inside[18:] = np.tile([1.0, -1.0, 40.0], feet)
    fixed, torque = rows[0] @ inside, rows[1] @ inside
    low, high = [fixed, torque - 2.0], [fixed, torque + 2.0]
    for foot in range(feet):
        block, least, most = cone(n, 18 + 3 * foot)
        rows.append(block), low.append(least), high.append(most)
    cost = root @ root.T + 0.1 * np.eye(n)
    return cost, 20 * random.normal(size=n), np.vstack(rows), np.hstack(low), np.hstack(high)


def forces(count, random):
    n = 3 * count
    root = random.normal(size=(n, n))
    parts = [cone(n, 3 * k) for k in range(count)]
    rows, low, high = (list(part) for part in zip(*parts))
    linear = random.normal(size=n) * 30
    linear[2::3] -= 400
    cost = root @ root.T / n + 0.5 * np.eye(n)
    return cost, linear, np.vstack(rows), np.hstack(low), np.hstack(high)


def groups():
    random = np.random.default_rng(5)
    if (FIXTURES / "qp").is_dir():
        yield "LIPMWALK, 16 variables, 32 rows", list(public("LIPMWALK"))
        yield "WHLIPBAL, 50 variables, 100 rows", list(public("WHLIPBAL"))
    yield "whole body, trot: 24, 12 equal, 22 rows", [whole_body(2, random) for _ in range(20)]
    yield "whole body, four feet: 30, 18 equal, 32 rows", [whole_body(4, random) for _ in range(20)]
    yield "forces, trot: 60 variables, 100 rows", [forces(20, random) for _ in range(20)]
    yield "forces, four feet: 120 variables, 200 rows", [forces(40, random) for _ in range(10)]


def timed(call):
    least = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        call()
        least = min(least, (time.perf_counter() - start) * 1e6)
    return least


def by_quadprog(problem):
    cost, linear, rows, low, high = problem
    equal, lower = low == high, np.isfinite(low) & (low != high)
    upper = np.isfinite(high) & (low != high)
    normals = np.vstack([rows[equal], rows[lower], -rows[upper]]).T.copy()
    bounds = np.hstack([low[equal], low[lower], -high[upper]])
    count = int(equal.sum())
    solve = lambda: quadprog.solve_qp(cost, -linear, normals, bounds, count)
    return timed(solve), solve()[0]


def by_proxqp(problem):
    cost, linear, rows, low, high = problem
    equal = low == high
    c, a = rows[~equal], rows[equal]
    low, b, high = np.maximum(low[~equal], -1e20), low[equal], np.minimum(high[~equal], 1e20)
    solver = proxsuite.proxqp.dense.QP(len(linear), len(b), len(low))
    solver.settings.eps_abs = 1e-9
    solver.settings.initial_guess = proxsuite.proxqp.InitialGuess.NO_INITIAL_GUESS

    def solve():
        solver.init(cost, linear, a, b, c, low, high)
        solver.solve()

    return timed(solve), solver.results.x


def by_triune(problems, folder):
    file = folder / "problems"
    with file.open("wb") as out:
        for cost, linear, rows, low, high in problems:
            out.write(struct.pack("<QQ", len(linear), len(low)))
            for part in (cost, linear, rows, low, high):
                out.write(np.ascontiguousarray(part, dtype="<f8").tobytes())
    program = [str(TARGET / "release/examples/qp_speed"), str(file)]
    return json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    one = (np.eye(1), np.ones(1), np.ones((1, 1)), np.array([-5.0]), np.array([5.0]))
    over = [by_quadprog(one)[0], by_proxqp(one)[0]]
    lines = [
        "| problems | Triune | Triune, warm | quadprog | ProxQP | faster by |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, problems in groups():
            ours = by_triune(problems, pathlib.Path(folder))
            theirs = [[by(problem) for problem in problems] for by in (by_quadprog, by_proxqp)]
            for cost, quad, prox in zip(problems, *theirs):
                value = lambda x: 0.5 * x @ cost[0] @ x + cost[1] @ x
                apart = abs(value(quad[1]) - value(prox[1])) / max(1.0, abs(value(quad[1])))
                assert apart < 1e-5, f"{name}: the peers differ by {apart}"
            middle = statistics.median
            times = [middle(t for t, _ in their) - less for their, less in zip(theirs, over)]
            cold, warm = middle(ours["cold"]), middle(ours["warm"])
            assert ours["residual"] < 1e-6, f"{name}: residual {ours['residual']}"
            ratio = " / ".join(f"{time / cold:.1f}" for time in times)
            each = " | ".join(f"{time:.1f}" for time in times)
            lines.append(f"| {name} | {cold:.1f} | {warm:.1f} | {each} | {ratio} |")
    table = "\n".join(lines)
    said = f"Taken off for the call: quadprog {over[0]:.1f} us, ProxQP {over[1]:.1f} us."
    print(f"{table}\n\n{said}")
    if "--write" in sys.argv:
        page.write("qp", f"{table}\n\n{said}")


if __name__ == "__main__":
    main()
