"""What a record must be beyond the types of its fields, as far as the file alone can tell.

Rules: these look at what is written, not at what it comes to: whether an address lies in its subnet, or a network is
shared with a tenant, is the compiler's to say. Every check reports all it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.files.floating_checks import FLOATING_CHECKS
from weft.files.nodes import FALSE, Entries, Items, Report, Scalar
from weft.files.qos_checks import QOS_CHECKS
from weft.files.router_checks import ROUTER_CHECKS
from weft.files.security_checks import SECURITY_CHECKS
from weft.model.intent import Attach, NextHopSpec, RouteSpec, RuleSpec, Tcp
from weft.model.link_kinds import HOST_LINKS
from weft.model.links import HostLink
from weft.model.segment import IPVLAN_SUBMODES, MACVLAN_SUBMODES, SegmentSpec
from weft.model.words import among

_ENDS = ("netns", "tap", "macvtap", "host", "pidfile", "router")
_TRUE_ENDS = ("host", "router")


def _says_no(node: Entries, key: str) -> bool:
    return (node.text(key) or "").lower() in FALSE


def _attach(node: Entries, report: Report) -> None:
    given = [end for end in _ENDS if end in node.entries and not (end in _TRUE_ENDS and _says_no(node, end))]
    if len(given) > 1:
        second = node.entries[given[1]].place
        report(second, f"a port ends in one place, this one in {' and '.join(given)}", "keep one of them")
    if not given:
        report(
            node.place,
            "attach does not say where",
            "one of netns: NAME, tap: {}, host: true, pidfile: PATH",
        )
    for end in ("tap", "macvtap"):
        if end in node.entries and "ifname" in node.entries:
            report(node.entries["ifname"].place, f"a {end}'s name is its own", f"write {end}: {{name: NAME}}")


def _family(text: str | None) -> int:
    """4, 6, or 0 where the text does not tell."""
    return 0 if not text or text == "default" else 6 if ":" in text else 4


def _route(node: Entries, report: Report) -> None:
    to, via, kind = node.text("to"), node.text("via"), node.text("type") or "unicast"
    place = node.entries["to"].place if "to" in node.entries else node.place
    if "nexthops" in node.entries:
        _several(node, report)
    elif kind == "unicast" and "via" not in node.entries and "dev" not in node.entries:
        report(place, f"the route to {to} leads nowhere", "give it via: ADDRESS or dev: LINK")
    if kind != "unicast" and ("via" in node.entries or "dev" in node.entries):
        report(place, f"a route of type {kind} has no via and no dev", "take them out, or the type")
    if to == "default" and "via" not in node.entries and "nexthops" not in node.entries:
        report(place, "default without via may be of either family", "write to: 0.0.0.0/0 or to: ::/0")
    if _family(to) == 6 and _family(via) == 4:
        report(node.entries["via"].place, f"IPv6 cannot go via {via}", "the next hop of an IPv6 route is IPv6")
    source = _family(node.text("src"))
    target = _family(to) or _family(via)
    if source and target and source != target:
        report(node.entries["src"].place, f"src is not of the family of {to}", f"give an IPv{target} address")
    _onlink(node, report)


def _several(node: Entries, report: Report) -> None:
    for key in ("via", "dev", "onlink"):
        if key in node.entries:
            report(node.entries[key].place, f"{key} beside nexthops: each of them says its own", "move it there")
    value = node.entries["nexthops"].value
    if isinstance(value, Items) and not value.items:
        report(value.place, "the route has no next hop", "give it some, or take nexthops out")


def _next_hop(node: Entries, report: Report) -> None:
    if "via" not in node.entries and "dev" not in node.entries:
        report(node.place, "the next hop leads nowhere", "give it via: ADDRESS or dev: LINK")
    _onlink(node, report)


def _onlink(node: Entries, report: Report) -> None:
    if "onlink" in node.entries and not _says_no(node, "onlink") and "dev" not in node.entries:
        report(node.entries["onlink"].place, "onlink needs to know the link", "add dev: LINK")


def _rule(node: Entries, report: Report) -> None:
    action, family = node.text("action") or "lookup", node.text("family") or "ipv4"
    if action == "lookup" and "table" not in node.entries:
        report(node.place, "the rule does not say in which table to look", "add table: NUMBER, or another action")
    if action != "lookup" and "table" in node.entries:
        report(node.entries["table"].place, f"a rule that says {action} looks in no table", "take the table out")
    for key in ("src", "dst"):
        found = _family(node.text(key))
        if found and family in ("ipv4", "ipv6") and family != f"ipv{found}":
            report(node.entries[key].place, f"{node.text(key)} in a rule of {family}", f"add family: ipv{found}")
    if "fwmask" in node.entries and "fwmark" not in node.entries:
        report(node.entries["fwmask"].place, "fwmask without fwmark masks nothing", "add fwmark: NUMBER")


def _is_existing(node: Entries) -> bool:
    return "existing" in node.entries and not _says_no(node, "existing")


def _foreign_link(node: Entries, report: Report) -> None:
    if not _is_existing(node):
        report(node.place, "the link has no kind", f"kind: {among(HOST_LINKS)}; existing: true if it is there already")
        return
    for key in ("mac", "altnames", "was"):
        if key in node.entries:
            fix = "weft sets mtu, alias, master, tuning and addresses there; or take out existing: true"
            report(node.entries[key].place, f"{key} cannot be set on a link that is not weft's", fix)


def _made_link(node: Entries, report: Report) -> None:
    if _is_existing(node):
        report(node.entries["existing"].place, "a link that is there already has its kind", "take out one of the two")


_OF_LINK = ("vlan", "mode", "submode", "take_addresses")
_OF_VXLAN = ("local", "remotes", "group", "port", "fdb")
_SUBMODES = {"macvlan": MACVLAN_SUBMODES, "ipvlan": IPVLAN_SUBMODES}


def _segment(node: Entries, report: Report) -> None:
    given = node.entries
    if "vni" in given:
        for key in _OF_LINK:
            if key in given:
                report(given[key].place, f"{key} beside vni: a network is a VLAN or a VXLAN", "keep one of the two")
        if not {"remotes", "group", "fdb"} & given.keys():
            report(given["vni"].place, "where the other machines are is not said", "add remotes: [ADDRESS], or group:")
        return
    for key in ("vlan", "mode"):
        if key in given and "take_addresses" in given and not _says_no(node, "take_addresses"):
            what = f"take_addresses beside {key}: the link itself keeps its addresses then"
            report(given["take_addresses"].place, what, "take it out")
    if "link" not in given:
        report(node.place, "segment does not say where", "link: NAME, or vni: NUMBER and remotes: [ADDRESS]")
    for key in _OF_VXLAN:
        if key in given:
            report(given[key].place, f"{key} is of a VXLAN, and this is none", "add vni: NUMBER, or take it out")
    _submode(node, report)


def _submode(node: Entries, report: Report) -> None:
    mode, submode = node.text("mode"), node.text("submode")
    if submode is None:
        return
    known = _SUBMODES.get(mode or "", ())
    if submode not in known:
        whose = next((word for word, of in _SUBMODES.items() if submode in of), "")
        what = f"submode {submode} is one of {whose}" if whose else f"no mode has a submode {submode}"
        fix = f"one of {', '.join(known)}" if known else f"add mode: {whose}"
        report(node.entries["submode"].place, what, fix)


def _tcp(node: Entries, report: Report) -> None:
    for key in ("rmem", "wmem"):
        entry = node.entries.get(key)
        if entry is None or not isinstance(entry.value, Items):
            continue
        texts = [item.text for item in entry.value.items if isinstance(item, Scalar)]
        if len(texts) != len(entry.value.items) or not all(t.isdecimal() and len(t) < 20 for t in texts):
            continue
        sizes = [int(t) for t in texts]
        if sizes != sorted(sizes):
            report(entry.value.place, f"{key} is not in order", f"write {sorted(sizes)}: minimum, default, maximum")


RECORD_CHECKS: Mapping[type[Any], Callable[[Entries, Report], None]] = {
    Attach: _attach,
    RouteSpec: _route,
    NextHopSpec: _next_hop,
    RuleSpec: _rule,
    HostLink: _foreign_link,
    **dict.fromkeys(HOST_LINKS.values(), _made_link),
    Tcp: _tcp,
    SegmentSpec: _segment,
    **FLOATING_CHECKS,
    **QOS_CHECKS,
    **ROUTER_CHECKS,
    **SECURITY_CHECKS,
}
