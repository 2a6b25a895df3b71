"""What a ruling of a filter says, in the words of the user's groups."""

from __future__ import annotations

from collections.abc import Sequence

from weft.compiler.groups import layout
from weft.model.intent import Path
from weft.model.security import PROTOCOL_NAMES, Action, Remote, SecurityRule
from weft.trace.filters import SPEAKING, Filters, Judged
from weft.trace.names import Names, port_name
from weft.trace.records import Hop, Sort

_AS_ANYBODY = ("guard.gateway", "guard.gateway6", "guard.mute", "guard.mute6", "guard.unaddressed")


def hop_of(judged: Judged, filters: Filters, names: Names) -> Hop | None:
    """As people read it; None for what nobody needs to know."""
    ruling, crossing = judged.ruling, judged.crossing
    if not judged.port and not ruling.drops:
        return None
    is_speech = ruling.base == SPEAKING
    said, path = _speech(judged, filters) if is_speech else _groups(judged, filters)
    return Hop(
        place=names.network(crossing.netns, crossing.bridge),
        netns=crossing.netns,
        sort=Sort.SPOOFING if is_speech else Sort.GROUPS,
        said=said,
        passes=not ruling.drops,
        path=path,
        keys=tuple(filters.keys(judged)),
        chain=ruling.chain,
        over=(crossing.iifname, crossing.oifname),
    )


def rule_words(rule: SecurityRule, *, incoming: bool) -> str:
    """`tcp 80, 8000-8100 from group base`."""
    what = "everything" if rule.protocol is None else PROTOCOL_NAMES.get(rule.protocol, f"protocol {rule.protocol}")
    if rule.ports:
        what += f" {', '.join(str(low) if low == high else f'{low}-{high}' for low, high in rule.ports)}"
    if rule.type is not None:
        what += f" {rule.type}" + (f" code {rule.code}" if rule.code is not None else "")
    if rule.protocol is None and rule.family:
        what += f" of {rule.family.replace('ip', 'IP')}"
    return f"{what} {'from' if incoming else 'to'} {_remote(rule.remote)}" if rule.remote else what


def groups_words(groups: Sequence[str]) -> str:
    """`security group web`, `security groups base and web`."""
    return f"security group{'s' * (len(groups) > 1)} {' and '.join(groups)}"


def _remote(remote: Remote) -> str:
    if remote.group:
        return f"group {remote.group}"
    return f"address group {remote.address_group}" if remote.address_group else str(remote.cidr)


def _speech(judged: Judged, filters: Filters) -> tuple[str, Path]:
    ruling, crossing, port = judged.ruling, judged.crossing, judged.port
    if not port:
        return f"{crossing.iifname} on the bridge is not weft's: it neither speaks nor hears", ()
    name, as_whom = port_name(port), f"{crossing.source}, {crossing.mac}"
    if ruling.drops:
        return f"{name} may not speak as {as_whom}", port
    held = filters.port(port)
    if not held.port_security:
        return f"{name} may speak as anybody: port_security is false", (*port, "port_security")
    if held.attach.router:
        return f"{name} is a router's: it sends on what others sent", port
    if ruling.chain in _AS_ANYBODY:
        return f"{name} may speak as anybody, by its own MAC", port
    by_prefix = any(found.set in (layout.PREFIXES4, layout.PREFIXES6) for found in ruling.found)
    if by_prefix or any(pair.ip.partition("/")[0] == crossing.source for pair in held.allowed_address_pairs):
        return f"{name} may speak as {as_whom} too", (*port, "allowed_address_pairs")
    return f"{name} speaks as itself: {as_whom}", port


def _groups(judged: Judged, filters: Filters) -> tuple[str, Path]:
    ruling, port = judged.ruling, judged.port
    if not port:
        return f"{judged.crossing.oifname} on the bridge is not weft's: it neither speaks nor hears", ()
    name, groups, at = port_name(port), filters.groups(port), (*port, "security_groups")
    lets = "lets in" if judged.is_incoming else "lets out"
    if judged.rule:
        rule = filters.rule(judged.rule)
        does = "denies" if rule.action is Action.DENY else lets
        return f"group {judged.group} of {name} {does} {rule_words(rule, incoming=judged.is_incoming)}", judged.rule
    if judged.group:
        does = "denies" if ruling.drops else lets
        return f"group {judged.group} of {name} {does} it, by what the file does not say", at
    if ruling.drops:
        return _refusal(name, port, groups, lets)
    if groups is None:
        return f"{name} has no groups: all passes", port
    if judged.answers:
        return f"{name} {lets} what belongs to what passed before", at
    if ruling.chain.startswith("basic."):
        return f"{name} {lets} what no network lives without", at
    return f"{name} {lets} all", at


def _refusal(name: str, port: Path, groups: tuple[str, ...] | None, lets: str) -> tuple[str, Path]:
    if groups is None:
        return f"{name} has no groups, and yet its filter {lets} nothing", port
    if not groups:
        return f"{name} is in no group: only answers come in", (*port, "security_groups")
    does = lets.replace("lets", "let") if len(groups) > 1 else lets
    return f"{groups_words(groups)} of {name} {does} no such thing", ("tenants", port[1], "security_groups", groups[0])
