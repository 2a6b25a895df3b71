"""`weft show`: tenants, networks and ports as they are on the machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import file_option, name_argument, output_option
from weft.doors.cli.terminal import say, say_json

if TYPE_CHECKING:
    from weft.service.topology import Condition, NetworkView, PortView, TenantView

_COLOURS = {"up": "green", "down": "yellow", "missing": "red"}

Branch = tuple[str, "list[Branch]"]
"""A line of the tree, and those below it."""


@click.command("show")
@name_argument
@file_option
@output_option
def command(name: str | None, file: str | None, output: str) -> None:
    """Show tenants, networks and ports with their addresses and whether they are up, as the machine has them now."""
    from dataclasses import asdict

    from weft.doors.cli.intents import intent_of
    from weft.service import Service

    service = Service(command="weft show")
    topology = service.show(intent_of(service, name, file))
    if output == "json":
        say_json(asdict(topology))
    else:
        say("\n".join([topology.scope, *_tree(map(_tenant, topology.tenants))]))


def _tree(branches: Iterable[Branch], indent: str = "") -> Iterator[str]:
    branches = list(branches)
    for number, (line, below) in enumerate(branches, 1):
        is_last = number == len(branches)
        yield f"{indent}{'└─ ' if is_last else '├─ '}{line}"
        yield from _tree(below, indent + ("   " if is_last else "│  "))


def _tenant(tenant: TenantView) -> Branch:
    return f"tenant {tenant.name}  {_state(tenant.condition)}  netns {tenant.netns}", list(
        map(_network, tenant.networks)
    )


def _network(network: NetworkView) -> Branch:
    told = [f"network {network.name}", _state(network.condition), " ".join(network.subnets)]
    told += [f"uplink {network.uplink}"] if network.uplink else []
    told += [f"mtu {network.mtu}"] if network.mtu else []
    return "  ".join(filter(None, told)), list(map(_port, network.ports))


def _port(port: PortView) -> Branch:
    where = {"netns": f"netns {port.netns}", "tap": "tap", "host": "host", "pidfile": port.netns}[port.attach]
    told = [f"port {port.name}", _state(port.condition), f"{where} {port.ifname}", " ".join(port.addresses), port.mac]
    return "  ".join(filter(None, told)), []


def _state(condition: Condition) -> str:
    return click.style(condition.value, fg=_COLOURS[condition.value])
