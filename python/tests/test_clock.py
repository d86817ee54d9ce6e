"""The estimate of the robot's clock."""

from __future__ import annotations

from triune.clock import RobotClock


def test_the_estimate_is_within_its_bound() -> None:
    clock = RobotClock()
    assert clock.at(0) is None
    worst = 0

    # The robot's clock started 5 s later and runs 50 ppm fast; each way takes 0.2 to 3 ms.
    def there(here: int) -> int:
        return int((here - 5_000_000_000) * 1.000_05)

    for n in range(2000):
        sent = 10_000_000_000 + n * 500_000_000
        ways = [200_000 + (n * 7919 + k * 104_729) % 2_800_000 for k in (1, 2)]
        clock.take(sent, there(sent + ways[0]), sent + sum(ways))
        here = sent + 250_000_000
        known = clock.at(here)
        assert known is not None
        assert abs(known[0] - there(here)) <= known[1]
        worst = max(worst, known[1])
    assert worst < 3_000_000


def test_the_quickest_exchange_counts() -> None:
    clock = RobotClock()
    clock.take(0, 1_000_500, 1_000_000)
    clock.take(2_000_000, 3_000_000, 2_010_000)
    known = clock.at(2_010_000)
    assert known == (3_005_000, 5_000)


def test_a_slow_or_impossible_exchange_says_nothing() -> None:
    clock = RobotClock()
    clock.take(0, 77, 1_000_000_001)
    clock.take(10, 77, 9)
    assert clock.at(20) is None


def test_a_clock_that_began_anew_is_noticed() -> None:
    clock = RobotClock()
    clock.take(0, 5_000_000_000, 1000)
    clock.take(1_000_000, 7, 1_001_000)
    known = clock.at(1_001_000)
    assert known is not None
    assert known[0] < 10_000


def test_what_is_old_is_not_trusted() -> None:
    clock = RobotClock()
    clock.take(0, 5, 10)
    assert clock.at(61_000_000_000) is None
