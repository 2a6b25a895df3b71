"""ufw drops what is forwarded unless a route rule allows it. Source: ufw(8), ufw-framework(8)."""

from __future__ import annotations

from weft.check.subjects.owner import Owner, has_chain

OWNER = Owner(
    name="ufw",
    owns=lambda block, chains: has_chain(block, chains, "ufw"),
    mend="allow routing from and to weft's transit links",
    command=lambda block: "ufw route allow in on wu+ && ufw route allow out on wu+",
)
