"""`weft qos show` and `explain`: what tc counts, in the words of the file; live; and the reasons for it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doors.conftest import Desk
from tests.doors.test_consent import CTRL_C, talk
from tests.kernel.outside import OUTSIDE
from tests.patience import until
from tests.told_by_tc import htb_classes

LAB = """\
weft: 1
name: lab
qos_policies:
  gold:
    egress:
      ceil: 10mbit
      classes:
        voice: {match: {dscp: ef}, rate: 2mbit, priority: 0}
        web: {match: {destination: 10.1.0.3}, rate: 5mbit, ceil: 8mbit, priority: 3}
    ingress: {ceil: 20mbit}
tenants:
  shop:
    networks:
      front: {subnets: [10.1.0.0/24]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.1.0.2], qos: gold}
      db: {network: front, attach: {netns: db}, addresses: [10.1.0.3]}
"""


@pytest.fixture
def lab(desk: Desk) -> Desk:
    desk.write(LAB)
    desk.weft("apply", "-y")
    return desk


@contextlib.contextmanager
def load(desk: Desk) -> Iterator[None]:
    """TCP from web to db for as long as it lasts."""
    server = desk.world.start("iperf3", "--server", "--one-off", netns="db", stdout=subprocess.DEVNULL)
    until(lambda: ":5201" in desk.world.run("ss", "-tln", netns="db").stdout, "a server that listens")
    client = desk.world.start("iperf3", "-c", "10.1.0.3", "-t", "60", netns="web", stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        for running in (client, server):
            running.kill()
            running.wait()


def seen(trees: Any, name: str, direction: str = "egress") -> Any:
    return next(
        held for tree in trees if tree["direction"] == direction for held in tree["classes"] if held["name"] == name
    )


def test_classes_are_as_in_the_file_and_as_tc_counts_them(lab: Desk) -> None:
    with load(lab):
        until(lambda: seen(lab.json("qos", "show", "web"), "web")["sent"]["lost"] > 0, "losses")
    (egress, ingress) = lab.json("qos", "show", "shop/web")
    assert (egress["carrier"], egress["direction"], egress["kind"]) == ("port shop/web", "egress", "htb")
    assert egress["where"].endswith("weft.yaml:5:5") and ingress["where"].endswith("weft.yaml:10:5")
    assert [held["name"] for held in egress["classes"]] == ["(all)", "(default)", "voice", "web"]
    until(lambda: counted_alike(lab, egress), "a look at what tc counts too")
    (egress, _) = lab.json("qos", "show", "shop/web")
    web = seen([egress], "web")
    assert (web["rate_bps"], web["ceil_bps"], web["priority"], web["depth"]) == (5_000_000, 8_000_000, 3, 1)
    assert web["sent"]["bytes"] > 100_000 and web["borrowed"] > 0
    assert seen([egress], "voice")["sent"]["bytes"] == 0


def counted_alike(lab: Desk, egress: Any) -> bool:
    """Whether a look and tc tell the same of a tree: where tc does so before and after the look, nothing was sent
    between, and they must. What the kernel itself sends (neighbours, the end of a connection) comes when it likes."""
    before = htb_classes(lab.world, egress["ifname"], egress["netns"])
    (told, _) = lab.json("qos", "show", "shop/web")
    if htb_classes(lab.world, egress["ifname"], egress["netns"]) != before:
        return False
    for held in told["classes"]:
        of_tc = before[held["number"]]
        assert (held["sent"]["bytes"], held["sent"]["packets"]) == (of_tc.bytes, of_tc.packets)
        assert (held["borrowed"], held["overlimits"]) == (of_tc.borrowed, of_tc.overlimits)
        assert held["sent"]["lost"] >= of_tc.drops
    return True


def test_rates_between_two_looks_and_what_waits(lab: Desk) -> None:
    with load(lab):
        until(lambda: seen(lab.json("qos", "show", "web"), "web")["waiting_packets"] > 5, "a queue")
        lines = lab.weft("qos", "show", "web", "-o", "json", "--count", "3", "--watch", "1").stdout.splitlines()
    looks = [seen(json.loads(line), "web") for line in lines]
    assert len(looks) == 3 and looks[0]["sent"]["rate_bps"] is None
    rates = [look["sent"]["rate_bps"] for look in looks[1:]]
    assert all(6e6 < rate < 8.4e6 for rate in rates), rates
    assert any(look["delay_us"] and look["delay"] == "estimated" for look in looks)


@pytest.mark.needs("fq_codel")
def test_fq_codel_tells_the_delay_itself(lab: Desk) -> None:
    def measured() -> bool:
        web = seen(lab.json("qos", "show", "web"), "web")
        return web["queue"] == "fq_codel" and web["delay"] == "measured" and 0 < web["delay_us"] < 1_000_000

    with load(lab):
        until(measured, "a delay")


def test_the_table_for_people(lab: Desk) -> None:
    text = lab.weft("qos", "show").stdout
    first, head, *_ = text.splitlines()
    assert first.startswith("port shop/web  egress  htb at ") and first.endswith("weft.yaml:5:5)")
    assert head.split() == [
        "CLASS", "GUARANTEE", "LIMIT", "PRIO", "QUEUE", "SENT", "BORROWED", "WAITING", "DELAY", "DROPPED", "OVERLIMITS",
    ]  # fmt: skip
    (web,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["web"]]
    assert web[1:4] == ["5mbit", "8mbit", "3"]


def test_on_a_terminal_it_stays_in_place_until_interrupted(lab: Desk) -> None:
    shown = talk(lab, "qos", "show", "--watch", "0.2", asked="bit/s", answer=CTRL_C)
    assert shown.code == 0
    assert "port shop/web" in shown.shown


def test_a_class_that_is_not_weft_s_is_told_by_its_number(lab: Desk) -> None:
    (egress, _) = lab.json("qos", "show", "web")
    major = egress["classes"][0]["number"].split(":")[0]
    words = f"class add dev {egress['ifname']} parent {major}:1 classid {major}:9 htb rate 1mbit quantum 1500"
    lab.world.run("tc", *words.split(), netns=egress["netns"])
    (egress, _) = lab.json("qos", "show", "web")
    assert [held["name"] for held in egress["classes"]] == ["(all)", "(default)", "voice", "web", f"{major}:9"]


def test_trees_of_others_on_links_of_the_host(desk: Desk) -> None:
    assert desk.weft("qos", "show").stdout == "Nothing is shaped here.\n"
    desk.world.run(*"ip link add eth0 type veth peer name wire".split())
    for words in (
        "qdisc add dev eth0 root handle 7: htb default 20",
        "class add dev eth0 parent 7: classid 7:1 htb rate 10mbit",
        "class add dev eth0 parent 7:1 classid 7:20 htb rate 2mbit ceil 5mbit prio 2 quantum 1500",
        "qdisc add dev wire root handle 8: tbf rate 5mbit burst 32kb latency 50ms",
    ):
        desk.world.run("tc", *words.split())
    htb, tbf = sorted(desk.json("qos", "show"), key=lambda tree: tree["kind"])
    assert (htb["carrier"], htb["is_foreign"], htb["direction"]) == ("link eth0", True, "")
    assert [(held["name"], held["depth"], held["rate_bps"], held["ceil_bps"]) for held in htb["classes"]] == [
        ("7:1", 0, 10_000_000, 10_000_000),
        ("7:20", 1, 2_000_000, 5_000_000),
    ]
    assert tbf["kind"] == "tbf" and tbf["classes"][0]["ceil_bps"] == 5_000_000
    assert "link eth0  not weft's  htb at eth0" in desk.weft("qos", "show", "eth0").stdout
    assert [tree["carrier"] for tree in desk.json("qos", "show", "wire")] == ["link wire"]


SHARED = """\
weft: 1
name: lab
host: {links: {up0: {existing: true, capacity: 20mbit}}}
tenants:
  shop:
    qos: {egress: {ceil: 15mbit}}
    networks:
      front: {subnets: [10.1.0.0/24], uplink: nat}
    ports:
      web: {network: front, attach: {netns: web}, qos: {egress: {rate: 8mbit, ceil: 20mbit}}}
      db: {network: front, attach: {netns: db}, qos: {egress: {rate: 1mbit, ceil: 5mbit}}}
