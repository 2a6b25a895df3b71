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

HOST = ""
"""The host's own key in a dump; a named namespace's is its name."""

Dump = dict[str, dict[str, Any]]
"""namespace -> section (link, addr, route, rule, neigh, fdb, qdisc, class, nft, sysctl) -> normalised content."""

_MARK = "=== "


def _batch(program: str, *commands: str) -> str:
    """Several commands for one start of `ip`, which in a guest costs more than what they do. A line of JSON each."""
    return "\n".join([f"{program} -batch - <<'E'", *commands, "E"])


_COMMANDS = {
    "link": "ip -j -d link show",
    # `ip netns list-id` stops after some 130
    "nsid addr neigh": _batch("ip -j", "netns list", "addr show", "neigh show nud permanent"),
    "route rule": _batch("ip -j -4", "route show table all", "rule show"),
    "route6 rule6": _batch("ip -j -6", "route show table all", "rule show"),
    "qdisc": "tc -j qdisc show",
    "class": (  # of which Debian 12's tc has no JSON; a queue's handle is dealt, a flow of fq_codel passes
        r"tc qdisc show | sed -n 's/^qdisc htb [^ ]* dev \([^ ]*\) .*/\1/p' | while read dev; "
        r'do tc -d class show dev $dev | sed "/^class fq_codel/d; s/^/$dev /; s/ leaf [^ ]*//"; done'
    ),
    "nft": "nft -j list ruleset",
    # Of the directory that each interface has, only what decides about forwarding: there may be thousands.
    "sysctl": (
        "cd /proc/sys/net; grep -rHs --exclude-dir=neigh --exclude-dir=conf . /proc/sys/net/ "
        "ipv[46]/conf/all/* ipv[46]/conf/default/* ipv[46]/conf/*/forwarding "
        "ipv4/conf/*/rp_filter ipv6/conf/*/disable_ipv6 ipv6/conf/*/accept_ra "
        "ipv6/conf/*/addr_gen_mode || true"
    ),
}
_GLANCE = _batch("ip -j -6", "addr show", "route show table all")
"""What the kernel goes on changing for some time after a carrier appears: IPv6, to the route to an address itself."""
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


def dump_script() -> str:
    """A shell script that prints everything of the host and of each named namespace."""
    return _everywhere("\n".join(f"echo '{_MARK}{title}'\n{command}" for title, command in _COMMANDS.items()))


def glance_script() -> str:
    """The same of what the kernel does by itself: `parse_glance` reads it."""
    return _everywhere(_GLANCE)


def _everywhere(asks: str) -> str:
    return f"""
asks=$(cat <<'END'
{asks}
END
)
echo '{_MARK}{_MARK}'
sh -c "$asks"
for path in /run/netns/*; do
  [ -e "$path" ] || continue
  echo '{_MARK}{_MARK}'"${{path##*/}}"
  nsenter --net="$path" sh -c "$asks"
done
"""


def parse_dump(text: str) -> Dump:
    """What `dump_script` printed, normalised."""
    raw = {name: _sections(body) for name, body in _split(text, _MARK + _MARK)}
    ifnames = {(name, link["ifindex"]): link["ifname"] for name, sections in raw.items() for link in sections["link"]}
    return {name: _normalise(name, sections, ifnames) for name, sections in raw.items()}


def parse_glance(text: str) -> tuple[Any, bool]:
    """What can be compared of it, and whether more is to come: an address is being checked for duplicates, or a link
    has a carrier that the kernel has yet to tell of, which makes addresses (net/core/link_watch.c: within a second)."""
    lines = [json.loads(line) for _, body in _split(text, _MARK + _MARK) for line in body.splitlines()]
    return _clean(lines), '"tentative":true' in text or any(_rises(told) for line in lines for told in line)


def _rises(told: dict[str, Any]) -> bool:
    return {"UP", "LOWER_UP"} <= set(told["flags"]) and told.get("operstate", "UP") in ("DOWN", "LOWERLAYERDOWN")


def _split(text: str, mark: str) -> list[tuple[str, str]]:
    """[(what follows the mark on its line, the lines up to the next mark)]."""
    blocks = ("\n" + text).split("\n" + mark)[1:]
    return [(title, body) for title, _, body in (block.partition("\n") for block in blocks)]


def _sections(body: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for title, text in _split(body, _MARK):
        if title in _READERS:
            found[title] = _READERS[title](text)
        elif " " in title:
            found |= zip(title.split(), map(json.loads, text.splitlines()), strict=True)
        else:
            found[title] = json.loads(text or "[]")
    return found


def _sysctls(text: str) -> dict[str, str]:
    lines = (line.removeprefix("/proc/sys/net/").partition(":") for line in text.splitlines())
    return {name: " ".join(value.split()) for name, _, value in lines if not name.endswith(_PASSING_SYSCTLS)}


_READERS = {"sysctl": _sysctls, "class": lambda text: sorted(text.splitlines())}


def _normalise(netns: str, raw: Mapping[str, Any], ifnames: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    nsids = {entry["id"]: entry["name"] for entry in raw["nsid"] if "id" in entry}
    links = [_link(netns, link, nsids, ifnames) for link in raw["link"]]
    return {
        "link": {link["ifname"]: _clean(link) for link in links},
        "addr": {link["ifname"]: _ordered(map(_address, link["addr_info"])) for link in raw["addr"] if link},
        "route": _ordered(map(_clean, raw["route"] + raw["route6"])),
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
