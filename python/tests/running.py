"""A robot in the simulator, run by the binary of this checkout."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import triune

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ROBOT = ROOT / "robots" / "quadruped"


def binary() -> Path | None:
    """The binary; None where nobody has built it."""
    named = os.environ.get("TRIUNE_BIN")
    places = [Path(named)] if named else [ROOT / "target" / "release" / "triune"]
    return next((place for place in places if place.exists()), None)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Running:
    """One run, until `end` or `kill`.

    Attributes:
        endpoint: Where it listens.
        process: Its process.
    """

    def __init__(
        self,
        folder: Path,
        *options: str | Path,
        robot: Path = ROBOT,
        endpoint: str | None = None,
    ) -> None:
        program = binary()
        assert program is not None, "no binary"
        self.endpoint = endpoint or f"tcp/127.0.0.1:{free_port()}"
        self._out = folder / "run"
        self._log = (folder / "log").open("wb")
        mission = HERE / "mission.toml"
        self.process = subprocess.Popen(
            [
                *(program, "run", robot, "--headless", "--mission", mission),
                *("--listen", self.endpoint, "--out", self._out, "--state", folder / "state"),
                *options,
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def connect(self, **how: Any) -> triune.Robot:
        """A connection to it, waiting until it listens."""
        return triune.connect(self.endpoint, patience=20.0, **how)

    def end(self) -> dict[str, Any]:
        """Ends the run as Ctrl-C does; its report."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        report: dict[str, Any] = json.loads((self._out / "report.json").read_text())
        return report

    def kill(self) -> None:
        """Ends it as a power cut does."""
        self.process.kill()
        self.process.wait(30)

    def close(self) -> None:
        """Ends it whatever became of it."""
        if self.process.poll() is None:
            self.kill()
        self._log.close()


def wait_until(robot: triune.Robot, topic: str, field: str, wanted: int, seconds: float) -> None:
    """Waits until a field of a topic has this value."""
    until = time.monotonic() + seconds
    while (is_now := int(robot.latest(topic)[field])) != wanted:
        assert time.monotonic() < until, f"{topic}: {field} is {is_now}, not {wanted}"
        time.sleep(0.02)


@contextmanager
def unless_stalled(robot: triune.Robot) -> Iterator[None]:
    """Skips what failed because this machine held up the robot's loop.

    Its drives stop by themselves after 20 ms without a command, and the governor holds the robot.
    """
    try:
        yield
    except (AssertionError, triune.TriuneError) as error:
        late = int(robot.latest("runtime/cycle", timeout=20.0)["lateness_max"])
        if late < 15_000_000:
            raise
        pytest.skip(f"this machine held up the robot's loop for {late / 1e6:.0f} ms: {error}")


def stand(robot: triune.Robot) -> None:
    """Waits until it stands."""
    wait_until(robot, "cerebellum/state", "posture", triune.Posture.STANDING, 20)
