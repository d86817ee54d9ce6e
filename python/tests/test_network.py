"""A robot that is open to a network: certificates and keys made by the binary, used from here."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import triune

from .running import ROBOT, Running, binary, free_port, stand, unless_stalled

Start = Callable[..., Running]


class Network:
    """Certificates, keys, and a robot that trusts the keys.

    Attributes:
        certificates: A folder for each role, with what its program needs.
        robot: Folder of the robot.
    """

    def __init__(self, folder: Path, start: Start) -> None:
        made = folder / "certificates"
        _triune("keys", "network", made, "--name", "localhost")
        self.robot = folder / "robot"
        shutil.copytree(ROBOT, self.robot, ignore=shutil.ignore_patterns("state"))
        self._keys = folder / "keys"
        for role in ("planner", "operator"):
            _triune("keys", "new", self._keys / role, "--role", role)
            for public in (self._keys / role).glob("*.pub"):
                shutil.copy(public, self.robot / "keys")
        self._certificates = made
        self.endpoint = f"quic/127.0.0.1:{free_port()}"
        self.run = start(
            *("--brain", "far", "--certificates", made), robot=self.robot, endpoint=self.endpoint
        )

    def key(self, role: str) -> Path:
        """Private key of a role."""
        return next((self._keys / role).glob("*.key"))

    def connect(self, role: str, key: str | None = None) -> triune.Robot:
        """A connection that shows the certificate of a role, and asks with a key."""
        private = None if key is None else self.key(key)
        certificates = self._certificates
        return triune.connect(
            self.endpoint, certificates=certificates, role=role, key=private, patience=20.0
        )


def _triune(*arguments: str | Path) -> None:
    subprocess.run([binary() or "", *arguments], check=True, capture_output=True)


@pytest.fixture
def network(tmp_path: Path, start: Start) -> Network:
    """A robot open to a network."""
    folder = tmp_path / "network"
    folder.mkdir()
    return Network(folder, start)


def test_a_planner_walks_a_robot_that_wants_certificates_and_a_signature(network: Network) -> None:
    with network.connect("planner", "planner") as robot, unless_stalled(robot):
        stand(robot)
        start = robot.latest("cerebellum/state")["position"].copy()
        with robot.planner() as planner:
            until = time.monotonic() + 5.0
            for seen in robot.stream("brain/observation", timeout=5.0):
                planner.walk(0.4, observed=seen)
                way = robot.latest("cerebellum/state")["position"] - start
                if way[0] > 0.2:
                    break
                assert time.monotonic() < until, f"it went {way} m"


def test_certificates_and_keys_permit_their_role_and_no_other(network: Network) -> None:
    with network.connect("planner") as robot:
        with pytest.raises(triune.LeaseError, match="sign") as error:
            robot.lease("planner")
        assert error.value.why == "unsigned"
    with network.connect("planner", "operator") as robot:
        with pytest.raises(triune.LeaseError) as error:
            robot.lease("planner")
        assert error.value.why == "forbidden"
        # The certificate: the question does not reach the robot.
        with pytest.raises(triune.TriuneError):
            robot.lease("operator")
    with network.connect("observer") as robot:
        robot.stop("test")
        until = time.monotonic() + 5.0
        while robot.latest("governor/ruling")["level"] < triune.Level.SETTLE:
            assert time.monotonic() < until
