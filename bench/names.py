"""Names, MACs and marks as docs/topology.md gives them, written from that page and not from weft's own code."""

from __future__ import annotations

import base64
import hashlib
import uuid

HOST_ID = "00000000-4096"
"""Stands for the host id in marks: a run's own is put back to this before two dumps are compared."""

_SPACE = uuid.UUID("6b0b7d3c-54a5-5d2f-9f0e-77656674a001")


def identity(scope: str, path: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{scope}/{path}"))


def ifname(prefix: str, ident: str) -> str:
    digest = hashlib.sha256(ident.encode()).digest()
    return prefix + base64.b32encode(digest).decode().lower()[:12]


def mac(ident: str, role: str) -> str:
    digest = hashlib.sha256(f"{ident}/{role}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in b"\x02" + digest[:5])


def mark(scope: str, path: str) -> str:
    return f"weft/{HOST_ID}/{scope}/{path}"
