"""What a tenant's groups must be to have a meaning: every name known, every rule without contradiction.

Rules: all that is wrong is found, each at its own key. What is wrong is left out of what is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from ipaddress import ip_network

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.groups.matches import icmp_type
from weft.model.intent import Path, Tenant
from weft.model.security import (
    FAMILIES,
    ICMP,
    ICMP_FAMILIES,
    ICMP_TYPES,
    ICMPV6,
    PROTOCOL_NAMES,
    WITH_PORTS,
    Remote,
    SecurityGroup,
    SecurityRule,
)
from weft.model.words import among, closest
from weft.records import dataclass

_DEEPEST = 100
"""Address groups within each other: as many nobody keeps apart, and Python goes no deeper than some hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """A tenant's groups, and its address groups as prefixes, whatever they are made of. `remotes`: the groups whose
    members some rule asks for."""

    security: Mapping[str, SecurityGroup]
    addresses: Mapping[str, Sequence[str]]
    remotes: frozenset[str]

    @classmethod
    def of(cls, tenant: Tenant, addresses: Mapping[str, Sequence[str]]) -> Groups:
        named = (rule.remote.group for rule in _rules(tenant.security_groups) if rule.remote is not None)
        return cls(
            security=tenant.security_groups, addresses=addresses, remotes=frozenset(name for name in named if name)
        )

    def rules(self) -> Iterator[SecurityRule]:
        return _rules(self.security)


def _rules(groups: Mapping[str, SecurityGroup]) -> Iterator[SecurityRule]:
    for group in groups.values():
        yield from (*group.ingress, *(group.egress or ()))


def check_groups(draft: Draft, name: str, tenant: Tenant) -> Groups:
    """The groups of the tenant `name`, and findings for what is wrong with them."""
    path = ("tenants", name)
    for group, held in tenant.security_groups.items():
        if held.log_drops is not None:
            need_log(draft, (*path, "security_groups", group, "log_drops"))
        if held.audit and "nft_log" not in draft.facts.features:
            what = f"this kernel lacks nft_log: what {group} would drop passes, and is only counted"
            draft.warn((*path, "security_groups", group, "audit"), what, "weft groups shows it", Cause.FEATURE)
        for way, rules in (("ingress", held.ingress), ("egress", held.egress or ())):
            for at, rule in enumerate(rules):
                _Checked(draft, (*path, "security_groups", group, way, str(at)), rule, tenant).check()
    addresses = _Unfolding(draft, (*path, "address_groups"), tenant.address_groups)
    return Groups.of(tenant, addresses.all())


def need_log(draft: Draft, path: Path) -> None:
    draft.need("nft_log", path, "no log: rules and what ports drop are counted anyway (weft groups)")


def no_such(draft: Draft, path: Path, kind: str, name: str, known: Mapping[str, object]) -> None:
    """Find a name that names nothing."""
    meant = closest(name, known)
    fix = f"did you mean {meant}?" if meant else f"there are: {', '.join(known)}" if known else f"add it under {kind}s:"
    draft.error(path, f"there is no {kind.replace('_', ' ')} {name}", fix)


