"""The ports of an intent as places that packets come from and go to, the floating IPs and forwardings that lead to
them, and the host.

Rules: a port speaks with its first address of each family. A tap is its guest's: nobody here speaks for it. A floating
IP and a forwarding are places that packets go to alone: their port, asked by another address; a forwarding at one port.
The host speaks with the address that its route says. Who is outside is in outside.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from weft.compiler.floating.layout import FLOATING, FORWARDED, FORWARDS
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.tap import Tap
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.model.floating import Forward
from weft.model.intent import Intent, Path, Port
from weft.model.security import PROTOCOL_NAMES
from weft.model.sharing import NetworkKey, network_key
from weft.reach.crossing import Talk
from weft.records import dataclass
from weft.state import HOST, KernelObject, Key, State

FAMILIES = (4, 6)
MAPS = frozenset(FLOATING.values())
_FORWARDS = frozenset(FORWARDS.values())
UNSPECIFIED = {4: "0.0.0.0", 6: "::"}
"""Whatever the route says. Source: RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`name`: TENANT/PORT. `network`: as the file has it; `at`: whose it is, and its name. `path`: its place in the
    intent. `netns`, `ifname`: where it ends; of a tap, the tap itself. `ipv4`, `ipv6`: its address without prefix
    length, "" for none. `floating`: the address that it is asked by, where that is another; `name` then is
    TENANT/ADDRESS. `talk`: what alone it can be asked there, of a forwarding; `own_port`: what that becomes at the
    port; `name` then is TENANT/ADDRESS PROTOCOL/PORTS. `external`: the external network of `floating`, or that it asks
    from; `comes_by`: the host's link by which it comes in then."""

    name: str
    tenant: str
    network: str
    at: NetworkKey
    path: Path
    netns: str
    ifname: str
    ipv4: str
    ipv6: str
    is_guest: bool
    floating: str = ""
    talk: Talk | None = None
    own_port: int = 0
    external: str = ""
    comes_by: str = ""

    @property
    def asks(self) -> bool:
        """Whether packets come from there as well."""
        return not self.floating

    @property
    def is_host(self) -> bool:
        """Not a port of it, but itself."""
        return not self.tenant and not self.comes_by

    @property
    def is_port(self) -> bool:
        """Neither the host nor somebody outside, who ask alone."""
        return bool(self.tenant)

    @property
    def is_router(self) -> bool:
        """Whether it is asked by a router's own address."""
        return self.path[2:3] == ("routers",)

    def is_at(self, other: Endpoint, family: int) -> bool:
        """Whether what comes to one of the two comes to the other as well: two forwardings may lead to one place."""
        return self is other or (bool(self.own_port) and self.ends_at(family) == other.ends_at(family))

    def ends_at(self, family: int) -> tuple[str, str, int]:
        """Where what comes to it ends: namespace, address and port, 0 for any."""
        return self.netns, self.address(family), self.own_port

    def address(self, family: int) -> str:
        """Its own."""
        return self.ipv6 if family == 6 else self.ipv4

    def asked(self, family: int) -> str:
        """The one that others send to."""
        return self.floating or self.address(family)


def endpoints(intent: Intent, state: State, paths: Mapping[Key, Path]) -> list[Endpoint]:
    """Every port that `state` has a link for, in the order of the file."""
    made: dict[Path, list[KernelObject]] = defaultdict(list)
    for key, obj in state.items():
        made[paths.get(key, ())].append(obj)  # a namespace that is kept only because somebody lives in it has none
    ports = (
        (name, port, held, made[("tenants", name, "ports", port)])
        for name, tenant in intent.tenants.items()
        for port, held in tenant.ports.items()
    )
    return [
        _endpoint(tenant, port, held, objects, end)
        for tenant, port, held, objects in ports
        if (end := _end_of(objects)) is not None  # its namespace may be there without it
    ]


def host() -> Endpoint:
    """The machine itself, which asks."""
    return Endpoint(
        name="host",
        tenant="",
        network="",
        at=("", ""),
        path=("host",),
        netns=HOST,
        ifname="",
        ipv4=UNSPECIFIED[4],
        ipv6=UNSPECIFIED[6],
        is_guest=False,
    )


