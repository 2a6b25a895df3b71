"""Groups that change under traffic: what is untouched goes on, what a rule alone allowed ends with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.points import Act, Point
from tests.kernel.groups.lab import HERE, Lab
from tests.kernel.groups.talking import connected, lives
from tests.patience import until

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks: {{front: {{subnets: [10.0.0.0/24, "fd00::/64"]}}}}
    security_groups:
      web: {{ingress: [{rules}]}}
      base: {{ingress: [{{protocol: tcp, ports: [22, 443], remote: {{group: base}}}}]}}
    ports:
      web: {{network: front, attach: {{netns: web}}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web, base]}}
      one: {{network: front, attach: {{netns: one}}, addresses: [10.0.0.20, "fd00::20"], security_groups: {one}}}
      two: {{network: front, attach: {{netns: two}}, addresses: [10.0.0.30, "fd00::30"]}}
"""
DONE = 0
HTTP, HTTPS = "{protocol: tcp, ports: [80]}", "{protocol: tcp, ports: [443]}"


def text(*rules: str, one: str = "[base]") -> str:
    return TEXT.format(rules=", ".join(rules), one=one)


@pytest.mark.parametrize("address", ["10.0.0.10", "fd00::10"])
def test_a_rule_that_goes_takes_its_connections_alone(lab: Lab, address: str) -> None:
    lab.apply(text(HTTP, HTTPS))
    lab.listen("web", "tcp/80", "tcp/443", "tcp/22")
    with (
        connected(lab, "two", address, 80) as http,
        connected(lab, "two", address, 443) as https,
        connected(lab, "one", address, 443) as twice,
        connected(lab, "one", address, 22) as ssh,
    ):
        lab.apply(text(HTTPS))
        assert not lives(http), "nothing else allowed it"
        assert lives(https) and lives(ssh)
        lab.apply(text())
        assert not lives(https)
        assert lives(twice), "another group allows it to whoever is in base"
        lab.apply(text(one="[]"))
        assert not lives(twice) and not lives(ssh), "no longer a member"


