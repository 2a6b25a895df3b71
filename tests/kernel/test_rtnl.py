"""The rtnl backend on the real kernel: what it makes, `ip` sees; what `ip` makes, it sees."""

import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kernel.rtnl_world import ALIAS, bridge, create, delete, led, link, mac, pair, some, spaces, update, whole
from tests.patience import until
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.diff import diff
from weft.errors import KernelRefused
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link, OtherLink
from weft.kinds.link.tap import Tap, Tun
from weft.kinds.link.veth import Veth
from weft.kinds.link.vxlan import Vxlan
from weft.kinds.netns import Namespace
from weft.netlink import doors
from weft.state import BIRTH_GROUP, Change, Op, State, link_key


def test_a_namespace_is_marked_up_and_shared(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *spaces("red"))
    lo = link(world, "red", "lo")
    assert lo["ifalias"] == ALIAS and "UP" in lo["flags"]
    assert "shared" in world.run("findmnt", "-no", "PROPAGATION", "/run/netns").stdout
    assert whole(rtnl, "red", "nowhere") == State.of(spaces("red"))
    assert rtnl.namespaces() == ["red"]
    update(rtnl, spaces("red")[0], Namespace(name="red", alias=ALIAS + " lab"))
    assert link(world, "red", "lo")["ifalias"] == ALIAS + " lab"
    delete(rtnl, *spaces("red", "red"))
    assert world.names() == [] and whole(rtnl, "red") == {}


def test_a_namespace_with_the_name_of_another_is_refused(world: World, rtnl: Rtnl) -> None:
    world.run("ip", "netns", "add", "red")
    with pytest.raises(KernelRefused, match="create netns red: File exists"):
        create(rtnl, *spaces("red"))
    assert "ifalias" not in link(world, "red", "lo")
    assert whole(rtnl, "red") == State.of([Namespace(name="red", alias="")])


def test_a_file_left_by_a_kill_is_seen_taken_over_and_deleted(world: World, rtnl: Rtnl) -> None:
    world.run("touch", "/run/netns/red")
    (found,) = whole(rtnl, "red").values()
    assert rtnl.namespaces() == [] and isinstance(found, Namespace) and found.newborn
    create(rtnl, *spaces("red"))
    assert link(world, "red", "lo")["ifalias"] == ALIAS
    world.run("touch", "/run/netns/blue")
    delete(rtnl, *spaces("blue"))
    assert world.names() == ["red"]


def test_a_veth_between_namespaces(world: World, rtnl: Rtnl) -> None:
    ends = led(pair(1, "shop", "web", master="br", altnames=("port-of-the-web", "web")))
    wanted = [*spaces("shop", "web"), bridge("shop", altnames=("front",)), *ends]
    create(rtnl, *wanted)
    seen = link(world, "shop", "wp1")
    assert seen["address"] == mac(257) and seen["mtu"] == 1400 and seen["master"] == "br" and "UP" in seen["flags"]
    assert seen["ifalias"] == ALIAS and set(seen["altnames"]) == {"web", "port-of-the-web"}
    assert seen["group"] == "default" and seen["linkinfo"]["info_kind"] == "veth"
    other = link(world, "web", "eth1")
    assert (other["address"], other["mtu"], other["ifalias"], other["group"]) == (mac(1), 1400, ALIAS, "default")
    assert "LOWER_UP" in other["flags"]
    for state in (whole(rtnl, "shop", "web"), some(rtnl, wanted)):
        assert diff(state, State.of(wanted)) == {}


def test_a_fellow_whose_leader_came_before_is_given_everything(world: World, rtnl: Rtnl) -> None:
    leader, fellow = led(pair(1, "shop", "web"))
    create(rtnl, *spaces("shop", "web"), leader)
    half = whole(rtnl, "shop", "web")[fellow.key]
    assert isinstance(half, Veth) and half.newborn and not half.up and not half.alias
    create(rtnl, fellow)
    assert diff(whole(rtnl, "shop", "web"), State.of([*spaces("shop", "web"), leader, fellow])) == {}
    assert link(world, fellow.netns, fellow.ifname)["group"] == "default"