@dataclass(frozen=True, slots=True)
class _Checked:
    """One rule with its place."""

    draft: Draft
    path: Path
    rule: SecurityRule
    tenant: Tenant

    def check(self) -> None:
        self._ports()
        self._icmp()
        self._families()
        if self.rule.log is not None:
            need_log(self.draft, (*self.path, "log"))
        if self.rule.remote is not None:
            self._remote(self.rule.remote)

    def _error(self, key: str, what: str, fix: str) -> None:
        self.draft.error((*self.path, key), what, fix)

    def _ports(self) -> None:
        protocol = self.rule.protocol
        if self.rule.ports and protocol not in WITH_PORTS:
            whose = "a rule of all protocols" if protocol is None else PROTOCOL_NAMES.get(protocol, str(protocol))
            with_ports = among(PROTOCOL_NAMES[number] for number in sorted(WITH_PORTS))
            fix = "`type:` and `code:` are of ICMP" if protocol in ICMP_FAMILIES else f"protocol: {with_ports}"
            self._error("ports", f"{whose} has no ports", fix)

    def _icmp(self) -> None:
        rule, protocol = self.rule, self.rule.protocol
        key = "type" if rule.type is not None else "code"
        if rule.type is None and rule.code is None:
            return
        if protocol not in (ICMP, ICMPV6):
            self._error(key, f"{key} is of ICMP, and this is none", "add protocol: icmp, or protocol: icmpv6")
        elif rule.type is None:
            self._error("code", "a code means nothing without its type", "add type:")
        elif icmp_type(rule) is None:
            word = PROTOCOL_NAMES[protocol]
            other = ICMPV6 if protocol == ICMP else ICMP
            fix = f"protocol: {PROTOCOL_NAMES[other]}" if rule.type in ICMP_TYPES[other] else "its number"
            self._error("type", f"{word} has no type {rule.type}", fix)

    def _families(self) -> None:
        rule = self.rule
        said = {
            "family": FAMILIES.get(rule.family or "", 0),
            "protocol": ICMP_FAMILIES.get(rule.protocol or 0, 0),
            "remote": ip_network(rule.remote.cidr).version if rule.remote and rule.remote.cidr else 0,
        }
        told = {key: family for key, family in said.items() if family}
        if len(set(told.values())) > 1:
            first, *_, last = told
            what = f"{first} says IPv{told[first]} and {last} IPv{told[last]}: no packet is both"
            word = "icmpv6 is of IPv6, icmp of IPv4" if "protocol" in told else "keep one of the two"
            self._error(last, what, word)

    def _remote(self, remote: Remote) -> None:
        given = [key for key in ("cidr", "group", "address_group") if getattr(remote, key) is not None]
        if len(given) != 1:
            what = f"remote is one thing, here {' and '.join(given) or 'nothing'}"
            self._error("remote", what, "one of cidr: PREFIX, group: NAME, address_group: NAME")
        tenant = self.tenant
        if remote.group is not None and remote.group not in tenant.security_groups:
            no_such(self.draft, (*self.path, "remote", "group"), "security_group", remote.group, tenant.security_groups)
        if remote.address_group is not None and remote.address_group not in tenant.address_groups:
            at = (*self.path, "remote", "address_group")
            no_such(self.draft, at, "address_group", remote.address_group, tenant.address_groups)


@dataclass(slots=True)
class _Unfolding:
    """Address groups as the prefixes that they come to, each once."""

    draft: Draft
    path: Path
    groups: Mapping[str, Sequence[str]]
    done: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def all(self) -> Mapping[str, tuple[str, ...]]:
        for name in self.groups:
            self._unfold(name, ())
        return self.done

    def _unfold(self, name: str, within: tuple[str, ...]) -> tuple[str, ...]:
        if name not in self.done:
            found: dict[str, None] = {}
            for at, member in enumerate(self.groups[name]):
                found.update(dict.fromkeys(self._member((*self.path, name, str(at)), member, (*within, name))))
            self.done[name] = tuple(found)
        return self.done[name]

    def _member(self, path: Path, member: str, within: tuple[str, ...]) -> Sequence[str]:
        if "/" in member:
            return (member,)
        if member in within:
            circle = " in ".join((*within[within.index(member) :], member)[::-1])
            self.draft.error(path, f"the address group is in itself: {circle}", "take one of them out")
            return ()
        if len(within) >= _DEEPEST:
            self.draft.error(path, f"address groups within each other, {_DEEPEST} deep", "fewer, with more members")
            return ()
        if member not in self.groups:
            no_such(self.draft, path, "address_group", member, self.groups)
            return ()
        return self._unfold(member, within)
