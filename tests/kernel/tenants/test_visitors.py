"""What is seen of a visitor's groups on another tenant's network: counters, drops, traces, by its own names.

Both tenants have a group `base` with the very same rules, so that what is told of one is not told of the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import HERE, Lab
from tests.kernel.groups.test_counters import groups, losses, rules
from tests.kernel.groups.test_drops import drops, ended, looking
from tests.patience import until

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge", "nft_log")]

TEXT = """
weft: 1
name: lab
drops: {recorder: RECORDER}
namespaces:
  web: &quiet {sysctls: {net/ipv6/conf/default/disable_ipv6: 1, net/ipv6/conf/all/disable_ipv6: 1}}
  ci: *quiet
  run: *quiet
  lone: *quiet
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24]}}
    security_groups:
      base:
        ingress:
          - {protocol: udp, ports: [53]}
          - {protocol: udp, ports: [9], action: deny}
          - {protocol: udp, ports: [11], action: deny, log: true}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10], mac: "02:00:00:00:00:10",
            security_groups: [base]}
    share: [{network: front, with: [dev]}]
  dev:
    networks: {lan: {subnets: [10.0.0.0/24]}}
    security_groups:
      base:
        ingress:
          - {protocol: udp, ports: [53]}
          - {protocol: udp, ports: [9], action: deny}
          - {protocol: udp, ports: [11], action: deny, log: true}
          - {protocol: udp, ports: [7], remote: {group: base}}
          - {protocol: udp, ports: [15], remote: {group: base}, action: deny}
    ports:
      ci: {network: shop/front, attach: {netns: ci}, addresses: [10.0.0.20], mac: "02:00:00:00:00:20",
           security_groups: [base]}
      run: {network: shop/front, attach: {netns: run}, addresses: [10.0.0.21], mac: "02:00:00:00:00:21",
            security_groups: [base]}
      lone: {network: lan, attach: {netns: lone}, addresses: [10.0.0.22], mac: "02:00:00:00:00:22",
             security_groups: [base]}
      far: {network: lan, attach: {netns: far}, addresses: [10.0.0.23], mac: "02:00:00:00:00:23"}
