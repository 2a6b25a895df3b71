"""What others do to quality of service: found by status with its name and line, mended by apply, nobody else touched.

Judged by the counters that tc shows: a sibling's go on from where they were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.faults.command import preload, start, weft_in
from tests.kernel.faults.held import Held
from tests.kernel.faults.rig import at_once
from tests.kernel.qos.lab import TENANT, Class, Lab

DRIFT, REFUSED = 3, 5

pytestmark = [pytest.mark.kernel, pytest.mark.needs("htb", "ifb", "nft_egress", "nft_fwd")]

FILE = """\
weft: 1
name: lab
qos_policies:
  gold:
    ingress:
      ceil: 40mbit
      classes:
        voice: {match: {dscp: ef}, rate: 1mbit, priority: 0}
        web: {match: {protocol: tcp, ports: [80, 443]}, rate: 5mbit}
    egress: {ceil: 20mbit}
tenants:
  t:
    networks: {n: {subnets: [10.0.0.0/24]}}
    ports:
      a: {network: n, attach: {netns: a}, addresses: [10.0.0.1], qos: gold}
      b: {network: n, attach: {netns: b}, addresses: [10.0.0.2]}
"""
PORT = "tenants.t.ports.a.qos"
WEB = f"{PORT}.ingress.classes.web"
LINE = ":15:"
"""Of the port's `qos:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """`script`: run in the tenant's namespace, with the port's end `{dev}`, the class web `{web}`, what is on it
    `{upon}` and the tree's `{major}`. `kind`, `drift`: what status must say of it; `subject`: of whom."""

    script: str
    kind: str
    drift: str
    subject: str = WEB


BROKEN = {
    "a class deleted": Broken(
        script="tc qdisc del dev {dev} parent {web}; tc class del dev {dev} classid {web}",
        kind="htb-class",
        drift="missing",
    ),
    "a class halved": Broken(
        script="tc class change dev {dev} classid {web} htb rate 2500kbit ceil 2500kbit",
        kind="htb-class",
        drift="changed",
    ),
    "a leaf replaced": Broken(
        script="tc qdisc replace dev {dev} parent {web} handle 77: bfifo limit 5000", kind="{upon}", drift="changed"
    ),
    "an element deleted": Broken(
        script="nft delete element netdev weft-lab qos-out-{dev}-tcp-dport '{{ 80 }}'",
        kind="nft-element",
        drift="missing",
    ),
    "an element of another class": Broken(
        script="nft 'delete element netdev weft-lab qos-out-{dev}-tcp-dport {{ 80 }}; "
        "add element netdev weft-lab qos-out-{dev}-tcp-dport {{ 80 : {major}:2 }}'",
        kind="nft-element",
        drift="changed",
    ),
    "a chain emptied": Broken(
        script="nft flush chain netdev weft-lab qos-out-{dev}", kind="nft-chain", drift="changed", subject=PORT
    ),
}


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def gold(lab: Lab) -> Lab:
    lab.file.write_text(FILE)
    weft(lab, "apply", "-y")
    assert lab.world.ping("10.0.0.1", netns="b")
    return lab


def weft(lab: Lab, command: str, *words: str, code: int = 0) -> str:
    ran = weft_in(lab.world, command, "-f", lab.file, *words)
    assert ran.status == code, str(ran)
    return ran.out


def found(lab: Lab) -> list[dict[str, Any]]:
    """What status says."""
    told: list[dict[str, Any]] = json.loads(weft(lab, "status", "-o", "json", code=3))["differences"]
    return told


def class_of(lab: Lab, dev: str, rate: str) -> Class:
    return next(one for one in lab.classes(dev).values() if one.rate == rate)


def kind_upon(lab: Lab, dev: str, classid: str) -> str:
    told = lab.world.run("tc", "qdisc", "show", "dev", dev, netns=TENANT).stdout
    return re.search(rf"^qdisc (\S+) .*parent {classid} ", told, re.M)[1]  # type: ignore[index]


