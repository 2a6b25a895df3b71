"""Connections, kept ones, namespaces and events on the real kernel, and what they do when it does not go well."""

from __future__ import annotations

import itertools
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.rtnl_world import bridge, create, delete, led, link, mac, pair, spaces, whole
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.backends.visit import visiting
from weft.errors import DumpInterrupted, KernelRefused, NotPermitted, ReceiveOverrun
from weft.kinds.ip.address import Address
from weft.kinds.link.tap import Tap
from weft.netlink import connection, descriptors, doors, kept
from weft.netlink.connection import TRIES, Connection, QuestionRefused
from weft.netlink.events import Events
from weft.netlink.kept import Kept, NamespaceGone
from weft.netlink.namespaces import Namespaces, cookie, entered
from weft.state import Change, Op, State
from weft.wire.codec import NLM_F_DUMP_INTR, text
from weft.wire.ifaddr import read_address
from weft.wire.link import IFLA_IFNAME, delete_link, get_link, get_links, link_info, new_link, read_link
from weft.wire.reply import Reply
from weft.wire.route import get_routes, read_route


def dummy_bridge(ifname: str, index: int = 0) -> bytes:
    return new_link(index, text(IFLA_IFNAME, ifname), link_info("bridge"))


def test_errors_are_matched_to_their_messages(inside: World) -> None:
    connection = Connection()
    requests = [dummy_bridge("b0"), dummy_bridge("b0"), delete_link(77), dummy_bridge("b1")]
    failures = connection.change(requests)
    assert [(failure.at, failure.reply.errno_) for failure in failures] == [(1, 17), (2, 19)]
    assert link(inside, None, "b1"), "what follows a refusal is tried all the same"


