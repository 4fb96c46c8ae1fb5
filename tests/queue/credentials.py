"""What a NATS server and its clients know each other by, made for a test: certificates, and signed credentials."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    cert: Path
    key: Path


_SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


class Authority:
    """A certificate authority of our own, and what it has signed."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {name}")])
        mine = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        own = _builder(self._name, self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        # Python 3.13 and newer verify strictly, and refuse an authority that does not say these.
        own = own.add_extension(mine, False).add_extension(_SIGNS_CERTIFICATES, True)
        self.cert = folder / f"{name}.pem"
        self.cert.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def pair(self, name: str) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = _builder(subject, self._name, key).add_extension(here, False).add_extension(by, False)
        signed = builder.sign(self._key, hashes.SHA256())
        made = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        made.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return made


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )


def operated(folder: Path) -> tuple[dict[str, Any], Path]:
    """Settings of a server that trusts an operator, and a user's credentials file."""
    operator, system, account, user = NKey("O"), NKey("A"), NKey("A"), NKey("U")
    usual = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1) | {"wildcards": True}
    stores = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    by_operator = _token(operator, operator, {"type": "operator", "version": 2})
    by_account = _token(operator, account, {"type": "account", "version": 2, "limits": usual | stores})
    # It may have no JetStream of its own.
    by_itself = _token(operator, system, {"type": "account", "version": 2, "limits": usual})
    plain = {"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
    by_user = _token(account, user, plain)
    folder.mkdir(parents=True, exist_ok=True)
    creds = folder / "user.creds"
    creds.write_text(
        f"-----BEGIN NATS USER JWT-----\n{by_user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    settings = {
        "operator": by_operator,
        "resolver": "MEMORY",
        "system_account": system.public_key,
        "resolver_preload": {account.public_key: by_account, system.public_key: by_itself},
    }
    return settings, creds


class NKey:
    """A new key pair, in NATS' own notation: base32 of what it is, the bytes and a CRC. `letter`: O, A or U."""

    def __init__(self, letter: str) -> None:
        self._kind = base64.b32decode(f"{letter}AAAAAAA")[0]
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_key(self) -> str:
        return _noted(bytes([self._kind]) + self._key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        first = base64.b32decode("SAAAAAAA")[0]
        return _noted(bytes([first | self._kind >> 5, self._kind << 3 & 0xFF]) + self._key.private_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def _noted(raw: bytes) -> str:
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _token(issuer: NKey, subject: NKey, claims: dict[str, Any]) -> str:
    who = subject.public_key
    body = {"jti": who, "iat": int(datetime.now(UTC).timestamp()), "iss": issuer.public_key, "name": "test",
            "sub": who, "nats": claims}  # fmt: skip
    text = f"{_packed({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_packed(body)}"
    return f"{text}.{_base64(issuer.sign(text.encode()))}"


def _packed(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