@pytest.mark.parametrize("what", BROKEN)
def test_what_somebody_breaks_is_named_and_mended_beside_its_fellows(gold: Lab, what: str) -> None:
    broken, dev = BROKEN[what], gold.ifname("a")
    before, web = gold.classes(dev), class_of(gold, dev, "5Mbit").classid
    whole = gold.world.dump()
    words = {"dev": dev, "web": web, "upon": kind_upon(gold, dev, web), "major": web.split(":")[0]}
    gold.world.run("sh", "-ec", broken.script.format(**words), netns=TENANT)
    told = [one for one in found(gold) if one["told"].startswith(f"{broken.kind.format(**words)} ")]
    assert [(one["drift"], one["subject"]) for one in told] == [(broken.drift, broken.subject)], told
    assert f"{gold.file}{LINE}" in told[0]["where"] and dev in told[0]["name"], told
    weft(gold, "apply", "-y")
    assert "Nothing to do" in weft(gold, "apply", "-y")
    assert differences(at_once(whole), at_once(gold.world.dump())) == []
    after = gold.classes(dev)
    assert after.keys() == before.keys() and int(before["2"].packets) > 0
    for minor in before.keys() - {web.split(":")[1]}:
        assert int(after[minor].packets) >= int(before[minor].packets), f"{minor} has counted anew"


def test_a_port_s_namespace_that_is_deleted_is_made_again_with_all_of_it(gold: Lab) -> None:
    whole = gold.world.dump()
    gold.world.run("ip", "netns", "del", "a")
    missing = {one["told"].split()[0] for one in found(gold) if one["drift"] == "missing"}
    assert {"netns", "veth", "htb", "htb-class"} <= missing, missing
    weft(gold, "apply", "-y")
    assert "Nothing to do" in weft(gold, "apply", "-y")
    assert differences(at_once(whole), at_once(gold.world.dump())) == []
    assert gold.world.ping("10.0.0.1", netns="b")
    gold.world.run("ip", "netns", "del", "a")
    """The fixture destroys it in that state, and looks at what is left."""


CARD = "ip link add card type veth peer name far; ip link set card up; ip link set far up"
FOREIGN = "tc qdisc add dev card root handle 9: pfifo limit 5"
ON_CARD = """\
weft: 1
name: lab
host:
  links:
    card: {existing: true, qos: {REPLACE egress: {ceil: 7mbit}, ingress: {ceil: 9mbit}}}
"""


@pytest.fixture
def card(lab: Lab) -> Iterator[Lab]:
    """Whatever a test does with its card, nothing of weft's is left there, and weft remembers nothing of it."""
    lab.world.run("sh", "-ec", CARD)
    yield lab
    assert weft_in(lab.world, "destroy", "-y", "lab").status == 0
    lab.file.unlink()
    assert not lab.world.run("sh", "-c", "ip -o link | grep -w 'wq[a-z2-7]*' || true").stdout
    assert json.loads(lab.world.run("sh", "-c", "cat /run/weft/*/ledger").stdout)["entries"] == []
    lab.world.run("sh", "-c", "ip link del card 2>/dev/null || true")


@pytest.mark.parametrize("replace", ["", "replace: true,"])
@pytest.mark.parametrize("is_back", [True, False])
def test_a_card_that_vanishes_and_returns(card: Lab, replace: str, is_back: bool) -> None:
    """With another number, and without the root that had given way."""
    card.file.write_text(ON_CARD.replace("REPLACE", replace))
    if replace:
        card.world.run("sh", "-ec", FOREIGN)
    weft(card, "apply", "-y")
    card.world.run("ip", "link", "del", "card")
    told = weft_in(card.world, "status", "-f", card.file)
    assert told.status == DRIFT and re.search(r"missing +host.links.card +\S+:5:5 +the host has no link card", told.out)
    if is_back:
        card.world.run("sh", "-ec", CARD)
        assert {"htb", "htb-class"} <= {one["told"].split()[0] for one in found(card)}
        weft(card, "apply", "-y")
        assert "Nothing to do" in weft(card, "apply", "-y")
        assert card.classes("card", None)["1"].ceil == "7Mbit"


