"""The ports of an intent as places that packets come from and go to, and the floating IPs that lead to them.

Rules: a port speaks with its first address of each family. A tap is its guest's: nobody here speaks for it. A floating
IP is a place that packets go to alone: its port, asked by another address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from weft.compiler.floating.layout import FLOATING
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.tap import Tap
from weft.kinds.nft.element import NftElement
from weft.model.intent import Intent, Path, Port
from weft.model.sharing import NetworkKey, network_key
from weft.records import dataclass
from weft.state import KernelObject, Key, State

FAMILIES = (4, 6)
MAPS = frozenset(FLOATING.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`name`: TENANT/PORT. `network`: as the file has it; `at`: whose it is, and its name. `path`: its place in the
    intent. `netns`, `ifname`: where it ends; of a tap, the tap itself. `ipv4`, `ipv6`: its address without prefix
    length, "" for none. `floating`: the address that it is asked by, where that is another; `name` then is
    TENANT/ADDRESS."""

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
    return [_endpoint(tenant, port, held, objects) for tenant, port, held, objects in ports if objects]


def floating(intent: Intent, state: State, ends: Iterable[Endpoint]) -> list[Endpoint]:
    """Every floating IP that leads to one of `ends`, in the order of the file."""
    known = {end.path: end for end in ends}
    fixed = {obj.element: obj.value for obj in state.values() if isinstance(obj, NftElement) and obj.set in MAPS}
    wanted = (
        (("tenants", name, "floating_ips", address), known.get(("tenants", name, "ports", held.port or "")), address)
        for name, tenant in intent.tenants.items()
        for address, held in tenant.floating_ips.items()
        if address in fixed
    )
    return [_asked_by(address, fixed[address], path, end) for path, end, address in wanted if end is not None]


def _asked_by(address: str, own: str, path: Path, end: Endpoint) -> Endpoint:
    is_ipv6 = ":" in address
    return replace(
        end,
        name=f"{end.tenant}/{address}",
        path=path,
        ipv4="" if is_ipv6 else own,
        ipv6=own if is_ipv6 else "",
        floating=address,
    )


def _endpoint(tenant: str, port: str, held: Port, objects: list[KernelObject]) -> Endpoint:
    links = [obj for obj in objects if isinstance(obj, Link)]
    tap = next((link for link in links if isinstance(link, Tap | Macvtap)), None)
    end = tap or next(link for link in links if not link.master)
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
        is_guest=tap is not None,
    )
