"""The ports of an intent as places that packets come from and go to.

Rules: a port speaks with its first address of each family. A tap is its guest's: nobody here speaks for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.tap import Tap
from weft.model.intent import Intent, Path, Port
from weft.model.sharing import NetworkKey, network_key
from weft.records import dataclass
from weft.state import KernelObject, Key, State

FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`name`: TENANT/PORT. `network`: as the file has it; `at`: whose it is, and its name. `path`: its place in the
    intent. `netns`, `ifname`: where it ends; of a tap, the tap itself. `ipv4`, `ipv6`: its address without prefix
    length, "" for none."""

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

    def address(self, family: int) -> str:
        return self.ipv6 if family == 6 else self.ipv4


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