def test_batches_beyond_one_send(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BATCH_BYTES", 300)
    sends = []
    send = doors.send
    monkeypatch.setattr(doors, "send", lambda *given: (sends.append(given), send(*given)))
    failures = Connection().change([*(dummy_bridge(f"b{n}") for n in range(20)), dummy_bridge("b7")])
    assert [failure.at for failure in failures] == [20]
    assert len(sends) > 3 and len(inside.json("ip", "-j", "link")) == 21


def test_questions_have_their_answers_in_order(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BATCH_QUESTIONS", 3)
    Connection().change([dummy_bridge(f"b{n}") for n in range(8)])
    names = ["b3", "none", "b0", "lo", "b7", "nobody", "b1"]
    answers = Connection().ask([get_link(ifname=name) for name in names], read_link)
    assert [answer.errno_ if isinstance(answer, Reply) else answer.ifname for answer in answers] == [
        "b3", 19, "b0", "lo", "b7", 19, "b1",
    ]  # fmt: skip


def test_a_refused_dump_says_why(inside: World) -> None:
    with pytest.raises(QuestionRefused, match="FIB table does not exist"):
        Connection().dump(get_routes(2, table=4711), read_route)


def interrupting(times: int, receive: object) -> object:
    """A `receive` that marks the first message of so many dumps as interrupted."""

    def marked(socket: object) -> bytes:
        nonlocal times
        buffer = bytearray(receive(socket))  # type: ignore[operator]
        if times and buffer[4] >= 16:
            times -= 1
            buffer[6] |= NLM_F_DUMP_INTR
        return bytes(buffer)

    return marked


def test_an_interrupted_dump_is_taken_again(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "receive", interrupting(2, connection.receive))
    assert [seen.ifname for seen in Connection().dump(get_links(), read_link)] == ["lo"]


def test_a_dump_that_is_always_interrupted_ends(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "receive", interrupting(1000, connection.receive))
    with pytest.raises(DumpInterrupted):
        Connection().dump(get_links(), read_link)


def test_an_overrun_dump_is_taken_again_and_then_given_up(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    receive, left = connection.receive, 1

    def overrun(socket: object) -> bytes:
        nonlocal left
        buffer = receive(socket)  # type: ignore[arg-type]
        if left:
            left -= 1
            raise ReceiveOverrun("lost")
        return buffer

    monkeypatch.setattr(connection, "receive", overrun)
    assert len(Connection().dump(get_links(), read_link)) == 1
    left = 10 * TRIES
    with pytest.raises(ReceiveOverrun):
        Connection().dump(get_links(), read_link)
    monkeypatch.setattr(connection, "receive", receive)


def test_a_connection_goes_on_after_a_dump_that_was_given_up(inside: World) -> None:
    Connection().change([dummy_bridge(f"b{n}") for n in range(100)])
    kept = Connection()

    def stumble(buffer: bytes, at: int, end: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.dump(get_links(), stumble)
    assert len(kept.dump(get_links(), read_link)) == 101


def test_a_dump_while_links_come_and_go_is_whole(inside: World) -> None:
    Connection().change([dummy_bridge(f"b{n}") for n in range(150)])
    stop = threading.Event()
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def churn() -> None:
        with entered(here):
            other = Connection()
        while not stop.is_set():
            other.change([dummy_bridge("x", 5000)])
            other.change([delete_link(5000)])

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        for _ in range(5):
            try:
                names = [seen.ifname for seen in Connection().dump(get_links(), read_link)]
            except DumpInterrupted:
                continue
            assert len(names) == len(set(names)) and {f"b{n}" for n in range(150)} <= set(names)
    finally:
        stop.set()
        worker.join()
        os.close(here)


def test_kept_places_know_when_a_name_means_another_namespace(inside: World) -> None:
    kept = Kept(Namespaces())
    inside.run("ip", "netns", "add", "red")
    kept.begin()
    first = kept.at("red")
    first.rtnl.change([dummy_bridge("old")])
    inside.run("ip", "netns", "del", "red")
    assert kept.at("red") is first, "within a round nothing is looked up again"
    kept.begin()
    with pytest.raises(NamespaceGone):
        kept.at("red")
    inside.run("ip", "netns", "add", "red")
    kept.begin()
    again = kept.at("red")
    assert again is not first
    assert [seen.ifname for seen in again.rtnl.dump(get_links(), read_link)] == ["lo"]
    kept.begin()
    assert kept.at("red") is again
    kept.close()


@pytest.fixture
def few_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """How many more files this process may open, whatever it asks for."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(path.name) for path in Path("/proc/self/fd").iterdir()}
    free = (number for number in itertools.count() if number not in taken)
    for module in (kept, descriptors):
        monkeypatch.setattr(module, "allow_more_files", lambda: False)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(itertools.islice(free, 40, None)), limits[1]))
    yield 40
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_more_namespaces_than_connections_can_be_kept(inside: World, few_files: int) -> None:
    names = [f"n{number}" for number in range(few_files - 10)]
    rtnl = Rtnl()
    create(rtnl, *spaces(*names))
    for _ in range(2):
        assert whole(rtnl, *names) == State.of(spaces(*names))
    ends = [end for number, name in enumerate(names) for end in led(pair(number, names[0], name)) if name != names[0]]
    create(rtnl, *ends)
    assert whole(rtnl, *names).keys() >= {end.key for end in ends}
    rtnl.close()


def test_a_namespace_deleted_and_made_again_under_us(inside: World) -> None:
    rtnl = Rtnl()
    objects = [*spaces("shop", "web"), *led(pair(1, "shop", "web"))]
    create(rtnl, *objects)
    assert len(whole(rtnl, "shop", "web")) == 4
    inside.run("ip", "netns", "del", "web")
    inside.run("ip", "netns", "add", "web")
    seen = whole(rtnl, "web")
    assert seen == {} | {key: obj for key, obj in seen.items() if key.table == "netns"} and len(seen) == 1
    create(rtnl, *spaces("blue"))
    delete(rtnl, *spaces("blue", "shop"))


def test_entering_always_comes_back(inside: World) -> None:
    namespaces = Namespaces()
    home = cookie()
    inside.run("ip", "netns", "add", "red")
    with pytest.raises(ZeroDivisionError), visiting(namespaces, "red"):
        assert cookie() != home
        raise ZeroDivisionError
    assert cookie() == home
    with pytest.raises(NamespaceGone), visiting(namespaces, "nowhere"):
        pass

    def refuse() -> None:
        raise KernelRefused("the mark", 1)

    with pytest.raises(KernelRefused):
        namespaces.make("blue", refuse)
    assert cookie() == home and namespaces.names() == ["red"] and inside.names() == ["red"]


def test_events_name_their_table(inside: World) -> None:
    with Events() as events:
        Connection().change([dummy_bridge("b0", 4000)])
        inside.run("ip", "addr", "add", "10.0.0.1/24", "dev", "b0")
        inside.run("ip", "rule", "add", "pref", "5", "lookup", "100")
        Connection().change([delete_link(4000)])
        told = []
        while batch := events.read(timeout_s=0.5):
            told += batch
    tables = [(event.table, event.gone) for event in told]
    assert ("link", False) in tables
    assert {("address", False), ("rule", False), ("address", True), ("link", True)} <= set(tables)
    seen = next(event.body for event in told if event.table == "address")
    assert read_address(seen, 0, len(seen)).address == "10.0.0.1"


def test_lost_events_are_said(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RECEIVE_BUFFER_BYTES", 4096)
    with Events(("link",)) as events:
        Connection().change([dummy_bridge(f"b{n}") for n in range(50)])
        with pytest.raises(ReceiveOverrun):
            while events.read(timeout_s=0.5):
                pass
        while events.read(timeout_s=0.2):
            pass
        Connection().change([dummy_bridge("new")])
        assert [event.table for event in events.read(timeout_s=1)] == ["link"]


# Commits that meet something in their way


def test_a_taken_index_is_not_touched_and_another_is_chosen(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rtnl = Rtnl()
    create(rtnl, *spaces("web"))
    Connection().change([dummy_bridge("foreign", 1_000_000), dummy_bridge("foreign2", 1_000_001)])
    choices = iter((1_000_000, 1_000_001, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000))
    monkeypatch.setattr("weft.backends.rtnl_numbers.randrange", lambda *_: next(choices))
    ends = led(pair(1, "", "web", master="br"))
    create(rtnl, bridge(""), *ends, Tap(netns="", ifname="vm", alias="weft/h/s/vm", mac=mac(9)))
    for ifname in ("br", "wp1", "vm"):
        assert link(inside, None, ifname)["ifalias"].startswith("weft/")
    assert link(inside, None, "wp1")["master"] == "br"
    for ifname in ("foreign", "foreign2"):
        seen = link(inside, None, ifname)
        assert "ifalias" not in seen and seen["ifindex"] in (1_000_000, 1_000_001) and seen["group"] == "default"


def test_a_taken_name_is_refused_and_not_touched(inside: World) -> None:
    rtnl = Rtnl()
    inside.run("ip", "link", "add", "name", "br", "type", "bridge")
    before = link(inside, None, "br")
    with pytest.raises(KernelRefused, match="create link br: File exists"):
        create(rtnl, bridge(""))
    assert link(inside, None, "br") == before
    with pytest.raises(KernelRefused, match="create link br"):
        create(rtnl, Tap(netns="", ifname="br", alias="weft/h/s/vm", mac=mac(9)))
    inside.run("sh", "-c", "mkdir /run/udev; touch /run/udev/control")
    with pytest.raises(KernelRefused, match="create link br: File exists"):
        create(rtnl, Tap(netns="", ifname="br", alias="weft/h/s/vm", mac=mac(9)))
    assert link(inside, None, "br") == before
    create(rtnl, *spaces("web"))
    inside.run("ip", "link", "add", "eth1", "type", "bridge", netns="web")
    with pytest.raises(KernelRefused, match="File exists"):
        create(rtnl, *led(pair(1, "", "web")))
    assert not link(inside, None, "wp1")


def test_a_refusal_names_the_change_and_the_kernel_s_words(inside: World) -> None:
    rtnl = Rtnl()
    made = bridge("")
    create(rtnl, made)
    with pytest.raises(KernelRefused) as refused:
        create(rtnl, Address(netns="", ifname="br", cidr="10.0.0.1/24"), Address(netns="", ifname="br", cidr="::/0"))
    assert refused.value.change == "create address br ::/0" and refused.value.errno_ > 0
    with pytest.raises(KernelRefused, match=r"create address nothing .*: No such device"):
        create(rtnl, Address(netns="", ifname="nothing", cidr="10.0.0.1/24"))


def test_deleting_what_is_gone_is_no_error(inside: World) -> None:
    rtnl = Rtnl()
    ends = led(pair(1, "shop", "web"))
    address = Address(netns="web", ifname="eth1", cidr="10.0.0.5/24")
    objects = [*spaces("shop", "web"), *ends, address]
    delete(rtnl, *reversed(objects))
    create(rtnl, *objects)
    observed = whole(rtnl, "shop", "web")
    inside.run("ip", "link", "del", "wp1", netns="shop")
    delete(rtnl, *reversed([observed[obj.key] for obj in objects]))
    assert whole(rtnl, "shop", "web") == State() and inside.names() == []


def test_without_the_right_to_it_nothing_happens(inside: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child without capabilities: reading is allowed, changing is refused as such."""
    rtnl = Rtnl()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        said = b"nothing"
        try:
            fresh = Rtnl()
            assert fresh.observe.__self__ is fresh and whole(fresh, "") is not None
            fresh.commit([Change(Op.CREATE, None, bridge(""))])
        except NotPermitted:
            said = b"not permitted"
        except BaseException as failure:
            said = repr(failure).encode()
        os.write(write, said)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1000) == b"not permitted"
    os.close(read)
    os.close(write)
    assert not link(inside, None, "br")
    rtnl.close()
