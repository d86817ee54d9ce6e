"""A robot in reach: what it says, its leases, and how to stop it."""

from __future__ import annotations

import atexit
import math
import os
import struct
import time
import weakref
from collections.abc import Mapping
from typing import Any

from .clock import RobotClock
from .closing import Closing
from .endpoint import LOOPBACK, config, settings
from .errors import (
    LayoutError,
    LeaseError,
    RefusedError,
    SilentError,
    TriuneError,
    UnconfirmedError,
)
from .holder import ROLES, Wish
from .keys import PrivateKey
from .lease import Lease
from .link import Link, find, open_session, parse_json
from .names import Act, Mode, RecordKind
from .planner import PLAN, Planner
from .sample import Sample
from .schema import Schema
from .stream import Counts, Stream, Subscription, silent

STOP = "operator/stop"
CYCLE = "runtime/cycle"
RECORD = "governor/record"
_STREAM_DEPTH = 1024
_STALE_S = 0.5


def connect(
    endpoint: str = LOOPBACK,
    robot: str | None = None,
    certificates: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    *,
    role: str | None = None,
    patience: float = 3.0,
) -> Robot:
    """Connects to a robot, or to a router on the way to it.

    Args:
        endpoint: ``tcp/127.0.0.1:7447``, ``unixsock-stream/PATH``, or with certificates
            ``quic/HOST:PORT``.
        robot: Its name; without it the one that is in reach.
        certificates: Folder with this program's certificate, as ``triune keys network`` makes it.
        key: Private key of ``triune keys new`` that asks for leases; needed where the robot is open
            to a network.
        role: Whose certificate of the folder to show; without it the only one there.
        patience: How long the robot is waited for, s.

    Raises:
        UnreachableError: Nobody is there, or several robots are.
        KeyFileError: A key or a certificate cannot be read, or others can read it.
        ValueError: The endpoint is none.
        LayoutError: The robot is of a version that this package cannot read.
    """
    if robot is not None:
        check_name(robot)
    loaded = None if key is None else PrivateKey.load(key)
    session = open_session(config(settings(endpoint, certificates, role)), endpoint, patience)
    try:
        about = find(session, endpoint, robot, patience)
        return Robot(Link(session, str(about["name"])), about, loaded)
    except BaseException:
        session.close()  # type: ignore[no-untyped-call]
        raise


def check_name(name: str) -> None:
    """Refuses what cannot be a robot's name.

    Raises:
        ValueError: It is not 1 to 32 of the letters ``a-z 0-9 _ -``.
    """
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    if not 1 <= len(name) <= 32 or set(name) - allowed:
        raise ValueError(f"robot {name!r}: a name has 1 to 32 small letters, digits, `_` and `-`")


