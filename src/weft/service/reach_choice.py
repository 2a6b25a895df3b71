"""Who asks whom in a check of reach: what was selected, the floating IPs and forwardings, and the host that asks them.

Rules: every port asks every other, and what is asked by a floating IP too; the host asks nothing else. Where that would
be too many, one port asks for all that are alike: on one network, in the same groups. Somebody outside asks what his
external network has: floating IPs, forwardings, routers; of ports that were selected, what leads to them. He is given
an address to ask with; none is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from weft.check.reach import Protocol
from weft.errors import IntentInvalid, Problem
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.model.intent import Intent
from weft.reach import ASKED, Endpoint, floating, forwardings, host, network_around, outsider
from weft.records import dataclass
from weft.state import State

Question = tuple[Endpoint, Endpoint]
"""Who asks, and who is asked."""

FLOATING_PAIRS = 1_000
"""Of ports and what they ask by floating IPs; above it the alike ask by one."""


def targets(intent: Intent, state: State, ports: Sequence[Endpoint]) -> list[Endpoint]:
    """What is asked by floating IPs, and the host where there is any."""
    found = floating(intent, state, ports) + forwardings(intent, state, ports)
    return [host(), *found] if found else []


def outsiders(intent: Intent, state: State, addresses: Sequence[str]) -> list[Endpoint]:
    """Who asks from outside, one for each external network that the addresses are of. `state`: all that is known of the
    machine. Raises: IntentInvalid."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        found.setdefault(_around(intent, state, address), []).append(address)
    for name, of in found.items():
        families = [":" in address for address in of]
        if len(families) > len(set(families)):
            raise _wrong(of[-1], f"a second address of one family on {name}", "one of each family")
    return [outsider(name, intent.external_networks[name], of) for name, of in found.items()]


def _around(intent: Intent, state: State, address: str) -> str:
    """The external network that it is free in. Raises: IntentInvalid."""
    name = network_around(intent, address)
    if not name:
        subnets = [f"{one.cidr} of {name}" for name, held in intent.external_networks.items() for one in held.subnets]
        fix = f"a free one of {' or '.join(subnets)}" if subnets else "declare `external_networks:` first"
        raise _wrong(address, "it is in no external network", fix)
    if any(_is_nobodys(address, one.cidr) for one in intent.external_networks[name].subnets):
        raise _wrong(address, "it is the network's own, or for all on it", f"an address of {name} that nobody has")
    holder = _holder(intent, state, name, address)
    if holder:
        raise _wrong(address, f"it is {holder}", f"an address of {name} that nobody has")
    return name


def _is_nobodys(address: str, cidr: str) -> bool:
    """Of IPv4 the first and the last of a subnet, of IPv6 the first. Source: RFC 3021, RFC 4291."""
    held, net = ip_address(address), ip_network(cidr, strict=False)
    if net.prefixlen >= net.max_prefixlen - 1:
        return False
    return held == net[0] or (net.version == 4 and held == net[-1])


def _holder(intent: Intent, state: State, network: str, address: str) -> str:
    """Who is known to have the address, "" for nobody."""
    if any(address == subnet.gateway for subnet in intent.external_networks[network].subnets):
        return f"the gateway of {network}"
    if any(address in tenant.floating_ips for tenant in intent.tenants.values()):
        return "a floating IP"
    for obj in state.values():
        if isinstance(obj, Address) and obj.cidr.partition("/")[0] == address:
            return f"had by {obj.ifname} in namespace {obj.netns}" if obj.netns else f"the host's, on {obj.ifname}"
        if isinstance(obj, Neighbour) and obj.address == address:
            return f"answered for on {obj.ifname}" if obj.proxy else f"a neighbour's on {obj.ifname}"
    return ""