"""
LAST = {"web": 10, "ci": 20, "run": 21, "lone": 22, "far": 23}


def send(lab: Lab, sender: str, target: str, sent: dict[int, int], source: str = "") -> None:
    """`sent`: how often to each port of UDP."""
    macs = {name: f"02:00:00:00:00:{last}" for name, last in LAST.items()}
    address = source or f"10.0.0.{LAST[sender]}"
    frames = [
        f.ipv4(macs[sender], address, f"10.0.0.{LAST[target]}", f.udp(1000, port, "x"), to=macs[target])
        for port, times in sent.items()
        for _ in range(times)
    ]
    lab.world.run(sys.executable, HERE / "wire.py", "send", sender, *(one.hex() for one in frames), netns=sender)


def speak(lab: Lab, *names: str) -> None:
    """Everybody, or these, let the bridge know where they are."""
    for name in names or LAST:
        last = LAST[name]
        mac, address = f"02:00:00:00:00:{last}", f"10.0.0.{last}"
        frame = f.arp(mac, mac, address, "10.0.0.99", "here", operation=1)
        lab.world.run(sys.executable, HERE / "wire.py", "send", name, frame.hex(), netns=name)


def everything(lab: Lab) -> None:
    send(lab, "web", "ci", {53: 1, 9: 2, 11: 3, 99: 4})
    send(lab, "ci", "web", {53: 5, 9: 6, 11: 7, 99: 8})
    send(lab, "run", "ci", {7: 2, 15: 3})
    send(lab, "far", "lone", {53: 10, 9: 11})
    send(lab, "ci", "web", {53: 4}, source="10.0.0.66")


def seen(row: dict[str, Any]) -> tuple[int, set[tuple[str, str, str]]]:
    talks = {(talk["source"], talk["target"], talk["what"]) for talk in row["talks"]}
    return (row["counted"]["packets"] if row["counted"] else row["seen"]), talks


def line(text: str, of: str, after: str) -> str:
    """Where `of` stands first behind `after`, as /FILE:LINE:."""
    lines = text.splitlines()
    start = next(at for at, said in enumerate(lines) if said.startswith(after))
    return f"/weft.yaml:{next(at for at in range(start, len(lines)) if of in lines[at]) + 1}:"


def test_each_rule_counts_for_its_own_tenant_wherever_its_ports_are(lab: Lab) -> None:
    lab.apply(TEXT.replace("RECORDER", "false"))
    speak(lab)
    everything(lab)
    view = groups(lab)
    assert [held["name"] for held in view["groups"]] == ["shop/base", "dev/base"]
    counted = {name: {rule: held[0] for rule, held in rules(view, name).items()} for name in ("shop/base", "dev/base")}
    assert counted["shop/base"] == {"ingress allow udp 53": 5, "ingress deny udp 9": 6, "ingress deny udp 11": 7}
    assert counted["dev/base"] == {
        "ingress allow udp 53": 11,
        "ingress deny udp 9": 13,
        "ingress deny udp 11": 3,
        "ingress allow udp 7 from group base": 2,
        "ingress deny udp 15 from group base": 3,
    }
    where = {rule["words"]: rule["where"] for rule in view["groups"][1]["rules"]}
    assert line(TEXT, "ports: [9]", "  dev:") in where["udp 9"]
    lost = losses(view, "dev/ci")
    assert (lost["denied_in"], lost["no_rule_in"], lost["spoofed"]) == (8, 4, 4)
    assert view["strangers"] == [], "what a link of weft's lost before its filter knew it"
    ports = {name: [held["name"] for held in groups(lab, name)["ports"]] for name in ("shop", "dev")}
    assert ports == {"shop": ["dev/ci", "dev/run", "shop/web"], "dev": ["dev/ci", "dev/run", "dev/far", "dev/lone"]}
    assert [held["name"] for held in groups(lab, "dev/base")["groups"]] == ["dev/base"]
    said = lab.world.run("weft", "groups", "dev").stdout
    assert "group dev/base  (" in said and "deny udp 15 from group base" in said and "shop/base" not in said


def test_a_visitor_that_has_no_network_of_its_own(lab: Lab) -> None:
    text = TEXT.partition("      lone: {")[0].replace("    networks: {lan: {subnets: [10.0.0.0/24]}}\n", "")
    lab.apply(text.replace("RECORDER", "false"))
    speak(lab, "web", "ci", "run")
    send(lab, "web", "ci", {53: 1, 9: 2})
    counted = rules(groups(lab, "dev/base"), "dev/base")
    assert (counted["ingress allow udp 53"][0], counted["ingress deny udp 9"][0]) == (1, 2)
    assert [held["name"] for held in groups(lab, "dev")["ports"]] == ["dev/ci", "dev/run"]


def test_drops_now_and_what_was(lab: Lab) -> None:
    lab.apply(TEXT.replace("RECORDER", "false"))
    speak(lab)
    look = looking(lab, "--for", "5m")
    everything(lab)
    _check(drops(ended(look)))
    lab.apply(TEXT.replace("RECORDER", "true"))
    until(partial(_records, lab), "the recorder listens")
    everything(lab)
    until(lambda: len(_past(lab)) >= 10, "the recorder has written all")
    _check(_past(lab))
    told = lab.world.run("weft", "drops", "--since", "10m", "--lines").stdout
    assert "web -> dev/ci  udp/11  at dev/ci: group dev/base: deny udp 11  (" in told


def _records(lab: Lab) -> bool:
    return " 30565 " in f" {lab.world.run('cat', '/proc/net/netfilter/nfnetlink_log', netns='weft.lab.shop').stdout}"


def _past(lab: Lab) -> dict[tuple[str, str, str], dict[str, Any]]:
    told: subprocess.CompletedProcess[str] = lab.world.run("weft", "drops", "-o", "json", "--since", "10m", check=False)
    return drops(told.stdout) if json.loads(told.stdout or "[]") else {}


def _check(found: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    to_ci, to_web = ("shop/web", "dev/ci"), ("dev/ci", "shop/web")
    assert seen(found["drop", "dev/ci", "group dev/base: deny udp 9"]) == (2, {(*to_ci, "udp/9")})
    assert seen(found["drop", "dev/ci", "group dev/base: deny udp 11"]) == (3, {(*to_ci, "udp/11")})
    assert seen(found["drop", "shop/web", "group base: deny udp 9"]) == (6, {(*to_web, "udp/9")})
    assert seen(found["drop", "shop/web", "group base: deny udp 11"]) == (7, {(*to_web, "udp/11")})
    fellow = found["drop", "dev/ci", "group dev/base: deny udp 15 from group base"]
    assert seen(fellow) == (3, {("dev/run", "dev/ci", "udp/15")})
    assert seen(found["drop", "dev/lone", "group base: deny udp 9"]) == (11, {("dev/far", "dev/lone", "udp/9")})
    assert seen(found["drop", "dev/ci", "no rule lets it in"]) == (4, {(*to_ci, "udp/99")})
    (spoofed,) = (row for row in found.values() if row["reason"] == "spoofed")
    assert spoofed["port"] == "dev/ci"
    assert line(TEXT, "ports: [9]", "  dev:") in found["drop", "dev/ci", "group dev/base: deny udp 9"]["where"]
    assert line(TEXT, "ports: [11]", "  shop:") in found["drop", "shop/web", "group base: deny udp 11"]["where"]


def traced(lab: Lab, *words: str, code: int) -> dict[str, Any]:
    done = lab.world.run("weft", "trace", "-f", lab.file, "-o", "json", *words, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("state", ["desired", "observed"])
def test_a_trace_says_whose_rule_it_was(lab: Lab, state: str) -> None:
    lab.apply(TEXT.replace("RECORDER", "false"))
    live = ("--live",) if state == "observed" else ()
    words = ("--state", state, *live)
    denied = traced(lab, "shop/web", "dev/ci", "udp/9", *words, code=3)
    assert denied["why"] == "group base of dev/ci denies udp 9"
    assert line(TEXT, "ports: [9]", "  dev:") in denied["hints"][0]["where"]
    logged = traced(lab, "shop/web", "dev/ci", "udp/11", *words, code=3)
    assert logged["why"] == "group base of dev/ci denies udp 11"
    passes = traced(lab, "dev/run", "dev/ci", "udp/7", *words, code=0)
    assert any(
        hop["said"] == "group base of dev/ci lets in udp 7 from group base" for hop in passes["question"]["hops"]
    )
    assert line(TEXT, "ports: [7]", "  dev:") in passes["hints"][0]["where"]
    for found in (denied, logged, passes):
        assert not live or (found["live"]["differs"] == "" and found["live"]["hop"] is None), found["live"]
    missing = traced(lab, "dev/run", "dev/ci", "udp/99", *words, code=3)
    assert "add {protocol: udp, ports: [99], remote: {group: base}} to its ingress" in missing["hints"][0]["said"]


def test_names_follow_whoever_is_renamed(lab: Lab) -> None:
    """The chains keep the former name; what is told has the new one, and counters go on."""
    text = TEXT.replace("RECORDER", "false")
    lab.apply(text)
    speak(lab)
    send(lab, "run", "ci", {7: 2})
    renamed = text.replace("  dev:\n", "  ops:\n    was: dev\n").replace("with: [dev]", "with: [ops]")
    renamed = renamed.replace("networks: {front: {", "networks: {face: {was: front, ").replace(
        "network: front", "network: face"
    )
    renamed = renamed.replace("shop/front", "mall/face").replace("  shop:\n", "  mall:\n    was: shop\n")
    lab.apply(renamed)
    assert lab.status().returncode == 0
    send(lab, "run", "ci", {7: 3})
    send(lab, "web", "ci", {9: 2})
    counted = rules(groups(lab, "ops"), "ops/base")
    assert counted["ingress allow udp 7 from group base"][0] == 5 and counted["ingress deny udp 9"][0] == 2
    denied = traced(lab, "mall/web", "ops/ci", "udp/9", "--state", "observed", code=3)
    assert denied["why"] == "group base of ops/ci denies udp 9"
    assert denied["question"]["hops"][-1]["place"] == "network mall/face"
