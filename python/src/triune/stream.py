"""Topics that are heard: the newest sample, or one after the other, and what was lost."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from struct import Struct
from threading import Condition
from typing import TypeVar

import zenoh

from .closing import Closing
from .errors import LayoutError, SilentError
from .link import Link
from .sample import Header, Sample
from .schema import Schema

Self = TypeVar("Self", bound="Stream")
_HEADER = Struct("<QQQQ")
_LOOK_S = 1.0


@dataclass
class Counts:
    """What became of the samples of one topic, told by their sequence.

    Attributes:
        heard: Came, and were newer than all before them.
        lost: Missing between two that came.
        late: Doubled, or older than one that came before: left out.
        restarts: Other runs that took over the topic: the robot was started again.
        foreign: Of another size or layout: refused.
    """

    heard: int = 0
    lost: int = 0
    late: int = 0
    restarts: int = 0
    foreign: int = 0


class Subscription:
    """One topic of one robot, heard once for all who read it."""

    def __init__(self, link: Link, schema: Schema) -> None:
        self.link = link
        self.schema = schema
        self.counts = Counts()
        self.newest: Sample | None = None
        self.changed = Condition()
        self.refused = ""
        self.readers: list[Stream] = []
        self._last: tuple[int, int] | None = None
        self._subscriber: zenoh.Subscriber[None] = link.hear(schema.key, self.hear)

    def hear(self, whole: bytes) -> None:
        """Takes one sample in. Called on a thread of the network."""
        received = time.monotonic_ns()
        with self.changed:
            lost = self._judge(whole)
            if lost is not None:
                header = Header(*_HEADER.unpack_from(whole))
                self.newest = Sample.read(self.schema, whole, header, lost, received)
                for reader in self.readers:
                    reader.take_in(self.newest)
            self.changed.notify_all()

    def close(self) -> None:
        """Hears it no more."""
        with self.changed:
            self.readers.clear()
            self.changed.notify_all()
        if not self.link.is_closed:
            self._subscriber.undeclare()  # type: ignore[no-untyped-call]

    def _judge(self, whole: bytes) -> int | None:
        """How many were lost before it; None where it does not count."""
        counts, schema = self.counts, self.schema
        if len(whole) < _HEADER.size:
            self._refuse(f"{len(whole)} bytes are no sample")
            return None
        layout, session, sequence, _ = _HEADER.unpack_from(whole)
        if layout != schema.layout:
            self._refuse(
                f"a sample has the layout {layout:016x}, the schema {schema.layout:016x}: the "
                "robot was started anew in another version; connect again"
            )
            return None
        if len(whole) != schema.sample_size:
            self._refuse(f"a sample has {len(whole)} bytes, not {schema.sample_size}")
            return None
        lost = 0
        if self._last is not None and self._last[0] == session:
            if sequence <= self._last[1]:
                counts.late += 1
                return None
            lost = sequence - self._last[1] - 1
        elif self._last is not None:
            counts.restarts += 1
        self._last = (session, sequence)
        counts.heard += 1
        counts.lost += lost
        self.refused = ""
        return lost

    def _refuse(self, why: str) -> None:
        self.counts.foreign += 1
        self.refused = f"topic {self.schema.key} of {self.link.robot}: {why}"


class Stream(Closing):
    """The samples of a topic, one after the other: ``for sample in stream``.

    It holds so many unread samples as its depth; a new one pushes the oldest out, and that is
    counted in ``dropped``. When none come it asks the robot whether it is still there.

    Attributes:
        dropped: Samples that came and were pushed out before they were read.
    """

    def __init__(self, subscription: Subscription, depth: int, timeout: float | None) -> None:
        if depth < 1:
            raise ValueError(f"depth {depth}: a stream holds one sample at least")
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout {timeout}: seconds, not negative")
        self.dropped = 0
        self._subscription = subscription
        self._waiting: deque[Sample] = deque()
        self._depth = depth
        self._timeout = timeout
        self._closed = False
        with subscription.changed:
            subscription.readers.append(self)

    @property
    def schema(self) -> Schema:
        """What its samples are made of."""
        return self._subscription.schema

    @property
    def counts(self) -> Counts:
        """What became of all samples of the topic since it was heard first."""
        return self._subscription.counts

    def take_in(self, sample: Sample) -> None:
        """A new one; called under the lock of the subscription."""
        if len(self._waiting) == self._depth:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(sample)

    def take(self, timeout: float) -> Sample | None:
        """The oldest unread one; None when none comes within ``timeout`` s.

        Raises:
            LayoutError: None came but one of another layout.
        """
        changed, until = self._subscription.changed, time.monotonic() + timeout
        with changed:
            while not self._waiting:
                left = until - time.monotonic()
                if self.is_closed:
                    return None
                if left <= 0:
                    # Not before: one foreign sample between good ones ends nothing.
                    if self._subscription.refused:
                        raise LayoutError(self._subscription.refused)
                    return None
                changed.wait(left)
            return self._waiting.popleft()

    def clear(self) -> None:
        """Forgets what is unread."""
        with self._subscription.changed:
            self._waiting.clear()

    @property
    def is_closed(self) -> bool:
        """No more will come."""
        return self._closed or self not in self._subscription.readers

    def close(self) -> None:
        """Reads no more; a loop over it ends."""
        with self._subscription.changed:
            self._closed = True
            if self in self._subscription.readers:
                self._subscription.readers.remove(self)
            self._subscription.changed.notify_all()

    def __iter__(self: Self) -> Self:
        """Itself."""
        return self

    def __next__(self) -> Sample:
        """The next sample.

        Raises:
            GoneError: The robot does not answer any more.
            SilentError: The robot is there, but no sample came within the timeout.
            LayoutError: Samples come, but of another layout.
        """
        began = time.monotonic()
        while True:
            left = _LOOK_S
            if self._timeout is not None:
                left = min(left, max(0.0, began + self._timeout - time.monotonic()))
            sample = self.take(left)
            if sample is not None:
                return sample
            if self.is_closed:
                raise StopIteration
            self._subscription.link.check_alive()
            if self._timeout is not None and time.monotonic() >= began + self._timeout:
                raise SilentError(silent(self.schema, self._timeout))


def silent(schema: Schema, timeout: float) -> str:
    """What to say when a topic is silent although the robot is there."""
    said = f"{schema.key}: no sample within {timeout:g} s, though the robot answers"
    if schema.key == "brain/observation":
        return f"{said}: it asks a planner only when it was started with --brain far"
    if schema.rate_hz == 0:
        return f"{said}: one comes only when something happens"
    return said
