"""Certificates for servers of tests, made by the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from ipaddress import ip_address
from pathlib import Path


def make_certificate(folder: Path, name: str) -> Path:
    """A certificate for a host's name or address that only its own file vouches for, the key in `NAME.key` beside it."""
    certificate = folder / f"{name}.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key_of(certificate)]
    named = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={_kind(name)}:{name}", "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, *named, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return certificate


def key_of(certificate: Path) -> Path:
    """The file of its key."""
    return certificate.with_suffix(".key")


def server_context(certificate: Path) -> ssl.SSLContext:
    """What a server that has it speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key_of(certificate))
    return context


def _kind(name: str) -> str:
    try:
        ip_address(name)
    except ValueError:
        return "DNS"
    return "IP"
