"""A port's share of its tenant's filter: what it may speak as, and the chains of its combination of groups.

Rules: a chain of a combination passes what answers something, then what no network lives without, then goes through
the levels of the groups by priority. It is shared by all ports of that combination. Answers pass before anything is
asked of the groups, so a packet of a connection costs the same with any number of rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from weft.compiler.draft import Draft
from weft.compiler.groups import layout
from weft.compiler.groups.checks import need_log, no_such
from weft.compiler.groups.guard import TRUSTED, guard_port, sending, speakers
from weft.compiler.groups.layout import hashed, member_set, quoted
from weft.compiler.groups.logs import USUAL as USUAL_LOG
from weft.compiler.groups.rules import IN, OUT, USUAL, level_chain
from weft.compiler.groups.security import Security, put_zone
from weft.compiler.groups.tracking import Tracking
from weft.compiler.place import PortPlace
from weft.kinds.nft.chain import IP
from weft.model.security import Action, Logging, per_day

_ENDS = {IN: "to", OUT: "from"}
_LONGEST = 60
"""Characters of the names of a combination, above which it goes by their hash."""


class _Combination(NamedTuple):
    """Groups of one port, sorted; in one domain. `joined`: all of them by name. `visitor`: whose they are, "" for the
    network's own tenant. `answers`: the rule that passes what answers, "" for stateless. `told`: how much is told of
    what no rule allows; `is_own`: because the port says so."""

    groups: tuple[str, ...]
    joined: str
    visitor: str
    domain: str
    answers: str
    told: Logging = USUAL_LOG
    is_own: bool = False

    @property
    def name(self) -> str:
        joined = hashed(self.joined) if len(self.joined) > _LONGEST else self.joined
        own = f"/{self.told.rate.replace('/', '-')}-{self.told.burst}" if self.is_own else ""
        nobody = f"-nobody/{self.visitor}" if self.visitor else "-nobody"
        return (f".{joined}" if joined else nobody) + self.domain + own


def protect(draft: Draft, place: PortPlace) -> None:
    """Put all that filters one port."""
    if place.network.security is None:
        _check_unprotected(draft, place)
        return
    security = place.network.security.of(place)
    guard_port(draft, security.table, place)
    put_zone(draft, place.network, place.bridge_ifname, place.path)
    link = quoted(place.bridge_ifname)
    combination = _combination(draft, security, place)
    if combination is None:
        draft.put(security.table.element(layout.RECEIVERS, link, TRUSTED), place.path)
        return
    _chains(draft, security, combination, IN, place)
    draft.put(security.table.element(layout.RECEIVERS, link, f"goto to{combination.name}"), place.path)
    if _narrows(security, combination):
        _chains(draft, security, combination, OUT, place)
        draft.share(sending(security.table), security.path)
        draft.put(security.table.element(layout.SENDERS, link, f"goto from{combination.name}"), place.path)
    _members(draft, security, combination, place)


def _check_unprotected(draft: Draft, place: PortPlace) -> None:
    port = place.port
    said = {
        "security_groups": port.security_groups is not None,
        "allowed_address_pairs": bool(port.allowed_address_pairs),
        "log_drops": port.log_drops is not None,
    }
    wanted = next((key for key, is_said in said.items() if is_said), None)
    if place.network.shared is not None and wanted is not None:
        what = f"network {place.network.name} has no bridge where its ports could be filtered"
        draft.error((*place.path, wanted), what, "a segment without `mode`")


def _combination(draft: Draft, security: Security, place: PortPlace) -> _Combination | None:
    """None where the port is not filtered."""
    given, path = place.port.security_groups, (*place.path, "security_groups")
    if place.port.log_drops is not None:
        _check_log(draft, place)
    if given is None:
        return None
    if not place.port.port_security:
        what = "what a port without port_security says it is, nobody knows: no group can hold"
        draft.error((*place.path, "port_security"), what, "take out one of the two")
    known = security.groups.security
    for at, name in enumerate(given):
        if name not in known:
            no_such(draft, (*path, str(at)), "security_group", name, known)
    names = tuple(sorted({name for name in given if name in known}))
    kinds = {known[name].stateful for name in names}
    if len(kinds) > 1:
        stateless = ", ".join(name for name in names if not known[name].stateful)
        draft.error(path, f"{stateless} is stateless, the others are stateful", "groups of one kind on a port")
    answers = "" if kinds == {False} else security.tracking.value
    if kinds != {False} and security.tracking is Tracking.NONE:
        draft.need("nft_bridge_ct", path, "groups with `stateful: false`, or load br_netfilter")
    told, own = _told(security, names), place.port.log_drops
    return _Combination(
        groups=names,
        joined=security.named(".".join(names)),
        visitor=security.visitor,
        domain=security.domain(place.network),
        answers=answers,
        told=own or told,
        is_own=own not in (None, told),
    )


def _check_log(draft: Draft, place: PortPlace) -> None:
    path = (*place.path, "log_drops")
    need_log(draft, path)
    if place.port.security_groups is None:
        draft.error(path, "a port without security groups drops nothing", "leave it out, or add security_groups:")


def _told(security: Security, groups: Iterable[str]) -> Logging:
    """As much as any of the groups wants."""
    said = [held for name in groups if (held := security.groups.security[name].log_drops) is not None]
    return max(said, key=lambda held: (per_day(held.rate), held.burst), default=USUAL_LOG)


def _narrows(security: Security, combination: _Combination) -> bool:
    """Whether the port may not send all."""
    groups = [security.groups.security[name] for name in combination.groups]
    if groups and all(group.egress is not None for group in groups):
        return True
    return any(rule.action is Action.DENY for group in groups for rule in group.egress or ())


def _chains(draft: Draft, security: Security, combination: _Combination, way: str, place: PortPlace) -> None:
    end, name = _ENDS[way], combination.name
    by_type = f"ether type vmap {{ ip : goto {end}4{name}, arp : accept, ip6 : goto {end}6{name} }}"
    audit = any(security.groups.security[group].audit for group in combination.groups)
    left = security.logs.default(way, combination.groups, combination.told, audit=audit)
    answers = (combination.answers,) if combination.answers else ()
    draft.share(security.table.chain(f"{end}{name}", (*answers, by_type, *left)), security.path)
    for family in IP:
        rules = (f"jump basic.{way}{family}", *_levels(security, combination, way, family), *left)
        draft.share(security.table.chain(f"{end}{family}{name}", rules), security.path)


def _levels(security: Security, combination: _Combination, way: str, family: int) -> list[str]:
    """The groups' chains by priority. A group that says nothing of egress allows all, at the usual priority."""
    found = [
        (level, f"jump {level_chain(way, family, direction.group, level, combination.domain)}")
        for direction in (security.direction(group, way) for group in combination.groups)
        for level in direction.levels()
    ]
    if way == OUT and any(security.groups.security[name].egress is None for name in combination.groups):
        found.append((USUAL, "counter accept"))
    return [rule for _, rule in sorted(found)]


def _members(draft: Draft, security: Security, combination: _Combination, place: PortPlace) -> None:
    """The port's addresses in the sets of those of its groups that a rule names."""
    for group in combination.groups:
        if group not in security.groups.remotes:
            continue
        for speaker in speakers(place):
            if speaker.address and not speaker.address.startswith("fe80:"):
                name = member_set(speaker.family, security.named(group), combination.domain)
                draft.share(security.table.element(name, speaker.address), place.path)
