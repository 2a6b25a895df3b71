"""What a filter tells of packets: a counter for each place where one is dropped, and a sample of them by nflog.

Rules: a place counts in a set that the kernel fills by itself, by link, so that a port more rewrites nothing and costs
nothing before something of it is dropped. A line of the log says what the place is, before whose it is, for names may
be cut. Nobody listens unless somebody wants to know; then the kernel does no more than keep to the rate.
Source: nft(8) log, limit and set statements; linux/netfilter/nf_log.h NF_LOG_PREFIXLEN; net/netfilter/nft_dynset.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from weft.model.security import Action, Logging, SecurityRule
from weft.records import dataclass

NFLOG_GROUP = 30565
"""`we`, as a number of 16 bits."""
SNAPLEN_BYTES = 128
"""The headers of a packet and some more."""

GUARD, STRANGER = "dropped.guard", "dropped.stranger"
"""Sets of links: whose port spoke as another; which weft does not know."""
DROPPED = {"in": "dropped.in", "out": "dropped.out"}
"""By what no rule allows, on the way to a port and from it."""
DENIED = {"in": "denied.in", "out": "denied.out"}
AUDITED = {"in": "audited.in", "out": "audited.out"}
END = {"in": "oifname", "out": "iifname"}
"""The port's own link, by the way of the packet."""
WAYS = {"in": "ingress", "out": "egress"}

ALLOW, DROP, WOULD_DROP = "allow", "drop", "audit"
"""What became of a packet, as a line says it."""

USUAL = Logging()
_BURST_OF_NFT = 5
_LONGEST_PREFIX = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Writes the lines of one tenant. `whose`: its scope and its name; `able`: the kernel can."""

    whose: str
    able: bool

    def tell(self, place: str, fate: str, of: str = "", limit: Logging = USUAL) -> tuple[str, ...]:
        """The rule that tells of a packet, if the kernel can."""
        if not self.able:
            return ()
        burst = "" if limit.burst == _BURST_OF_NFT else f" burst {limit.burst} packets"
        prefix = f"weft {place} {fate} {self.whose}{of}"[:_LONGEST_PREFIX]
        return (f'limit rate {limit.rate}{burst} log prefix "{prefix}" group {NFLOG_GROUP} snaplen {SNAPLEN_BYTES}',)

    def guard(self, place: str) -> tuple[str, ...]:
        """The end of a chain that keeps a port from speaking as another."""
        return (count(GUARD, "iifname"), *self.tell(place, DROP), "counter drop")

    def stranger(self, end: str) -> tuple[str, ...]:
        """The end of a hook for a link that weft does not know."""
        return (count(STRANGER, end), *self.tell("stranger", DROP), "counter drop")

    def default(self, way: str, groups: Sequence[str], limit: Logging, *, audit: bool) -> tuple[str, ...]:
        """What becomes of a packet that no rule allows."""
        place, end, of = WAYS[way], END[way], f"/{'.'.join(groups)}" if groups else ""
        if audit:
            return (count(AUDITED[way], end), *self.tell(place, WOULD_DROP, of, limit), "counter accept")
        return (count(DROPPED[way], end), *self.tell(place, DROP, of, limit), "counter drop")

    def denied(self, way: str, group: str) -> tuple[str, ...]:
        """What becomes of a packet that a rule without a log denies."""
        told = self.tell(f"{WAYS[way]}.deny", DROP, f"/{group}")
        return (count(DENIED[way], END[way]), *told, "counter drop")

    def logged(self, way: str, group: str, rule: SecurityRule, *, audit: bool) -> tuple[str, ...]:
        """What becomes of a packet that a rule with a log fits."""
        place = f"{WAYS[way]}#{digest(group, rule)}"
        limit = rule.log or USUAL
        if rule.action is Action.ALLOW:
            return (*self.tell(place, ALLOW, f"/{group}", limit), "accept")
        if audit:  # it goes on to other rules; the port counts it if none of them allows it
            return self.tell(place, WOULD_DROP, f"/{group}", limit)
        return (count(DENIED[way], END[way]), *self.tell(place, DROP, f"/{group}", limit), "drop")


def count(set_name: str, end: str) -> str:
    """The rule that counts a packet at the link `end`. It decides nothing, also where the set is full."""
    return f"add @{set_name} {{ {end} }}"


def digest(group: str, rule: SecurityRule) -> str:
    """A rule's name in its tenant, whatever stands before it: what it fits and what becomes of that."""
    remote = rule.remote
    said = (
        group, rule.family, rule.protocol, rule.ports, rule.type, rule.code, rule.action.value, rule.priority,
        (remote.cidr, remote.group, remote.address_group) if remote else None,
    )  # fmt: skip
    return sha256(repr(said).encode()).hexdigest()[:8]


def rule_chain(way: str, group: str, rule: SecurityRule) -> str:
    """Of a rule with a log, in both families."""
    return f"{way}.{group}.log.{digest(group, rule)}"


def denied_chain(way: str, group: str) -> str:
    return f"{way}.{group}.denied"
