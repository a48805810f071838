"""A key on the curve P-256 with its certificate, made and used by the openssl command: no library signs for us."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.certificates import key_of, make_certificate

HALF_BYTES = 32


def encoded(raw: bytes) -> str:
    """Base64 for addresses, without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class SigningKey:
    """Made in a folder, to which it writes the certificate and the key."""

    def __init__(self, folder: Path) -> None:
        self.certificate = make_certificate(folder, "tokens")
        self._key = key_of(self.certificate)

    def signature(self, raw: bytes) -> str:
        """ES256 of some bytes (RFC 7518, 3.4): both numbers side by side, not as openssl packs them."""
        der = self._openssl("dgst", "-sha256", "-sign", self._key, given=raw)
        numbers, at = b"", 2
        for _ in range(2):
            length = der[at + 1]
            numbers += der[at + 2 : at + 2 + length][-HALF_BYTES:].rjust(HALF_BYTES, b"\0")
            at += 2 + length
        return encoded(numbers)

    def token(self, audience: str, subject: str, access: list[dict[str, Any]], life_s: int = 60) -> str:
        """A JSON Web Token as distribution's specification describes it (`spec/auth/jwt.md`)."""
        pem = self.certificate.read_text().split("-----")[2]
        now = int(time.time())
        header = {"typ": "JWT", "alg": "ES256", "x5c": ["".join(pem.split())]}
        claims = {"iss": "tests", "aud": audience, "sub": subject, "nbf": now - 5, "iat": now, "exp": now + life_s}
        parts = [encoded(json.dumps(each).encode()) for each in (header, {**claims, "access": access})]
        return ".".join([*parts, self.signature(".".join(parts).encode())])

    def public(self) -> dict[str, str]:
        """The public key as libtrust writes it (JSON Web Key, and its own form of a key's id)."""
        der = self._openssl("ec", "-in", self._key, "-pubout", "-outform", "DER")
        point = der[-2 * HALF_BYTES :]
        name = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
        kid = ":".join(name[at : at + 4] for at in range(0, 48, 4))
        x, y = encoded(point[:HALF_BYTES]), encoded(point[HALF_BYTES:])
        return {"crv": "P-256", "kid": kid, "kty": "EC", "x": x, "y": y}

    def _openssl(self, *words: str | Path, given: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *words], input=given, check=True, capture_output=True, timeout=30).stdout
