"""From an endpoint and a folder of certificates to the settings of the network library."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path
from typing import Any

import zenoh

from .errors import KeyFileError, TriuneError
from .keys import check_private

LOOPBACK = "tcp/127.0.0.1:7447"
"""Where a robot listens unless it was told otherwise."""
CLIENT_ROLES = ("observer", "planner", "operator", "maintainer")
"""Whose certificate a client may show; only an observer holds no lease."""


def settings(
    endpoint: str, certificates: str | os.PathLike[str] | None, role: str | None
) -> dict[str, Any]:
    """The settings of a client of ``endpoint``: it looks for nobody and listens to nobody.

    Raises:
        ValueError: The endpoint is none, or is open to a network without certificates.
        KeyFileError: A file of the certificates is missing, or others can read the private one.
    """
    check_endpoint(endpoint, certificates is not None)
    said: dict[str, Any] = {
        "mode": "client",
        "listen/endpoints": [],
        "connect/endpoints": [endpoint],
        "connect/timeout_ms": 0,
        "connect/exit_on_failure": True,
        "scouting/multicast/enabled": False,
        "scouting/gossip/enabled": False,
        "adminspace/enabled": False,
        "timestamping/enabled": False,
    }
    if certificates is not None:
        said |= _certified(Path(certificates), role)
    elif role is not None:
        raise ValueError("role: it chooses a certificate, so it needs certificates=FOLDER")
    return said


def config(said: dict[str, Any]) -> zenoh.Config:
    """The same as the network library takes it."""
    config = zenoh.Config()
    for key, value in said.items():
        try:
            config.insert_json5(key, json.dumps(value))
        except zenoh.ZError as error:
            raise TriuneError(f"the setting {key} is not taken: {error}") from error
    return config


def check_endpoint(endpoint: str, certified: bool) -> None:
    """Refuses what is no endpoint, and what would go over a network in the open.

    Raises:
        ValueError: It says what is wrong, and what would do.
    """

    def wrong(why: str) -> ValueError:
        return ValueError(f"endpoint {endpoint!r}: {why}")

    if not isinstance(endpoint, str):
        raise wrong("it is text")
    # What stands behind these signs would override the settings, such as `#enable_mtls=false`.
    if any(sign in endpoint for sign in "#?;"):
        raise wrong("it carries no settings of its own: leave out what follows # or ?")
    protocol, slash, address = endpoint.partition("/")
    if protocol not in ("tcp", "quic", "unixsock-stream") or not slash or not address:
        raise wrong("it is tcp/HOST:PORT, quic/HOST:PORT or unixsock-stream/PATH")
    if certified != (protocol == "quic"):
        raise wrong("certificates need quic/, and quic/ needs certificates=FOLDER")
    if protocol == "unixsock-stream":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise wrong(f"an address is HOST:PORT, such as {LOOPBACK}")
    if protocol == "tcp" and not _is_loopback(host):
        raise wrong("beyond this machine only quic/HOST:PORT with certificates=FOLDER")


def _is_loopback(host: str) -> bool:
    """By its address alone: a name may mean another machine tomorrow."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _certified(folder: Path, role: str | None) -> dict[str, Any]:
    role = role or _only_role(folder)
    if role not in CLIENT_ROLES:
        raise ValueError(f"role {role!r}: a certificate is of one of {', '.join(CLIENT_ROLES)}")
    authority, certificate, key = (
        _file(folder, name) for name in ("authority.crt", f"{role}.crt", f"{role}.tls.key")
    )
    check_private(Path(key))
    tls = "transport/link/tls"
    return {
        f"{tls}/root_ca_certificate": authority,
        f"{tls}/enable_mtls": True,
        f"{tls}/connect_certificate": certificate,
        f"{tls}/connect_private_key": key,
        f"{tls}/verify_name_on_connect": True,
        f"{tls}/close_link_on_expiration": True,
        # Without these rules a server with a certificate of any authority of the web would do: the
        # network library trusts those too when it connects.
        "access_control": _only_robots(),
    }


def _only_role(folder: Path) -> str:
    there = [role for role in CLIENT_ROLES if (folder / f"{role}.crt").exists()]
    if len(there) == 1:
        return there[0]
    found = ", ".join(there) or "none"
    raise KeyFileError(
        f"{folder}: certificates of clients in it: {found}; say which one with role=, or copy "
        "authority.crt and the .crt and .tls.key of one role from what `triune keys network` made"
    )


def _file(folder: Path, name: str) -> str:
    path = folder / name
    try:
        path.open("rb").close()
    except OSError as error:
        raise KeyFileError(
            f"{path}: cannot be read ({error.strerror}); copy it from what `triune keys network` "
            "made"
        ) from error
    # The network library passes the path on in a list whose signs these are.
    if any(sign in str(path) for sign in ";=|#?"):
        raise KeyFileError(f"{path}: a path without ; = | # and ?; move the folder")
    return str(path)


def _only_robots() -> dict[str, Any]:
    messages = ["put", "declare_subscriber", "query", "reply", "declare_queryable"]
    names = ["robot", "router"]
    rule = {
        "id": "all",
        "permission": "allow",
        "messages": messages,
        "flows": ["ingress", "egress"],
        "key_exprs": ["triune/**"],
    }
    return {
        "enabled": True,
        "default_permission": "deny",
        "rules": [rule],
        "subjects": [{"id": "robots", "cert_common_names": names}],
        "policies": [{"rules": ["all"], "subjects": ["robots"]}],
    }