class Robot(Closing):
    """A robot in reach. Made by `connect`; ends with the ``with`` block.

    Attributes:
        about: What it says about itself: name, joints, version, and the schema of each topic.
        name: Its name in every key.
        joints: Names of its joints, in the order of every array of joints.
        topics: The schema of each topic, by ``<layer>/<topic>``.
    """

    def __init__(self, link: Link, about: Mapping[str, Any], key: PrivateKey | None = None) -> None:
        self.about = dict(about)
        self.name = link.robot
        self.joints = [str(name) for name in about.get("joints", [])]
        schemas = (Schema.parse(said) for said in about.get("topics", []))
        self.topics = {schema.key: schema for schema in schemas}
        self._link = link
        self._key = key
        self._clock = RobotClock()
        self._heard: dict[str, Subscription] = {}
        self._leases: dict[str, Lease] = {}
        self._records: Stream | None = None
        self._stops = 0
        # A stop must not wait for anything to be made ready.
        link.outlet(STOP)
        _open.add(self)

    # What it says.

    def schema(self, topic: str) -> Schema:
        """What a topic's samples are made of.

        Raises:
            ValueError: There is no such topic; the text lists those there are.
        """
        try:
            return self.topics[topic]
        except KeyError:
            known = ", ".join(self.topics)
            raise ValueError(f"robot {self.name} has no topic {topic!r}; it has {known}") from None

    def latest(self, topic: str, timeout: float = 2.0, max_age: float | None = None) -> Sample:
        """The newest sample of a topic; waits for one when there is none yet.

        Args:
            topic: Such as ``cerebellum/state``.
            timeout: Longest wait, s.
            max_age: A sample that came longer ago than this, s, is not given; without it 0.5 s, and
                any age for a topic that is only sent when something happens.

        Raises:
            GoneError: The robot does not answer any more.
            SilentError: The robot is there, but no sample came.
            LayoutError: Samples come, but of another layout.
        """
        heard = self._subscribe(topic)
        if max_age is None:
            max_age = _STALE_S if heard.schema.rate_hz > 0 else math.inf
        newest = heard.newest
        if newest is not None and time.monotonic_ns() - newest.received <= max_age * 1e9:
            return newest
        with Stream(heard, 1, None) as stream:
            sample = stream.take(timeout)
        if sample is None:
            self.check_alive()
            raise SilentError(silent(heard.schema, timeout))
        return sample

    def stream(
        self, topic: str, *, depth: int | None = None, timeout: float | None = None
    ) -> Stream:
        """The samples of a topic, one after the other.

        Args:
            topic: Such as ``governor/record``.
            depth: Unread samples that are kept; without it 1024 for a topic of which every sample
                counts, else only the newest.
            timeout: Longest wait for the next one, s; without it as long as the robot is there.
        """
        heard = self._subscribe(topic)
        if depth is None:
            depth = _STREAM_DEPTH if heard.schema.stream else 1
        return Stream(heard, depth, timeout)

    def counts(self, topic: str) -> Counts:
        """What became of the samples of a topic since it was heard first."""
        return self._subscribe(topic).counts

    def check_alive(self) -> None:
        """Asks the robot whether it is there.

        Raises:
            GoneError: It does not answer.
        """
        self._link.check_alive()

    def now(self) -> tuple[int, int]:
        """The robot's clock and how far that may be wrong, both ns.

        A lease that is held measures it all the time; without one this asks the robot.

        Raises:
            SilentError: It may not be asked, or does not answer.
        """
        known = self._clock.at(time.monotonic_ns())
        if known is None:
            self._measure_clock()
            known = self._clock.at(time.monotonic_ns())
        if known is None:
            raise SilentError(f"robot {self.name} does not tell its clock: ask for a lease first")
        return known

    # Stopping it.

    def stop(self, reason: str = "stopped from Python", cut: bool = False) -> None:
        """Stops the robot and waits until it says so. Needs no lease; anybody may.

        It settles and stays stopped until the stop is released (``act("release_stop")``) and the
        robot reset, both under a lease.

        Args:
            reason: Who stops, and why; at most 64 bytes of it are sent.
            cut: Torque off at once, even when the robot falls by it.

        Raises:
            UnconfirmedError: The robot did not confirm within a second: use its stop button.
        """
        schema = self.schema(STOP)
        room = schema.field("reason").count
        said = str(reason).encode(errors="replace")[:room].decode(errors="ignore").encode()
        body = schema.body({"cut": int(bool(cut)), "reason": said})
        try:
            self._send_stop(schema, body)
            with self.stream(CYCLE) as cycles:
                until = time.monotonic() + 1.0
                while time.monotonic() < until:
                    if _says_stopped(cycles):
                        return
                    # More than one does no harm, and one alone may be lost.
                    self._send_stop(schema, body)
        except TriuneError as error:
            raise UnconfirmedError(f"{_NOT_STOPPED} ({error})") from error
        raise UnconfirmedError(_NOT_STOPPED)

    # Commanding it.

    def lease(self, role: str, *, name: str = "python", take: bool = False) -> Lease:
        """Asks for the right to command the robot.

        Args:
            role: ``planner``, ``operator`` or ``maintainer``.
            name: Free text of at most 64 letters: who asks. The robot shows it to others.
            take: Takes it from another who holds it.

        Raises:
            LeaseError: The robot does not give it; ``why`` is its reason in one word.
            ValueError: No such role.
        """
        wish = Wish(self.name, role, name, take, self._key)
        if role != "planner" and self._records is None:
            # Before the first act, for the robot tells what became of it only to who listens.
            self._records = self.stream(RECORD)
        lease = Lease(self._link, self.topics, self._clock, wish)
        self._leases[role] = lease
        return lease

    def planner(
        self, *, name: str = "python", take: bool = False, model: bytes = bytes(8)
    ) -> Planner:
        """Becomes the planner of a robot that was started with ``--brain far``.

        Args:
            name: Free text of at most 64 letters: who plans.
            take: Takes the lease from another who holds it.
            model: First 8 bytes of the SHA-256 of the model file, for the records.

        Raises:
            LeaseError: The robot does not give the lease.
            TriuneError: The robot plans in its own process.
        """
        if len(model) != 8:
            raise ValueError(f"model: 8 bytes of a hash, found {len(model)}")
        try:
            self._link.ask(f"{PLAN}/schema")
        except SilentError:
            self.check_alive()
            raise TriuneError(
                f"robot {self.name} plans in its own process: start it with --brain far"
            ) from None
        lease = self.lease("planner", name=name, take=take)
        try:
            self._link.wait_heard(PLAN, 1.0)
            return Planner(self, lease, model)
        except BaseException:
            lease.close()
            raise

    def act(self, act: str | Act, mode: str | Mode | None = None, *, timeout: float = 1.0) -> None:
        """Asks the robot for an act of a person, and waits until it says what became of it.

        Needs the operator's or the maintainer's lease, held through `lease`.

        Args:
            act: ``reset``, ``start``, ``acknowledge``, ``go_safe``, ``take_over``, ``hand_back``,
                ``select_mode``, ``unlock`` or ``release_stop``.
            mode: The mode to select, such as ``AUTO``; only for ``select_mode``.
            timeout: Longest wait for the answer, s.

        Raises:
            RefusedError: The governor refused it; the text is its reason.
            UnconfirmedError: Nothing was said about it in time.
            LeaseError: No such lease is held.
        """
        wanted, selected = _act(act), _mode(mode)
        if (wanted is Act.SELECT_MODE) != (selected is not None):
            raise ValueError("mode: the act select_mode needs one, and no other act has one")
        lease = self._acting("operator", "maintainer")
        self._link.wait_heard("operator/act", timeout)
        records = self._records or self.stream(RECORD)
        records.clear()
        values = {"act": int(wanted), "mode": int(selected or 0)}
        lease.send("operator/act", values, self.now()[0])
        if wanted is Act.RELEASE_STOP:
            self._await_release(timeout)
        else:
            _await_answer(records, wanted, timeout)

    def drive(self, forward: float, left: float = 0.0, yaw: float = 0.0, held: bool = True) -> None:
        """Sends one reading of a person's stick; returns at once.

        It counts for a tenth of a second or what the robot's ``[governor.stick]`` says, so send it
        20 to 100 times a second, with the velocity that is wanted now. The robot drives by it after
        ``act("take_over")``, which it refuses unless a held stick came just before. Needs the
        operator's lease.

        Args:
            forward: In m/s, in the frame of the base.
            left: In m/s.
            yaw: In rad/s, counter-clockwise.
            held: The person holds the enabling device; without it the robot slows down and stops.

        Raises:
            ValueError: A number is none.
            LeaseError: The lease is not held.
        """
        if not all(math.isfinite(value) and abs(value) < 1e6 for value in (forward, left, yaw)):
            raise ValueError(f"drive: finite velocities, found {(forward, left, yaw)}")
        lease = self._acting("operator")
        at, bound = self.now()
        values = {
            "linear": [forward, left],
            "yaw": yaw,
            "held": int(bool(held)),
            "clock_error": bound,
        }
        lease.send("operator/stick", values, at)

    def close(self) -> None:
        """Gives every lease back and ends the connection. A second time does nothing."""
        _open.discard(self)
        for lease in self._leases.values():
            lease.close()
        for subscription in self._heard.values():
            subscription.close()
        self._link.close()

    def _subscribe(self, topic: str) -> Subscription:
        if topic not in self._heard:
            schema = self.schema(topic)
            if schema.direction != "out":
                raise ValueError(f"topic {topic} goes to the robot: there is nothing to hear")
            self._heard[topic] = Subscription(self._link, schema)
        return self._heard[topic]

    def _send_stop(self, schema: Schema, body: bytes) -> None:
        self._stops += 1
        at = self._clock.at(time.monotonic_ns())
        header = struct.pack("<QQQQ", schema.layout, id(self), self._stops, at[0] if at else 0)
        self._link.put(STOP, header + body)

    def _acting(self, *roles: str) -> Lease:
        for role in roles:
            lease = self._leases.get(role)
            if lease is not None and lease.is_held:
                return lease
        for role in roles:
            if role in self._leases:
                self._leases[role].check()
        wanted = " or the ".join(f"{role}'s" for role in roles)
        raise LeaseError(f'this needs the {wanted} lease: with robot.lease("{roles[0]}"): ...')

    def _await_release(self, timeout: float) -> None:
        with self.stream(CYCLE) as cycles:
            until = time.monotonic() + timeout
            while (left := until - time.monotonic()) > 0:
                cycle = cycles.take(left)
                if cycle is not None and cycle["stop"] == 0:
                    return
        raise UnconfirmedError("release_stop was sent, and the robot still says it is stopped")

    def _measure_clock(self) -> None:
        for role in ROLES:
            try:
                for _ in range(4):
                    asked = time.monotonic_ns()
                    answer = self._link.ask(f"lease/{role}", b'{"ask":"challenge"}', 0.5)
                    received = time.monotonic_ns()
                    said = parse_json("lease", answer).get("now_ns")
                    if isinstance(said, int):
                        self._clock.take(asked, said, received)
            except SilentError:
                # A certificate may ask for some leases only.
                continue
            return

    def __repr__(self) -> str:
        """Its name, its joints, its topics."""
        return f"<robot {self.name}: {len(self.joints)} joints, {len(self.topics)} topics>"