def floating(intent: Intent, state: State, ends: Iterable[Endpoint]) -> list[Endpoint]:
    """Every floating IP that leads to one of `ends`, in the order of the file."""
    known = {end.path: end for end in ends}
    fixed = {obj.element: obj.value for obj in state.values() if isinstance(obj, NftElement) and obj.set in MAPS}
    return [
        _asked_by(address, fixed[address], ("tenants", name, "floating_ips", address), end, held.network)
        for name, tenant in intent.tenants.items()
        for address, held in tenant.floating_ips.items()
        if address in fixed and (end := known.get(("tenants", name, "ports", held.port or ""))) is not None
    ]


def forwardings(intent: Intent, state: State, ends: Iterable[Endpoint]) -> list[Endpoint]:
    """Every range of every forwarding that leads to one of `ends`, in the order of the file; each stands for its first
    port."""
    known = {end.path: end for end in ends}
    leads = _leads(state) if known else {}
    return [
        made
        for name, tenant in intent.tenants.items()
        for address, held in tenant.floating_ips.items()
        for at, forward in enumerate(held.forward)
        if (end := known.get(("tenants", name, "ports", forward.port))) is not None
        for made in _forwarded(address, at, forward, end, leads, held.network)
    ]


def _forwarded(
    address: str,
    at: int,
    forward: Forward,
    end: Endpoint,
    leads: Mapping[tuple[str, str, int], tuple[str, int]],
    external: str,
) -> Iterator[Endpoint]:
    word = PROTOCOL_NAMES[forward.protocol]
    for low, high in forward.ports:
        found = leads.get((address, word, low))
        if found is not None:
            ports = str(low) if low == high else f"{low}-{high}"
            path = ("tenants", end.tenant, "floating_ips", address, "forward", str(at))
            made = _asked_by(address, found[0], path, end, external)
            name = f"{made.name} {word}/{ports}"
            yield replace(made, name=name, talk=Talk(protocol=word, port=low), own_port=found[1])


def _leads(state: State) -> dict[tuple[str, str, int], tuple[str, int]]:
    """By floating IP, protocol and first port, where a forwarding leads."""
    found: dict[tuple[str, str, int], tuple[str, int]] = {}
    for obj in state.values():
        if isinstance(obj, NftElement) and obj.set in _FORWARDS:
            address, number, port = obj.element.split(" . ")
            to, own = obj.value.split(" . ")
            found[address, PROTOCOL_NAMES[int(number)], int(port)] = to, int(own)
        elif isinstance(obj, NftChain) and obj.type == "nat":
            for rule in filter(None, map(FORWARDED.fullmatch, obj.rules)):
                found[rule["address"], rule["protocol"], int(rule["low"])] = (
                    rule["to"].rpartition(" ")[2],
                    int(rule["low"]),
                )
    return found


def _asked_by(address: str, own: str, path: Path, end: Endpoint, external: str) -> Endpoint:
    is_ipv6 = ":" in address
    return replace(
        end,
        name=f"{end.tenant}/{address}",
        path=path,
        ipv4="" if is_ipv6 else own,
        ipv6=own if is_ipv6 else "",
        floating=address,
        external=external,
    )


def _end_of(objects: Sequence[KernelObject]) -> Link | None:
    """What of a port's links is the port's own end."""
    links = [obj for obj in objects if isinstance(obj, Link)]
    tap = next((link for link in links if isinstance(link, Tap | Macvtap)), None)
    return tap or next((link for link in links if not link.master), None)


def _endpoint(tenant: str, port: str, held: Port, objects: Sequence[KernelObject], end: Link) -> Endpoint:
    mine = [obj for obj in objects if isinstance(obj, Address) and (obj.netns, obj.ifname) == (end.netns, end.ifname)]
    first = {family: next((one.cidr for one in mine if one.family == family), "") for family in FAMILIES}
    return Endpoint(
        name=f"{tenant}/{port}",
        tenant=tenant,
        network=held.network,
        at=network_key(tenant, held),
        path=("tenants", tenant, "ports", port),
        netns=end.netns,
        ifname=end.ifname,
        ipv4=first[4].partition("/")[0],
        ipv6=first[6].partition("/")[0],
        is_guest=isinstance(end, Tap | Macvtap),
    )
