"""Quality of service that cannot be: each said with its line, all at once; and what does instead on a lesser kernel."""

from __future__ import annotations

import json

import pytest

from tests.doors.conftest import Desk
from tests.dump import differences
from tests.kernel.outside import OUTSIDE

WRONG = """\
weft: 1
name: lab
qos_policies:
  megabytes: {egress: {ceil: 10mbps}}
  bare: {ingress: {rate: 10}}
  slow: {egress: {ceil: 20bit}}
  unit: {egress: {ceil: 1mbit, burst: 32}}
host: {links: {lo: {existing: true, qos: {egress: {ceil: 100}}}}}
"""


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_figures_without_a_sense_are_all_said_at_once(desk: Desk, command: str) -> None:
    desk.write(WRONG)
    before = desk.world.dump()
    said = desk.weft(command, code=2).stderr.splitlines()
    assert [line.split(": ")[0] for line in said] == [
        "weft.yaml:4:30",
        "weft.yaml:5:26",
        "weft.yaml:7:39",
        "weft.yaml:8:58",
    ]
    assert "bytes a second to tc" in said[0] and "write 10mbit, or 80mbit" in said[0]
    assert all("has no unit" in line for line in said[1:])
    assert differences(before, desk.world.dump()) == []


ONE = """\
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.1.0.0/24]}}
    ports:
      web: {network: front, attach: {netns: web}, qos: {egress: {ceil: CEIL}}}
"""


def test_a_rate_that_sends_a_frame_in_minutes_is_refused_with_the_least_that_works(desk: Desk) -> None:
    desk.write(ONE.replace("CEIL", "20bit"))
    (said,) = desk.weft("apply", "-y", code=2).stderr.splitlines()
    assert said.startswith("weft.yaml:7:66: ") and "at 20bit a frame of 1514 bytes takes" in said and "202bit" in said
    assert desk.world.names() == []


@pytest.mark.needs("htb", "ifb", "nft_egress", "nft_fwd")
def test_the_fastest_line_is_taken(desk: Desk) -> None:
    desk.write(ONE.replace("CEIL", "100gbit"))
    desk.weft("apply", "-y")
    (tree,) = desk.json("qos", "show", "web")
    told = desk.world.run("tc", "class", "show", "dev", tree["ifname"], netns=tree["netns"]).stdout
    assert "ceil 100Gbit" in told


SHARED = """\
weft: 1
name: lab
host: {links: {up0: {existing: true, capacity: 20mbit}}}
tenants:
  shop:
    networks: {front: {subnets: [10.1.0.0/24], uplink: nat}}
    ports:
      web: {network: front, attach: {netns: web}, qos: {egress: {rate: 15mbit}}}
      db: {network: front, attach: {netns: db}, qos: {egress: {rate: RATE}}}
"""


@pytest.mark.needs("htb", "nft_egress")
def test_guarantees_beyond_the_line_are_an_error_with_the_sum_and_who_asks(desk: Desk) -> None:
    desk.world.run("sh", "-c", OUTSIDE)
    desk.write(SHARED.replace("RATE", "5mbit"))
    desk.weft("plan", code=3)
    before = desk.world.dump(settle_s=3)
    desk.write(SHARED.replace("RATE", "6mbit"))
    said = desk.weft("apply", "-y", code=2).stderr.splitlines()
    assert [line.split(": ")[0] for line in said] == ["weft.yaml:3:38", "weft.yaml:8:51", "weft.yaml:9:49"]
    assert "guarantees come to 21mbit of 20mbit, what leads out by up0" in said[0]
    assert "tenants.shop.ports.web 15mbit, tenants.shop.ports.db 6mbit" in said[0]
    assert differences(before, desk.world.dump(settle_s=3)) == []


def lack(desk: Desk, *features: str) -> None:
    """What weft found of this kernel, without these."""
    desk.weft("doctor", "-o", "json", code=None)
    (found,) = desk.state("features.json")
    told = json.loads(found.read_text())
    for part, names in told["features"].items():
        told["features"][part] = [name for name in names if name not in features]
    found.write_text(json.dumps(told))


def test_without_htb_nft_keeps_the_limit_and_says_so(desk: Desk) -> None:
    desk.write(ONE.replace("CEIL", "10mbit"))
    lack(desk, "htb")
    said = desk.weft("apply", "-y").stderr
    assert "weft.yaml:7:57: warning: this kernel lacks htb: nft drops what exceeds a limit" in said, said
    assert "limit rate over" in desk.world.run("nft", "list", "ruleset", netns="weft.lab.shop").stdout
    assert "htb" not in desk.world.run("tc", "qdisc", "show", netns="weft.lab.shop").stdout
    desk.weft("status")
    desk.weft("destroy", "-y", "lab")


def test_without_htb_a_guarantee_is_refused(desk: Desk) -> None:
    desk.world.run("sh", "-c", OUTSIDE)
    desk.write(SHARED.replace("RATE", "5mbit"))
    lack(desk, "htb")
    before = desk.world.dump(settle_s=3)
    said = desk.weft("apply", "-y", code=5).stderr
    assert "weft.yaml:8:51" in said and "htb" in said, said
    assert differences(before, desk.world.dump(settle_s=3)) == []


def test_the_doctor_and_the_plan_name_a_queue_that_is_not_there(desk: Desk) -> None:
    desk.write(ONE.replace("ceil: CEIL", "ceil: 10mbit, leaf: fq_codel"))
    lack(desk, "fq_codel")
    (told,) = [one for one in desk.json("doctor") if "fq_codel" in one["what"]]
    assert told["what"] == "kernel feature fq_codel is missing" and told["level"] == "warning", told
    said = desk.weft("plan", code=3).stderr
    assert "weft.yaml:7:80: warning: this kernel lacks fq_codel: " in said and "does instead" in said, said
