"""Measures how samples arrive: rate, age, cost. Arguments: endpoint, seconds."""

import resource
import sys
import time

import numpy as np

import triune

TOPICS = ("body/frame", "cerebellum/state", "governor/ruling", "governor/command")


def main(endpoint: str, seconds: float) -> None:
    """Reads all fast topics at once and prints what it cost."""
    with triune.connect(endpoint) as robot, robot.lease("maintainer", name="rate.py"):
        streams = [robot.stream(topic, depth=4096) for topic in TOPICS]
        time.sleep(0.5)
        for stream in streams:
            stream.clear()
        used, began = processor_seconds(), time.monotonic()
        ages: dict[str, list[float]] = {topic: [] for topic in TOPICS}
        while time.monotonic() < began + seconds:
            for stream in streams:
                sample = stream.take(0.05)
                if sample is None:
                    continue
                now, _ = robot.now()
                since = time.monotonic_ns() - sample.received
                ages[stream.schema.key].append((now - since - sample.header.at) / 1e6)
        took = time.monotonic() - began
        cost = (processor_seconds() - used) / took
        bound = robot.now()[1] / 1e6
        print(f"{took:.1f} s, clock known within {bound:.3f} ms, {cost:.1%} of one core")
        for stream in streams:
            show(stream, ages[stream.schema.key], took)
        print(f"all: {sum(map(len, ages.values())) / took:.0f} samples a second")


def show(stream: triune.Stream, ages: list[float], took: float) -> None:
    """One line: from the robot's stamp to this process, and what was lost."""
    p50, p99, most = np.percentile(ages, [50, 99, 100])
    print(
        f"{stream.schema.key:18} {len(ages) / took:6.1f} /s  one way p50 {p50:.2f} ms, "
        f"p99 {p99:.2f} ms, most {most:.2f} ms; lost {stream.counts.lost}, dropped {stream.dropped}"
    )


def processor_seconds() -> float:
    """What this process has used of the processors so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    main(given.get(1, "tcp/127.0.0.1:7447"), float(given.get(2, "10")))
