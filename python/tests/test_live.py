"""Against the binary: a robot in the simulator, reached as a stranger would."""

from __future__ import annotations

import math
import struct
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import triune
from triune.link import Link

from .running import Running, stand, unless_stalled, wait_until

Start = Callable[..., Running]
CYCLE, STATE, RULING = "runtime/cycle", "cerebellum/state", "governor/ruling"


def refused(robot: triune.Robot) -> int:
    """Messages the robot refused for their code, lease or sequence."""
    time.sleep(0.1)
    return int(robot.latest(CYCLE)["refused_authority"])


def test_every_topic_is_read_and_makes_sense(shared: Running) -> None:
    with shared.connect() as robot, unless_stalled(robot):
        stand(robot)
        assert (robot.name, len(robot.joints), robot.joints[0]) == ("quad12", 12, "FL_hip_joint")
        out = [topic for topic, schema in robot.topics.items() if schema.direction == "out"]
        assert len(out) == 8
        newest = {topic: robot.latest(topic) for topic in out if topic != "governor/record"}
        run = int(robot.about["run"], 16)
        assert all(sample.header.session == run for sample in newest.values())
        state, frame = newest[STATE], newest["body/frame"]
        assert state["q"].shape == frame["q"].shape == (12,)
        assert np.allclose(state["q"], frame["q"], atol=0.05)
        assert np.isclose(np.linalg.norm(state["attitude"]), 1.0, atol=1e-3)
        assert 0.2 < state["position"][2] < 0.4
        assert np.isclose(np.linalg.norm(frame["specific_force"]), 9.81, atol=1.5)
        assert 100 < frame["foot_force"].sum() < 200
        scan = newest["body/scan"]
        assert scan["ranges"].shape == (64,)
        assert (scan["ranges"] <= scan["range_max"] + 0.1).all()
        command = newest["governor/command"]
        assert np.allclose(command["wanted_q"], command["q"], atol=0.2)
        seen = newest["brain/observation"]
        assert (int(seen["has_goal"]), int(seen["epoch"])) == (1, int(newest[RULING]["epoch"]))
        assert int(newest[CYCLE]["period"]) == 1_000_000
        assert triune.Mode(newest[RULING]["mode"]) is triune.Mode.AUTO


def test_samples_come_at_their_rate_and_losses_are_counted(shared: Running) -> None:
    with shared.connect() as robot:
        frames = robot.stream("body/frame", depth=1000, timeout=2.0)
        first, began = next(frames), time.monotonic()
        heard = [next(frames) for _ in range(200)]
        rate = 200 / (time.monotonic() - began)
        times = [sample.header.at for sample in heard]
        assert times == sorted(times)
        assert times[0] > first.header.at
        assert rate < 220
        assert frames.dropped == frames.counts.foreign == frames.counts.late == 0
        # The robot would rather lose a sample than wait for a busy reader; each one is counted.
        span = heard[-1].header.sequence - first.header.sequence
        assert sum(sample.lost for sample in heard) == span - 200


def test_the_robots_clock_is_known(shared: Running) -> None:
    with shared.connect() as robot:
        now, bound = robot.now()
        assert bound < 50_000_000
        # A sample was made before it came, and not long before.
        state = robot.latest(STATE)
        age = robot.now()[0] - state.header.at
        assert -bound <= age < 500_000_000
        assert robot.now()[0] > now


def test_the_operators_words_need_a_lease(shared: Running) -> None:
    with shared.connect() as robot:
        for act in ("reset", "start", "release_stop"):
            with pytest.raises(triune.LeaseError, match="operator's or the maintainer's lease"):
                robot.act(act)
        with pytest.raises(triune.LeaseError, match="operator's lease"):
            robot.drive(0.1)
        # Round the package: an act with a code that nobody made.
        before = refused(robot)
        schema = robot.schema("operator/act")
        sample = struct.pack("<QQQQ", schema.layout, 1, 1, 0) + schema.body({"act": 1}) + bytes(16)
        robot._link.wait_heard("operator/act", 2.0)
        robot._link.put("operator/act", sample)
        assert refused(robot) == before + 1
        assert triune.Mode(robot.latest(RULING)["mode"]) is triune.Mode.AUTO


def test_one_holds_a_lease_and_another_takes_it(shared: Running) -> None:
    with shared.connect() as robot, shared.connect() as other:
        lease = robot.lease("planner", name="first")
        with pytest.raises(triune.LeaseError, match='"first" holds this lease') as error:
            other.lease("planner", name="second")
        assert error.value.why == "held"
        time.sleep(2.5)
        assert lease.is_held, "it is kept"
        taken = other.lease("planner", name="second", take=True)
        time.sleep(0.8)
        assert not lease.is_held
        with pytest.raises(triune.LeaseError, match="not in force"):
            lease.check()
        taken.close()
        # Free at once.
        with robot.lease("planner") as again:
            assert again.epoch is not None
        with pytest.raises(triune.LeaseError, match="given back"):
            again.check()