def test_a_bridge_and_its_own_fields(world: World, rtnl: Rtnl) -> None:
    made = bridge("", forward_delay=0, ageing_time=1000, mcast_snooping=False, gso_max_size=40000)
    create(rtnl, made)
    data = link(world, None, "br")["linkinfo"]["info_data"]
    assert (data["stp_state"], data["forward_delay"], data["ageing_time"], data["mcast_snooping"]) == (0, 0, 1000, 0)
    assert link(world, None, "br")["gso_max_size"] == 40000
    changed = replace(made, ageing_time=3000, mcast_snooping=True, mtu=1400, altnames=("b",), mac=mac(5), up=False)
    update(rtnl, made, changed)
    assert diff(whole(rtnl, ""), State.of([changed])) == {}
    seen = link(world, None, "br")
    assert seen["linkinfo"]["info_data"]["ageing_time"] == 3000 and seen["mtu"] == 1400 and "UP" not in seen["flags"]
    update(rtnl, changed, replace(changed, altnames=("c",), alias=ALIAS + " my bridge"))
    assert link(world, None, "br")["altnames"] == ["c"]


@pytest.mark.parametrize("mtu", [1500, 9000, 68])
def test_a_bridge_keeps_its_mtu_whatever_its_ports_have(world: World, rtnl: Rtnl, mtu: int) -> None:
    create(rtnl, *spaces("web"), replace(bridge(""), mtu=mtu), *led(pair(1, "", "web", master="br")))
    assert link(world, None, "br")["mtu"] == mtu


def test_a_port_leaves_its_bridge(world: World, rtnl: Rtnl) -> None:
    ends = pair(1, "", "web", master="br")
    create(rtnl, *spaces("web"), bridge(""), *led(ends))
    update(rtnl, ends[1], replace(ends[1], master=""))
    assert "master" not in link(world, None, "wp1")


@pytest.mark.parametrize("udev", [False, True])
def test_a_tap_with_its_owner_and_queues(world: World, rtnl: Rtnl, udev: bool) -> None:
    if udev:
        world.run("sh", "-c", "mkdir /run/udev; touch /run/udev/control")
    made = Tap(netns="", ifname="vm1", alias=ALIAS, mac=mac(3), mtu=1400, up=True, owner=1000, group=1001,
               multi_queue=True, vnet_hdr=True, master="br", altnames=("vm",))  # fmt: skip
    plain = Tap(netns="web", ifname="vm2", alias=ALIAS, mac=mac(4), mtu=1500, vnet_hdr=False, multi_queue=False)
    create(rtnl, *spaces("web"), bridge(""), made, plain)
    seen = link(world, None, "vm1")
    data = seen["linkinfo"]["info_data"]
    assert data["type"] == "tap" and data["persist"] and data["vnet_hdr"] and data["multi_queue"] and not data["pi"]
    assert (seen["ifalias"], seen["address"], seen["mtu"], seen["master"]) == (ALIAS, mac(3), 1400, "br")
    assert diff(whole(rtnl, "", "web"), State.of([*spaces("web"), bridge(""), made, plain])) == {}
    observed = whole(rtnl, "")[made.key]
    assert isinstance(observed, Tap) and (observed.owner, observed.group) == (1000, 1001)
    update(rtnl, made, replace(made, mtu=1500, master=""))
    assert link(world, None, "vm1")["mtu"] == 1500
    delete(rtnl, made)
    assert not link(world, None, "vm1")


