"""The way to one robot: questions, topics, and whether it is still there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import zenoh

from .errors import GoneError, LayoutError, SilentError, TriuneError, UnreachableError

ANSWER_MAX = 256 * 1024
"""Longest answer to a question, bytes: an answer is text about a robot, never data."""
# A robot on a busy machine may take seconds; where nobody is connected the answer comes at once.
_CHECK_S = 3.0


class Link:
    """A session of the network library, and the robot at its other end."""

    def __init__(self, session: zenoh.Session, robot: str) -> None:
        self.robot = robot
        self._session = session
        self._outlets: dict[str, zenoh.Publisher] = {}

    @property
    def is_closed(self) -> bool:
        """Nothing goes over it any more."""
        return bool(self._session.is_closed())

    def key(self, rest: str) -> str:
        """The key of ``rest`` on this robot."""
        return f"triune/{self.robot}/{rest}"

    def ask(self, rest: str, question: bytes | None = None, patience: float = 1.0) -> bytes:
        """Asks for ``rest`` of the robot's keys, and waits at most ``patience`` s.

        Raises:
            SilentError: Nobody answered.
        """
        self._check_open()
        key = self.key(rest)
        for _, answer in ask_all(self._session, key, question, patience):
            return answer
        raise SilentError(f"{key}: nobody answered within {patience:g} s")

    def check_alive(self) -> None:
        """Asks the robot whether it is there.

        Raises:
            GoneError: It does not answer.
        """
        self._check_open()
        try:
            self.ask("about", patience=_CHECK_S)
        except SilentError:
            raise GoneError(
                f"robot {self.robot} does not answer any more: its run ended, or the link is down"
            ) from None

    def hear(self, rest: str, hear: Callable[[bytes], None]) -> zenoh.Subscriber[None]:
        """Calls ``hear`` with each sample, on a thread of the network: it must not wait."""
        self._check_open()

        def heard(sample: zenoh.Sample) -> None:
            hear(sample.payload.to_bytes())

        handler = zenoh.handlers.Callback(heard, indirect=False)
        return self._session.declare_subscriber(self.key(rest), handler)

    def outlet(self, rest: str) -> None:
        """Makes ready to send there."""
        self._check_open()
        if rest not in self._outlets:
            self._outlets[rest] = self._session.declare_publisher(
                self.key(rest),
                congestion_control=zenoh.CongestionControl.DROP,
                priority=zenoh.Priority.REAL_TIME,
                # Batching would keep a message for up to a millisecond.
                express=True,
            )

    def wait_heard(self, rest: str, patience: float) -> None:
        """Waits until the robot hears what is sent there.

        Raises:
            SilentError: It does not.
        """
        self.outlet(rest)
        until = time.monotonic() + patience
        # What the library returns holds the answer; its own description says it is the answer.
        while not getattr(self._outlets[rest].matching_status, "matching", False):
            if time.monotonic() >= until:
                raise SilentError(f"{self.key(rest)}: the robot does not hear it")
            time.sleep(0.002)

    def put(self, rest: str, sample: bytes) -> None:
        """Sends a sample. Never waits for the robot."""
        self.outlet(rest)
        try:
            self._outlets[rest].put(sample)
        except zenoh.ZError as error:
            raise TriuneError(f"{self.key(rest)}: it was not sent: {error}") from error

    def close(self) -> None:
        """Ends the session; the robot is told."""
        if not self.is_closed:
            self._session.close()  # type: ignore[no-untyped-call]

    def _check_open(self) -> None:
        if self.is_closed:
            raise TriuneError(f"the connection to {self.robot} is closed")


def ask_all(
    session: zenoh.Session, selector: str, question: bytes | None, patience: float
) -> list[tuple[str, bytes]]:
    """Asks everybody who answers under ``selector``: each answer with its key.

    Raises:
        LayoutError: An answer is too long.
    """
    replies = session.get(
        selector,
        payload=question,
        timeout=patience,
        target=zenoh.QueryTarget.ALL,
        consolidation=zenoh.ConsolidationMode.NONE,
    )
    answers = []
    for reply in replies:
        if reply.ok is None:
            continue
        key, size = str(reply.ok.key_expr), len(reply.ok.payload)
        if size > ANSWER_MAX:
            raise LayoutError(f"{key}: the answer has {size} bytes, at most {ANSWER_MAX} are read")
        answers.append((key, reply.ok.payload.to_bytes()))
        if "*" not in selector:
            break
    return answers


def open_session(settings: zenoh.Config, endpoint: str, patience: float) -> zenoh.Session:
    """Connects, and tries again for ``patience`` s: the robot may be starting.

    Raises:
        UnreachableError: Nobody listens there.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return zenoh.open(settings)
        except zenoh.ZError as error:
            if time.monotonic() >= until:
                raise UnreachableError(
                    f"{endpoint}: nobody lets this program in: is the robot running (`triune run "
                    f"ROBOT`), and does it listen there? ({first_line(error)})"
                ) from None
        time.sleep(0.1)


def find(
    session: zenoh.Session, endpoint: str, robot: str | None, patience: float
) -> dict[str, Any]:
    """What the one robot in reach says about itself.

    Raises:
        UnreachableError: There is none of this name, or several and no name.
    """
    until = time.monotonic() + patience
    selector = f"triune/{robot or '*'}/about"
    answers: dict[str, bytes] = {}
    while not answers:
        left = until - time.monotonic()
        if left <= 0:
            who = f"robot {robot!r}" if robot else "a robot"
            raise UnreachableError(f"{endpoint}: connected, but {who} does not answer there")
        answers = dict(ask_all(session, selector, None, min(left, 1.0)))
        if not answers:
            time.sleep(0.05)
    if len(answers) > 1:
        names = ", ".join(sorted(key.split("/")[1] for key in answers))
        raise UnreachableError(
            f"{endpoint}: several robots are in reach: {names}; choose one with robot=NAME"
        )
    key, answer = answers.popitem()
    about = parse_json(key, answer)
    if about.get("schema") != "triune.about/1" or about.get("name") != key.split("/")[1]:
        raise LayoutError(f"{key}: this is not what a robot of this version says about itself")
    return about


def parse_json(key: str, answer: bytes) -> dict[str, Any]:
    """An answer that is a JSON object.

    Raises:
        LayoutError: It is none.
    """
    try:
        said = json.loads(answer)
    except ValueError as error:
        raise LayoutError(f"{key}: the answer cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise LayoutError(f"{key}: the answer is no JSON object")
    return said


def first_line(error: BaseException) -> str:
    """An error in one line, without the place in the network library's source."""
    said = str(error).splitlines()
    return said[0].split(" at /")[0].strip() if said else type(error).__name__