def test_a_program_that_ends_gives_its_lease_back(shared: Running) -> None:
    robot = shared.connect()
    robot.lease("operator")
    robot.close()
    with shared.connect() as other, other.lease("operator"):
        pass


def test_what_a_planner_may_not_ask_is_refused_here(shared: Running) -> None:
    with shared.connect() as robot, robot.planner() as planner:
        nan = math.nan
        wrong: list[tuple[Callable[[], object], str]] = [
            (lambda: planner.walk(nan), "velocity: every number must be finite"),
            (lambda: planner.walk(0.1, yaw=math.inf), "finite"),
            (lambda: planner.walk(1e39), "finite"),
            (lambda: planner.walk(0.1, seconds=0.0), "seconds: seconds, more than 0"),
            (lambda: planner.walk(0.1, seconds=nan), "more than 0"),
            (lambda: planner.plan(np.zeros((8, 2))), r"shape \(n, 3\)"),
            (lambda: planner.plan(np.zeros((0, 3))), "n from 1 to 16"),
            (lambda: planner.plan(np.zeros((17, 3))), "n from 1 to 16"),
            (lambda: planner.plan([0.0, 0.0, 0.0]), r"found \(3,\)"),
            (lambda: planner.plan("fast"), "numbers in an array"),
            (lambda: planner.plan([[0.0, 0.0], [0.0]]), "numbers in an array"),
            (lambda: planner.plan(np.zeros((1, 3)), step=-1.0), "step: seconds"),
            (lambda: planner.posture(np.zeros(11)), "each of the 12 joints"),
            (lambda: planner.posture([nan] * 12), "finite"),
            (lambda: planner.hold(observed=robot.latest(STATE)), "a sample of brain/observation"),
            (lambda: planner.hold(valid="long"), "valid: seconds"),  # type: ignore[arg-type]
            (lambda: planner.hold(observed=3), "found 3"),  # type: ignore[arg-type]
            (lambda: robot.planner(model=b"short"), "8 bytes"),
        ]
        for ask, says in wrong:
            with pytest.raises(ValueError, match=says):
                ask()
        assert planner.sent == 0


