"""The prefixes that a port may speak as: what its filter has of them is all of them, and none within another."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_groups import FACTS
from weft.compiler import compile
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import AddressPair, Attach, Intent, Network, Port, Subnet, Tenant

MACS = (None, "02:00:00:00:00:01")


def _prefix(version: int, number: int, length: int) -> str:
    """Within 10.0.0.0/8 or fd00::/8."""
    if version == 4:
        return str(IPv4Network((10 << 24 | number << 18, 8 + length), strict=False))
    return str(IPv6Network((0xFD << 120 | number << 114, 8 + length), strict=False))


PREFIXES = st.builds(_prefix, st.sampled_from([4, 6]), st.integers(0, 63), st.integers(0, 6))
PAIRS = st.lists(st.builds(AddressPair, ip=PREFIXES, mac=st.sampled_from(MACS)), max_size=9)


@given(pairs=PAIRS)
def test_none_is_within_another_and_nothing_is_lost(pairs: list[AddressPair]) -> None:
    port = Port(network="n", attach=Attach(netns="p"), mac="02:00:00:00:00:02", allowed_address_pairs=tuple(pairs))
    networks = {"n": Network(subnets=(Subnet(cidr="10.0.0.0/24"),))}
    state = compile(Intent(name="lab", tenants={"t": Tenant(networks=networks, ports={"p": port})}), FACTS).state
    found: dict[tuple[str, int], list[IPv4Network | IPv6Network]] = {}
    for held in state.values():
        if isinstance(held, NftSet) and held.name in ("prefixes4", "prefixes6"):
            for element in held.elements:
                _, mac, prefix = element.split(" . ")
                net = ip_network(prefix)
                found.setdefault((mac, net.version), []).append(net)
    for nets in found.values():
        assert not any(one.overlaps(other) for one, other in combinations(nets, 2))
    for pair in pairs:
        net = ip_network(pair.ip)
        wider = found[pair.mac or "02:00:00:00:00:02", net.version]
        assert any(net.supernet(new_prefix=one.prefixlen) == one for one in wider if one.prefixlen <= net.prefixlen)
    assert sum(map(len, found.values())) <= len(pairs)
