"""What makes a message count: a key that two ends agree on, and a code made with it.

The robot and the holder of a lease each make a secret for this one lease, exchange the public parts
(X25519), and derive the same session key (HKDF-SHA256). Whoever has seen every byte in between
still does not know it. The code is HMAC-SHA256, cut to 16 bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CODE = 16
"""Bytes of a code."""
PROTOCOL = 1
"""Version of what is agreed on and signed; in the texts below."""


@dataclass(frozen=True)
class SessionKey:
    """The key of one lease: makes codes."""

    key: bytes = field(repr=False)

    def seal(self, key_expression: str, header_and_body: bytes) -> bytes:
        """Code of a message: of its key expression, a zero byte, header and body."""
        return self._code(key_expression.encode() + b"\0" + header_and_body)

    def seal_ask(self, ask: str, epoch: int, count: int) -> bytes:
        """Code of an ask that concerns the lease itself, such as ``keep``."""
        return self._code(f"{ask}\n{epoch}\n{count}".encode())

    def _code(self, message: bytes) -> bytes:
        return hmac.new(self.key, message, hashlib.sha256).digest()[:CODE]


class Secret:
    """One end's half of the agreement. Used once, for one lease."""

    def __init__(self, secret: bytes | None = None) -> None:
        made = X25519PrivateKey.generate
        self._key = made() if secret is None else X25519PrivateKey.from_private_bytes(secret)

    @property
    def public(self) -> bytes:
        """What the other end is told."""
        return self._key.public_key().public_bytes_raw()

    def agree(self, other: bytes, *, robot: str, role: str, epoch: int) -> SessionKey:
        """The key both ends have after telling each other what is public.

        Raises:
            ValueError: A public part that leads to the same key whatever the secret is.
        """
        shared = self._key.exchange(X25519PublicKey.from_public_bytes(other))
        info = agreement(robot, role, epoch, self.public, other).encode()
        return SessionKey(HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(shared))


def agreement(robot: str, role: str, epoch: int, holder: bytes, own: bytes) -> str:
    """What a session key is for; ``own`` is the robot's public part."""
    return f"triune lease {PROTOCOL}\n{robot}\n{role}\n{epoch}\n{holder.hex()}\n{own.hex()}"


def claim(robot: str, role: str, name: str, *, public: str, nonce: str, challenge: str) -> str:
    """The text that a person's or a planner's key signs to get a lease."""
    return f"triune lease {PROTOCOL}\n{robot}\n{role}\n{name}\n{public}\n{nonce}\n{challenge}"
