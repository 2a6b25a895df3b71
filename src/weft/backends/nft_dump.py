"""Raw nf_tables dumps: whether there is anything at all, before libnftables is loaded for it.

Rules: read only; names, hooks, and which rules have what is looked for. Source: linux/netfilter/nf_tables.h,
linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from errno import EINVAL, EOPNOTSUPP, EPERM

from weft.errors import DumpInterrupted, NotPermitted
from weft.records import dataclass
from weft.wire.codec import NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, messages, payloads
from weft.wire.netfilter import GENERATION_SIZE, NETLINK_NETFILTER, NFTABLES, family_at, request
from weft.wire.reply import read_reply

NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE = 1, 4, 7
FORWARD, DROP = 2, 0

_MAX_TRIES = 20


@dataclass(frozen=True, slots=True)
class Chain:
    """`hook`: NF_INET_* of a base chain, else None; `drops`: its policy."""

    family: str
    table: str
    name: str
    hook: int | None
    drops: bool


def tables() -> list[tuple[str, str]]:
    """(family, name) of every table in the namespace the thread is in. Raises: DumpInterrupted, NotPermitted."""
    return [(family, _text(a[1])) for family, a in _dump(NFT_MSG_GETTABLE)]


def chains() -> list[Chain]:
    """Every chain in the namespace the thread is in. Raises: DumpInterrupted, NotPermitted."""
    return [_chain(family, a) for family, a in _dump(NFT_MSG_GETCHAIN)]


def chains_with_rules_holding(text: bytes) -> set[tuple[str, str, str]]:
    """(family, table, chain) of rules whose user data (the comment) holds `text`. Raises: as `tables`."""
    found = ((family, a) for family, a in _dump(NFT_MSG_GETRULE) if text in a.get(7, b""))
    return {(family, _text(a[1]), _text(a[2])) for family, a in found}


def has_masked_lookups() -> bool:
    """Whether any rule here, whoever made it, looks up a part of a field (a DSCP, a VLAN's number) in a set without a
    name. Raises: as `tables`."""
    expressions = (a.get(4, b"") for _, a in _dump(NFT_MSG_GETRULE))
    return any(b"bitwise\0" in rule and (b"__set" in rule or b"__map" in rule) for rule in expressions)


def _chain(family: str, attributes: dict[int, bytes]) -> Chain:
    hook = payloads(attributes[4], 0, len(attributes[4])) if 4 in attributes else {}
    number = int.from_bytes(hook[1], "big") if 1 in hook else None
    policy = int.from_bytes(attributes[5], "big") if 5 in attributes else 1
    return Chain(family, _text(attributes[1]), _text(attributes[3]), number, policy == DROP)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _dump(message: int) -> list[tuple[str, dict[int, bytes]]]:
    for _ in range(_MAX_TRIES):
        try:
            return list(_dump_once(message))
        except DumpInterrupted:
            continue
    raise DumpInterrupted("nf_tables changed during every try to list it")


def _dump_once(message: int) -> Iterator[tuple[str, dict[int, bytes]]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER) as sock:
        sock.send(request(NFTABLES, message, NLM_F_DUMP, sequence=1))
        while True:
            data = sock.recv(1 << 17)
            for kind, flags, _, at, end in messages(data):
                if flags & NLM_F_DUMP_INTR:
                    raise DumpInterrupted("nf_tables changed while it was listed")
                if kind == NLMSG_ERROR:
                    _demand_absent(read_reply(data, at, end, flags).errno_)
                if kind in (NLMSG_DONE, NLMSG_ERROR):
                    return
                yield family_at(data, at), payloads(data, at + GENERATION_SIZE, end)


def _demand_absent(error: int) -> None:
    """Raises: NotPermitted, OSError where an error says more than that this kernel has no nf_tables, or the namespace
    none."""
    if error == EPERM:
        raise NotPermitted("listing nf_tables needs CAP_NET_ADMIN")
    if error not in (EINVAL, EOPNOTSUPP):
        raise OSError(error, "nf_tables dump")
