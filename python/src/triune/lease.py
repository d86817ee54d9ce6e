"""A lease that this process holds: asked for, kept alive on a thread, used to seal what is sent."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Mapping
from typing import Any

from .clock import RobotClock
from .closing import Closing
from .errors import LeaseError, SilentError, TriuneError
from .holder import KEEP_EVERY_NS, Heard, LeaseHolder, Wish
from .link import Link
from .schema import Schema

_PATIENCE_S = 1.0


class Lease(Closing):
    """The right to command a robot in one role. Ends with the ``with`` block, and by itself.

    It is asked for when this is made. A thread keeps it; when it is lost, to somebody who took it
    or because the robot was not reached for 2 s, whatever is sent under it raises `LeaseError`. It
    is not asked for again: who lost it must look before he goes on.

    Attributes:
        role: ``planner``, ``operator`` or ``maintainer``.
    """

    def __init__(
        self, link: Link, schemas: Mapping[str, Schema], clock: RobotClock, wish: Wish
    ) -> None:
        self.role = wish.role
        self._link = link
        self._schemas = schemas
        self._clock = clock
        self._holder = LeaseHolder(wish)
        self._lock = threading.Lock()
        self._sequence = 0
        self._over = ""
        self._acquire()
        self._done = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"lease {self.role}", daemon=True)
        self._keeper.start()

    @property
    def epoch(self) -> int | None:
        """Number of the grant; None when it is not held any more."""
        return None if self._ended() else self._holder.epoch

    @property
    def is_held(self) -> bool:
        """It is in force, as far as this end knows."""
        return self.epoch is not None

    def check(self) -> None:
        """Looks whether it is held.

        Raises:
            LeaseError: It is not, and why.
        """
        if self._ended():
            why = self._holder.why
            raise LeaseError(f"the {self.role}'s lease is not held: {self._said()}", why)

    def send(self, topic: str, values: Mapping[str, Any], at_ns: int) -> int:
        """Sends a sample under the lease, and returns its number.

        Args:
            topic: Such as ``brain/plan``.
            values: The fields of its body; those left out are zero.
            at_ns: When it was measured or decided, ns of the robot's clock.

        Raises:
            LeaseError: The lease is not held.
            LayoutError: The robot's topic has no such field.
        """
        schema = self._schemas[topic]
        body = schema.body(values)
        self._link.outlet(topic)
        key = self._link.key(topic)
        # The numbers must rise in the order in which the messages go.
        with self._lock:
            self._check_locked()
            self._sequence += 1
            epoch = self._holder.epoch or 0
            header = struct.pack("<QQQQ", schema.layout, epoch, self._sequence, max(at_ns, 0))
            code = self._holder.seal(key, header + body) or b""
            self._link.put(topic, header + body + code)
            return self._sequence

    def close(self) -> None:
        """Gives it back, so that another may have it at once. A second time does nothing."""
        self._done.set()
        if threading.current_thread() is not self._keeper:
            self._keeper.join()
        with self._lock:
            ask = None if self._over else self._holder.give_back()
            self._over = self._over or "it was given back"
        if ask is None or self._link.is_closed:
            return
        try:
            self._exchange(ask)
        except TriuneError:
            # It ends by itself.
            return

    def _acquire(self) -> None:
        for _ in range(2):
            with self._lock:
                ask = self._holder.ask()
            heard = self._exchange(ask)
            if heard is Heard.GRANTED:
                return
            if heard is not Heard.CHALLENGE:
                break
        said = self._holder.said or "the robot's answer makes no sense"
        raise LeaseError(f"no {self.role}'s lease: {said}", self._holder.why)

    def _exchange(self, ask: bytes) -> Heard:
        """Not under the lock while it waits: who sends must not wait for an answer."""
        asked = time.monotonic_ns()
        answer = self._link.ask(f"lease/{self.role}", ask, _PATIENCE_S)
        received = time.monotonic_ns()
        with self._lock:
            heard = self._holder.hear(answer, asked)
            if self._holder.robot_ns is not None and heard not in (Heard.REFUSED, Heard.NONSENSE):
                self._clock.take(asked, self._holder.robot_ns, received)
        return heard

    def _keep(self) -> None:
        while not self._done.wait(KEEP_EVERY_NS / 1e9) and not self._ended():
            with self._lock:
                ask = self._holder.ask()
            try:
                self._exchange(ask)
            except SilentError:
                # The next one may be heard; `_ended` says when it is too late.
                continue
            except TriuneError as error:
                self._over = str(error)
            except Exception as error:  # Whatever it is, the holder must hear of it.
                self._over = f"its keeper failed: {error!r}"

    def _ended(self) -> bool:
        with self._lock:
            return self._ended_locked()

    def _ended_locked(self) -> bool:
        if not self._over and self._holder.has_ended(time.monotonic_ns()):
            # Once it has ended here it does not come back, whatever is heard later.
            self._over = self._holder.said or "the robot was not reached for 2 s"
        return bool(self._over)

    def _check_locked(self) -> None:
        if self._ended_locked():
            said = f"the {self.role}'s lease is not held: {self._said()}"
            raise LeaseError(said, self._holder.why)

    def _said(self) -> str:
        return self._over or "it has ended"
