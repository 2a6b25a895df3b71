"""Router advertisements: a radvd in each router that holds the gateway of a subnet with `ra:`.

Rules: a subnet is advertised by the one router that is its gateway. How often and for how long are Neutron's figures; a
prefix that is advertised no more is said to be deprecated, which radvd does only when it ends: so where one goes, it is
started anew, and says of those that stay that they are good. The text is pure: any other is read by the radvd that
runs. Source: RFC 4861 section 6.2.1, RFC 8106, radvd.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.compiler.addressing import AddressPool
from weft.compiler.draft import Draft
from weft.compiler.network import NetworkPlace
from weft.compiler.router.place import Leg, RouterPlace
from weft.kinds.process import CONFIG, READY, Process, process_key
from weft.model.intent import Path

RADVD = "radvd"
INTERVAL_S = (30, 100)
"""The shortest and the longest time between advertisements that nobody asks for."""
LIFETIME_S, PREFERRED_S = 86400, 14400
DNS_LIFETIME_S = 600
"""Long enough for several advertisements to be lost."""

_OWN_WORDS = frozenset("interface prefix clients route abro on off infinity high medium low RDNSS DNSSL".split())
"""Names that radvd does not take for a link's: words of its language, and numbers. Source: radvd scanner.l."""


def compile_advertising(draft: Draft, routers: Sequence[RouterPlace], networks: Iterable[NetworkPlace]) -> None:
    """Put what advertises, and find what nobody would."""
    advertised: set[Path] = set()
    for place in routers:
        legs = [leg for leg in place.legs if any(True for _ in _pools(leg))]
        advertised.update(_path(leg.network, pool) for leg in legs for pool in _pools(leg))
        if legs:
            _advertise(draft, place, legs)
    for network in networks:
        for pool in network.pools:
            path = _path(network, pool)
            if pool.ra and path not in advertised:
                what = f"no router has the gateway of {pool.cidr}, so nobody advertises it"
                draft.error((*path, "ra"), what, "a router with this network as interface, or `uplink:`")


def _advertise(draft: Draft, place: RouterPlace, legs: Sequence[Leg]) -> None:
    program = draft.program(RADVD, (*_path(legs[0].network, next(_pools(legs[0]))), "ra"))
    for leg in legs:
        if leg.ifname in _OWN_WORDS or leg.ifname.isdigit():
            draft.error(leg.path, f"radvd takes no link for one that is called {leg.ifname}", "another name")
    name = draft.names.program("ra")
    if not program:
        draft.leave_out(process_key(place.netns, name), place.path)
        return
    draft.put(
        Process(
            netns=place.netns,
            name=name,
            mark=place.mark,
            argv=(program, "-n", "-C", CONFIG, "-p", READY, "-m", "stderr_clean"),
            config=text_of(legs),
            reloads=True,
            parting="prefix ",
            ready=True,
            links=tuple(leg.ifname for leg in legs),
        ),
        place.path,
    )


def text_of(legs: Sequence[Leg]) -> str:
    """The configuration of one router's radvd."""
    return "".join(f"{line}\n" for leg in legs for line in _interface(leg))


def _interface(leg: Leg) -> Iterator[str]:
    pools = list(_pools(leg))
    yield f"interface {leg.ifname} {{"
    yield "  AdvSendAdvert on;"
    yield f"  MinRtrAdvInterval {INTERVAL_S[0]};"
    yield f"  MaxRtrAdvInterval {INTERVAL_S[1]};"
    yield f"  AdvLinkMTU {leg.network.mtu};"
    if any(pool.ra == "stateful" for pool in pools):
        yield "  AdvManagedFlag on;"
    if any(pool.ra != "slaac" for pool in pools):
        yield "  AdvOtherConfigFlag on;"
    for pool in pools:
        yield from _prefix(pool)
    if servers := tuple(dict.fromkeys(server for pool in pools for server in pool.dns)):
        yield f"  RDNSS {' '.join(servers)} {{ AdvRDNSSLifetime {DNS_LIFETIME_S}; }};"
    yield "};"


def _prefix(pool: AddressPool) -> Iterator[str]:
    yield f"  prefix {pool.cidr} {{"
    yield f"    AdvAutonomous {'on' if pool.is_autonomous else 'off'};"
    yield f"    AdvValidLifetime {LIFETIME_S};"
    yield f"    AdvPreferredLifetime {PREFERRED_S};"
    yield "    DeprecatePrefix on;"
    yield "  };"


def _pools(leg: Leg) -> Iterator[AddressPool]:
    """The subnets that the leg is the gateway of and that are to be advertised."""
    return (pool for pool, _, number in leg.addresses if pool.ra and number == pool.gateway)


def _path(network: NetworkPlace, pool: AddressPool) -> Path:
    return (*network.path, "subnets", str(network.pools.index(pool)))
