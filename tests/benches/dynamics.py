#!/usr/bin/env python3
"""Rigid-body dynamics beside Pinocchio and MuJoCo, in one run, as a Markdown table.

    python3 -m venv .venv && .venv/bin/pip install pin mujoco example-robot-data
    cargo build --release -p triune-model --example speed
    .venv/bin/python tests/benches/dynamics.py [--write]

Ours runs as a Rust program, MuJoCo as a C program against the library of its wheel, Pinocchio from
Python, whose time for an empty call is measured and taken off. Each runs twice, in turns, on one
core; the shorter time of two counts. --write puts the table into docs/benchmarks.md.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

import mujoco
import numpy as np
import pinocchio as pin

import page

FIXTURES = pathlib.Path(os.environ.get("TRIUNE_FIXTURES", page.ROOT / "../shared/fixtures"))
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", page.ROOT / "target"))
BATCHES, CALLS, STATES = 400, 200, 100
WHAT = ["rnea", "crba", "aba", "centroidal", "kinematics", "jacobian"]
TITLES = {
    "rnea": "inverse dynamics (RNEA)",
    "crba": "mass matrix (CRBA)",
    "aba": "forward dynamics (ABA)",
    "centroidal": "centroidal momentum",
    "kinematics": "link placements",
    "jacobian": "link placements, a Jacobian",
}

MUJOCO_C = r"""
#include <mujoco/mujoco.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec * 1e-3; }
static int order(const void* a, const void* b) {
  double x = *(double*)a - *(double*)b; return (x > 0) - (x < 0); }