"""


@pytest.mark.needs("htb", "nft_egress")
def test_a_port_sees_its_part_of_what_all_share(desk: Desk) -> None:
    desk.world.run("sh", "-c", OUTSIDE)
    desk.write(SHARED)
    desk.weft("apply", "-y")
    desk.world.run("ping", "-c", "3", "-i", "0.2", "192.0.2.254", netns="web")
    (tree,) = [tree for tree in desk.json("qos", "show", "up0") if tree["ifname"] == "up0"]
    names = ["(all)", "(default)", "tenant shop", "(rest)", "port shop/web", "port shop/db"]
    assert [held["name"] for held in tree["classes"]] == names and not tree["is_foreign"]
    (part,) = [tree for tree in desk.json("qos", "show", "web") if tree["ifname"] == "up0"]
    assert [held["name"] for held in part["classes"]] == ["(all)", "tenant shop", "port shop/web"]
    assert part["classes"][2]["sent"]["packets"] == 3
    told = desk.weft("qos", "explain", "web").stdout
    assert "one tree for all who share link up0" in told and "class port shop/db" not in told


@pytest.mark.needs("htb", "nft_egress")
def test_a_link_that_is_gone_hides_no_other(desk: Desk) -> None:
    for ifname in ("up0", "up1"):
        desk.world.run(*f"ip link add {ifname} type veth peer name p{ifname}".split())
        link = f"{ifname}: {{existing: true, qos: {{egress: {{ceil: 1mbit}}}}}}"
        desk.write(f"weft: 1\nname: {ifname}\nhost: {{links: {{{link}}}}}\n")
        desk.weft("apply", "-y")
    desk.world.run(*"ip link del up0".split())
    told = desk.weft("qos", "show", code=5)
    assert "link up1  egress  htb at up1" in told.stdout and "the host has no link up0" in told.stderr
    assert "class the whole" in desk.weft("qos", "explain", "up1").stdout
    assert "the host has no link up0" in desk.weft("qos", "explain", "up0", code=5).stderr
    desk.weft("destroy", "-y", "up0")
    assert desk.weft("qos", "show").stderr == ""


def test_names_that_are_nobody_s(lab: Desk) -> None:
    for verb in ("show", "explain"):
        assert (
            "shop/wed: is neither a port nor a link; did you mean shop/web?"
            in lab.weft("qos", verb, "shop/wed", code=2).stderr
        )
    assert lab.json("qos", "show", "lo") == [] and lab.json("qos", "explain", "db") == []
    assert lab.weft("qos", "show", "--count", "2", code=2).stderr.endswith("--count counts the looks of --watch\n")


def test_explain_leads_from_the_line_to_each_object(lab: Desk) -> None:
    text = lab.weft("qos", "explain", "web", "--commands").stdout
    assert "policy gold  " in text and "weft.yaml:5:5, asked for at " in text and "weft.yaml:16:" in text
    told = "\n".join(" ".join(line.split()) for line in text.splitlines())
    assert "limits by: htb the best" in told.replace("\n", " ")
    assert "burst 3,028 bytes two frames of 1514 bytes, more than 1ms of 5mbit" in told
    assert "large frames apart a frame of 64 kB takes 65.5 ms at 8mbit: a TBF takes it apart" in told
    assert "guarantee 2mbit as given" in told
    (egress, _) = lab.json("qos", "show", "web")
    for held in egress["classes"]:
        assert f", {held['number']}" in text
        assert f"classid {held['number']} htb" in text


def test_the_commands_of_explain_make_the_same(lab: Desk) -> None:
    """Pasted where all of it has been taken away by hand."""
    netns = "weft.lab.shop"
    nft = ("nft", "-s", "list", "ruleset")
    before = lab.world.run(*nft, netns=netns).stdout
    assert "10.1.0.3 : " in before
    ends = [held["ifname"] for held in lab.world.json("ip", "-j", "link", "show", netns=netns)]
    for ifname in ends:
        if ifname.startswith("wq"):
            lab.world.run("ip", "link", "del", ifname, netns=netns)
        elif ifname.startswith("wp"):
            lab.world.run("tc", "qdisc", "del", "dev", ifname, "root", netns=netns, check=False)
    lab.world.run("nft", "delete", "table", "netdev", "weft-lab", netns=netns)
    lab.weft("status", code=3)
    told = lab.weft("qos", "explain", "web", "--commands").stdout
    lines = [line.partition("$ ")[2] for line in told.splitlines() if line.lstrip().startswith("$ ")]
    lab.world.run("sh", "-ec", "\n".join(lines))
    assert lab.world.run(*nft, netns=netns).stdout == before
    lab.weft("status")


def test_explain_names_what_this_kernel_lacks(lab: Desk) -> None:
    (found,) = lab.state("features.json")
    features = {name for names in json.loads(found.read_text())["features"].values() for name in names}
    steps = lab.json("qos", "explain", "web")[0]["steps"]
    queue = next(figure for step in steps for figure in step["figures"] if figure["name"] == "queue")
    if "fq_codel" in features:
        assert queue["said"] == "fq_codel" and queue["why"].startswith("the best")
    else:
        assert queue["said"] in ("sfq", "pfifo") and "this kernel lacks fq_codel" in queue["why"]


def test_explain_of_a_file_that_is_not_applied(desk: Desk) -> None:
    desk.write(LAB)
    (egress, ingress) = desk.json("qos", "explain", "web", "-f", "weft.yaml")
    assert (egress["policy"], egress["direction"], ingress["direction"]) == ("gold", "egress", "ingress")
    assert egress["line"].endswith("weft.yaml:5:5")
    assert desk.world.names() == []
