"""Addresses of routers in external networks: each is one router's, and nobody's coming moves another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.compiler import CompileError, Compiler
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text

HEAD = """weft: 1
name: lab
external_networks: {net: {link: eth1, subnets: [{cidr: 203.0.113.0/28, gateway: 203.0.113.1}, "2001:db8::/125"]}}
tenants: {t: {routers: {%s}}}
"""

NAMES = st.sampled_from([f"r{n}" for n in range(12)])
ADDRESSES = st.integers(2, 14).map(lambda n: f"203.0.113.{n}")
ROUTERS = st.dictionaries(NAMES, st.one_of(st.none(), ADDRESSES), max_size=9)
HELD = st.dictionaries(NAMES, ADDRESSES, max_size=12)
OTHERS = st.sets(ADDRESSES, max_size=4)


def outside(routers: dict[str, str | None], held: dict[tuple[str, str, int], str], others: set[str]) -> dict[str, str]:
    """(router and family) to the address it has; raises CompileError."""
    spelt = (f"{name}: {{gateway: {gateway(given)}}}" for name, given in routers.items())
    facts = Facts(
        host_id="h",
        features=frozenset(FEATURES),
        links={"eth1": ForeignLink(ifname="eth1")},
        pool_held=held,
        host_neighbours=tuple(("eth1", address) for address in others),
    )
    pool = Compiler(load_text("f", HEAD % ", ".join(spelt)).intent, facts).whole().allocations.pool
    return {f"{name}/{family}": address for (_, name, family), address in pool.items()}


def gateway(given: str | None) -> str:
    return f"{{network: net, addresses: [{given}]}}" if given else "net"


@given(routers=ROUTERS, held=HELD, others=OTHERS)
def test_each_has_its_own_and_keeps_it(routers: dict[str, str | None], held: dict[str, str], others: set[str]) -> None:
    has = {("t", name, 4): address for name, address in held.items()}
    try:
        found = outside(routers, has, others)
    except CompileError:
        return  # given twice, others', one that another holds, or none left: said, not taken
    assert len(set(found.values())) == len(found) == 2 * len(routers)
    assert not others & set(found.values())
    for name, given_ in routers.items():
        assert given_ in (None, found[f"{name}/4"])
    again = {("t", *key.split("/")): address for key, address in found.items()}
    kept = {(tenant, name, int(family)): address for (tenant, name, family), address in again.items()}
    assert outside(routers, kept, others) == found, "another apply changes nothing"
    try:
        more = outside({"a-new-one": None, **routers}, kept, others)
    except CompileError as error:
        assert "no IPv" in str(error)
    else:
        assert {key: more[key] for key in found} == found, "nor does one that comes first"
