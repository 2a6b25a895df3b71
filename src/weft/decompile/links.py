"""A link in the file's words.

Rules: a word of the file and a field of the kernel object have one name, but for those listed here; a word that has its
default is left out.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from weft.kinds import KINDS
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_port import DERIVED_COSTS, BridgePort, is_as_born
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.common import ChildLink, Link, OtherLink
from weft.kinds.link.gre import Gre
from weft.kinds.link.tunnel import Tunnel
from weft.kinds.link.veth import Veth
from weft.model.bridging import BridgePortSpec
from weft.model.link_kinds import HOST_LINKS
from weft.model.links import HostLink
from weft.model.words import INHERIT_TTL
from weft.state import Key, State, link_key

_ETHERNET_MTU = 1500
MAX_MTU = 65535
"""What a file may say; a VRF is born with more, and an adopted link keeps what is not said."""
_HZ = 100
_SECONDS = ("forward_delay", "hello_time", "max_age", "ageing_time")
_COMMON = frozenset(field.name for field in fields(HostLink))


def link_words(state: State, link: Link) -> dict[str, Any] | None:
    """What the file says to have the link as it is, adopted; None where no kind of the file is like it."""
    spec = None if isinstance(link, OtherLink) else HOST_LINKS.get(KINDS.of(link).name)
    if spec is None or (isinstance(link, Veth) and link.peer_netns != link.netns):
        return None
    words: dict[str, Any] = {"kind": spec.kind, "adopt": True} | _own_words(link, spec)
    words |= {"mtu": link.mtu} if link.mtu and link.mtu != _ETHERNET_MTU and link.mtu <= MAX_MTU else {}
    words |= {} if link.up else {"up": False}
    words |= {"master": link.master} if link.master else {}
    words |= {"alias": link.alias} if link.alias else {}
    words |= {"altnames": list(link.altnames)} if link.altnames else {}
    return words | _kept_by_bridge(state, link)


def _own_words(link: Link, spec: type[HostLink]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in (word for word in fields(spec) if word.name not in _COMMON):
        value = _value(link, word.name)
        if value not in (None, "", ()) and value != _default(word):
            found[word.name] = _plain(value)
    return found


def _value(link: Link, word: str) -> Any:
    if isinstance(link, ChildLink) and word in ("link", "link_netns"):
        return link.parent.name if word == "link" else _elsewhere(link, link.parent.netns)
    if isinstance(link, Tunnel) and word in ("link", "link_netns"):
        return link.device if word == "link" else _elsewhere(link, link.underlay)
    if isinstance(link, Veth) and word == "peer":
        return link.peer_ifname
    if isinstance(link, Gre) and word == "key":
        return link.number if link.keyed else None
    inherits = getattr(link, "ttl_inherit", None)
    if word == "ttl" and inherits is not None:
        return INHERIT_TTL if inherits else getattr(link, word) or None
    value = getattr(link, word, None)
    return value // _HZ if isinstance(link, Bridge) and word in _SECONDS and value is not None else value


def _elsewhere(link: Link, netns: str) -> str | None:
    """A namespace in the file's words, None for the link's own."""
    return None if netns == link.netns else netns or "host"


def _default(word: Field[Any]) -> Any:
    return None if word.default is MISSING else word.default


def _plain(value: Any) -> Any:
    """A tuple as a list; a pair of numbers as the file has it."""
    if isinstance(value, Key):
        return value.name
    if isinstance(value, tuple):
        return [f"{one[0]}:{one[1]}" if isinstance(one, tuple) else one for one in value]
    return value


def _kept_by_bridge(state: State, link: Link) -> dict[str, Any]:
    """What its bridge keeps of it; of a bridge, its own VLANs."""
    port: dict[str, Any] = {}
    for obj in (state.get(Key(table, link.netns, link.ifname)) for table in ("bridge-port", "bridge-vlans")):
        if isinstance(obj, BridgePort) and not (is_as_born(obj) and obj.cost in DERIVED_COSTS):
            for word in fields(BridgePortSpec):
                value = getattr(obj, word.name, None)
                if value is not None and value != word.default:
                    port[word.name] = value
        elif isinstance(obj, BridgeVlans) and obj.vlans != _default_vlans(state, obj):
            if not obj.master:
                return {"vlans": list(obj.vlans)}
            port["vlans"] = list(obj.vlans)
    return {"bridge_port": port} if port else {}


def _default_vlans(state: State, held: BridgeVlans) -> tuple[str, ...]:
    """What a bridge has, or gives a port, of which nothing is said."""
    bridge = state.get(link_key(held.netns, held.master or held.ifname))
    pvid = bridge.vlan_default_pvid if isinstance(bridge, Bridge) else None
    return (f"{pvid} pvid untagged",) if pvid else ()
