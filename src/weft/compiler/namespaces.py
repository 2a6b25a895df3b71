"""The namespaces that ports end in, and what `host:` and `namespaces:` ask of each.

Rules: a namespace that somebody else made is ground to stand on, never weft's unless it is adopted; any other is made
and marked. Those of
tenants and routers are weft's alone: nobody attaches to them or configures them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from weft.compiler.draft import Draft, Space
from weft.compiler.links import compile_links
from weft.compiler.links.declared import Declared
from weft.compiler.prefixes import Prefixes
from weft.compiler.routing import Towards, compile_neighbour, compile_route, compile_rule
from weft.compiler.settings import compile_sysctls, compile_tcp
from weft.kinds.ip.address import Address
from weft.kinds.netns import Namespace
from weft.model.intent import Intent, NamespaceConfig, Path
from weft.state import HOST

OWN_PREFIX = "weft."

Configs: TypeAlias = dict[str, tuple[NamespaceConfig, Path]]


def stand_on(draft: Draft, netns: str, path: Path, said: Path | None = None) -> str:
    """The namespace, put if weft is to make it. `said`: where in the intent it is named, if not at `path`."""
    if netns.startswith(OWN_PREFIX):
        draft.error(
            said or path, f"{netns}: such names are those of weft's own namespaces", "a name without `weft.` before it"
        )
        return netns
    space = draft.spaces.get(netns, Space(netns))
    if space.adopt or netns not in draft.facts.namespaces:
        mark = draft.names.mark(f"namespaces/{space.name}")
        draft.share(Namespace(name=netns, alias=mark, adopt=space.adopt), path)
    return netns


def configs_of(intent: Intent) -> Configs:
    """What `host:` and `namespaces:` say, by namespace, each with its path."""
    configs: Configs = {HOST: (intent.host, ("host",))} if intent.host else {}
    return configs | {config.was or name: (config, ("namespaces", name)) for name, config in intent.namespaces.items()}


def spaces_of(intent: Intent) -> dict[str, Space]:
    """What is said of each namespace itself, by its name in the kernel."""
    return {config.was or name: Space(name, config.adopt) for name, config in intent.namespaces.items()}


def compile_namespaces(draft: Draft, configs: Configs, declared: Declared) -> None:
    """All of `host:` and `namespaces:`. Last of all, for a route may leave by a port."""
    for netns, (_, path) in configs.items():
        if netns != HOST:
            stand_on(draft, netns, path)
    compile_links(draft, declared)
    addresses = _addresses(draft)
    for netns, (config, path) in configs.items():
        _compile_config(draft, netns, config, path, addresses.get(netns, ()))


def _compile_config(
    draft: Draft, netns: str, config: NamespaceConfig, path: Path, addresses: Iterable[tuple[str, str]]
) -> None:
    compile_sysctls(draft, netns, config.sysctls, (*path, "sysctls"))
    if config.tcp is not None:
        compile_tcp(draft, netns, config.tcp, (*path, "tcp"))
    towards = _link_towards(addresses)
    for at, route in enumerate(config.routes):
        compile_route(draft, netns, route, (*path, "routes", str(at)), towards)
    for at, rule in enumerate(config.rules):
        compile_rule(draft, netns, rule, (*path, "rules", str(at)))
    for at, neighbour in enumerate(config.neighbours):
        compile_neighbour(draft, netns, neighbour, (*path, "neighbours", str(at)))


def _link_towards(addresses: Iterable[tuple[str, str]]) -> Towards:
    """Which link of a namespace has a next hop on one of its subnets, the narrowest first."""
    known: Prefixes | None = None

    def towards(via: str | None) -> str | None:
        nonlocal known
        if via is None:
            return None
        if known is None:
            known = Prefixes(addresses)
        return known.find(via)

    return towards


def _addresses(draft: Draft) -> dict[str, list[tuple[str, str]]]:
    """By namespace, each address with its prefix length, and the link that has it or will."""
    found: dict[str, list[tuple[str, str]]] = {}
    for obj in draft.state.values():
        if isinstance(obj, Address):
            found.setdefault(obj.netns, []).append((obj.cidr, obj.ifname))
    there = draft.facts.links.values()
    found.setdefault(HOST, []).extend((cidr, link.ifname) for link in there for cidr in link.addresses)
    return found
