"""Which host this is: one boot of one kernel, seen from one network namespace, and where its state is kept.

Rules: everything under `run_directory` dies with the kernel state that it describes.
Source: random(4) (boot_id), socket(7) (SO_NETNS_COOKIE).
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from weft.netlink.namespaces import cookie

RUN_BASE = Path("/run/weft")
LIB_BASE = Path("/var/lib/weft")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def host_id_of(boot_id: str, cookie: int) -> str:
    """Short and safe in a link's alias and as a file's name: `3f2a91bc-1`."""
    return f"{sha256(boot_id.strip().encode()).hexdigest()[:8]}-{cookie:x}"


def host_id() -> str:
    """The id of the host that the calling thread is on."""
    return host_id_of(_BOOT_ID.read_text(), cookie())


def run_directory(host: str, base: Path = RUN_BASE) -> Path:
    """Where journal, locks, ledger and the features found are kept."""
    return base / host
