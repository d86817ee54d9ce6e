"""The robot's clock as another process knows it, from exchanges of stamps."""

from __future__ import annotations

from collections import deque
from threading import Lock

DRIFT = 100e-6
"""Two clocks move apart at most by so much of the time that passes."""
_SLOW_NS = 1_000_000_000
_KEPT = 16
_OLD_NS = 60_000_000_000


class RobotClock:
    """Estimates the robot's clock and how far the estimate may be wrong.

    Each exchange bounds the robot's clock: its stamp was made between the ask and the answer. The
    quickest exchange says most; an older one says less with time, since clocks drift.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        # Each as: middle of the exchange here, offset to the robot's clock, half its length.
        self._exchanges: deque[tuple[int, int, int]] = deque(maxlen=_KEPT)

    def take(self, sent: int, there: int, received: int) -> None:
        """An exchange: asked at ``sent``, answered at ``received``, both ``time.monotonic_ns()``.

        The robot's clock said ``there`` in between, ns.
        """
        if not 0 <= received - sent <= _SLOW_NS:
            return
        half = (received - sent + 1) // 2
        middle = sent + half
        new = (middle, there - middle, half)
        with self._lock:
            # A robot whose clock was set or stood still makes all that was known before wrong.
            if any(_contradict(new, old) for old in self._exchanges):
                self._exchanges.clear()
            self._exchanges.append(new)

    def at(self, here: int) -> tuple[int, int] | None:
        """The robot's clock and the bound of its error at ``here``, ns.

        None before the first exchange, and when the last was a minute ago.
        """
        with self._lock:
            known = [each for each in self._exchanges if here - each[0] <= _OLD_NS]
        if not known:
            return None
        _, offset, bound = min(
            ((each[0], each[1], _bound(each, here)) for each in known), key=lambda each: each[2]
        )
        return here + offset, bound


def _bound(exchange: tuple[int, int, int], here: int) -> int:
    middle, _, half = exchange
    return half + int(abs(here - middle) * DRIFT)


def _contradict(new: tuple[int, int, int], old: tuple[int, int, int]) -> bool:
    return abs(new[1] - old[1]) > new[2] + _bound(old, new[0])
