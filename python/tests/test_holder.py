"""The holder's side of a lease against a robot's side of a few lines."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from triune.code import PROTOCOL, Secret, SessionKey, agreement, claim
from triune.holder import LASTS_NS, Heard, LeaseHolder, Wish
from triune.keys import PrivateKey

KEY = PrivateKey(bytes(range(32)))


class Desk:
    """Gives one lease, as the robot does; its keys are checked by the vector and by live tests."""

    def __init__(self) -> None:
        self.secret = Secret(bytes(range(64, 96)))
        self.asks: list[dict[str, Any]] = []

    def answer(self, ask: bytes, **changed: Any) -> bytes:
        """The answer, with some of it changed."""
        said = json.loads(ask)
        self.asks.append(said)
        answer: dict[str, Any] = {"ok": True, "now_ns": 77, "lasts_ms": 2000}
        if said["ask"] == "challenge":
            answer["challenge"] = "a0" * 16
        else:
            answer |= {"epoch": 7, "public": self.secret.public.hex(), "session": "0" * 16}
        if said["ask"] == "return":
            answer["lasts_ms"] = 0
        return json.dumps(answer | changed).encode()


def held() -> tuple[LeaseHolder, Desk]:
    holder, desk = LeaseHolder(Wish("quad12", "planner", "test")), Desk()
    assert holder.hear(desk.answer(holder.ask()), 1000) is Heard.GRANTED
    return holder, desk


def test_a_lease_is_asked_for_kept_and_given_back() -> None:
    holder, desk = held()
    assert (holder.epoch, holder.robot_ns) == (7, 77)
    assert holder.hear(desk.answer(holder.ask()), 2000) is Heard.KEPT
    assert [ask["ask"] for ask in desk.asks] == ["acquire", "keep"]
    assert (desk.asks[0]["protocol"], desk.asks[0]["take"]) == (PROTOCOL, False)
    assert "key" not in desk.asks[0]
    assert not holder.has_ended(2000 + LASTS_NS)
    assert holder.has_ended(2001 + LASTS_NS)
    ask = holder.give_back()
    assert ask is not None
    assert holder.hear(desk.answer(ask), 3000) is Heard.RETURNED
    assert holder.epoch is None
    assert holder.seal("k", b"") is None
    assert holder.give_back() is None


def test_both_ends_make_the_same_codes() -> None:
    holder, desk = held()
    public = bytes.fromhex(desk.asks[0]["public"])
    ask = json.loads(holder.ask())
    shared = desk.secret._key.exchange(X25519PublicKey.from_public_bytes(public))
    key = derived(shared, agreement("quad12", "planner", 7, public, desk.secret.public))
    assert ask["code"] == key.seal_ask("keep", 7, 1).hex()
    assert holder.seal("triune/quad12/brain/plan", b"hb") == key.seal(
        "triune/quad12/brain/plan", b"hb"
    )


def derived(shared: bytes, info: str) -> SessionKey:
    """HKDF-SHA256 by hand, RFC 5869."""
    extracted = hmac.new(bytes(32), shared, hashlib.sha256).digest()
    return SessionKey(hmac.new(extracted, info.encode() + b"\x01", hashlib.sha256).digest())


def test_on_a_network_the_robots_challenge_is_signed() -> None:
    holder, desk = LeaseHolder(Wish("quad12", "planner", "test", key=KEY)), Desk()
    assert holder.hear(desk.answer(holder.ask()), 1) is Heard.CHALLENGE
    assert holder.hear(desk.answer(holder.ask()), 2) is Heard.GRANTED
    ask = desk.asks[1]
    parts = {name: ask[name] for name in ("public", "nonce", "challenge")}
    text = claim("quad12", "planner", "test", **parts)
    assert (ask["key"], ask["signature"]) == (KEY.id, KEY.sign(text).hex())


def test_a_refusal_ends_what_it_must_and_no_more() -> None:
    holder, desk = held()
    refused = b'{"ok":false,"why":"sequence","said":"the number does not rise"}'
    assert holder.hear(refused, 2000) is Heard.REFUSED
    assert not holder.has_ended(2000), "one that came too late ends nothing"
    ended = b'{"ok":false,"why":"ended","said":"this lease is not in force"}'
    assert holder.hear(ended, 2000) is Heard.REFUSED
    assert (holder.epoch, holder.why, holder.said) == (None, "ended", "this lease is not in force")
    assert holder.has_ended(2000)
    assert len(desk.asks) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"\xff",
        b" " * 5000,
        b'{"ok":true}',
        b'{"ok":true,"epoch":true}',
        b'{"ok":true,"epoch":1,"now_ns":1,"public":"zz"}',
    ],
)
def test_nonsense_grants_nothing(answer: bytes) -> None:
    holder = LeaseHolder(Wish("quad12", "planner", "test"))
    holder.ask()
    assert holder.hear(answer, 1) is Heard.NONSENSE
    assert holder.epoch is None


@pytest.mark.parametrize(
    "changed", [{"epoch": 1 << 32}, {"epoch": -1}, {"now_ns": "1"}, {"public": "0F" * 32}]
)
def test_an_answer_of_another_form_grants_nothing(changed: dict[str, Any]) -> None:
    holder, desk = LeaseHolder(Wish("quad12", "planner", "test")), Desk()
    assert holder.hear(desk.answer(holder.ask(), **changed), 1) is Heard.NONSENSE
    assert holder.epoch is None


def test_a_robots_key_that_is_known_to_all_is_refused() -> None:
    holder, desk = LeaseHolder(Wish("quad12", "planner", "test")), Desk()
    assert holder.hear(desk.answer(holder.ask(), public="00" * 32), 1) is Heard.REFUSED
    assert holder.epoch is None


def test_what_the_robot_would_refuse_is_refused_here() -> None:
    with pytest.raises(ValueError, match="one of planner"):
        Wish("quad12", "pilot", "test")
    for name in ("a\nb", "a" * 65, "\0"):
        with pytest.raises(ValueError, match="64 letters"):
            Wish("quad12", "planner", name)
    assert Wish("quad12", "planner", "Zoë on the laptop").name
