"""Floating IPs and forwardings that lead to a port whose groups let nothing in from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.compiler.findings import Finding
from weft.compiler.groups.matches import Match
from weft.facts import Facts
from weft.lint.groups.rules import matched, unfolded
from weft.model.floating import Forward
from weft.model.intent import Intent, Path, Tenant
from weft.model.security import PROTOCOL_NAMES, Action


def silent_floating(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Who is outside is in no group, so only rules without one, or with prefixes, let him in."""
    for name, tenant in intent.tenants.items():
        known = _Admitted(name, tenant)
        for address, held in tenant.floating_ips.items():
            path = ("tenants", name, "floating_ips", address)
            family = 6 if ":" in address else 4
            if held.port and known.admits(held.port, family) is False:
                yield _finding((*path, "port"), held.port, "anything", "{remote: {cidr: PREFIX}}")
            for at, forward in enumerate(held.forward):
                if known.admits(forward.port, family, forward) is False:
                    word, ports = PROTOCOL_NAMES[forward.protocol], _ports(forward)
                    rule = f"{{protocol: {word}, ports: {ports}}}"
                    yield _finding((*path, "forward", str(at), "port"), forward.port, f"{word}/{ports}", rule)


class _Admitted:
    """What the ports of a tenant let in from outside."""

    def __init__(self, name: str, tenant: Tenant) -> None:
        self._name, self._tenant = name, tenant
        self._found: dict[str, list[tuple[int, Match]]] = {}

    def admits(self, port: str, family: int, forward: Forward | None = None) -> bool | None:
        """Anything at all, or anything that a forwarding leads on; None where nothing is filtered."""
        held = self._tenant.ports.get(port)
        if held is None or held.security_groups is None:
            return None
        groups = self._tenant.security_groups
        if any(groups[one].audit for one in held.security_groups if one in groups):
            return None
        let_in = (match for group in held.security_groups for of, match in self._of(group) if of == family)
        return any(forward is None or _meets(match, forward) for match in let_in if not match.group)

    def _of(self, group: str) -> Iterable[tuple[int, Match]]:
        if group not in self._found:
            held = self._tenant.security_groups.get(group)
            addresses = unfolded(self._tenant.address_groups)
            allowing = (rule for rule in (held.ingress if held else ()) if rule.action is Action.ALLOW)
            self._found[group] = [one for rule in allowing for one in matched(rule, (), addresses)]
        return self._found[group]


def _meets(match: Match, forward: Forward) -> bool:
    """Whether a rule has to do with any of what is forwarded, as it comes to the port."""
    if match.protocol not in (None, forward.protocol):
        return False
    ranges = (forward.to,) if forward.to is not None else forward.ports
    return match.span is None or any(match.span[0] <= high and low <= match.span[1] for low, high in ranges)


def _ports(forward: Forward) -> str:
    low, high = forward.to or forward.ports[0]
    return str(low) if low == high else f"{low}-{high}"


def _finding(path: Path, port: str, what: str, rule: str) -> Finding:
    said = f"it leads to {port}, whose security groups let {what} in from nobody outside"
    return Finding(path=path, what=said, fix=f"ingress: [{rule}] in a group of {port}", severity="warning")
