"""A lease from the side of its holder: what is asked, and what the answers mean.

Nothing here reads a clock or a socket; times are this machine's monotonic clock, ns.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from .code import PROTOCOL, Secret, SessionKey, claim
from .keys import PrivateKey

ROLES = ("planner", "operator", "maintainer")
KEEP_EVERY_NS = 500_000_000
"""How often a holder says that he goes on: four times before the lease ends."""
LASTS_NS = 2_000_000_000
"""A lease ends so long after its last use."""
_NAME_MAX = 64
_ANSWER_MAX = 4096


class Heard(Enum):
    """What an answer means."""

    CHALLENGE = auto()
    GRANTED = auto()
    KEPT = auto()
    RETURNED = auto()
    REFUSED = auto()
    NONSENSE = auto()


@dataclass(frozen=True)
class Wish:
    """What is wanted.

    Attributes:
        robot: Name of the robot.
        role: ``planner``, ``operator`` or ``maintainer``.
        name: Free text of at most 64 letters: who asks. The robot shows it to others.
        take: Take it from another holder.
        key: Signs the ask; a robot that hears a network wants that.
    """

    robot: str
    role: str
    name: str
    take: bool = False
    key: PrivateKey | None = None

    def __post_init__(self) -> None:
        """Refuses what the robot would refuse.

        Raises:
            ValueError: No such role, or a name that is too long or has a line feed in it.
        """
        if self.role not in ROLES:
            raise ValueError(f"role {self.role!r}: a lease is one of {', '.join(ROLES)}")
        if not isinstance(self.name, str):
            raise ValueError(f"name {self.name!r}: text that says who asks")
        control = any(unicodedata.category(letter) in ("Cc", "Cs") for letter in self.name)
        if len(self.name) > _NAME_MAX or control:
            raise ValueError(
                f"name {self.name!r}: at most {_NAME_MAX} letters, no line feeds or the like"
            )


class LeaseHolder:
    """Asks for a lease, holds it, makes the codes, and knows when it has ended.

    Attributes:
        why: One word of the last refusal.
        said: The same in a sentence.
        robot_ns: The robot's clock in the last answer, ns.
    """

    def __init__(self, wish: Wish, secret: Callable[[], Secret] = Secret) -> None:
        self.wish = wish
        self.why = ""
        self.said = ""
        self.robot_ns: int | None = None
        self._make_secret = secret
        self._challenge: str | None = None
        self._secret: Secret | None = None
        self._key: SessionKey | None = None
        self._epoch = 0
        self._count = 0
        # When the last ask that was answered was made: the robot has seen it in use since.
        self._sure = 0
        self._returning = False

    @property
    def epoch(self) -> int | None:
        """Number of the grant, which messages carry; None when no lease is held."""
        return None if self._key is None else self._epoch

    def has_ended(self, now: int) -> bool:
        """No lease is held, or nothing was heard of it for as long as it lasts."""
        return self._key is None or now - self._sure > LASTS_NS

    def ask(self) -> bytes:
        """The next ask on the way to the lease; once it is held, one that keeps it."""
        if self._key is not None:
            return self._hold("keep")
        if self.wish.key is not None and self._challenge is None:
            return _json({"ask": "challenge"})
        return _json(self._acquire())

    def give_back(self) -> bytes | None:
        """The ask that gives the lease back; None when none is held."""
        if self._key is None:
            return None
        self._returning = True
        return self._hold("return")

    def hear(self, answer: bytes, asked: int) -> Heard:
        """Reads the answer to what was asked last, at ``asked``."""
        try:
            said = json.loads(answer) if len(answer) <= _ANSWER_MAX else None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return Heard.NONSENSE
        if said.get("ok") is not True:
            return self._refused(said)
        self.robot_ns = _number(said, "now_ns", 64)
        if self._key is not None:
            return self._kept(said, asked)
        if self._secret is not None:
            return self._granted(said, asked, self._secret)
        challenge = said.get("challenge")
        if not isinstance(challenge, str):
            return Heard.NONSENSE
        self._challenge = challenge
        return Heard.CHALLENGE

    def seal(self, key_expression: str, header_and_body: bytes) -> bytes | None:
        """Code of a message on this key expression; None when no lease is held."""
        return None if self._key is None else self._key.seal(key_expression, header_and_body)

    def _acquire(self) -> dict[str, Any]:
        wish, self._secret = self.wish, self._make_secret()
        public, nonce = self._secret.public.hex(), os.urandom(16).hex()
        ask: dict[str, Any] = {
            "ask": "acquire",
            "protocol": PROTOCOL,
            "name": wish.name,
            "public": public,
            "nonce": nonce,
            "take": wish.take,
        }
        if wish.key is not None and self._challenge is not None:
            said = {"public": public, "nonce": nonce, "challenge": self._challenge}
            text = claim(wish.robot, wish.role, wish.name, **said)
            ask["key"] = wish.key.id
            ask["signature"] = wish.key.sign(text).hex()
            # It counts once.
            ask["challenge"], self._challenge = self._challenge, None
        return ask

    def _hold(self, ask: str) -> bytes:
        assert self._key is not None  # noqa: S101 - for the type checker; callers have looked.
        self._count += 1
        code = self._key.seal_ask(ask, self._epoch, self._count).hex()
        return _json({"ask": ask, "epoch": self._epoch, "count": self._count, "code": code})

    def _refused(self, said: dict[str, Any]) -> Heard:
        self.why, self.said = str(said.get("why", "")), str(said.get("said", ""))
        # Asks may overtake each other; the one that came too late ends nothing.
        if self._key is None or self.why in ("ended", "code"):
            self._key = self._secret = self._challenge = None
        return Heard.REFUSED

    def _granted(self, said: dict[str, Any], asked: int, secret: Secret) -> Heard:
        epoch, own = _number(said, "epoch", 32), _hexadecimal(said.get("public"), 32)
        if epoch is None or own is None or self.robot_ns is None:
            return Heard.NONSENSE
        self._secret = None
        try:
            self._key = secret.agree(own, robot=self.wish.robot, role=self.wish.role, epoch=epoch)
        except ValueError:
            self.why = "form"
            self.said = "no key can be agreed on with the public part of the robot"
            return Heard.REFUSED
        self._epoch, self._count, self._sure = epoch, 0, asked
        return Heard.GRANTED

    def _kept(self, said: dict[str, Any], asked: int) -> Heard:
        if said.get("epoch") != self._epoch:
            return Heard.NONSENSE
        if self._returning and said.get("lasts_ms") == 0:
            self._key = None
            return Heard.RETURNED
        self._sure = max(self._sure, asked)
        return Heard.KEPT


def _json(ask: dict[str, Any]) -> bytes:
    return json.dumps(ask).encode()


def _number(said: dict[str, Any], name: str, bits: int) -> int | None:
    value = said.get(name)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << bits
    return value if fits else None


def _hexadecimal(text: object, size: int) -> bytes | None:
    """Lower-case digits only, so that each value has one text."""
    if not isinstance(text, str) or len(text) != 2 * size or set(text) - set("0123456789abcdef"):
        return None
    return bytes.fromhex(text)
