"""Sysctls and the ledger on the real kernel, judged by sysctl(8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World
from weft.backends import settings as settings_backend
from weft.backends.base import Selection
from weft.backends.settings import Settings, read_setting
from weft.errors import ForeignObject, KernelRefused, NotPermitted
from weft.kinds import KINDS
from weft.kinds.setting.sysctl import Sysctl
from weft.netlink.namespaces import Namespaces
from weft.state import Change, Op, State
from weft.store import durable
from weft.store.intents import Intents, Kept
from weft.store.ledger import Ledger

RUN = Path("/run/weft/id")
FORWARD = Sysctl(netns="", name="net/ipv4/ip_forward", value="1")
RANGE = Sysctl(netns="a", name="net/ipv4/ip_local_port_range", value="20000 30000")
IPV6 = Sysctl(netns="a", name="net/ipv6/conf/default/disable_ipv6", value="1")


class Bench:
    """A backend per scope over one ledger, in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.namespaces = Namespaces()
        self.ledger = Ledger(RUN)
        world.run("ip", "netns", "add", "a")

    def scope(self, name: str = "lab") -> Settings:
        return Settings(self.namespaces, self.ledger, name)

    def value(self, held: Sysctl) -> str:
        return " ".join(self.world.run("sysctl", "-n", held.name, netns=held.netns or None).stdout.split())

    def set(self, held: Sysctl, value: str) -> None:
        self.world.run("sysctl", "-q", "-w", f"{held.name}={value}", netns=held.netns or None)


@pytest.fixture
def bench(world: World) -> Iterator[Bench]:
    with world.inside():
        bench = Bench(world)
        yield bench
        bench.namespaces.close()


def create(*held: Sysctl) -> list[Change]:
    return [Change(Op.CREATE, None, one) for one in held]


def delete(*held: Sysctl) -> list[Change]:
    return [Change(Op.DELETE, one, None) for one in held]


def update(before: Sysctl, value: str) -> Change:
    return Change(Op.UPDATE, before, Sysctl(netns=before.netns, name=before.name, value=value))


def test_set_read_and_put_back(bench: Bench) -> None:
    former = bench.value(FORWARD), bench.value(RANGE), bench.value(IPV6)
    settings = bench.scope()
    settings.commit(create(FORWARD, RANGE, IPV6))
    assert (bench.value(FORWARD), bench.value(RANGE), bench.value(IPV6)) == ("1", "20000 30000", "1")
    assert settings.observe(Selection(namespaces=("", "a"))) == State.of((FORWARD, RANGE, IPV6))
    settings.commit(delete(FORWARD, RANGE, IPV6))
    assert (bench.value(FORWARD), bench.value(RANGE), bench.value(IPV6)) == former
    assert bench.ledger.entries() == {}


def test_a_refused_sysctl_that_is_not_there_leaves_no_note(bench: Bench) -> None:
    with pytest.raises(KernelRefused, match="no such sysctl"):
        bench.scope().commit(create(Sysctl(netns="", name="net/ipv4/nonesuch", value="1")))
    assert bench.ledger.entries() == {}


def test_only_what_is_named_is_read(bench: Bench) -> None:
    settings = bench.scope()
    assert settings.observe(Selection(namespaces=("", "a"))) == {}
    nowhere = Sysctl(netns="nowhere", name=FORWARD.name, value="")
    missing = Sysctl(netns="", name="net/ipv4/no_such", value="")
    upwards = Sysctl(netns="", name="../../etc/hostname", value="")
    keys = frozenset(held.key for held in (FORWARD, nowhere, missing, upwards))
    assert set(settings.observe(Selection(keys=keys))) == {FORWARD.key}


def test_what_somebody_else_changed_since_is_theirs(bench: Bench) -> None:
    bench.scope().commit(create(RANGE))
    bench.set(RANGE, "31000 32000")
    bench.scope().commit(delete(RANGE))
    assert bench.value(RANGE) == "31000 32000"
    assert bench.ledger.entries() == {}


def test_the_value_before_the_first_change_comes_back(bench: Bench) -> None:
    former = bench.value(RANGE)
    bench.scope().commit(create(RANGE))
    bench.scope().commit([update(RANGE, "40000 50000")])
    assert bench.value(RANGE) == "40000 50000"
    bench.scope().commit(delete(RANGE))
    assert bench.value(RANGE) == former


def test_changed_back_by_weft_is_as_if_never_touched(bench: Bench) -> None:
    former = bench.value(RANGE)
    bench.scope().commit(create(RANGE))
    bench.scope().commit([update(RANGE, former)])
    assert bench.value(RANGE) == former and bench.ledger.entries() == {}


@pytest.mark.parametrize("step", ["before the write", "after the write"])
@pytest.mark.parametrize("op", ["create", "update", "delete"])
def test_a_crash_anywhere_loses_no_former_value(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str, op: str
) -> None:
    former = bench.value(RANGE)
    if op != "create":
        bench.scope().commit(create(RANGE))
    change = {"create": create(RANGE)[0], "update": update(RANGE, "40000 50000"), "delete": delete(RANGE)[0]}[op]
    write = settings_backend.write_setting

    def dies(name: str, text: str) -> None:
        if step == "after the write":
            write(name, text)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(settings_backend, "write_setting", dies)
        with pytest.raises(KeyboardInterrupt):
            bench.scope().commit([change])
    settings = Settings(bench.namespaces, Ledger(RUN), "lab")
    settings.commit(delete(RANGE))
    assert bench.value(RANGE) == former and Ledger(RUN).entries() == {}


