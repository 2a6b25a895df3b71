"""A machine starts anew: its kernel knows nothing, /var/lib/weft all."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doors.conftest import Desk
from tests.dump import Dump, differences
from tests.kernel.faults.rig import at_once
from tests.patience import until
from tests.world import World

HOUSE = """
weft: 1
name: house
include: [tenants/*.yaml]
host:
  sysctls: {net.core.somaxconn: 4000}
  links: {eth1: {existing: true, addresses: [198.51.100.9/24]}}
"""
TENANT = """
tenants:
  shop:
    networks: {front: {subnets: [10.10.0.0/24], uplink: nat}}
    ports:
      web: {network: front, attach: {netns: web}}
      vm: {network: front, attach: {tap: {}}}
"""
LAB = "weft: 1\nname: lab\ntenants: {t: {networks: {l: {}}, ports: {p: {network: l, attach: {netns: p}}}}}\n"
WAY_OUT = """
ip link add eth1 address 02:00:00:00:01:01 type veth peer name eth1p address 02:00:00:00:01:02
ip link set eth1 up; ip link set eth1p up
ip addr add 203.0.113.2/24 dev eth1
ip route add default via 203.0.113.1
"""


def give_way_out(world: World) -> None:
    world.run("sh", "-ec", WAY_OUT)


@contextmanager
def started_anew(desk: Desk) -> Iterator[Desk]:
    """Another kernel's state (a namespace of its own), the same disk, another directory to be in."""
    with World() as fresh:
        kept = Path(f"/proc/{desk.world.pid}/root/var/lib/weft")
        if kept.exists():
            shutil.copytree(kept, f"/proc/{fresh.pid}/root/var/lib/weft")
        elsewhere = desk.directory / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        yield Desk(world=fresh, directory=elsewhere)


def unnumbered(desk: Desk) -> Dump:
    """All of the machine, but for the id of the host, which is another after each start."""
    (host_id,) = (path.name for path in Path(f"/proc/{desk.world.pid}/root/run/weft").iterdir())
    dumped: Dump = json.loads(json.dumps(at_once(desk.world.dump(settle_s=3))).replace(host_id, "HOST"))
    return dumped


def apply_both(desk: Desk) -> None:
    give_way_out(desk.world)
    (desk.directory / "tenants").mkdir()
    desk.write(TENANT, "tenants/shop.yaml")
    desk.weft("apply", "-y", "-f", desk.write(HOUSE))
    desk.weft("apply", "-y", "-f", desk.write(LAB, "lab.yaml"))


def test_everything_is_there_again(desk: Desk) -> None:
    apply_both(desk)
    before = unnumbered(desk)
    with started_anew(desk) as anew:
        give_way_out(anew.world)
        told = anew.weft("apply", "--boot").stdout
        assert told.splitlines()[0].startswith("house is there: ") and told.splitlines()[1].startswith("lab is there")
        assert differences(before, unnumbered(anew)) == []
        assert anew.world.ping("10.10.0.1", netns="web")
        again = anew.weft("apply", "--boot")
        assert differences(before, unnumbered(anew)) == [] and again.stderr == ""
        anew.weft("destroy", "-y", "house")
        anew.weft("destroy", "-y", "lab")


def test_a_link_that_comes_late_is_waited_for(desk: Desk) -> None:
    apply_both(desk)
    with started_anew(desk) as anew:
        starting = anew.world.start("weft", "apply", "--boot", "--wait", "60", stdout=-1, stderr=-1)
        assert starting.stderr is not None
        assert "the host has no link eth1" in starting.stderr.readline()
        until(lambda: "p" in anew.world.names(), "the other one, which need not wait")
        give_way_out(anew.world)
        out, _ = starting.communicate(timeout=60)
        assert starting.returncode == 0 and out.splitlines()[0].startswith("lab is there")
        assert anew.world.ping("10.10.0.1", netns="web")


def test_one_that_cannot_be_restored_stops_no_other(desk: Desk) -> None:
    apply_both(desk)
    kept = Path(f"/proc/{desk.world.pid}/root/var/lib/weft")
    (kept / "broken").mkdir()
    (kept / "broken/current").write_text("{")
    with started_anew(desk) as anew:
        failed = anew.weft("apply", "--boot", "--wait", "0", code=5)
        assert failed.stdout.startswith("lab is there: ")
        assert "broken could not be restored: /var/lib/weft/broken/current is damaged" in failed.stderr
        told = anew.json("apply", "--boot", "--wait", "0", code=5)
        assert {one["scope"] for one in told if one["failure"] is None} == {"house", "lab"}


def test_what_stands_on_a_link_that_never_comes_is_left_out_and_comes_with_it(desk: Desk) -> None:
    apply_both(desk)
    with started_anew(desk) as anew:
        late = anew.weft("apply", "--boot", "--wait", "0", code=5)
        assert "house is there, but for what stands on links that are not there, down or in other use: " in late.stdout
        assert "weft.yaml:7:11: warning: the host has no link eth1" in late.stderr
        assert anew.world.ping("10.10.0.1", netns="web")
        lacking = {one["scope"]: one["lacking"] for one in anew.json("apply", "--boot", "--wait", "0", code=5)}
        assert lacking["lab"] == [] and "the host has no link eth1" in lacking["house"][0]["what"]
        assert anew.json("status", "house", code=3)["differences"][0]["subject"] == "host.links.eth1"
        give_way_out(anew.world)
        anew.weft("apply", "--boot", "--wait", "0")
        assert anew.weft("status", "house").returncode == 0
        addresses = anew.world.json("ip", "-j", "addr", "show", "eth1")[0]["addr_info"]
        assert "198.51.100.9" in {address["local"] for address in addresses}


def test_what_was_on_trial_when_the_machine_went_down_is_not_restored(desk: Desk) -> None:
    desk.weft("apply", "-y", "-f", desk.write(LAB))
    changed = desk.write(LAB.replace("netns: p}", "netns: q}"))
    desk.weft("apply", "-y", "-f", changed, "--confirm-within", "1h")
    with started_anew(desk) as anew:
        anew.weft("apply", "--boot")
        assert "p" in anew.world.names() and "q" not in anew.world.names()
        assert anew.weft("confirm", code=5).stderr == "nothing waits to be confirmed\n"


def test_what_nobody_confirmed_is_not_made_lasting(desk: Desk) -> None:
    desk.weft("apply", "-y", "-f", desk.write(LAB))
    desk.weft("apply", "-y", "-f", desk.write(LAB.replace("netns: p}", "netns: q}")), "--confirm-within", "4s")
    (guard,) = desk.guards()
    desk.world.run("kill", "-9", guard)
    time.sleep(4.1)
    desk.weft("apply", "--boot", "--wait", "0")
    assert "p" in desk.world.names() and "q" not in desk.world.names()


def test_nothing_to_restore(desk: Desk) -> None:
    assert desk.weft("apply", "--boot").stdout == "Nothing was applied here.\n"
    desk.weft("apply", "--boot", "-f", desk.write(LAB), code=2)


OTHERS = """
ip link add br0 type bridge forward_delay 0
ip link add tap7 type veth peer name guest7
ip link set tap7 master br0
for link in br0 tap7 guest7; do ip link set $link up; done
ip addr add 10.5.0.1/24 dev br0
ip route add 10.77.0.0/16 via 10.5.0.9
"""


def test_what_was_adopted_is_made_at_boot_and_up(desk: Desk) -> None:
    """A host that somebody's script set up once, imported, started anew without that script."""
    desk.world.run("sh", "-ec", OTHERS)
    desk.write(desk.weft("import").stdout)
    desk.weft("apply", "-y")
    with started_anew(desk) as fresh:
        fresh.weft("apply", "--boot")
        links = {link["ifname"]: link for link in fresh.world.json("ip", "-j", "link")}
        assert all("UP" in links[name]["flags"] for name in ("br0", "tap7", "guest7"))
        assert links["tap7"]["master"] == "br0"
        (route,) = fresh.world.json("ip", "-j", "route", "show", "10.77.0.0/16")
        assert route["gateway"] == "10.5.0.9"
        assert fresh.weft("status", "imported").returncode == 0