def test_a_card_that_was_renamed_is_told_by_its_former_name(card: Lab) -> None:
    card.file.write_text(ON_CARD.replace("REPLACE", ""))
    weft(card, "apply", "-y")
    card.world.run("sh", "-ec", "ip link set card down; ip link set card name other; ip link set other up")
    other = card.file.with_name("other.yaml")
    other.write_text(ON_CARD.replace("REPLACE", "").replace("lab", "rest").replace("card", "other"))
    refused = weft_in(card.world, "apply", "-y", "-f", other)
    assert refused.status == REFUSED, refused
    assert "what weft made when the link was called card; tc qdisc del dev other root, or call" in refused.err, refused
    card.world.run("tc", "qdisc", "del", "dev", "other", "root")
    assert weft_in(card.world, "apply", "-y", "-f", other).status == 0
    assert weft_in(card.world, "destroy", "-y", "rest").status == 0
    card.world.run("ip", "link", "del", "other")


@pytest.mark.parametrize("kind", ["noqueue", "pfifo_fast"])
def test_a_root_that_looks_like_the_kernel_s_own_is_named_and_gives_way_on_weft_s_link(gold: Lab, kind: str) -> None:
    whole, dev = gold.world.dump(), gold.ifname("a")
    gold.world.run("tc", "qdisc", "replace", "dev", dev, "root", kind, netns=TENANT)
    assert f"htb {dev} root@{TENANT}: kind {kind} -> htb" in {one["told"] for one in found(gold)}
    weft(gold, "apply", "-y")
    assert "Nothing to do" in weft(gold, "apply", "-y")
    assert differences(at_once(whole), at_once(gold.world.dump())) == []


@pytest.mark.parametrize("kind", ["noqueue", "pfifo_fast"])
def test_on_somebody_else_s_card_it_is_in_the_way(card: Lab, kind: str) -> None:
    """Before anything is changed; and so is one that was put where weft's was."""
    card.file.write_text(ON_CARD.replace("REPLACE", ""))
    for what in ("before weft", "after weft"):
        card.world.run("tc", "qdisc", "replace", "dev", "card", "root", kind)
        refused = weft_in(card.world, "apply", "-y", "-f", card.file)
        assert refused.status == REFUSED and f"card has a root qdisc already, {kind} " in refused.err, (what, refused)
        card.world.run("tc", "qdisc", "del", "dev", "card", "root")
        weft(card, "apply", "-y")
    card.file.write_text(ON_CARD.replace("REPLACE", "replace: true,"))
    card.world.run("tc", "qdisc", "replace", "dev", "card", "root", "handle", "9:", kind)
    weft(card, "apply", "-y")
    assert card.classes("card", None)["1"].ceil == "7Mbit"
    card.file.write_text(ON_CARD.replace("REPLACE egress: {ceil: 7mbit},", ""))
    weft(card, "apply", "-y")
    assert card.world.json("tc", "-j", "qdisc", "show", "dev", "card")[0]["handle"] == "9:"


def test_two_at_once_that_both_change_it(gold: Lab) -> None:
    """The second waits for the first, plans anew, and has the last word."""
    dev, other = gold.ifname("a"), gold.file.with_name("other.yaml")
    number = class_of(gold, dev, "5Mbit").classid
    other.write_text(FILE.replace("rate: 5mbit", "rate: 6mbit").replace("ports: [80, 443]", "ports: [80, 8080]"))
    gold.file.write_text(FILE.replace("rate: 5mbit", "rate: 4mbit"))
    held = Held()
    first = start(gold.world, "apply", "-y", "-f", gold.file, act=held)
    held.await_stop()
    second = start(gold.world, "apply", "-y", "-f", other, "--wait", "60")
    held.let_go()
    ends = first.wait(), second.wait()
    assert [ran.status for ran in ends] == [0, 0], "\n".join(map(str, ends))
    assert class_of(gold, dev, "6Mbit").classid == number
    elements = gold.world.run("nft", "list", "map", "netdev", "weft-lab", f"qos-out-{dev}-tcp-dport", netns=TENANT)
    assert set(re.findall(r"(\d+) : ", elements.stdout)) == {"80", "8080"}
    gold.file.write_text(other.read_text())
    assert "Nothing to do" in weft(gold, "apply", "-y")