@contextmanager
def poured(lab: Lab, netns: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`words` of stream.py, that has said its first word."""
    held = lab.world.start(sys.executable, HERE / "stream.py", *words, netns=netns, stdout=subprocess.PIPE)
    try:
        assert held.stdout is not None and held.stdout.readline() in ("ready\n", "first\n")
        yield held
    finally:
        held.kill()
        held.communicate()


def barred(lab: Lab) -> set[str]:
    """The protocols of IPv4 of which something is barred, in the kernel's table."""
    listed = lab.world.run("conntrack", "-L", "-f", "ipv4", netns="weft.lab.shop").stdout.splitlines()
    return {line.split()[0] for line in listed if "dst=255.0.0.30" in line and "[UNREPLIED]" in line}


def test_a_rule_that_goes_takes_along_what_the_served_end_goes_on_to_say(lab: Lab) -> None:
    """To be forgotten would not do: the next packet of the server's would begin the connection anew, as its own."""
    both = "{protocol: tcp, ports: [80]}, {protocol: udp, ports: [80]}"
    lab.apply(text(both))
    asked = (("tcp", "10.0.0.10", "40001"), ("tcp", "fd00::10", "40002"))
    with poured(lab, "web", "serve", "80"), ExitStack() as stack:
        there = [
            stack.enter_context(poured(lab, "two", "read", protocol, address, "80", port))
            for protocol, address, port in asked
        ]
        with poured(lab, "two", "read", "udp", "10.0.0.10", "80", "40003"):
            lab.apply(text())
            assert barred(lab) == {"tcp", "udp"}, "until the end that was served resets its connection"
            said = [one.communicate(timeout=60)[0] for one in there]
            assert said == ["silent\nout\n", "silent\nout\n"]
        lab.apply(text(both))
        assert barred(lab) == set(), "they may again"
        with poured(lab, "two", "read", "tcp", "10.0.0.10", "80", "0"):
            pass


def test_what_is_untouched_goes_on(lab: Lab) -> None:
    lab.apply(text(HTTP))
    lab.listen("web", "tcp/80")
    with connected(lab, "two", "10.0.0.10", 80) as http:
        lab.apply(text(HTTP, HTTPS, "{protocol: tcp, ports: [81-90]}", "{remote: 10.9.0.0/16, action: deny}"))
        assert lives(http)
        lab.apply(text("{protocol: tcp, ports: [80-85]}"))
        assert lives(http), "another rule allows it now"
        for logged in ("{protocol: tcp, ports: [80], log: true}", HTTP):
            lab.apply(text(logged))
            assert lives(http), "the same rule, that now tells or no longer does"
        lab.world.run("nft", "flush", "ruleset", netns="weft.lab.shop")
        assert lab.status().returncode == 3
        lab.world.run("weft", "apply", "-y", "-f", lab.file)
        assert lab.status().returncode == 0
        assert lives(http)
    lab.demand("two", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/443",))


def test_members_come_and_go(lab: Lab) -> None:
    lab.listen_after(text(), "web", "tcp/22")
    lab.demand("one", passes=("tcp/10.0.0.10/22", "tcp/fd00::10/22"))
    lab.demand("two", stops=("tcp/10.0.0.10/22", "tcp/fd00::10/22"))
    lab.apply(text(one="[]").replace('"fd00::30"]', '"fd00::30"], security_groups: [base]'))
    lab.demand("two", passes=("tcp/10.0.0.10/22", "tcp/fd00::10/22"))
    lab.demand("one", stops=("tcp/10.0.0.10/22", "tcp/fd00::10/22"))


def test_counters_of_other_rules_are_kept(lab: Lab) -> None:
    lab.listen_after(text(HTTP, HTTPS), "web", "tcp/80", "tcp/443")
    lab.demand("two", passes=("tcp/10.0.0.10/80",))
    before = counted(lab)
    assert before["80"] >= 1
    lab.apply(text(HTTP, "{protocol: tcp, ports: [8080]}"))
    after = counted(lab)
    assert after["80"] == before["80"] and after["8080"] == 0 and "443" not in after


def counted(lab: Lab) -> dict[str, int]:
    """Packets by element of the group's TCP ports, as nft tells."""
    listed = lab.world.run(
        "nft", "-j", "list", "set", "bridge", "weft-lab", "in4.web.tcp", netns="weft.lab.shop"
    ).stdout
    (held,) = (entry["set"] for entry in json.loads(listed)["nftables"] if "set" in entry)
    return {str(one["elem"]["val"]): one["elem"]["counter"]["packets"] for one in held["elem"]}


def test_a_kill_at_any_step_past_the_commit_loses_no_cut(lab: Lab) -> None:
    """Of what goes with a rule: the next command cuts what the killed one did not come to."""
    preload()
    lab.apply(text(HTTP, HTTPS))
    lab.listen("web", "tcp/80", "tcp/443")
    step, ended = 0, -signal.SIGKILL
    while ended != DONE:
        lab.apply(text(HTTP, HTTPS))
        with connected(lab, "two", "10.0.0.10", 80) as http, connected(lab, "two", "10.0.0.10", 443) as https:
            lab.file.write_text(text(HTTPS))
            ended = weft_in(lab.world, "apply", "-y", "-f", lab.file, act=killed_past_commit(step)).status
            lab.apply(text(HTTPS))
            assert not lives(http), f"killed {step} steps past the commit"
            assert lives(https)
        step += 1
    assert step > 3


def test_recovery_cuts_though_the_file_cannot_be_thought_through_any_more(lab: Lab) -> None:
    preload()
    lab.world.run("ip", "link", "add", "spare", "type", "veth")
    spare = "host: {links: {spare: {existing: true, mtu: 1400}}}\n"
    lab.apply(text(HTTP, HTTPS) + spare)
    lab.listen("web", "tcp/80", "tcp/443")
    with connected(lab, "two", "10.0.0.10", 80) as http, connected(lab, "two", "10.0.0.10", 443) as https:
        lab.file.write_text(text(HTTPS) + spare)
        killed = weft_in(lab.world, "apply", "-y", "-f", lab.file, act=killed_past_commit(0))
        assert killed.status == -signal.SIGKILL, str(killed)
        lab.world.run("ip", "link", "del", "spare")
        recovered = weft_in(lab.world, "recover")
        assert recovered.status == 0, str(recovered)
        assert not lives(http) and lives(https)


def killed_past_commit(steps: int) -> Act:
    """A kill so many points after the record of the commit."""
    begun: list[int] = []

    def act(point: Point) -> None:
        if point.door == "move" and str(point.arguments[-1]).endswith(".committed") and point.side == "after":
            begun.append(point.number)
        if begun and point.number == begun[0] + steps:
            signal.raise_signal(signal.SIGKILL)

    return act


def is_on_trial(lab: Lab) -> bool:
    (scope,) = json.loads(lab.world.run("weft", "list", "-o", "json").stdout)
    return bool(scope["unfinished"] or scope["unconfirmed_s"] is not None)


def test_what_only_a_trial_allowed_ends_with_it(lab: Lab) -> None:
    lab.apply(text(HTTPS))
    lab.listen("web", "tcp/80", "tcp/443")
    lab.file.write_text(text(HTTP, HTTPS))
    lab.world.run("weft", "apply", "-y", "--confirm-within", "3s", "-f", lab.file)
    with connected(lab, "two", "10.0.0.10", 80) as http, connected(lab, "two", "10.0.0.10", 443) as https:
        assert lives(http)
        until(lambda: not is_on_trial(lab), "it is taken back")
        assert not lives(http)
        assert lives(https)
