"""The table of link kinds: for each record of the model what makes its kernel objects.

Rules: a maker yields bare links, whole.py gives them what all links have in common. The kind's word is the name of the
kernel feature that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from weft.compiler.links.bridge import make_bridge
from weft.compiler.links.place import LinkPlace
from weft.compiler.links.plain import make_dummy, make_veth
from weft.compiler.links.vlan import make_vlan
from weft.model.links import BridgeLink, DummyLink, HostLink, VethLink, VlanLink
from weft.state import KernelObject


@dataclass(frozen=True, slots=True)
class Maker:
    """`instead`: what would do on a kernel that lacks the kind. `own_mac`: whether such a link has a MAC of its own,
    which weft derives; else it has its parent's, or none."""

    make: Callable[[LinkPlace[Any]], Iterable[KernelObject]]
    instead: str
    own_mac: bool = True


MAKERS: Mapping[type[HostLink], Maker] = MappingProxyType(
    {
        BridgeLink: Maker(make_bridge, "load the kernel's bridge module"),
        DummyLink: Maker(make_dummy, "a bridge without members holds addresses as well: `kind: bridge`"),
        VethLink: Maker(make_veth, "load the kernel's veth module"),
        VlanLink: Maker(make_vlan, "load the kernel's 8021q module", own_mac=False),
    }
)
