"""Robots that are only a session: what a real one does rarely or never."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
import zenoh

import triune
from triune.schema import fnv1a

from .running import free_port

TEXT = "value:u4:0:1::;spare:u4:4:1::;"
LAYOUT = fnv1a(TEXT.encode())


def schema(key: str, **changed: Any) -> dict[str, Any]:
    """The schema of a topic of one number."""
    field = {"type": "u4", "count": 1, "used_by": None, "unit": "", "frame": "", "about": ""}
    return {
        "schema": "triune.topic/1",
        "key": key,
        "about": "A number.",
        "layout": f"{LAYOUT:016x}",
        "size": 8,
        "header": 32,
        "code": 0,
        "direction": "out",
        "stream": False,
        "rate_hz": 100.0,
        "fields": [
            field | {"name": "value", "offset": 0},
            field | {"name": "spare", "offset": 4},
        ],
    } | changed


class Fake:
    """Answers as robots do, and sends what it is told to."""

    def __init__(self, host: str = "tcp/127.0.0.1", more: dict[str, Any] | None = None) -> None:
        self.endpoint = f"{host}:{free_port()}"
        config = zenoh.Config()
        closed = {
            "mode": "peer",
            "listen/endpoints": [self.endpoint],
            "scouting/multicast/enabled": False,
        }
        for key, value in (closed | (more or {})).items():
            config.insert_json5(key, json.dumps(value))
        self.session = zenoh.open(config)

    def close(self) -> None:
        """It is gone."""
        self.session.close()  # type: ignore[no-untyped-call]

    def robot(self, name: str, about: dict[str, Any] | None = None) -> None:
        """A robot of this name that says this about itself."""
        topics = [schema("test/number"), schema("test/event", stream=True, rate_hz=0.0)]
        stop = schema("operator/stop", direction="in")
        said = {"schema": "triune.about/1", "name": name, "topics": [*topics, stop]} | (about or {})
        key = f"triune/{name}/about"

        def answer(query: zenoh.Query) -> None:
            query.reply(key, json.dumps(said))

        self.session.declare_queryable(key, answer)

    def send(
        self, key: str, sequence: int, value: int, *, layout: int = LAYOUT, run: int = 1
    ) -> None:
        """One sample."""
        body = struct.pack("<QQQQII", layout, run, sequence, 5, value, 0)
        self.session.put(f"triune/fake/{key}", body)


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


def test_several_robots_are_listed(fake: Fake) -> None:
    fake.robot("anna")
    fake.robot("bert")
    with pytest.raises(triune.UnreachableError, match="several robots are in reach: anna, bert"):
        triune.connect(fake.endpoint)
    with triune.connect(fake.endpoint, robot="bert") as robot:
        assert robot.name == "bert"
    with pytest.raises(triune.UnreachableError, match="robot 'carl' does not answer"):
        triune.connect(fake.endpoint, robot="carl", patience=0.3)


@pytest.mark.parametrize(
    "about", [{"schema": "triune.about/2"}, {"name": "other"}, {"topics": [{"schema": "x"}]}]
)
def test_a_robot_that_is_none_is_refused(fake: Fake, about: dict[str, Any]) -> None:
    fake.robot("fake", about)
    with pytest.raises(triune.LayoutError):
        triune.connect(fake.endpoint)


def test_a_robot_without_a_session_at_the_endpoint_is_missed(fake: Fake) -> None:
    with pytest.raises(triune.UnreachableError, match="connected, but a robot does not answer"):
        triune.connect(fake.endpoint, patience=0.3)


def settle() -> None:
    """What was sent is there."""
    time.sleep(0.1)


def test_losses_repeats_and_restarts_are_counted(fake: Fake) -> None:
    fake.robot("fake")
    with triune.connect(fake.endpoint) as robot:
        numbers = robot.stream("test/number", depth=10)
        settle()
        for run, sequence in [(1, 5), (1, 6), (1, 6), (1, 9), (1, 7), (2, 1)]:
            fake.send("test/number", sequence, sequence, run=run)
        settle()
        heard = [numbers.take(1.0) for _ in range(4)]
        assert [each and (int(each["value"]), each.lost) for each in heard] == [
            (5, 0),
            (6, 0),
            (9, 2),
            (1, 0),
        ]
        assert numbers.counts == triune.Counts(heard=4, lost=2, late=2, restarts=1)


def test_the_newest_counts_or_every_one(fake: Fake) -> None:
    fake.robot("fake")
    with triune.connect(fake.endpoint) as robot:
        newest, all_of_them = robot.stream("test/number"), robot.stream("test/event", depth=3)
        settle()
        for sequence in range(1, 6):
            fake.send("test/number", sequence, sequence)
            fake.send("test/event", sequence, sequence)
        settle()
        assert [int(next(newest)["value"]), newest.dropped] == [5, 4]
        assert [int(next(all_of_them)["value"]) for _ in range(3)] == [3, 4, 5]
        assert all_of_them.dropped == 2
        assert newest.take(0.0) is None


def test_another_layout_is_refused_by_name(fake: Fake) -> None:
    fake.robot("fake")
    with triune.connect(fake.endpoint) as robot:
        numbers = robot.stream("test/number")
        settle()
        fake.send("test/number", 1, 7, layout=LAYOUT + 1)
        with pytest.raises(triune.LayoutError, match=r"topic test/number of fake: .* layout"):
            next(numbers)
        with pytest.raises(triune.LayoutError, match="topic test/number"):
            robot.latest("test/number")
        fake.session.put("triune/fake/test/number", b"short")
        settle()
        assert robot.counts("test/number").foreign == 2
        with pytest.raises(triune.LayoutError, match="5 bytes are no sample"):
            next(numbers)
        fake.send("test/number", 2, 8)
        fake.session.put("triune/fake/test/number", b"short")
        settle()
        assert int(next(numbers)["value"]) == 8


def test_silence_is_told_from_absence(fake: Fake) -> None:
    fake.robot("fake")
    with triune.connect(fake.endpoint) as robot:
        with pytest.raises(triune.SilentError, match="though the robot answers"):
            robot.latest("test/number", timeout=0.1)
        with pytest.raises(triune.SilentError, match="when something happens"):
            next(robot.stream("test/event", timeout=0.1))
        with pytest.raises(triune.SilentError, match="clock"):
            robot.now()
        fake.close()
        with pytest.raises(triune.GoneError, match="does not answer any more"):
            robot.latest("test/number", timeout=0.1)
        with pytest.raises(triune.GoneError):
            next(robot.stream("test/number"))


def test_a_stale_sample_is_not_the_newest(fake: Fake) -> None:
    fake.robot("fake")
    with triune.connect(fake.endpoint) as robot:
        robot.stream("test/number")
        settle()
        fake.send("test/number", 1, 7)
        settle()
        assert int(robot.latest("test/number")["value"]) == 7
        with pytest.raises(triune.SilentError):
            robot.latest("test/number", timeout=0.1, max_age=0.01)
        assert int(robot.latest("test/number", max_age=60.0)["value"]) == 7


def test_wrong_words_are_explained(fake: Fake) -> None:
    fake.robot("fake")
    robot = triune.connect(fake.endpoint)
    with pytest.raises(ValueError, match="no topic 'test/nothing'; it has test/number"):
        robot.latest("test/nothing")
    with pytest.raises(ValueError, match="goes to the robot"):
        robot.stream("operator/stop")
    with pytest.raises(ValueError, match="depth 0"):
        robot.stream("test/number", depth=0)
    with pytest.raises(ValueError, match="one of reset, start"):
        robot.act("dance")
    with pytest.raises(ValueError, match="needs one"):
        robot.act("select_mode")
    with pytest.raises(ValueError, match="no other act has one"):
        robot.act("start", "AUTO")
    with pytest.raises(ValueError, match="one of OFF"):
        robot.act("select_mode", "DANCE")
    with pytest.raises(triune.LeaseError, match="operator's or the maintainer's lease"):
        robot.act("start")
    with pytest.raises(triune.SilentError, match="nobody answered"):
        robot.lease("planner")
    robot.close()
    robot.close()
    with pytest.raises(triune.TriuneError, match="closed"):
        robot.latest("test/number")


def test_a_loop_ends_when_the_robot_is_closed(fake: Fake) -> None:
    fake.robot("fake")
    robot = triune.connect(fake.endpoint)
    numbers = robot.stream("test/number")
    robot.close()
    assert list(numbers) == []
