"""The codes of leases against values that the robot's own code made."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from triune import KeyFileError
from triune.code import Secret, agreement, claim
from triune.keys import PrivateKey

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parent / "lease_vector.json").read_text(encoding="utf-8")
)


def raw(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def test_both_ends_agree_on_the_vectors_key() -> None:
    secret = Secret(raw("holder_secret"))
    assert secret.public == raw("holder_public")
    assert Secret(raw("robot_secret")).public == raw("robot_public")
    about = (VECTOR["robot"], VECTOR["role"], VECTOR["epoch"])
    info = agreement(*about, raw("holder_public"), raw("robot_public"))
    assert info == VECTOR["info"]
    robot, role, epoch = about
    key = secret.agree(raw("robot_public"), robot=robot, role=role, epoch=epoch)
    assert key.key == raw("session_key")
    assert "079ad8" not in repr(key), "a key is not shown"


def test_codes_are_those_of_the_vector() -> None:
    secret = Secret(raw("holder_secret"))
    robot, role, epoch = VECTOR["robot"], VECTOR["role"], VECTOR["epoch"]
    key = secret.agree(raw("robot_public"), robot=robot, role=role, epoch=epoch)
    assert key.seal(VECTOR["key_expression"], raw("header") + raw("body")) == raw("code")
    for ask in ("keep", "return"):
        said = VECTOR[ask]
        assert key.seal_ask(ask, epoch, said["count"]).hex() == said["code"]


def test_the_claim_is_signed_as_the_vector_says() -> None:
    said = VECTOR["claim"]
    parts = {name: said[name] for name in ("nonce", "challenge")}
    public = VECTOR["holder_public"]
    text = claim(VECTOR["robot"], VECTOR["role"], said["name"], public=public, **parts)
    assert text == said["text"]
    key = PrivateKey(bytes.fromhex(said["key_seed"]))
    assert (key.id, key.sign(text).hex()) == (said["key"], said["signature"])


def test_a_public_part_that_makes_any_secret_useless_is_refused() -> None:
    with pytest.raises(ValueError, match=r".*"):
        Secret().agree(bytes(32), robot="r", role="planner", epoch=1)


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "0123.key"
    file.write_text(text)
    file.chmod(mode)
    return file


SEED = "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8="
GOOD = f'schema = "triune.private-key/1"\nalgorithm = "ed25519"\nprivate = "{SEED}"\n'


def test_a_key_file_is_read(tmp_path: Path) -> None:
    assert PrivateKey.load(key_file(tmp_path, GOOD)).id == VECTOR["claim"]["key"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "private",
        GOOD.replace("private-key", "key"),
        GOOD.replace("ed25519", "rsa"),
        GOOD + "more = 1\n",
        GOOD.replace("YGFi", "YG"),
        GOOD.replace(f'"{SEED}"', "7"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyFileError, match=r"0123\.key") as error:
        PrivateKey.load(key_file(tmp_path, text))
    assert "mNkZW" not in str(error.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = key_file(tmp_path, GOOD, stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP)
    with pytest.raises(KeyFileError, match="chmod 600"):
        PrivateKey.load(file)
    with pytest.raises(KeyFileError, match="cannot be read"):
        PrivateKey.load(tmp_path / "absent.key")
