"""Names in a file that name nothing in it, and former names of what is still there.

Rules: these look at the whole file as plain data, when its ranges are open and its defaults laid under. What another
tenant shares, and what the machine has, is the compiler's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weft.errors import Problem
from weft.files.nodes import FALSE, Origins
from weft.model.words import closest

Step = tuple[str, ...]


def references(data: Any, origins: Origins) -> list[Problem]:
    """Every name that names nothing, and every `was:` of what is still there. `data`: the whole file as plain data."""
    problems: list[Problem] = []
    tenants = _mapping(data, "tenants")
    _namespaces(data, origins, problems)
    _renames(tenants, ("tenants",), origins, problems)
    _renames(_mapping(data, "external_networks"), ("external_networks",), origins, problems)
    for tenant, content in tenants.items():
        networks, ports = _mapping(content, "networks"), _mapping(content, "ports")
        problems += _of_ports(tenant, networks, ports, origins)
        problems += _of_routers(data, tenant, origins)
        _renames(networks, ("tenants", tenant, "networks"), origins, problems)
        _renames(ports, ("tenants", tenant, "ports"), origins, problems)
        _renames(_mapping(content, "routers"), ("tenants", tenant, "routers"), origins, problems)
    return problems + _of_policies(data, origins)


def _namespaces(data: Any, origins: Origins, problems: list[Problem]) -> None:
    spaces, host = _mapping(data, "namespaces"), _mapping(data, "host")
    _renames(spaces, ("namespaces",), origins, problems)
    _renames(_mapping(host, "links"), ("host", "links"), origins, problems)
    for name, content in spaces.items():
        _renames(_mapping(content, "links"), ("namespaces", name, "links"), origins, problems)
    for key in (key for key in ("was", "adopt") if str(host.get(key, "no")).lower() not in FALSE):
        where = origins.at(("host", key))
        problems.append(
            Problem(where=where, what=f"{key}: the host's namespace is there and has no name", fix="take it out")
        )


def _of_ports(
    tenant: str, networks: Mapping[str, Any], ports: Mapping[str, Any], origins: Origins
) -> Iterator[Problem]:
    """Networks of its own that a tenant's ports name and it has not."""
    otherwise = f"add it under tenants: {tenant}: networks:"
    for port, entry in ports.items():
        network = entry.get("network") if isinstance(entry, dict) else None
        if isinstance(network, str) and "/" not in network and network not in networks:
            where = origins.value_at(("tenants", tenant, "ports", port, "network"))
            yield _unknown(where, f"tenant {tenant} has no network {network}", network, networks, otherwise)


def _of_routers(data: Any, tenant: str, origins: Origins) -> Iterator[Problem]:
    """Networks, ports and external networks that a tenant's routers name and nobody has."""
    content = data["tenants"][tenant]
    known = {key: _mapping(content, key) for key in ("networks", "ports")}
    for name, router in _mapping(content, "routers").items():
        path = ("tenants", tenant, "routers", name)
        interfaces = router.get("interfaces") if isinstance(router, dict) else None
        for at, interface in enumerate(interfaces if isinstance(interfaces, list) else ()):
            for key in ("network", "port"):
                told = interface.get(key) if isinstance(interface, dict) else None
                there = known[f"{key}s"]
                if isinstance(told, str) and told not in there:
                    where = origins.value_at((*path, "interfaces", str(at), key))
                    yield _unknown(where, f"tenant {tenant} has no {key} {told}", told, there)
        gateway = router.get("gateway") if isinstance(router, dict) else None
        told, there = gateway.get("network") if isinstance(gateway, dict) else None, _mapping(data, "external_networks")
        if isinstance(told, str) and told not in there:
            where = origins.value_at((*path, "gateway", "network"))
            yield _unknown(
                where, f"there is no external network {told}", told, there, "add it under external_networks:"
            )


def _of_policies(data: Any, origins: Origins) -> list[Problem]:
    """Policies that are asked for and nobody has."""
    problems = []
    top = _mapping(data, "qos_policies")
    for path, use, own in _uses(data):
        name = use if isinstance(use, str) else use.get("policy") if isinstance(use, dict) else None
        if not isinstance(name, str) or name in top or name in own:
            continue
        where = origins.value_at((*path, "policy"))
        problems.append(_unknown(where, f"there is no policy {name}", name, [*own, *top], "add qos_policies:"))
    return problems


def _uses(data: Any) -> Iterator[tuple[Step, Any, Mapping[str, Any]]]:
    """Where a policy is asked for, what is asked, and the policies of the tenant's own."""
    for name, tenant in _mapping(data, "tenants").items():
        own = _mapping(tenant, "qos_policies")
        holders: list[tuple[Step, Any]] = [(("tenants", name), tenant)]
        for kind in ("networks", "ports"):
            holders += [(("tenants", name, kind, of), held) for of, held in _mapping(tenant, kind).items()]
        for path, holder in holders:
            for key in ("qos", "port_qos"):
                if isinstance(holder, dict) and key in holder:
                    yield (*path, key), holder[key], own
    spaces: dict[Step, Any] = {("host",): data.get("host")} if isinstance(data, dict) else {}
    spaces |= {("namespaces", name): held for name, held in _mapping(data, "namespaces").items()}
    for path, space in spaces.items():
        for ifname, link in _mapping(space, "links").items():
            if isinstance(link, dict) and "qos" in link:
                yield (*path, "links", ifname, "qos"), link["qos"], {}


def _unknown(
    where: str, what: str, told: str, there: Mapping[str, Any] | list[str], otherwise: str = "there are none"
) -> Problem:
    """With the name that was meant, else what is `there`, `otherwise` where nothing is."""
    meant = closest(told, there)
    fix = f"did you mean {meant}?" if meant else f"known: {', '.join(there)}" if there else otherwise
    return Problem(where=where, what=what, fix=fix)


def _renames(things: dict[str, Any], path: tuple[str, ...], origins: Origins, problems: list[Problem]) -> None:
    claimed: dict[str, str] = {}
    for name, entry in things.items():
        was = entry.get("was") if isinstance(entry, dict) else None
        if not isinstance(was, str):
            continue
        where = origins.value_at((*path, name, "was"))
        if was in things:
            what = f"was: {was}, but {was} is still there" if was != name else f"was: {was} is its name already"
            problems.append(Problem(where=where, what=what, fix="take out one of the two"))
        elif was in claimed:
            what = f"{claimed[was]} was {was} already"
            problems.append(Problem(where=where, what=what, fix="one thing has one heir"))
        claimed.setdefault(was, name)


def _mapping(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
