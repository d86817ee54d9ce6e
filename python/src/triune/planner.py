"""An external planner: it sees what the robot asks, and answers with plans."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .closing import Closing
from .errors import SilentError
from .lease import Lease
from .names import Actor, RecordKind
from .sample import Sample
from .stream import silent

if TYPE_CHECKING:
    from .robot import Robot

PLAN = "brain/plan"
OBSERVATION = "brain/observation"
_HOLD, _VELOCITY, _POSTURE = range(3)
_LOOK_S = 0.25
_STEP_S = 0.1
_REFUSED_MAX = 64


class Planner(Closing):
    """The holder of the planner's lease.

    A plan is a request: the governor of the robot decides. It refuses plans that come from an
    observation older than its ``plan_age_max_ms`` or that are valid for longer than its
    ``plan_validity_max_ms``, and limits speeds; both stand under ``[governor]`` in the robot's
    ``robot.toml``. What it refused stands in `refused`. When no plan is valid any more, the robot
    stands still. ``[governor.habits]`` says how planners must behave: answer each observation once
    (``rate_hz``), or the robot slows down and stands (``silent_limited_ms``, ``silent_hold_ms``),
    and not always the same while the robot moves (``frozen_ms``), or it slows down.

    Attributes:
        lease: The lease.
        sent: Plans sent so far.
    """

    def __init__(self, robot: Robot, lease: Lease, model: bytes) -> None:
        self.lease = lease
        self.sent = 0
        self._robot = robot
        self._model = np.frombuffer(model, np.uint8)
        self._seen: Sample | None = None
        self._observations = robot.stream(OBSERVATION)
        self._records = robot.stream("governor/record")
        self._refused: deque[str] = deque(maxlen=_REFUSED_MAX)
        velocities = robot.schema(PLAN).field("velocities")
        self._steps_max = velocities.count // 3

    def observations(
        self, *, seconds: float | None = None, timeout: float | None = None
    ) -> Iterator[Sample]:
        """Each time the newest observation: what the robot sees and where it is to go.

        A planner that is slower than they come gets the newest only. The plans that follow count as
        made from it. See ``robot.schema("brain/observation")`` for its fields; ``header.at`` is the
        time of its oldest part.

        Args:
            seconds: Ends after this time; without it only with the lease or the robot.
            timeout: Longest wait for one, s; without it as long as the robot is there.

        Raises:
            LeaseError: The lease was lost.
            GoneError: The robot does not answer any more.
            SilentError: No observation came within the timeout.
        """
        until = math.inf if seconds is None else time.monotonic() + seconds
        while time.monotonic() < until:
            sample = self._next(until, timeout)
            if sample is not None:
                self._seen = sample
                yield sample

    def walk(
        self,
        forward: float,
        left: float = 0.0,
        yaw: float = 0.0,
        *,
        seconds: float = 0.8,
        observed: Sample | None = None,
    ) -> int:
        """Asks the robot to walk with this velocity for ``seconds``; returns at once.

        Args:
            forward: In m/s, in the frame of the base.
            left: In m/s.
            yaw: In rad/s, counter-clockwise.
            seconds: How long, s, counted from the observation.
            observed: The observation it came from; without it as for `plan`.

        Returns:
            The plan's number.
        """
        length = _seconds("seconds", seconds)
        steps = min(self._steps_max, max(1, math.ceil(length / _STEP_S)))
        velocities = np.tile(_finite("velocity", [forward, left, yaw]), (steps, 1))
        return self.plan(velocities, length / steps, length, observed)

    def plan(
        self,
        velocities: ArrayLike,
        step: float = _STEP_S,
        valid: float | None = None,
        observed: Sample | None = None,
    ) -> int:
        """Asks the robot to walk with these velocities, one after the other; returns at once.

        Args:
            velocities: Array of n rows: forward m/s, left m/s, yaw rad/s, in the frame of the base.
            step: Time between two rows, s.
            valid: The robot must not act on it later than this after the observation, s; without it
                as long as the rows last.
            observed: The observation it came from; without it the last one that `observations`
                gave, and where there was none the plan counts as made from sensors of your own, at
                the robot's last ruling.

        Returns:
            The plan's number, counted here; the governor's records count those that arrived.

        Raises:
            ValueError: A number is none, or the array has another shape. Nothing is sent then.
            LeaseError: The lease is not held.
        """
        array = _finite("velocities", velocities)
        if array.ndim != 2 or array.shape[1] != 3 or not 1 <= len(array) <= self._steps_max:
            raise ValueError(
                f"velocities: shape (n, 3), n from 1 to {self._steps_max}: forward, left, yaw; "
                f"found {array.shape}"
            )
        span = _seconds("step", step)
        valid = span * len(array) if valid is None else valid
        values = {"step": _nanos(span), "step_count": len(array), "velocities": array}
        return self._send(_VELOCITY, values, valid, observed)

    def hold(self, *, valid: float = 0.8, observed: Sample | None = None) -> int:
        """Asks the robot to stand where it is; arguments as for `plan`."""
        return self._send(_HOLD, {}, valid, observed)

    def posture(
        self,
        q: Sequence[float] | NDArray[Any],
        *,
        valid: float = 0.8,
        observed: Sample | None = None,
    ) -> int:
        """Asks the robot to move its joints to ``q``, rad, in the order of ``robot.joints``.

        Raises:
            ValueError: Not one angle for each joint, or one that is no number.
        """
        array = _finite("q", q)
        joints = self._robot.joints
        if array.shape != (len(joints),):
            raise ValueError(
                f"q: one angle for each of the {len(joints)} joints, found shape {array.shape}"
            )
        return self._send(_POSTURE, {"joint_count": len(joints), "posture": array}, valid, observed)

    @property
    def refused(self) -> list[str]:
        """What the governor refused a planner lately, in its own words; oldest first."""
        while (record := self._records.take(0.0)) is not None:
            if (record["kind"], record["actor"]) == (RecordKind.REFUSED, Actor.BRAIN):
                self._refused.append(f"{record.text('rule')}: {record.text('said')}")
        return list(self._refused)

    def close(self) -> None:
        """Gives the lease back. The last plan stays valid for as long as it said."""
        self._observations.close()
        self._records.close()
        self.lease.close()

    def _next(self, until: float, timeout: float | None) -> Sample | None:
        """The next observation; None when ``until`` comes first."""
        began, looked = time.monotonic(), time.monotonic()
        while (now := time.monotonic()) < until:
            self.lease.check()
            sample = self._observations.take(min(_LOOK_S, until - now))
            if sample is not None:
                return sample
            if timeout is not None and now - began >= timeout:
                raise SilentError(silent(self._observations.schema, timeout))
            if now - looked >= 1.0:
                looked = now
                self._robot.check_alive()
        return None

    def _send(
        self, request: int, values: dict[str, Any], valid: float, observed: Sample | None
    ) -> int:
        span = _nanos(_seconds("valid", valid))
        seen = self._seen if observed is None else observed
        if seen is not None and getattr(seen, "schema", None) != self._observations.schema:
            raise ValueError(f"observed: a sample of {OBSERVATION}, found {seen!r}")
        self.lease.check()
        # Both times are stamps of the robot's own clock, so no error of an estimate is in them.
        if seen is not None:
            observation, at, epoch = seen.header.sequence, seen.header.at, seen["epoch"]
        else:
            ruling = self._robot.latest("governor/ruling")
            observation, at, epoch = 0, ruling.header.at, ruling["epoch"]
        plan = {
            "plan_sequence": self.sent + 1,
            "observed_at": at,
            "valid_until": at + span,
            "clock_error": 0,
            "observation": observation,
            "model": self._model,
            "epoch": epoch,
            "request": request,
        }
        self.lease.send(PLAN, plan | values, at)
        self.sent += 1
        return self.sent


def _finite(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """As the robot gets them: 32 bit, in which a great number may be none any more."""
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: numbers in an array, found {values!r} ({error})") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: every number must be finite, found {values!r}")
    return array


def _seconds(name: str, value: float) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds < 3600:
        raise ValueError(f"{name}: seconds, more than 0 and less than an hour, found {value!r}")
    return seconds


def _nanos(seconds: float) -> int:
    return max(1, round(seconds * 1e9))