@pytest.mark.parametrize("udev", [True, False])
def test_udev_finds_the_group_of_birth_or_the_mark_of_every_link(world: World, rtnl: Rtnl, udev: bool) -> None:
    """The group goes when the alias is there, in a message of its own, which whoever listens hears of. Where there is
    no udev, it is one message for both."""
    if udev:
        world.run("sh", "-c", "mkdir /run/udev; touch /run/udev/control")
    heard = Path(world.run("mktemp", "--tmpdir=/run").stdout.strip())
    with heard.open("wb") as out:
        monitor = world.start("ip", "-o", "-d", "monitor", "link", stdout=out)
        try:
            until(lambda: is_heard(world, "first", heard), "it listens")
            create(
                rtnl,
                *spaces("web"),
                bridge(""),
                *led(pair(1, "", "web")),
                Tun(netns="", ifname="tun", alias=ALIAS, up=True),
            )
            until(lambda: is_heard(world, "last", heard), "it has heard all")
        finally:
            monitor.kill()
            monitor.wait()
    told = [line for line in heard.read_text().splitlines() if not re.search(": (first|last)", line)]
    for ifname in ("br", "wp1", "tun"):
        states = [(str(BIRTH_GROUP) in line, ALIAS in line) for line in told if re.search(f": {ifname}[@:]", line)]
        assert states[-1] == (False, True)
        assert ((False, False) in states) is (ifname == "tun" and not udev)
        assert ((True, True) in states) is (ifname != "tun" and udev)
        assert link(world, None, ifname)["group"] == "default"


def is_heard(world: World, ifname: str, heard: Path) -> bool:
    """Whether a monitor of links hears of one that is made, and goes again."""
    world.run("ip", "link", "add", ifname, "type", "bridge")
    world.run("ip", "link", "del", ifname)
    return f": {ifname}:" in heard.read_text()


def test_what_others_made_is_reported_and_what_the_kernel_makes_is_not(world: World, rtnl: Rtnl) -> None:
    world.run("ip", "netns", "add", "theirs")
    for words in (
        "link add v0 type veth peer v1 netns theirs",
        "link add vx type vxlan id 5 dev v0 dstport 4789",
        "link set v0 up",
        "addr add 10.1.0.1/24 dev v0",
        "route add 10.2.0.0/16 via 10.1.0.9",
    ):
        world.run("ip", *words.split())
    world.run("ip", "link", "set", "v1", "up", netns="theirs")
    assert world.dump(settle_s=5)  # link-local addresses are there by now
    host = whole(rtnl, "")
    assert sorted(str(key) for key in host) == [
        "address v0 10.1.0.1/24", "link v0", "link vx", "route 10.2.0.0/16 table 254 metric 0",
    ]  # fmt: skip
    veth, vxlan = host[link_key("", "v0")], host[link_key("", "vx")]
    assert isinstance(veth, Veth) and veth.peer == link_key("theirs", "v1")
    assert isinstance(vxlan, Vxlan) and vxlan.parent == veth.key


def test_a_veth_into_a_namespace_without_a_name_is_other(world: World, rtnl: Rtnl) -> None:
    world.run("ip", "netns", "add", "gone")
    world.run("ip", "link", "add", "v0", "type", "veth", "peer", "v1", "netns", "gone")
    keeper = world.start("sh", "-c", "echo inside; exec sleep 60", netns="gone", stdout=subprocess.PIPE)
    assert keeper.stdout is not None and keeper.stdout.readline()
    world.run("ip", "netns", "del", "gone")
    found = whole(rtnl, "")[link_key("", "v0")]
    keeper.kill()
    keeper.wait()
    assert isinstance(found, OtherLink) and found.link_kind == "veth"


def test_a_namespace_by_pidfile(world: World, rtnl: Rtnl) -> None:
    world.run("ip", "netns", "add", "container")
    process = world.start("sleep", "60", netns="container")
    while str(process.pid) not in world.run("ip", "netns", "pids", "container").stdout.split():
        time.sleep(0.01)
    world.run("sh", "-c", f"echo {process.pid} > /run/container.pid")
    world.run("ip", "netns", "del", "container")
    label = "pidfile:/run/container.pid"
    ends = led(pair(1, "shop", label))
    address = Address(netns=label, ifname="eth1", cidr="10.0.0.5/24")
    create(rtnl, *spaces("shop"), *ends, address)
    found = whole(rtnl, "shop", label)
    process.kill()
    process.wait()
    assert diff(found, State.of([*spaces("shop"), Namespace(name=label), *ends, address])) == {}
    assert whole(rtnl, label) == {}


