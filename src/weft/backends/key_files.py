"""Keys in files: a line of hexadecimal digits each.

Rules: a key goes from its file into the message for the kernel and nowhere else. Whatever is kept, shown or compared is
its id: a hash keyed by the host, so that the ids of one key differ from host to host. Source: RFC 7693 (BLAKE2).
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

_ID_BYTES = 16
_MOST_BYTES = 4096


def read_key(file: str) -> bytes:
    """Raises: OSError, ValueError where the file holds something else than hexadecimal digits."""
    with Path(file).open("rb") as opened:
        written = opened.read(_MOST_BYTES)
    try:
        return bytes.fromhex(written.decode("ascii").strip())
    except ValueError:
        raise ValueError("no line of hexadecimal digits") from None  # the cause would quote the key


def id_of(key: bytes, host_id: str) -> str:
    """32 hexadecimal digits."""
    return blake2b(key, key=host_id.encode()[:64], digest_size=_ID_BYTES, person=b"weft key").hexdigest()