def test_a_refused_value_is_an_error_that_names_it(bench: Bench) -> None:
    bad = Sysctl(netns="a", name="net/ipv4/tcp_congestion_control", value="nonsense")
    with pytest.raises(KernelRefused, match=r"tcp_congestion_control@a.*nonsense"):
        bench.scope().commit(create(bad))
    bench.scope().commit(delete(bad))
    assert bench.ledger.entries() == {}


def test_a_restricted_algorithm_is_refused_by_its_reason(bench: Bench) -> None:
    """Source: net/ipv4/tcp_cong.c tcp_set_default_congestion_control."""
    known, allowed = (
        set((read_setting(f"net/ipv4/tcp_{which}_congestion_control") or "").split())
        for which in ("available", "allowed")
    )
    if not known - allowed:
        pytest.skip("every algorithm of this kernel is allowed everywhere")
    name = min(known - allowed)
    with pytest.raises(KernelRefused, match=rf"may take {name} before net/ipv4/tcp_allowed_congestion_control"):
        bench.scope().commit(create(Sysctl(netns="a", name="net/ipv4/tcp_congestion_control", value=name)))


@pytest.mark.parametrize("name", ["net/ipv4/no_such", "../../etc/hostname"])
def test_a_sysctl_that_is_not_there(bench: Bench, name: str) -> None:
    missing = Sysctl(netns="", name=name, value="1")
    with pytest.raises(KernelRefused, match="no such sysctl"):
        bench.scope().commit(create(missing))


def test_read_only_proc_sys_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(name: str, text: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(settings_backend, "write_setting", refuses)
    with pytest.raises(NotPermitted, match="ip_forward"):
        bench.scope().commit(create(FORWARD))


def test_a_namespace_that_is_gone(bench: Bench) -> None:
    bench.scope().commit(create(RANGE))
    bench.world.run("ip", "netns", "del", "a")
    bench.scope().commit(delete(RANGE))
    assert bench.ledger.entries() == {}
    with pytest.raises(KernelRefused, match="no such namespace"):
        bench.scope().commit(create(RANGE))


def test_a_namespace_made_anew_is_left_alone(bench: Bench) -> None:
    settings = bench.scope()
    settings.commit(create(RANGE))
    bench.world.run("ip", "netns", "del", "a")
    bench.world.run("ip", "netns", "add", "a")
    bench.set(RANGE, RANGE.value)
    settings.commit(delete(RANGE))
    assert bench.value(RANGE) == RANGE.value
    settings.commit(create(IPV6))
    bench.world.run("ip", "netns", "del", "a")
    settings.prune()
    assert bench.ledger.entries() == {}


def test_two_scopes_hold_one_value(bench: Bench) -> None:
    former = bench.value(FORWARD)
    other = "1" if former == "0" else "0"
    wanted = Sysctl(netns="", name=FORWARD.name, value=other)
    bench.scope("lab").commit(create(wanted))
    bench.scope("dev").commit(create(wanted))
    with pytest.raises(ForeignObject):
        bench.scope("dev").commit([update(wanted, former)])
    bench.scope("lab").commit(delete(wanted))
    assert bench.value(FORWARD) == other
    bench.scope("dev").commit(delete(wanted))
    assert bench.value(FORWARD) == former


def test_a_full_disk_stops_before_the_first_change(bench: Bench) -> None:
    former = bench.value(RANGE)
    bench.world.run("sh", "-c", f"mkdir -p {RUN} && mount -t tmpfs -o size=8k,nr_inodes=4 full {RUN}")
    find = "cd /proc/sys && find net/ipv4/conf net/ipv6/conf -type f"
    names = bench.world.run("sh", "-c", find, netns="a").stdout.split()
    many = [Sysctl(netns="a", name=name, value="0") for name in names]
    with pytest.raises(durable.DiskFull):
        bench.scope().commit(create(RANGE, *many))
    assert bench.value(RANGE) == former


def test_a_full_disk_keeps_the_former_intent(bench: Bench) -> None:
    bench.world.run("sh", "-c", "mount -t tmpfs -o size=64k full /var/lib")
    intents = Intents()
    kept = Kept(scope="lab", files={"weft.yaml": "name: lab\n"}, applied_at=1.0)
    intents.stage(kept)
    intents.publish("lab")
    with pytest.raises(durable.DiskFull, match="no room"):
        intents.stage(Kept(scope="lab", files={"weft.yaml": "#" * 200_000}, applied_at=2.0))
    assert intents.load("lab") == kept


def test_the_script_does_the_same(bench: Bench) -> None:
    for change in create(FORWARD, RANGE):
        for line in KINDS.of(change.object).script(change):
            bench.world.run("sh", "-c", line)
    assert bench.value(FORWARD) == "1" and bench.value(RANGE) == RANGE.value
