"""Where along a trace a packet is looked for, and how the question is known there."""

from __future__ import annotations

from tests.pure.trace.lab import TEXT, Lab
from weft.backends.nft_tracing import BRIDGE, INET
from weft.check.trace.live import Sightings, unmeasurable
from weft.check.trace.probe import Question
from weft.check.trace.stations import Station, stations_of
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.trace import talk_of
from weft.wire.nftrace import Traced, read_traced


def traced(payload: bytes) -> Traced:
    return read_traced(payload, 0, len(payload))


def seen(stations: list[Station]) -> list[tuple[str, str, str, str, bool | None]]:
    return [(one.place, one.spot.family, one.enters, one.leaves, one.goes_on) for one in stations]


def test_the_stations_of_a_way() -> None:
    found = Lab().trace("web", "db", "tcp/80", 4)
    assert found.back is not None
    stations = stations_of(found.there)
    assert seen(stations) == [
        ("port shop/web", INET, "output", "postrouting", True),
        ("network shop/front", BRIDGE, "prerouting", "postrouting", True),
        ("router of shop/front", INET, "prerouting", "postrouting", True),
        ("the host", INET, "prerouting", "postrouting", True),
        ("router of shop/back", INET, "prerouting", "postrouting", True),
        ("network shop/back", BRIDGE, "prerouting", "postrouting", True),
        ("port shop/db", INET, "prerouting", "input", True),
    ]
    bridges = [one.spot for one in stations if one.spot.family == BRIDGE]
    assert len({spot.iifname for spot in bridges} | {spot.oifname for spot in bridges}) == 4, "each at its own links"
    assert [one.spot.oifname for one in stations if one.spot.family == INET][:3] == ["web", "uplink", "wuoilwv2xj3urz"]
    covered = [at for one in stations for at in one.hops]
    assert covered == list(range(len(found.there.hops)))
    assert seen(stations_of(found.back))[0] == ("port shop/db", INET, "output", "postrouting", True)


def test_what_stops_goes_no_further() -> None:
    lab = Lab()
    assert seen(stations_of(lab.trace("ask", "web", "tcp/1").there))[-1] == (
        "network shop/front", BRIDGE, "prerouting", "postrouting", False
    )  # fmt: skip
    assert seen(stations_of(lab.trace("db", "ask", "tcp/1", 6).there))[-1] == (
        "the host", INET, "prerouting", "postrouting", False
    )  # fmt: skip
    (alone,) = stations_of(lab.trace("ask", "10.0.0.99", "icmp").there)
    assert alone.goes_on is None, "it is sent, and nobody hears"
    (alone,) = stations_of(lab.trace("ask", "web", "icmp", size=9000).there)
    assert alone.goes_on is None


def test_an_answer_from_outside_comes_in() -> None:
    found = Lab().trace("ask", "external", "icmp")
    assert found.back is not None
    assert stations_of(found.back, comes_in=True)[0].enters == "prerouting"


def test_who_cannot_be_asked_for() -> None:
    lab = Lab()
    assert unmeasurable(lab.trace("vm", "web", "icmp")) == "shop/vm is a tap that nobody has opened"
    loose = Lab(TEXT.replace("security_groups: [base]}\n      small", "port_security: false}\n      small"))
    assert unmeasurable(loose.trace("vm", "web", "icmp")) == "shop/vm is a tap, and only its guest could speak for it"
    assert unmeasurable(lab.trace("external", "db", "tcp/80")) == "external is outside of this machine"
    assert unmeasurable(lab.trace("ask", "db", "gre")) == "only icmp, icmpv6, tcp, udp can be sent"
    assert unmeasurable(lab.trace("ask", "web", "tcp/80")) == ""


def test_how_a_question_is_known() -> None:
    asked = Question(talk_of("tcp/80", 50000), 4, "10.0.0.1", "10.0.0.2", None, whole=True)
    assert asked.matches() == {"question": "tcp sport 50000", "answer": "tcp dport 50000"}
    echo = Question(talk_of("icmpv6"), 6, "fd00::1", "fd00::2", None, whole=True)
    assert echo.matches()["answer"] == f"icmpv6 type echo-reply icmpv6 id {echo.number}"


def attribute(kind: int, value: bytes) -> bytes:
    header = (4 + len(value)).to_bytes(2, "little") + kind.to_bytes(2, "little")
    return (header + value).ljust(4 + (len(value) + 3 & ~3), b"\0")


def test_a_step_that_the_kernel_tells() -> None:
    """As net/netfilter/nf_tables_trace.c writes it, numbers big-endian."""
    named = attribute(1, b"weft-lab\0") + attribute(2, b"to4.web\0") + attribute(6, (77).to_bytes(4))
    dropped = (
        named + attribute(4, (3).to_bytes(4)) + attribute(3, (9).to_bytes(8)) + attribute(5, attribute(1, bytes(4)))
    )
    found = traced(bytes([7, 0, 0, 0]) + dropped)
    assert found == (77, "bridge", "weft-lab", "to4.web", 9, "drop")
    on = named + attribute(4, (3).to_bytes(4)) + attribute(5, attribute(1, (-1).to_bytes(4, signed=True)))
    assert traced(bytes([1, 0, 0, 0]) + on).verdict == ""
    policy = named + attribute(4, (1).to_bytes(4)) + attribute(16, (1).to_bytes(4))
    assert traced(bytes([1, 0, 0, 0]) + policy)[4:] == (0, "accept")


class GoneHide:
    """A watch in a namespace that goes meanwhile."""

    def counted(self) -> dict[object, int]:
        raise NamespaceGone("there is no namespace web")

    def traced(self) -> list[object]:
        return []


def test_where_a_namespace_goes_meanwhile_nobody_has_watched() -> None:
    (first, *_) = stations_of(Lab().trace("web", "db", "tcp/80", 4).there)
    found = Sightings({first.netns: GoneHide()}, Namespaces())  # type: ignore[dict-item]
    assert found.seen(first, "question", first.enters) is None and found.drop(first, "question") == ""