def _wrong(where: str, what: str, fix: str) -> IntentInvalid:
    return IntentInvalid([Problem(where=f"--external {where}", what=what, fix=fix)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`selected`: what the words fit. `pairs`: who asks whom. Of `able` ports that ask by floating IPs `asking` do.
    `outside`: external networks from which nobody could ask; `idle`: those from which somebody could, and what was
    selected has nothing there."""

    selected: Sequence[Endpoint]
    pairs: Sequence[Question]
    able: int
    asking: int
    outside: tuple[str, ...]
    idle: tuple[str, ...]


def choose(
    intent: Intent,
    found: Sequence[Endpoint],
    words: Sequence[str],
    protocols: Collection[Protocol] = tuple(Protocol),
) -> Choice:
    """`protocols`: what is not forwarded by any of them is left out. Raises: IntentInvalid for a word that fits
    nothing, or only that."""
    fitting = select(found, words)
    unasked = {end.name for end in found if _is_left_out(end, protocols)}
    _demand_asked(fitting, words, unasked)
    selected = [end for end in fitting if end.name not in unasked]
    left = [end for end in found if end.name not in unasked]
    if not any(end.floating for end in left):
        left = [end for end in left if not end.is_host]
    pairs = pairs_of(left, selected)
    led = [pair for pair in pairs if pair[1].floating]
    able = {source.name: source for source, _ in led if source.is_port}
    asking = able if len(led) <= FLOATING_PAIRS else _first_alike(intent, able.values())
    given = dict.fromkeys(end.external for end in found if end.comes_by)
    asked = {source.external for source, _ in pairs}
    return Choice(
        selected=selected,
        pairs=[pair for pair in pairs if not (pair[1].floating and pair[0].is_port) or pair[0].name in asking],
        able=len(able),
        asking=len(asking),
        outside=tuple(dict.fromkeys(target.external for _, target in led if target.external not in given)),
        idle=tuple(name for name in given if name not in asked),
    )


def _first_alike(intent: Intent, able: Iterable[Endpoint]) -> dict[str, Endpoint]:
    """The first of those that are alike: on one network, in the same groups, with addresses of the same families."""
    first: dict[object, Endpoint] = {}
    for end in able:
        port = intent.tenants[end.tenant].ports[end.path[-1]]
        groups = None if port.security_groups is None else frozenset(port.security_groups)
        first.setdefault((end.tenant, end.at, groups, bool(end.ipv4), bool(end.ipv6), end.is_guest), end)
    return {end.name: end for end in first.values()}


def select(found: Sequence[Endpoint], words: Sequence[str]) -> list[Endpoint]:
    """The ports that any of the words fits, all where there are none. Raises: IntentInvalid for one that fits none."""
    strange = [word for word in words if not any(_fits(end, word) for end in found)]
    if strange:
        fix = "PORT, TENANT/PORT or a pattern such as TENANT/*; `weft show` lists them"
        raise IntentInvalid([Problem(where=word, what="no port has that name", fix=fix) for word in strange])
    fitting = [end for end in found if not words or any(_fits(end, word) for word in words)]
    return [end for end in fitting if end.is_port] or fitting


def _is_left_out(end: Endpoint, protocols: Collection[Protocol]) -> bool:
    """A forwarding by another protocol than what is asked by. One that nobody can ask by is shown as that."""
    forwarded = end.talk.protocol if end.talk else ""
    return forwarded in ASKED and forwarded not in {protocol.value for protocol in protocols}


def _demand_asked(fitting: Sequence[Endpoint], words: Sequence[str], unasked: Collection[str]) -> None:
    """Raises: IntentInvalid for a word that only fits what is not asked."""
    problems = []
    for word in words:
        of = [end for end in fitting if _fits(end, word)]
        if of and all(end.name in unasked for end in of):
            by = sorted({end.talk.protocol for end in of if end.talk})
            what = f"it is forwarded by {' and '.join(by)} alone, and asked by nothing else"
            problems.append(Problem(where=word, what=what, fix=" ".join(f"--protocol {one}" for one in by)))
    if problems:
        raise IntentInvalid(problems)


def pairs_of(found: Sequence[Endpoint], selected: Sequence[Endpoint]) -> list[Question]:
    """Each of the selected with each other, both ways; one alone with all there are, and so floating IPs alone. A
    floating IP asks nobody, the host and whoever is outside what is asked by floating IPs, whether they are selected
    or not."""
    askers = [end for end in found if not end.is_port]
    if len(selected) == 1 < len(found):
        (one,) = selected
        others = [end for end in found if end is not one]
        pairs = [(one, other) for other in others] + [(other, one) for other in others]
    else:
        asking = found if all(end.floating for end in selected) else [*selected, *askers]
        pairs = [(source, target) for source in dict.fromkeys(asking) for target in selected if source is not target]
    pairs += _from_outside(found, selected)
    return [(source, target) for source, target in dict.fromkeys(pairs) if source.asks and _may_ask(source, target)]


def _from_outside(found: Sequence[Endpoint], selected: Sequence[Endpoint]) -> Iterator[Question]:
    """Everybody outside, with what leads to selected ports."""
    places = {(end.netns, end.ifname) for end in selected if end.is_port and not end.floating}
    leading = [end for end in found if end.floating and (end.netns, end.ifname) in places]
    return ((source, target) for source in found if source.comes_by for target in leading)


def _may_ask(source: Endpoint, target: Endpoint) -> bool:
    if source.comes_by:
        return target.external == source.external
    return target.is_port and not target.is_router and (source.is_port or bool(target.floating))


def _fits(end: Endpoint, word: str) -> bool:
    """A floating IP's own name means its forwardings as well."""
    name = end.name if "/" in word.partition(" ")[0] else end.name.partition("/")[2] or end.name
    names = {name, name.partition(" ")[0]}
    return any(one == word or fnmatchcase(one, word) for one in names)