static double random_part(void) { return 2.0 * rand() / RAND_MAX - 1.0; }
int main(int argc, char** argv) {
  char error[500] = "";
  mjModel* m = mj_loadXML(argv[1], NULL, error, sizeof error);
  if (!m) { fprintf(stderr, "%s\n", error); return 1; }
  m->opt.disableflags |= mjDSBL_CONTACT | mjDSBL_CONSTRAINT;
  mjData* d = mj_makeData(m);
  enum { STATES = 100, BATCHES = 400, CALLS = 200 };
  mjtNum *q = malloc(sizeof(mjtNum) * STATES * m->nq), *v = malloc(sizeof(mjtNum) * STATES * m->nv);
  for (int k = 0; k < STATES; k++) {
    for (int i = 0; i < m->nq; i++) q[k * m->nq + i] = random_part();
    if (m->nq > m->nv) mju_normalize4(q + k * m->nq + 3);
    for (int i = 0; i < m->nv; i++) v[k * m->nv + i] = random_part();
  }
  mjtNum* out = malloc(sizeof(mjtNum) * m->nv);
  mjtNum* jacobian = malloc(sizeof(mjtNum) * 6 * m->nv);
  int tip = mj_name2id(m, mjOBJ_BODY, argv[2]);
  if (tip < 0) { fprintf(stderr, "no body %s\n", argv[2]); return 1; }
  const char* names[] = {"rnea", "crba", "aba", "kinematics", "jacobian"};
  printf("{\"nv\": %d", m->nv);
  for (int what = 0; what < 5; what++) {
    double times[BATCHES];
    for (int batch = -10; batch < BATCHES; batch++) {
      double start = now();
      for (int call = 0; call < CALLS; call++) {
        int k = call % STATES;
        mju_copy(d->qpos, q + k * m->nq, m->nq);
        mju_copy(d->qvel, v + k * m->nv, m->nv);
        mju_copy(d->qacc, v + ((k + 1) % STATES) * m->nv, m->nv);
        mj_kinematics(m, d);
        if (what == 3) continue;
        mj_comPos(m, d);
        if (what == 4) { mj_jacBody(m, d, jacobian, jacobian + 3 * m->nv, tip); continue; }
        if (what == 0 || what == 2) { mj_comVel(m, d); mj_rne(m, d, what == 0, out); }
        if (what == 1 || what == 2) mj_crb(m, d);
        if (what != 2) continue;
        mj_factorM(m, d);
        mju_scl(out, out, -1, m->nv);
        mj_solveM(m, d, out, out, 1);
      }
      if (batch >= 0) times[batch] = (now() - start) / CALLS;
    }
    qsort(times, BATCHES, sizeof(double), order);
    printf(", \"%s\": [%.4f, %.4f]", names[what], times[0], times[BATCHES / 2]);
  }
  printf("}\n");
  return 0;
}
"""


def robots(folder):
    """Name, file, whether the base floats, and the file for MuJoCo."""
    models = FIXTURES / "models"
    for name, path, floating in [
        ("UR5e", "universal_robots_ur5e/ur5e.nomesh.xml", False),
        ("Panda with fingers", "franka_emika_panda/panda.nomesh.xml", False),
        ("Go2", "unitree_go2/go2.nomesh.xml", True),
    ]:
        yield name, models / path, floating, models / path
    # Beside Pinocchio in the wheel example-robot-data; the rest does not need it.
    shares = (above / "share" for above in pathlib.Path(pin.__file__).parents)
    share = next((folder for folder in shares if folder.is_dir()), None)
    g1 = "example-robot-data/robots/g1_description/urdf/g1_29dof_rev_1_0.urdf"
    if share and (share / g1).is_file():
        yield "G1, 29 joints", share / g1, True, free_for_mujoco(share / g1, folder / "g1.xml")
    else:
        print("no G1: pip install example-robot-data", file=sys.stderr)


def free_for_mujoco(urdf, file):
    """The same robot as MuJoCo likes it: without shapes, with a free joint."""
    root = ElementTree.parse(urdf).getroot()
    for link in root.iter("link"):
        for shape in link.findall("visual") + link.findall("collision"):
            link.remove(shape)
    for settings in root.findall("mujoco"):
        root.remove(settings)
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode"))
    spec.worldbody.first_body().add_freejoint()
    spec.compile()
    file.write_text(spec.to_xml())
    return file


def pinocchio_model(file, floating):
    root = pin.JointModelFreeFlyer() if floating else None
    if file.suffix == ".xml":
        return pin.buildModelFromMJCF(str(file))
    arguments = [str(file), root] if root else [str(file)]
    return pin.buildModelFromUrdf(*arguments)


def timed(call):
    for k in range(STATES):
        call(k)
    times = []
    for _ in range(BATCHES // 4):
        start = time.perf_counter()
        for k in range(CALLS):
            call(k % STATES)
        times.append((time.perf_counter() - start) * 1e6 / CALLS)
    times.sort()
    return [times[0], times[len(times) // 2]]


def of_pinocchio(file, floating, tip):
    model = pinocchio_model(file, floating)
    data = model.createData()
    tip = model.getFrameId(tip)
    assert tip < model.nframes
    pin.seed(1)
    low = np.where(np.isfinite(model.lowerPositionLimit), model.lowerPositionLimit, -1.0)
    high = np.where(np.isfinite(model.upperPositionLimit), model.upperPositionLimit, 1.0)
    q = [pin.randomConfiguration(model, low, high) for _ in range(STATES)]
    v = [np.random.uniform(-1, 1, model.nv) for _ in range(STATES)]
    # The same call with a robot without joints is what calling costs.
    empty = pin.Model()
    nothing, none = empty.createData(), np.zeros(0)

    def jacobian(m, d, q, v):
        pin.computeJointJacobians(m, d, q)
        if m is empty:
            # It has no column to read, which getFrameJacobian does not survive.
            pin.computeFrameJacobian(m, d, q, 0, pin.ReferenceFrame.LOCAL)
        else:
            pin.getFrameJacobian(m, d, tip, pin.ReferenceFrame.LOCAL)

    algorithms = {
        "rnea": lambda m, d, q, v: pin.rnea(m, d, q, v, v),
        "crba": lambda m, d, q, v: pin.crba(m, d, q),
        "aba": lambda m, d, q, v: pin.aba(m, d, q, v, v),
        "centroidal": lambda m, d, q, v: pin.computeCentroidalMomentum(m, d, q, v),
        "kinematics": lambda m, d, q, v: pin.forwardKinematics(m, d, q),
        "jacobian": jacobian,
    }
    found = {"nv": model.nv}
    for what, call in algorithms.items():
        over = timed(lambda k: call(empty, nothing, none, none))
        times = timed(lambda k: call(model, data, q[k], v[k]))
        found[what] = [max(time - o, 0.0) for time, o in zip(times, over)]
        found["over " + what] = over
    return found


def of_program(command):
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.strip().splitlines()[-1])


def better(one, other):
    same = ("nv", "tip")
    return {key: one[key] if key in same else min(one[key], other[key]) for key in one}


def compile_mujoco(folder):
    home = pathlib.Path(mujoco.__file__).parent
    library = next(home.glob("libmujoco.so*"))
    source, program = folder / "speed.c", folder / "speed"
    source.write_text(MUJOCO_C)
    flags = [f"-I{home}/include", str(library), f"-Wl,-rpath,{home}", "-lm"]
    subprocess.run(["cc", "-O2", str(source), "-o", str(program), *flags], check=True)
    return program


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ours = TARGET / "release/examples/speed"
    lines = [
        "| robot (degrees of freedom) | algorithm | Triune | Pinocchio | MuJoCo | faster by |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program = compile_mujoco(folder)
        for name, file, floating, for_mujoco in robots(folder):
            us = lambda: of_program([str(ours), "floating" if floating else "fixed", str(file)])
            one = us()
            they = lambda: of_program([str(program), str(for_mujoco), one["tip"]])
            m, p, other = they(), of_pinocchio(file, floating, one["tip"]), us()
            m2, p2 = they(), of_pinocchio(file, floating, one["tip"])
            mine, m, p = better(one, other), better(m, m2), better(p, p2)
            for what in WHAT:
                time_of = lambda all: f"{all[what][0]:.2f}" if what in all else "-"
                ratio = lambda all: f"{all[what][0] / mine[what][0]:.2f}" if what in all else "-"
                lines.append(
                    f"| {name} ({mine['nv']}) | {TITLES[what]} | {time_of(mine)} | {time_of(p)} "
                    f"| {time_of(m)} | {ratio(p)} / {ratio(m)} |"
                )
            over = [p["over " + what][0] for what in WHAT]
            said = f"an empty call from Python takes {min(over):.2f} to {max(over):.2f} us"
            print(f"{name}: {said}", file=sys.stderr)
    versions = f"Pinocchio {pin.__version__}, MuJoCo {mujoco.__version__}"
    table = "\n".join(lines)
    print(f"{versions}, {platform.processor() or platform.machine()}\n\n{table}")
    if "--write" in sys.argv:
        page.write("dynamics", f"{versions}.\n\n{table}")


if __name__ == "__main__":
    main()