def keep_what_is_sent(robot: triune.Robot, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every plan that goes out from now on."""
    sent: list[bytes] = []
    put = Link.put

    def keep(self: Link, rest: str, sample: bytes) -> None:
        if self is robot._link and rest == "brain/plan":
            sent.append(sample)
        put(self, rest, sample)

    monkeypatch.setattr(Link, "put", keep)
    return sent


def test_forged_and_repeated_plans_are_refused_and_counted(
    shared: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shared.connect() as robot, robot.planner() as planner:
        sent = keep_what_is_sent(robot, monkeypatch)
        cycle = robot.latest(CYCLE)
        before, taken = refused(robot), int(cycle["plans"])
        planner.hold()
        assert refused(robot) == before
        assert int(robot.latest(CYCLE)["plans"]) == taken + 1
        plan = sent[0]
        robot._link.put("brain/plan", plan)
        assert refused(robot) == before + 1, "played again"
        newer = plan[:16] + struct.pack("<Q", 1000) + plan[24:]
        robot._link.put("brain/plan", newer)
        assert refused(robot) == before + 2, "with a new number and the old code"
        robot._link.put("brain/plan", plan[:-1] + bytes([plan[-1] ^ 1]))
        assert refused(robot) == before + 3, "with one bit of the code changed"
        size = int(robot.latest(CYCLE)["refused_size"])
        robot._link.put("brain/plan", plan + b"\0")
        assert refused(robot) == before + 3
        assert int(robot.latest(CYCLE)["refused_size"]) == size + 1
        assert int(robot.latest(CYCLE)["plans"]) == taken + 1


def test_a_planner_walks_and_hears_what_was_refused(running: Running) -> None:
    with running.connect() as robot, unless_stalled(robot):
        stand(robot)
        start = robot.latest(STATE)["position"].copy()
        with robot.planner(name="test") as planner:
            with pytest.raises(triune.LeaseError, match='"test" holds'):
                robot.planner()
            for seen in planner.observations(seconds=4.0, timeout=2.0):
                planner.walk(0.3, seconds=0.8, observed=seen)
            moved = np.linalg.norm(robot.latest(STATE)["position"] - start)
            assert moved > 0.5
            # Without an observation: from sensors of its own.
            planner.plan(np.tile([0.2, 0.0, 0.0], (4, 1)), step=0.1)
            time.sleep(0.2)
            assert planner.refused == []
            planner.hold(valid=60.0)
            time.sleep(0.2)
            planner.posture(np.full(12, 3.0))
            time.sleep(0.2)
            rules = [said.split(":")[0] for said in planner.refused]
            assert rules == ["PLAN-VALIDITY", "PLAN-SKILL"]
            sent = planner.sent
        report_plans = int(robot.latest(CYCLE)["plans"])
    report = running.end()
    assert report["brain"]["backend"] == "in another process, over the network"
    assert report["brain"]["plans"] == report_plans
    # At most the first: it may answer a question that was asked before anybody listened.
    assert sent - 1 <= report_plans <= sent
    assert report["brain"]["refused"] == 2
    assert report["distance_m"] == pytest.approx(moved, abs=0.5)


def reset(robot: triune.Robot) -> None:
    """Resets it as soon as its body is at rest."""
    for _ in range(30):
        try:
            robot.act("reset")
        except triune.RefusedError as error:
            assert "not yet at rest" in str(error)  # noqa: PT017
            time.sleep(0.1)
        else:
            return
    pytest.fail("the body does not come to rest")


def test_a_stop_needs_no_lease_and_its_release_one(running: Running) -> None:
    with running.connect() as robot, unless_stalled(robot):
        stand(robot)
        began = time.monotonic()
        robot.stop(reason="é" * 100)
        assert time.monotonic() - began < 0.5
        assert int(robot.latest(CYCLE)["stop"]) == 1
        wait_until(robot, STATE, "posture", triune.Posture.SETTLED, 10)
        with robot.lease("operator", name="test"):
            with pytest.raises(triune.RefusedError, match=r"Refused|refused"):
                robot.act("start")
            with pytest.raises(triune.RefusedError):
                robot.act("reset")
            robot.act("release_stop")
            assert int(robot.latest(CYCLE)["stop"]) == 0
            reset(robot)
            wait_until(robot, RULING, "mode", triune.Mode.INHIBITED, 5)
            robot.act("start")
            stand(robot)
        robot.stop(cut=True)
        wait_until(robot, STATE, "posture", triune.Posture.LIMP, 5)
    report = running.end()
    assert report["network"]["refused_authority"] == 0


def test_a_person_drives_from_afar(running: Running) -> None:
    with running.connect() as robot, unless_stalled(robot):
        stand(robot)
        before = robot.latest(STATE)["position"].copy()
        with robot.lease("operator", name="test"):
            with pytest.raises(ValueError, match="finite"):
                robot.drive(math.nan)
            done = threading.Event()

            def drive() -> None:
                while not done.wait(0.02):
                    robot.drive(0.2)

            driving = threading.Thread(target=drive)
            driving.start()
            try:
                time.sleep(0.2)
                robot.act("take_over")
                wait_until(robot, RULING, "mode", triune.Mode.MANUAL, 5)
                time.sleep(4.0)
                moved = np.linalg.norm(robot.latest(STATE)["position"] - before)
                robot.act("hand_back")
            finally:
                done.set()
                driving.join()
        assert moved > 0.3


def test_a_robot_that_was_killed_is_missed_at_once(running: Running) -> None:
    with running.connect() as robot:
        stand(robot)
        planner = robot.planner()
        states = robot.stream(STATE)
        next(states)
        running.kill()
        began = time.monotonic()
        with pytest.raises(triune.GoneError, match="quad12 does not answer"):
            for _ in states:
                pass
        with pytest.raises(triune.GoneError):
            robot.latest(CYCLE, timeout=0.5)
        with pytest.raises(triune.UnconfirmedError, match="NOT confirmed"):
            robot.stop()
        time.sleep(1.0)
        with pytest.raises(triune.LeaseError, match="was not reached"):
            planner.hold()
        with pytest.raises((triune.LeaseError, triune.GoneError)):
            next(planner.observations())
        planner.close()
        assert time.monotonic() - began < 10


def test_a_run_that_ends_ends_the_loop_with_a_reason(start: Start) -> None:
    run = start()
    with run.connect() as robot:
        with pytest.raises(triune.TriuneError, match="--brain far"):
            robot.planner()
        next(robot.stream(STATE))
        ending = threading.Timer(0.5, run.end)
        ending.start()
        with pytest.raises(triune.GoneError):
            for _ in robot.stream(STATE):
                pass
        ending.join()


def test_records_and_counts_are_those_of_the_report(start: Start) -> None:
    run = start("--brain", "far")
    with run.connect() as robot:
        records = robot.stream("governor/record")
        stand(robot)
        for _ in range(3):
            robot.latest("body/frame")
            time.sleep(0.1)
        cycle = robot.latest(CYCLE)
        robot.stop(reason="so that there is a record")
        heard = list(iter(lambda: records.take(0.2), None))
        lost = records.counts.lost
        report = run.end()
        assert lost == 0
        assert "OPERATOR-STOP" in [record.text("rule") for record in heard]
        assert all(record.text("said").endswith(".") for record in heard)
        known = {each["rule"] for each in report["governor"]["interventions"]}
        assert {record.text("rule") for record in heard} <= known
        assert report["ticks"] >= int(cycle["cycle"])
        assert report["network"]["records_dropped"] == 0
        assert report["network"]["sent"] >= int(cycle["sent"])
        assert report["cycle_allocations"] == int(cycle["allocations"]) == 0
