"""What intents ask of the machine: kernel features, and prefixes that the host will know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from weft.check.symptoms import Need, Tunnel
from weft.compiler import CompileError, Compiler, compile
from weft.compiler.qos.mechanisms import Choice
from weft.compiler.qos.planted import Planted
from weft.facts import Facts
from weft.files import Loaded
from weft.model.intent import Path, Tenant
from weft.model.links import GeneveLink, VxlanLink
from weft.model.segment import SegmentSpec

_NO_PROGRAMS: Mapping[str, str] = MappingProxyType({})


def needs(
    loaded: Loaded, host_id: str, features: Set[str] = frozenset(), programs: Mapping[str, str] = _NO_PROGRAMS
) -> Iterator[Need]:
    """The features and programs that an intent cannot do without and this machine lacks, each with the first line that
    needs it: what the compiler would say on such a one."""
    try:
        compile(loaded.intent, Facts(host_id=host_id, features=frozenset(features), programs=programs))
    except CompileError as error:
        for finding in error.findings:
            if lacking := finding.feature or finding.program:
                yield Need(feature=lacking, where=loaded.origins.at(finding.path), instead=finding.fix)


def wishes(loaded: Loaded, host_id: str, features: Set[str]) -> Iterator[Need]:
    """The features that a policy would use if the kernel had them, each with the line, and what stands in for it."""
    found: list[Planted] = []
    with suppress(CompileError):  # what is wrong beside that is said by whoever applies it
        Compiler(loaded.intent, Facts(host_id=host_id, features=frozenset(features)), found).whole()
    for planted in found:
        for path, choice in _choices(planted):
            for feature in sorted(choice.lacking):
                where = loaded.origins.at(path)
                yield Need(feature=feature, where=where, instead=choice.mechanism.name, strict=False)
        for node in planted.tree.nodes if planted.tree else ():
            if node.queue is not None and node.figures.splits.value and node.splitter is None:
                where = loaded.origins.at(node.branch.origin)
                yield Need(feature="tbf", where=where, instead="large frames whole", strict=False)


def _choices(planted: Planted) -> Iterator[tuple[Path, Choice[Any]]]:
    shaping = planted.shaping
    if shaping is not None:
        chosen = (shaping.limits, shaping.line, shaping.root_choice)
        yield from ((shaping.path, choice) for choice in chosen if choice is not None)
    for node in planted.tree.nodes if planted.tree else ():
        if node.queue is not None:
            yield node.branch.origin, node.queue


def subnets(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """(place, prefix) of the networks that lead out, and of the pool of addresses for those behind NAT."""
    yield loaded.origins.at(("pools",)), loaded.intent.pools.ipv4
    for tenant_name, tenant in loaded.intent.tenants.items():
        for name, network in tenant.networks.items():
            for subnet in network.subnets if network.uplink or name in _unhidden(tenant) else ():
                yield f"{loaded.origins.at(('tenants', tenant_name, 'networks', name))} {subnet.cidr}", subnet.cidr


def tunnels(loaded: Loaded) -> Iterator[Tunnel]:
    """What other machines send frames of networks and links to."""
    for tenant_name, tenant in loaded.intent.tenants.items():
        for name, network in tenant.networks.items():
            if network.segment is not None and network.segment.vni is not None:
                yield _tunnel(loaded, network.segment, ("tenants", tenant_name, "networks", name, "segment"))
    for name, link in loaded.intent.host.links.items() if loaded.intent.host else ():
        if isinstance(link, VxlanLink | GeneveLink):
            yield _tunnel(loaded, link, ("host", "links", name))


def _tunnel(loaded: Loaded, spec: SegmentSpec | VxlanLink | GeneveLink, path: Path) -> Tunnel:
    one, several = getattr(spec, "remote", None), getattr(spec, "remotes", ())
    learned = (entry.remote for entry in getattr(spec, "fdb", ()))
    remotes = tuple(dict.fromkeys(remote for remote in (one, *several, *learned) if remote))
    where = loaded.origins.at(path)
    return Tunnel(port=spec.port, remotes=remotes, local=getattr(spec, "local", None) or "", where=where)


def _unhidden(tenant: Tenant) -> Set[str]:
    """The networks that routers lead out with their own addresses."""
    routers = (router for router in tenant.routers.values() if router.gateway and not router.gateway.translates)
    return {network for router in routers for network in tenant.joined(router)}
