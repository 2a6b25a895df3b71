"""libvirt rejects what goes to its NAT networks from outside. Source: libvirt.org/firewall.html."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding
from weft.check.symptoms import Symptoms


def find(symptoms: Symptoms) -> Iterator[Finding]:
    tables = {(family, table) for family, table, chain in symptoms.chains if chain in ("LIBVIRT_FWI", "guest_input")}
    if tables:
        told = ", ".join(" ".join(table) for table in sorted(tables))
        yield Finding(
            level="note",
            what=f"libvirt has networks of its own here (table {told})",
            why="machines on its NAT networks are not reached from weft's; its chains reject what is new from outside",
            mend="attach the machine to a tap of weft's, or give the libvirt network `<forward mode='open'/>`",
        )
