#!/usr/bin/env python3
"""Dense quadratic programs beside quadprog, ProxQP and PIQP, in one run, as Markdown tables.

    python3 -m venv .venv && .venv/bin/pip install quadprog proxsuite piqp numpy
    cargo build --release -p triune-cerebellum --example qp_speed --example mpc_speed
    .venv/bin/python tests/benches/qp.py [--write]

The problems: the walking and balancing ones of the public benchmark in $TRIUNE_FIXTURES, and whole-
body and force problems of a quadruped's size with random costs: equalities, friction cones, bounds;
then the forces of a quadruped over 10 steps of 30 ms as convex model predictive control has them
(Di Carlo et al., IROS 2018), from standing calmly to pushes on ice.
Ours runs as a Rust program; the peers from Python, where a call with one variable is taken off. For
each group the median of the shortest times of its problems counts. --write puts the table into
docs/benchmarks.md. The second table is of our planner from measurement to forces, condensing
included.
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
import piqp
import proxsuite
import quadprog

import page

FIXTURES = pathlib.Path(os.environ.get("TRIUNE_FIXTURES", page.ROOT / "../shared/fixtures"))
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", page.ROOT / "target"))


def public(prefix):
    for file in sorted((FIXTURES / "qp").glob(f"{prefix}*.npz")):
        p = np.load(file)
        yield p["P"], p["q"], p["G"], np.full(len(p["h"]), -np.inf), p["h"]


def cone(n, first, friction=0.6, force=(0.0, 200.0)):
    """Friction in four rows, and the force along the normal, N."""
    rows = np.zeros((5, n))
    for row, (axis, sign) in enumerate([(0, 1), (0, -1), (1, 1), (1, -1)]):
        rows[row, first + axis], rows[row, first + 2] = sign, friction
    rows[4, first + 2] = 1.0
    return rows, np.array([0.0] * 4 + [force[0]]), np.array([np.inf] * 4 + [force[1]])


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


def cross(r):
    return np.array([[0.0, -r[2], r[1]], [r[2], 0.0, -r[0]], [-r[1], r[0], 0.0]])


def control(stands, friction, force, push, random):
    """State [rpy, p, w, v, g]; `stands` says which feet do in each step. Condensed to forces."""
    dt, mass, steps = 0.03, 15.0, len(stands)
    inverse = np.diag(1.0 / np.array([0.1, 0.25, 0.3]))
    corners = np.array([[0.2, 0.14], [0.2, -0.14], [-0.2, 0.14], [-0.2, -0.14]])
    feet = np.hstack([corners + 0.03 * random.uniform(-1, 1, (4, 2)), np.full((4, 1), -0.3)])
    a, b = np.zeros((13, 13)), np.zeros((13, 12))
    a[0:3, 6:9] = a[3:6, 9:12] = np.eye(3)
    a[11, 12] = 1.0
    for foot, r in enumerate(feet):
        b[6:9, 3 * foot : 3 * foot + 3] = inverse @ cross(r)
        b[9:12, 3 * foot : 3 * foot + 3] = np.eye(3) / mass
    b = dt * b + 0.5 * dt * dt * a @ b
    a = np.eye(13) + dt * a + 0.5 * dt * dt * a @ a
    state = np.zeros(13)
    state[0:3], state[5] = 0.1 * push * random.uniform(-1, 1, 3), 0.3
    state[6:9], state[9:12] = push * random.uniform(-3, 3, 3), push * random.uniform(-1, 1, 3)
    state[12] = -9.81
    wanted = np.zeros(13)
    wanted[5], wanted[12] = 0.3, -9.81
    columns = [(step, foot) for step in range(steps) for foot in range(4) if stands[step][foot]]
    free, forced = [], np.zeros((13 * steps, 3 * len(columns)))
    for step in range(steps):
        state = a @ state
        free.append(state - wanted)
        for block, (early, foot) in enumerate(columns):
            if early <= step:
                answer = np.linalg.matrix_power(a, step - early) @ b[:, 3 * foot : 3 * foot + 3]
                forced[13 * step : 13 * step + 13, 3 * block : 3 * block + 3] = answer
    weights = np.tile([25, 25, 10, 5, 5, 100, 0.1, 0.1, 0.4, 1.5, 1.5, 0.5, 0], steps)
    n = forced.shape[1]
    cost = 2 * forced.T @ (weights[:, None] * forced) + 8e-5 * np.eye(n)
    parts = [cone(n, 3 * block, friction, (1.0, force)) for block in range(len(columns))]
    rows, low, high = (list(part) for part in zip(*parts))
    linear = 2 * forced.T @ (weights * np.concatenate(free))
    return cost, linear, np.vstack(rows), np.hstack(low), np.hstack(high)


TROT = [[True, False, False, True]] * 5 + [[False, True, True, False]] * 5
STAND = [[True] * 4] * 10


def groups():
    random = np.random.default_rng(5)
    if (FIXTURES / "qp").is_dir():
        yield "LIPMWALK, 16 variables, 32 rows", list(public("LIPMWALK"))
        yield "WHLIPBAL, 50 variables, 100 rows", list(public("WHLIPBAL"))
    yield "whole body, trot: 24, 12 equal, 22 rows", [whole_body(2, random) for _ in range(20)]
    yield "whole body, four feet: 30, 18 equal, 32 rows", [whole_body(4, random) for _ in range(20)]
    yield "forces, trot: 60 variables, 100 rows", [forces(20, random) for _ in range(20)]
    yield "forces, four feet: 120 variables, 200 rows", [forces(40, random) for _ in range(10)]
    several = lambda *what: [control(*what, random) for _ in range(10)]
    yield "control, trot: 60 variables, 100 rows", several(TROT, 0.5, 150.0, 0.1)
    yield "control, trot, pushed on ice: the same", several(TROT, 0.1, 150.0, 1.0)
    yield "control, stand: 120 variables, 200 rows", several(STAND, 0.5, 150.0, 0.1)
    yield "control, stand, pushed on ice: the same", several(STAND, 0.05, 150.0, 1.0)
    yield "control, stand, pushed and weak: the same", several(STAND, 0.5, 40.0, 1.0)


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


def by_piqp(problem):
    cost, linear, rows, low, high = problem
    equal = low == high
    solver = piqp.DenseSolver()
    solver.settings.eps_abs = solver.settings.eps_duality_gap_abs = 1e-9
    inside = [rows[~equal], np.maximum(low[~equal], -1e30), np.minimum(high[~equal], 1e30)]

    def solve():
        solver.setup(cost, linear, rows[equal], low[equal], *inside)
        solver.solve()

    return timed(solve), solver.result.x


def planner():
    """Our planner from measurement to forces."""
    program = str(TARGET / "release/examples/mpc_speed")
    out = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    yield "| planning, condensing included | middle | of a hundred the worst | worst | rounds |"
    yield "|---|---|---|---|---|"
    for line in out.splitlines():
        group = json.loads(line)
        assert group["failed"] == 0, group
        times = " | ".join(f"{time:.0f}" for time in group["us"])
        rounds = " / ".join(str(count) for count in group["rounds"])
        yield f"| {group['name']} | {times} | {rounds} |"


PEERS = (by_quadprog, by_proxqp, by_piqp)


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
    over = [by(one)[0] for by in PEERS]
    lines = [
        "| problems | rounds | Triune | warm | interior | quadprog | ProxQP | PIQP | faster by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, problems in groups():
            ours = by_triune(problems, pathlib.Path(folder))
            theirs = [[by(problem) for problem in problems] for by in PEERS]
            for cost, *answers in zip(problems, *theirs):
                value = lambda x: 0.5 * x @ cost[0] @ x + cost[1] @ x
                best = value(answers[0][1])
                apart = max(abs(value(x) - best) for _, x in answers) / max(1.0, abs(best))
                assert apart < 1e-5, f"{name}: the peers differ by {apart}"
            middle = statistics.median
            times = [middle(t for t, _ in their) - less for their, less in zip(theirs, over)]
            own = [middle(ours[way]) for way in ("cold", "warm", "interior")]
            assert ours["residual"] < 1e-6, f"{name}: residual {ours['residual']}"
            ratio = " / ".join(f"{time / own[0]:.1f}" for time in times)
            each = " | ".join(f"{time:.1f}" for time in own + times)
            lines.append(f"| {name} | {middle(ours['rounds']):.0f} | {each} | {ratio} |")
    names = ("quadprog", "ProxQP", "PIQP")
    taken = ", ".join(f"{name} {time:.1f} us" for name, time in zip(names, over))
    text = "\n".join([*lines, "", f"Taken off for the call: {taken}.", "", *planner()])
    print(text)
    if "--write" in sys.argv:
        page.write("qp", text)


if __name__ == "__main__":
    main()
