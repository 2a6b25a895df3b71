"""Links of others that are not what the intent takes them for: each with every reason, and of a lenient compile no more
than a warning."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure.compiler.intents import MACHINE, facts, findings, intent, port
from weft.compiler import Cause, compile
from weft.facts import Belongings, ForeignLink
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.tap import Tap
from weft.model.intent import Intent, NamespaceConfig, Network, Subnet
from weft.model.links import BridgeLink, HostLink
from weft.model.segment import SegmentSpec
from weft.model.stacked import BondLink, IpvlanLink, MacvlanLink, MacvtapLink, TapLink
from weft.state import HOST, Key, link_key


def on(**segment: Any) -> Intent:
    return intent(Network(subnets=(Subnet(cidr="10.1.0.0/24"),), segment=SegmentSpec(link="eth1", **segment)), port())


def host(**links: HostLink) -> Intent:
    return Intent(name="lab", host=NamespaceConfig(links=links))


TUN, PORT = {"link_kind": "tun"}, {"master": "ob"}
CASES = [
    (on(), TUN, "carries packets, and a network needs frames"),
    (on(), PORT, "is a port of ob"),
    (on(), {"addresses": ("192.0.2.1/24",)}, "carries addresses of the host's"),
    (on(mode="macvlan"), PORT, "is a port of ob, which takes its frames"),
    (on(mode="macvlan"), {"link_kind": "macvtap"}, "is of kind macvtap itself"),
    (host(m=MacvlanLink(link="eth1")), TUN, "carries packets, and a macvlan needs frames"),
    (host(m=IpvlanLink(link="eth1")), {"link_kind": "ipvlan"}, "is of kind ipvlan itself"),
    (host(b=BridgeLink(members=("eth1",))), TUN, "carries packets, and a bridge needs frames"),
    (host(t=TapLink(master="eth1")), {"link_kind": "veth"}, "is of kind veth, and no bridge or bond to join"),
    (host(b=BondLink(mode="active-backup", members=("eth1",))), PORT, "is a member of ob, which weft did not make"),
]


@pytest.mark.parametrize(("wanted", "there", "what"), CASES)
def test_each_is_refused_and_of_a_lenient_compile_a_warning(wanted: Intent, there: dict[str, Any], what: str) -> None:
    links = {name: ForeignLink(ifname=name) for name in ("eth1", "ob")} | {"eth1": ForeignLink(ifname="eth1", **there)}
    known = facts(links={**MACHINE.links, **links})
    (error,) = findings(wanted, links=known.links)
    assert error.what.startswith(f"eth1 {what}") and error.cause is Cause.MACHINE
    told = [one for one in compile(wanted, known, lenient=True).warnings if one.unfit]
    assert [(one.what, one.missing, one.severity) for one in told] == [(error.what, link_key("", "eth1"), "warning")]
    as_usual = {**known.links, "eth1": ForeignLink(ifname="eth1", link_kind="bridge" if "t" in _names(wanted) else "")}
    assert not findings(wanted, links=as_usual)


def test_every_reason_is_told() -> None:
    held = {"eth1": Belongings(value="", bars=("one stays", "another stays"), since="a third")}
    links = {**MACHINE.links, "eth1": ForeignLink(ifname="eth1")}
    found = findings(on(take_addresses=True), links=links, belongings=held)
    assert [one.what.rpartition(": ")[2] for one in found[:2]] == ["one stays", "another stays"]
    assert found[2].what == "eth1 has got a third since its addresses moved"


def test_what_the_file_says_itself_is_no_misfit() -> None:
    both = host(b=BridgeLink(members=("eth1",)), m=MacvlanLink(link="eth1"))
    (error,) = findings(both, links={**MACHINE.links, "eth1": ForeignLink(ifname="eth1")})
    assert error.cause is Cause.INTENT and not error.unfit


def test_who_is_unknown_to_a_lenient_compile_is_nobody_in_particular() -> None:
    links: dict[str, HostLink] = {
        "t": TapLink(owner="nobody-here"),
        "m": MacvtapLink(link="eth0", owner="nobody-here", group="7"),
    }
    compiled = compile(host(**links), MACHINE, lenient=True)
    assert [one.unknown for one in compiled.warnings] == [Key("user", HOST, "nobody-here")] * 2
    tap, macvtap = (compiled.state[link_key(HOST, name)] for name in links)
    assert isinstance(tap, Tap) and isinstance(macvtap, Macvtap)
    assert (tap.owner, macvtap.user, macvtap.group) == (None, None, 7)


def _names(wanted: Intent) -> set[str]:
    return set(wanted.host.links) if wanted.host else set()
