"""Endpoints and certificates: closed by default."""

from __future__ import annotations

from pathlib import Path

import pytest

import triune
from triune.endpoint import LOOPBACK, config, settings

from .running import free_port


@pytest.mark.parametrize("endpoint", [LOOPBACK, "tcp/[::1]:7447", "unixsock-stream//tmp/robot"])
def test_this_machine_needs_no_certificates(endpoint: str) -> None:
    said = settings(endpoint, None, None)
    assert said["mode"] == "client"
    assert said["scouting/multicast/enabled"] is False
    config(said)


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("", "tcp/HOST:PORT"),
        ("127.0.0.1:7447", "tcp/HOST:PORT"),
        ("udp/127.0.0.1:7447", "tcp/HOST:PORT"),
        ("tls/127.0.0.1:7447", "quic/HOST:PORT"),
        ("tcp/127.0.0.1", "HOST:PORT"),
        ("tcp/127.0.0.1:70000", "HOST:PORT"),
        ("tcp/127.0.0.1:x", "HOST:PORT"),
        ("tcp/192.0.2.1:7447", "beyond this machine"),
        ("tcp/localhost:7447", "beyond this machine"),
        ("quic/192.0.2.1:7447", "needs certificates"),
        ("tcp/127.0.0.1:7447#iface=lo", "no settings of its own"),
    ],
)
def test_other_endpoints_are_refused(endpoint: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        triune.connect(endpoint)


def folder_of(path: Path, *roles: str) -> Path:
    for name in [
        "authority.crt",
        *(f"{role}.{end}" for role in roles for end in ("crt", "tls.key")),
    ]:
        (path / name).write_text("")
        (path / name).chmod(0o600)
    return path


def test_the_certificate_of_the_only_role_is_shown(tmp_path: Path) -> None:
    said = settings("quic/robot.local:7447", folder_of(tmp_path, "planner"), None)
    tls = "transport/link/tls"
    assert said[f"{tls}/connect_certificate"] == str(tmp_path / "planner.crt")
    assert said[f"{tls}/connect_private_key"] == str(tmp_path / "planner.tls.key")
    assert said[f"{tls}/verify_name_on_connect"] is True
    assert said["access_control"]["default_permission"] == "deny"
    config(said)


def test_certificates_that_do_not_do_are_refused(tmp_path: Path) -> None:
    endpoint = "quic/robot.local:7447"
    with pytest.raises(triune.KeyFileError, match="in it: none"):
        settings(endpoint, tmp_path, None)
    folder = folder_of(tmp_path, "planner", "operator")
    with pytest.raises(triune.KeyFileError, match="planner, operator; say which"):
        settings(endpoint, folder, None)
    with pytest.raises(ValueError, match="role 'pilot'"):
        settings(endpoint, folder, "pilot")
    with pytest.raises(ValueError, match="certificates need quic/"):
        settings(LOOPBACK, folder, "planner")
    (folder / "operator.tls.key").chmod(0o640)
    with pytest.raises(triune.KeyFileError, match="chmod 600"):
        settings(endpoint, folder, "operator")
    (folder / "planner.tls.key").unlink()
    with pytest.raises(triune.KeyFileError, match=r"planner\.tls\.key: cannot be read"):
        settings(endpoint, folder, "planner")


def test_what_is_no_text_is_no_endpoint() -> None:
    with pytest.raises(ValueError, match="it is text"):
        triune.connect(7447)  # type: ignore[arg-type]


def test_the_readme_shows_the_example() -> None:
    folder = Path(__file__).parent.parent
    shown = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1]
    example = (folder / "examples" / "walk.py").read_text(encoding="utf-8")
    same = example.replace("import sys\n", "").replace("*sys.argv[1:2]", "")
    assert same.endswith(shown.split("```")[0])


def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(triune.UnreachableError, match="is the robot running"):
        triune.connect(f"tcp/127.0.0.1:{free_port()}", patience=0.2)
    with pytest.raises(ValueError, match="small letters"):
        triune.connect(robot="Quad 12")