def test_many_links_go_at_once_and_no_foreign_one_with_them(world: World, rtnl: Rtnl) -> None:
    pairs = [led(pair(n, "shop", f"p{n}", master="br")) for n in range(20)]
    names = [f"p{n}" for n in range(20)]
    objects = [*spaces("shop", *names), bridge("shop"), *(end for ends in pairs for end in ends)]
    create(rtnl, *objects)
    world.run("ip", "link", "add", "foreign", "type", "veth", "peer", "foreign2", netns="shop")
    whole(rtnl, "shop", *names)
    delete(rtnl, *(end for ends in pairs for end in ends))
    left = [found["ifname"] for found in world.json("ip", "-j", "link", netns="shop")]
    assert sorted(left) == ["br", "foreign", "foreign2", "lo"]
    assert link(world, "shop", "foreign")["group"] == "default"
    for name in names:
        assert len(world.json("ip", "-j", "link", netns=name)) == 1


def test_a_veth_is_replaced_by_a_bridge_of_its_name_while_its_other_end_goes(world: World, rtnl: Rtnl) -> None:
    ends = led(pair(1, "shop", "web"))
    create(rtnl, *spaces("shop", "web"), *ends)
    whole(rtnl, "shop", "web")
    delete(rtnl, ends[1])
    new = replace(bridge(ends[1].netns), ifname=ends[1].ifname)
    create(rtnl, new)
    delete(rtnl, ends[0])  # a plan may well say so last
    assert link(world, new.netns, new.ifname)["linkinfo"]["info_kind"] == "bridge"


def test_both_ends_are_replaced(world: World, rtnl: Rtnl) -> None:
    old, new = led(pair(1, "shop", "web")), led(pair(1, "shop", "web", master="br"))
    create(rtnl, *spaces("shop", "web"), bridge("shop"), *old)
    before = link(world, "shop", "wp1")["ifindex"]
    rtnl.commit([Change(Op.REPLACE, had, wanted) for had, wanted in zip(old, new, strict=True)])
    assert diff(whole(rtnl, "shop", "web"), State.of([*spaces("shop", "web"), bridge("shop"), *new])) == {}
    assert link(world, "shop", "wp1")["ifindex"] != before


def test_a_link_is_born_known_as_weft_s(world: World, rtnl: Rtnl, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every state that a kill between two sends may leave: a link in it is newborn or marked."""
    ends = led(pair(1, "shop", "web", master="br"))
    objects = [*spaces("shop", "web"), bridge("shop"), *ends, Tap(netns="", ifname="vm", alias=ALIAS, mac=mac(3))]
    send = doors.send

    for allowed in range(40):
        sent = 0

        def failing(connection: object, data: object, allowed: int = allowed) -> None:
            nonlocal sent
            sent += 1
            if sent > allowed:
                raise KeyboardInterrupt
            send(connection, data)  # type: ignore[arg-type]

        monkeypatch.setattr(doors, "send", failing)
        try:
            create(rtnl, *objects)
        except KeyboardInterrupt:
            pass
        else:
            break
        finally:
            monkeypatch.setattr(doors, "send", send)
        for obj in whole(rtnl, "", "shop", "web").values():
            if isinstance(obj, Link):
                assert obj.newborn or (obj.alias or "").startswith("weft/"), obj
                group = link(world, obj.netns or None, obj.ifname)["group"]
                assert (group == str(BIRTH_GROUP)) is obj.newborn
        for name in world.names():
            assert link(world, name, "lo")["ifalias"] == ALIAS
        found = whole(rtnl, "", "shop", "web")
        delete(rtnl, *(o for o in found.values() if isinstance(o, Link)), *spaces("shop", "web"))
    assert 5 <= allowed < 39
    assert diff(whole(rtnl, "", "shop", "web"), State.of(objects)) == {}
