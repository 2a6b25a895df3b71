"""Whether others' chains let in what other machines send to weft's tunnels. Pure.

Rules: as if the packet came by the link that its sender is answered by. Of a tunnel to anybody (a multicast group, one
that only learns) somebody at the host's way out sends it. Source: nft(8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from weft.check.block import Block
from weft.check.symptoms import Tunnel
from weft.reach.crossing import Talk
from weft.reach.foreign import Chain, Decision, Packet, decide
from weft.reach.foreign.transit import gates
from weft.reach.routing import Tables, hops
from weft.state import HOST, State

_ANYBODY = ("198.51.100.1", "3fff::1")


def shut(chains: Sequence[Chain], tunnels: Iterable[Tunnel], observed: State) -> Iterator[tuple[Block, Tunnel]]:
    """Each chain with each tunnel that it drops something of, and only the remotes that it drops."""
    at_the_door = gates(chains, "input")
    if not at_the_door:
        return
    by_name = {(chain.family, chain.table, chain.name): chain for chain in chains}
    tables = Tables(HOST, observed.values())
    for tunnel in tunnels:
        sent = {remote: _packet(tables, tunnel, remote) for remote in tunnel.remotes or _ANYBODY}
        for gate in at_the_door:
            lost = tuple(
                remote
                for remote, packet in sent.items()
                if packet is not None
                and packet.family in gate.families
                and decide(gate, by_name, packet, plainly=True).decision is Decision.DROPS
            )
            if lost:
                block = Block(family=gate.family, table=gate.table, chain=gate.name)
                yield block, replace(tunnel, remotes=lost if tunnel.remotes else ())


def _packet(tables: Tables, tunnel: Tunnel, remote: str) -> Packet | None:
    """None from where the host knows no way."""
    route = tables.route(remote, tunnel.local or remote)
    if route is None or route.type != "unicast":
        return None
    ifname = hops(route)[0].ifname
    local = tunnel.local or tables.first_address(6 if ":" in remote else 4, ifname)
    if not local or (":" in local) != (":" in remote):
        return None
    talk = Talk(protocol="udp", port=tunnel.port)
    return Packet(source=remote, target=local, talk=talk, iif=ifname, is_local=True, ways_back=(ifname,))
