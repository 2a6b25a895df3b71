"""ufw drops what comes in and what is forwarded unless a rule allows it. Source: ufw(8), ufw-framework(8)."""

from __future__ import annotations

from weft.check.block import Block
from weft.check.subjects.owner import Owner, has_chain
from weft.check.symptoms import Tunnel


def _admit(block: Block, tunnel: Tunnel) -> str:
    return " && ".join(
        f"ufw allow proto udp from {remote} to any port {tunnel.port}" for remote in tunnel.remotes or ("any",)
    )


OWNER = Owner(
    name="ufw",
    owns=lambda block, chains: has_chain(block, chains, "ufw"),
    mend="allow routing from and to weft's transit links",
    command=lambda block: "ufw route allow in on wu+ && ufw route allow out on wu+",
    admit=_admit,
)