_NOT_STOPPED = (
    "the stop was sent and NOT confirmed within 1 s: the robot may still move; use its stop button"
)
_open: weakref.WeakSet[Robot] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A program that ends gives its leases back."""
    for robot in list(_open):
        robot.close()


def _says_stopped(cycles: Stream) -> bool:
    """The robot says so within a tenth of a second."""
    try:
        cycle = cycles.take(0.1)
    except LayoutError:
        # Foreign samples beside the robot's own must not hide its answer.
        return False
    return cycle is not None and bool(cycle["stop"] == 1)


def _await_answer(records: Stream, act: Act, timeout: float) -> None:
    until = time.monotonic() + timeout
    while (left := until - time.monotonic()) > 0:
        record = records.take(left)
        if record is None or record["rule"] != act.rule:
            continue
        if record["kind"] == RecordKind.ACT_ACCEPTED:
            return
        if record["kind"] == RecordKind.ACT_REFUSED:
            raise RefusedError(record.text("said"))
    raise UnconfirmedError(f"{act.name.lower()} was sent, and the robot said nothing about it")


def _act(act: str | Act) -> Act:
    if isinstance(act, Act):
        return act
    try:
        return Act[str(act).upper().replace(" ", "_")]
    except KeyError:
        known = ", ".join(each.name.lower() for each in Act)
        raise ValueError(f"act {act!r}: one of {known}") from None


def _mode(mode: str | Mode | None) -> Mode | None:
    if mode is None or isinstance(mode, Mode):
        return mode
    try:
        return Mode[str(mode).upper().replace(" ", "_")]
    except KeyError:
        known = ", ".join(each.name for each in Mode)
        raise ValueError(f"mode {mode!r}: one of {known}") from None
