"""How findings are worded."""

from __future__ import annotations

from tests.pure.compiler.intents import findings
from weft.compiler.findings import MOST_NAMED, some_of
from weft.facts import ForeignLink
from weft.model.intent import Intent, NamespaceConfig
from weft.model.links import DummyLink, HostLink, VlanLink


def test_some_of_many_names_are_told_in_order() -> None:
    assert some_of(()) == "none"
    assert some_of(("a", "b")) == "a, b"
    names = [f"{at:05}" for at in range(MOST_NAMED + 1_234)]
    assert some_of(names) == f"{', '.join(names[:MOST_NAMED])} and 1,234 more"


def test_one_of_them_is_not_told() -> None:
    assert some_of(("a", "b"), "a") == "b"
    assert some_of(("a",), "a") == "none"
    names = [f"{at:05}" for at in range(MOST_NAMED + 1)]
    for but in (names[0], names[-1]):
        assert some_of(names, but) == ", ".join(name for name in names if name != but)


def test_a_parent_that_is_not_there_is_told_with_some_of_the_links() -> None:
    links: dict[str, HostLink] = {f"d{at:02}": DummyLink() for at in range(40)}
    links["v"] = VlanLink(link="eth7", vid=5)
    (found,) = findings(Intent(name="lab", host=NamespaceConfig(links=links)))
    assert found.path == ("host", "links", "v", "link")
    assert found.fix.startswith("one of its links: d00, d01, ") and found.fix.endswith(" and 9 more")


def test_a_link_that_is_called_by_an_altname_is_told_by_its_name() -> None:
    links = {"eth0": ForeignLink(ifname="eth0", altnames=("ens3", "enp0s3"))}
    wanted = Intent(name="lab", host=NamespaceConfig(links={"enp0s3": HostLink(existing=True, mtu=1400)}))
    (found,) = findings(wanted, links=links)
    assert (found.what, found.fix) == ("the host has no link enp0s3", "`eth0`, of which enp0s3 is an altname")
