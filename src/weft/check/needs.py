"""What intents ask of the machine: kernel features, and prefixes that the host will know. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.symptoms import Need
from weft.compiler import CompileError, compile
from weft.facts import Facts
from weft.files import Loaded


def needs(loaded: Loaded, host_id: str) -> Iterator[Need]:
    """The features that an intent cannot do without, each with the first line that needs it: what the compiler would
    say on a kernel that has none."""
    try:
        compile(loaded.intent, Facts(host_id=host_id))
    except CompileError as error:
        for finding in error.findings:
            if finding.feature:
                where = loaded.origins.at(finding.path)
                yield Need(feature=finding.feature, where=where, instead=finding.fix)


def subnets(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """(place, prefix) of the networks that lead out, and of the pool of addresses for those behind NAT."""
    yield loaded.origins.at(("pools",)), loaded.intent.pools.ipv4
    for tenant_name, tenant in loaded.intent.tenants.items():
        for name, network in tenant.networks.items():
            for subnet in network.subnets if network.uplink else ():
                yield f"{loaded.origins.at(('tenants', tenant_name, 'networks', name))} {subnet.cidr}", subnet.cidr
