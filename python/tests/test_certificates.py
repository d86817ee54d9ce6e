"""A robot on a network: certificates of one authority, and roles as their common names."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import triune

from .test_fake import Fake

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def pair(name: str, folder: Path, authority: Pair | None = None) -> Pair:
    """A certificate and its key, written as `triune keys network` names them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (subject, key) if authority is None else (authority[0].subject, authority[1])
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(x509.BasicConstraints(authority is None, None), True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    certificate = builder.sign(signer, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
    file = folder / f"{name}.tls.key"
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, form, plain))
    file.chmod(0o600)
    return certificate, key


def network(folder: Path, server: str, client: str) -> Fake:
    """A robot that shows the certificate `server`, and a folder for `client`."""
    authority = pair("authority", folder)
    for name in (server, client):
        pair(name, folder, authority)
    tls = "transport/link/tls"
    return Fake(
        "quic/localhost",
        {
            f"{tls}/root_ca_certificate": str(folder / "authority.crt"),
            f"{tls}/enable_mtls": True,
            f"{tls}/listen_certificate": str(folder / f"{server}.crt"),
            f"{tls}/listen_private_key": str(folder / f"{server}.tls.key"),
        },
    )


def test_a_certified_robot_is_read(tmp_path: Path) -> None:
    fake = network(tmp_path, "robot", "observer")
    fake.robot("fake")
    with triune.connect(fake.endpoint, certificates=tmp_path) as robot:
        numbers = robot.stream("test/number", timeout=2.0)
        for sequence in range(1, 50):
            fake.send("test/number", sequence, 7)
            if (sample := numbers.take(0.05)) is not None:
                break
        assert sample is not None
        assert int(sample["value"]) == 7
    fake.close()


def test_who_shows_no_robots_certificate_is_not_believed(tmp_path: Path) -> None:
    fake = network(tmp_path, "planner", "observer")
    fake.robot("fake")
    with pytest.raises(triune.UnreachableError, match="does not answer"):
        triune.connect(fake.endpoint, certificates=tmp_path, role="observer", patience=0.5)
    fake.close()


def test_another_authority_is_not_believed(tmp_path: Path) -> None:
    fake = network(tmp_path, "robot", "observer")
    fake.robot("fake")
    (tmp_path / "other").mkdir()
    pair("observer", tmp_path / "other", pair("authority", tmp_path / "other"))
    with pytest.raises(triune.UnreachableError):
        triune.connect(fake.endpoint, certificates=tmp_path / "other", patience=0.5)
    fake.close()
