"""The full outside dump: what iproute2, nft and /proc say of a host and its named namespaces, made comparable.

Two dumps are equal when the same objects exist with the same attributes and relations. Taken out: what numbers the
kernel deals by chance (ifindex, nft handles, bridge port numbers, automatic qdisc handles), what merely passes
(counters, timers, carrier, learned neighbours, what packets put into sets of a size), and the order of creation. A
link's peer in another namespace is shown as `NAMESPACE/IFNAME`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.looking import HOST, Told

Dump = dict[str, dict[str, Any]]
"""namespace -> section (link, addr, route, rule, neigh, fdb, qdisc, class, nft, sysctl) -> normalised content."""

_PASSING = frozenset(
    "ifindex link_index link_netnsid operstate handle packets bytes used confirmed updated probes refcnt age cache "
    "permaddr stats stats64 new-packets direct_packets_stat".split()
)
_PASSING_OF_BRIDGES = frozenset(
    "hello_timer tcn_timer topology_change_timer gc_timer topology_change topology_change_detected bridge_id root_id "
    "root_port root_path_cost".split()
)
_PASSING_OF_PORTS = frozenset(
    "port_no no id state designated_port designated_bridge designated_root designated_cost hold_timer "
    "message_age_timer forward_delay_timer topology_change_ack config_pending".split()
)
_PASSING_FLAGS = frozenset({"LOWER_UP", "NO-CARRIER", "M-DOWN", "linkdown", "RUNNING"})
_PASSING_SYSCTLS = ("netfilter/nf_conntrack_count", "/stable_secret", "unix/")


def parse_dump(told: Told) -> Dump:
    """What `looking.everything` was told, normalised."""
    raw = {name: {title: _read(title, text) for title, text in said.items()} for name, said in told.items()}
    ifnames = {(name, link["ifindex"]): link["ifname"] for name, sections in raw.items() for link in sections["link"]}
    return {name: _normalise(name, sections, ifnames) for name, sections in raw.items()}


def parse_glance(told: Told) -> tuple[Any, bool]:
    """What can be compared of it, and whether more is to come: an address is being checked for duplicates, or a link
    has a carrier that the kernel has yet to tell of, which makes addresses (net/core/link_watch.c: within a second)."""
    texts = [text for sections in told.values() for text in sections.values()]
    lines = [json.loads(text) for text in texts]
    is_tentative = any('"tentative":true' in text for text in texts)
    return _clean(lines), is_tentative or any(_rises(entry) for line in lines for entry in line)


def _rises(told: dict[str, Any]) -> bool:
    return {"UP", "LOWER_UP"} <= set(told["flags"]) and told.get("operstate", "UP") in ("DOWN", "LOWERLAYERDOWN")


def _sysctls(held: dict[str, str]) -> dict[str, str]:
    return {name: " ".join(value.split()) for name, value in held.items() if not name.endswith(_PASSING_SYSCTLS)}


def _read(title: str, said: Any) -> Any:
    match title:
        case "sysctl":
            return _sysctls(said)
        case "class":
            return sorted(said)
        case _:
            return json.loads(said or "[]")


def _normalise(netns: str, raw: Mapping[str, Any], ifnames: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    nsids = {entry["id"]: entry["name"] for entry in raw["nsid"] if "id" in entry}
    links = [_link(netns, link, nsids, ifnames) for link in raw["link"]]
    return {
        "link": {link["ifname"]: _clean(link) for link in links},
        "addr": {link["ifname"]: _ordered(map(_address, link["addr_info"])) for link in raw["addr"] if link},
        "route": _ordered(map(_clean, raw["route"])),
        "rule": _ordered(map(_clean, raw["rule"] + raw["rule6"])),
        "neigh": _ordered(map(_clean, raw["neigh"])),
        "qdisc": _ordered(map(_qdisc, raw["qdisc"])),
        "class": raw["class"],
        "nft": _ruleset(raw["nft"]["nftables"]),
        "sysctl": raw["sysctl"],
    }


def _link(
    netns: str, link: dict[str, Any], nsids: Mapping[int, str], ifnames: Mapping[tuple[str, int], str]
) -> dict[str, Any]:
    """The link, its altnames sorted, and `link` (its peer or parent) told in full where it is in another namespace."""
    shown = {**link, "altnames": sorted(link.get("altnames", []))}
    if "link_index" in link:
        there = nsids.get(link.get("link_netnsid", -1), HOST) if "link_netnsid" in link else netns
        shown["link"] = f"{there}/{ifnames.get((there, link['link_index']), '?')}"
    elif "link" in link:
        shown["link"] = f"{netns}/{link['link']}"
    return {**shown, "linkinfo": _linkinfo(link["linkinfo"])} if "linkinfo" in link else shown


def _linkinfo(info: dict[str, Any]) -> dict[str, Any]:
    passing = {
        "info_data": _PASSING_OF_BRIDGES if info.get("info_kind") == "bridge" else set(),
        "info_slave_data": _PASSING_OF_PORTS if info.get("info_slave_kind") == "bridge" else set(),
    }
    return {
        name: {inner: value[inner] for inner in value.keys() - passing[name]} if name in passing else value
        for name, value in info.items()
    }


def _address(address: dict[str, Any]) -> Any:
    return {name: value for name, value in _clean(address).items() if name not in {"tentative", "dadfailed"}}


def _qdisc(qdisc: dict[str, Any]) -> Any:
    """An explicit handle stays; those the kernel deals (8001: and up) and 0: go."""
    major = int(str(qdisc.get("handle", "0:")).split(":")[0] or "0", 16)
    return {**_clean(qdisc), **({"major": major} if 0 < major < 0x8000 else {})}


def _ruleset(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """'table inet weft-lab' etc. -> the object; a chain's value carries its rules in order, a set's its elements."""
    shown: dict[str, Any] = {}
    for kind, body in ((kind, body) for entry in objects for kind, body in entry.items() if kind != "metainfo"):
        if kind == "rule":
            shown[_title("chain", body, body["chain"])]["rules"].append(_clean(body.get("expr", [])))
        else:
            shown[_title(kind, body, body.get("name", ""))] = _nft_object(kind, body)
    return shown


def _title(kind: str, body: Mapping[str, Any], name: str) -> str:
    return " ".join(filter(None, (kind, body["family"], body.get("table", ""), name)))


def _nft_object(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = _clean(body)
    if kind == "chain":
        shown["rules"] = []
    if kind == "set" and "size" in body:  # dynamic, which nft 1.0.6 does not say here: packets fill it
        shown.pop("elem", None)
    if "elem" in shown:
        shown["elem"] = _ordered(shown["elem"])
    return shown


def _clean(value: Any) -> Any:
    """Without what is dealt by chance or merely passes, at any depth."""
    if isinstance(value, dict):
        return {name: _clean(inner) for name, inner in value.items() if name not in _PASSING}
    if isinstance(value, list):
        return [_clean(inner) for inner in value if not (isinstance(inner, str) and inner in _PASSING_FLAGS)]
    return value


def _ordered(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True))


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Where two dumps differ, a line each, for a failed comparison that people can read."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after}, key=str)
        return [line for name in names for line in _between(before, after, name, f"{path}/{name}")]
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"- {path}: {item}" for item in before if item not in after]
        new = [f"+ {path}: {item}" for item in after if item not in before]
        return gone + new or ([f"~ {path}: order or number differs"] if before != after else [])
    return [] if before == after else [f"~ {path}: {before!r} -> {after!r}"]


def _between(before: dict[str, Any], after: dict[str, Any], name: str, path: str) -> list[str]:
    if name not in before:
        return [f"+ {path}: {after[name]}"]
    if name not in after:
        return [f"- {path}: {before[name]}"]
    return differences(before[name], after[name], path)
