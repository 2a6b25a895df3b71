"""Routers and external networks as the file says them: what is short for what, and every mistake at its place."""

# ruff: noqa: E501 (whole sentences, as they are printed)

from __future__ import annotations

import pytest

from weft.errors import IntentInvalid
from weft.files import load_text
from weft.model.router import ExternalSubnet, RouterGateway, RouterInterface

HEAD = """weft: 1
name: lab
external_networks: {net: {link: eth1, subnets: [203.0.113.0/24]}}
tenants:
  t:
    networks: {a: {subnets: [10.0.0.0/24]}, b: {}}
    ports: {leg: {network: b, attach: router}}
"""


def complaints(text: str) -> list[str]:
    with pytest.raises(IntentInvalid) as caught:
        load_text("f", HEAD + text)
    return str(caught.value).splitlines()


def test_what_is_short_for_what() -> None:
    text = "    routers: {r: {interfaces: [a, {network: b, address: 10.1.0.1}, {port: leg}], gateway: net}}"
    loaded = load_text("f", HEAD + text).intent
    router = loaded.tenants["t"].routers["r"]
    assert router.interfaces == (
        RouterInterface(network="a"),
        RouterInterface(network="b", address=("10.1.0.1",)),
        RouterInterface(port="leg"),
    )
    assert router.gateway == RouterGateway(network="net")
    assert loaded.external_networks["net"].subnets == (ExternalSubnet(cidr="203.0.113.0/24"),)
    assert loaded.tenants["t"].ports["leg"].attach.router
    assert loaded.tenants["t"].joined(router) == ("a", "b")


@pytest.mark.parametrize(
    ("said", "snat", "translates"),
    [
        ("true", ("true",), True),
        ("no", ("false",), False),
        ("203.0.113.9", ("203.0.113.9",), True),
        ("[203.0.113.9-203.0.113.11, 203.0.113.20]", ("203.0.113.9-203.0.113.11", "203.0.113.20"), True),
        ("'203.0.113.9 - 203.0.113.9'", ("203.0.113.9",), True),
    ],
)
def test_snat(said: str, snat: tuple[str, ...], translates: bool) -> None:
    loaded = load_text("f", f"{HEAD}    routers: {{r: {{gateway: {{network: net, snat: {said}}}}}}}").intent
    gateway = loaded.tenants["t"].routers["r"].gateway
    assert gateway is not None
    assert (gateway.snat, gateway.translates) == (snat, translates)


WRONG = {
    "interfaces: [c]": "f:8:32: tenant t has no network c; known: a, b",
    "interfaces: [{port: legs}]": "f:8:39: tenant t has no port legs; did you mean leg?",
    "interfaces: [{address: 10.0.0.1}]": "f:8:32: the interface does not say where; a network's name, or {port: NAME}",
    "interfaces: [{network: a, port: leg}]": "f:8:45: an interface is on a network, or is a port; keep one of the two: a port has its network and its addresses",
    "interfaces: [{port: leg, address: 10.0.0.1}]": "f:8:44: the address of a port is its own; `addresses:` of the port",
    "gateway: nett": "f:8:28: there is no external network nett; did you mean net?",
    "gateway: {network: net, snat: [true, 203.0.113.9]}": "f:8:49: snat is true, false, or a list of addresses; keep one of them",
    "gateway: {network: net, snat: []}": "f:8:49: snat says nothing; true, false, or addresses",
    "gateway: {network: net, snat: 203.0.113.9-203.0.113.1}": "f:8:49: snat: the range 203.0.113.9-203.0.113.1 runs backwards; write 203.0.113.1-203.0.113.9",
    "gateway: {network: net, snat: 203.0.113.9-fd00::1}": "f:8:49: snat: 203.0.113.9-fd00::1: both ends of a range are of one family",
    "routes: [{to: 10.0.0.0/8}]": "f:8:28: via is missing",
    "was: r": "f:8:24: was: r is its name already; take out one of the two",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_is_wrong(text: str, said: str) -> None:
    assert complaints(f"    routers: {{r: {{{text}}}}}") == [said]


def test_an_external_network_without_addresses() -> None:
    text = HEAD.replace("[203.0.113.0/24]", "[]")
    with pytest.raises(IntentInvalid) as caught:
        load_text("f", text)
    assert str(caught.value).startswith("f:3:48: an external network has addresses; `subnets: [203.0.113.0/24]`")
