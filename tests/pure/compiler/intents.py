"""Small intents and a machine for tests of the compiler."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from weft.compiler import CompileError, Finding, compile
from weft.facts import FEATURES, Facts, ForeignLink
from weft.model.intent import Attach, Intent, NamespaceConfig, Network, Port, TapAttach, Tenant

MACHINE = Facts(
    host_id="h0",
    features=frozenset(FEATURES),
    links={"eth0": ForeignLink(ifname="eth0", mtu=1500, addresses=("192.0.2.10/24",))},
    egress_links=("eth0",),
)


def facts(**known: Any) -> Facts:
    return replace(MACHINE, **known)


def port(netns: str = "x", **fields: Any) -> Port:
    return Port(network="n", attach=Attach(netns=netns), **fields)


def tap(**fields: Any) -> Port:
    return Port(network="n", attach=Attach(tap=TapAttach(**fields)))


def intent(
    network: Network,
    p: Port | None = None,
    *,
    host: NamespaceConfig | None = None,
    namespaces: dict[str, NamespaceConfig] | None = None,
    **ports: Port,
) -> Intent:
    """A tenant `t` with a network `n` and the given ports."""
    ports = {"p": p, **ports} if p else ports
    tenants = {"t": Tenant(networks={"n": network}, ports=ports)}
    return Intent(name="lab", tenants=tenants, host=host, namespaces=namespaces or {})


def findings(wanted: Intent, **known: Any) -> list[Finding]:
    """What is wrong with an intent on the machine, warnings aside."""
    try:
        compile(wanted, facts(**known))
    except CompileError as error:
        return list(error.findings)
    return []
