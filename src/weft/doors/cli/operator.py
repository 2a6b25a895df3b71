"""Who sits at the other end: whether the person who runs a command does so over a connection that it may cut.

Source: ssh(1) (SSH_CONNECTION), proc(5) (environ, stat). sudo(8) takes the variable away from what it runs, not from
the shell that ran it: so the parents are asked too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from weft.errors import NotConfirmed
from weft.plan.lifeline import touched
from weft.plan.render import describe
from weft.service import Prepared

VARIABLE = "SSH_CONNECTION"


def demand_way_back(prepared: Prepared) -> None:
    """Raises: NotConfirmed where the plan touches what the operator's own connection lives on."""
    client = ssh_client()
    change = touched(prepared.plan, prepared.observed, client) if client else None
    if change is not None:
        raise NotConfirmed(
            f"{describe(change)}: your SSH connection from {client} depends on it. `--confirm-within 60s` takes "
            "everything back unless you say `weft confirm` in time, `--no-confirm` goes without; nothing was changed"
        )


def ssh_client() -> str | None:
    """The address from which this process, or one that it descends from, is connected to; None where by no SSH."""
    for environment in _environments():
        words = environment.get(VARIABLE, "").split()
        if len(words) == 4:
            return words[0]
    return None


def _environments() -> Iterator[dict[str, str]]:
    yield dict(os.environ)
    pid = os.getppid()
    while pid > 1:
        try:
            pairs = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return
        yield dict(pair.partition("=")[::2] for pair in pairs)
        pid = int(stat.rpartition(")")[2].split()[1])
