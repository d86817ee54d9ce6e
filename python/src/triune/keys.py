"""Key files as ``triune keys new`` makes them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .errors import KeyFileError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FORM = {"schema": "triune.private-key/1", "algorithm": "ed25519"}


class PrivateKey:
    """The key that asks for leases. Its text is never shown."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PrivateKey:
        """Reads a private key, which nobody but its owner may be able to read.

        Raises:
            KeyFileError: The file cannot be read, others can read it, or it holds no key.
        """
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"{file}: cannot be read: {error}") from error
        check_private(file)
        try:
            said = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            # The error would carry a part of the text.
            said = {}
        if {name: said.get(name) for name in _FORM} != _FORM or set(said) != {*_FORM, "private"}:
            raise KeyFileError(f"{file}: no private key: use a .key that `triune keys new` made")
        try:
            seed = base64.b64decode(said["private"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            seed = b""
        if len(seed) != 32:
            raise KeyFileError(f"{file}: `private` must be 32 bytes in base64: make a new key")
        return cls(seed)

    @property
    def id(self) -> str:
        """First 8 bytes of the SHA-256 of the public key, as 16 hexadecimal digits."""
        return hashlib.sha256(self._key.public_key().public_bytes_raw()).hexdigest()[:16]

    def sign(self, text: str) -> bytes:
        """Its signature of ``text``, 64 bytes."""
        return self._key.sign(text.encode())


def check_private(file: Path) -> None:
    """Refuses a private file that others can read.

    Raises:
        KeyFileError: They can.
    """
    others = stat.S_IRWXG | stat.S_IRWXO
    if os.name == "posix" and file.stat().st_mode & others:
        raise KeyFileError(
            f"{file}: only its owner may read a private key: chmod 600, and make a new one if "
            "somebody may have read it"
        )
