"""A port as the makers of its objects see it, and the one thing all ports have: an end on the bridge."""

from __future__ import annotations

from weft.compiler.assignment import Addresses
from weft.compiler.draft import Draft
from weft.compiler.naming import NAMES, altnames, mac, plain_ifname
from weft.compiler.network import NetworkPlace, TenantPlace
from weft.compiler.qos.policy import Asked
from weft.kinds.link.veth import Veth
from weft.model.intent import Path, Port
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPlace:
    """A port with all that was derived for it. `tenant`: whose it is: its network's, or a visitor there. `former`: the
    name its kernel names come from; `mac` is that of what answers for its addresses, its end or a tap's guest; `mtu` in
    bytes; `qos`: what holds for it."""

    network: NetworkPlace
    tenant: TenantPlace
    name: str
    former: str
    port: Port
    path: Path
    id: str
    short: str
    mark: str
    mac: str
    mtu: int
    addresses: Addresses
    qos: Asked | None = None

    @property
    def label(self) -> str:
        return f"{self.tenant.name}/{self.name}"

    @property
    def is_visitor(self) -> bool:
        """Whether its network is another tenant's."""
        return self.tenant.name != self.network.tenant

    @property
    def alias(self) -> str:
        """The mark, and the user's own words after it."""
        return f"{self.mark} {self.port.alias}" if self.port.alias else self.mark

    @property
    def bridge_ifname(self) -> str:
        return f"wp{self.short}"

    @property
    def held(self) -> tuple[str, ...]:
        """Its addresses, as Facts.held has them."""
        return tuple(assigned.address for assigned in self.addresses)

    def join(self) -> None:
        """Count the port among those of its network, and note what it has there."""
        network = self.network
        network.ports += 1
        network.macs.setdefault(self.mac, self.label)
        for pool, _, number in self.addresses:
            pool.take(number, self.label)

    def leave(self) -> None:
        """The opposite of `join`."""
        network = self.network
        network.ports -= 1
        if network.macs.get(self.mac) == self.label:
            del network.macs[self.mac]
        for pool, _, number in self.addresses:
            pool.release(number)


def outer_ifname(draft: Draft, place: PortPlace, given: str | None, otherwise: str) -> tuple[str, tuple[str, ...]]:
    """The name of the port's outer link, and its altnames: the given name, else the port's, else `otherwise`. After
    `was:` the link keeps its former name and bears the new one beside it."""
    if given is not None:
        if not plain_ifname(given):
            draft.error(
                (*place.path, "attach"),
                f"{given!r} is no name that weft gives to a link",
                NAMES,
            )
        return given, ()
    if not plain_ifname(place.former):
        return otherwise, ()
    return place.former, () if place.former == place.name else altnames(place.name)


def bridge_end(place: PortPlace, peer_netns: str, peer_ifname: str) -> Veth:
    """The port's end on its network's bridge."""
    network = place.network
    return Veth(
        netns=network.netns,
        ifname=place.bridge_ifname,
        alias=place.mark,
        mac=mac(place.id, "port"),
        mtu=place.mtu,
        up=True,
        master=network.bridge,
        altnames=altnames(f"{place.tenant.name}.{place.name}" if place.is_visitor else place.name),
        peer_netns=peer_netns,
        peer_ifname=peer_ifname,
    )
