"""What `weft qos advise` says: figures that fit the line, a reason for each, and no promise that cannot be kept."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import IntentInvalid
from weft.facts import Facts
from weft.files import edit, load_text
from weft.files.advice import HEADROOM, Advice, Situation, advise
from weft.files.traffic import traffic
from weft.lint.qos.shadows import shadowed_classes
from weft.model import qos_words as q
from weft.model.words import Malformed

PROTECT = tuple(map(traffic, ("voice", "ssh", "host=192.168.1.10@5mbit")))
BULK = (traffic("port=tcp/873"),)


def bps(written: str) -> int:
    (form,) = q.RateBps.__metadata__  # type: ignore[attr-defined]
    return int(form.read(written))


def way(advice: Advice, direction: str = "egress") -> Any:
    return edit.at(edit.read("f", advice.text), ("host", "links", "eth0", "qos", direction))


def test_who_is_protected_comes_first_and_bulk_last() -> None:
    found = way(advise(Situation(ifname="eth0", up_bps=20_000_000, protect=PROTECT, bulk=BULK)))
    classes = found["classes"]
    assert list(classes) == ["voice", "ssh", "host-192-168-1-10", "rest", "port-tcp-873"]
    assert [held["priority"] for held in classes.values()] == ["0", "0", "2", "4", "7"]
    assert found["ceil"] == "19mbit" and found["default"] == "rest"
    assert classes["voice"]["rate"] == "1mbit" and classes["voice"]["ceil"] == "2mbit"
    assert classes["host-192-168-1-10"]["rate"] == "5mbit" and classes["host-192-168-1-10"]["ceil"] == "19mbit"


def test_every_class_and_figure_of_the_protected_has_its_reason() -> None:
    advice = advise(Situation(ifname="eth0", up_bps=20_000_000, protect=PROTECT))
    at = ("host", "links", "eth0", "qos", "egress")
    for name in ("voice", "ssh", "host-192-168-1-10"):
        assert {
            key for key in ("", "rate", "ceil") if (*at, "classes", name, *filter(None, [key])) not in advice.why
        } == set()
    assert "10 calls of 100kbit" in advice.why[(*at, "classes", "voice", "rate")]
    comments = [line for line in advice.text.splitlines() if line.lstrip().startswith("#")]
    assert len(comments) == len(set(comments))


def test_who_does_not_mind_waiting_gets_all_of_the_line() -> None:
    found = way(advise(Situation(ifname="eth0", up_bps=20_000_000, protect=PROTECT, waits_little=False)))
    assert found["ceil"] == "20mbit" and "latency" not in found["classes"]["voice"]


def test_each_way_has_its_own_line() -> None:
    advice = advise(Situation(ifname="eth0", up_bps=20_000_000, down_bps=100_000_000, protect=PROTECT))
    assert way(advice)["ceil"] == "19mbit" and way(advice, "ingress")["ceil"] == "95mbit"
    assert way(advise(Situation(ifname="eth0", up_bps=None, down_bps=10**6, protect=PROTECT[:1]))) is None


def test_more_than_there_is_is_refused_with_the_sum() -> None:
    protect = tuple(map(traffic, ("voice@10mbit", "ssh@9mbit")))
    sums = "19mbit are promised (voice 10mbit, ssh 9mbit) of 17100kbit that can be with --up 20mbit"
    told = f"--protect: {sums}; promise less, behind the @"
    with pytest.raises(IntentInvalid, match=re.escape(told)):
        advise(Situation(ifname="eth0", up_bps=20_000_000, protect=protect))
    with pytest.raises(IntentInvalid, match="port-tcp-873 is named twice"):
        advise(Situation(ifname="eth0", up_bps=20_000_000, protect=BULK, bulk=BULK))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("voce", "'voce' is no traffic known here; did you mean voice?"),
        ("games", "'games' is no traffic known here; one of voice, ssh, dns, host=ADDRESS"),
        ("host=10.0.0", "'10.0.0' is not a prefix or an address"),
        ("port=70000", "70000 is no range of ports"),
        ("port=tpc/80", "did you mean tcp?"),
        ("dscp=eff", "'eff' is not a DSCP"),
        ("ssh@5", "5 has no unit"),
        ("ssh@5mbps", "5mbps"),
    ],
)
def test_what_is_no_traffic_is_said(written: str, told: str) -> None:
    with pytest.raises(Malformed, match=re.escape(told)):
        traffic(written)


def order_of(protect: str, bulk: str = "") -> list[str]:
    named = [tuple(map(traffic, words.split())) for words in (protect, bulk)]
    advice = advise(Situation(ifname="eth0", up_bps=20_000_000, protect=named[0], bulk=named[1]))
    loaded = load_text("f", advice.text)
    facts = Facts(host_id="h")
    assert not list(shadowed_classes(loaded.intent, facts))
    return list(way(advice)["classes"])


@pytest.mark.parametrize(
    ("protect", "bulk", "order"),
    [
        ("port=tcp/80", "port=udp/80", "port-tcp-80 rest port-udp-80"),
        ("host=::1 host=::/1", "", "host---1 host----1 rest"),
        ("dscp=ef", "dscp=af11", "dscp-ef rest dscp-af11"),
        ("port=tcp/80 port=tcp/81", "port=tcp/80-90", "port-tcp-80 port-tcp-81 rest port-tcp-80-90"),
        # a part of something is asked before that, in whichever order they are said
        ("port=80", "port=tcp/80", "port-tcp-80 port-80 rest"),
        ("host=10.0.0.0/8 host=10.0.0.1", "", "host-10-0-0-1 host-10-0-0-0-8 rest"),
        ("voice dscp=ef", "", "dscp-ef voice rest"),
        ("dns", "port=udp/53", "port-udp-53 dns rest"),
    ],
)
def test_what_differs_is_taken_and_the_narrower_goes_first(protect: str, bulk: str, order: str) -> None:
    assert order_of(protect, bulk) == order.split()


@pytest.mark.parametrize(
    ("protect", "bulk", "told"),
    [
        ("ssh", "port=tcp/22", "--bulk: port-tcp-22 is what ssh is too; name it once, here or behind --bulk"),
        ("dscp=ef dscp=46", "", "--protect: dscp-46 is what dscp-ef is too"),
        ("dns port=53", "", "--protect: port-53 is what dns is too"),
        ("host=10.0.0.1 host=10.0.0.1/32", "", "--protect: host-10-0-0-1 is named twice"),
        ("port=80", "port=tcp/80 port=udp/80",
         "--protect: nothing is left for port-80: port-tcp-80, port-udp-80 are all"),
        ("ssh", "port=tcp/873@1mbit",
         "--bulk: port-tcp-873 may wait for all others, so nothing is promised to it"),
    ],
)  # fmt: skip
def test_what_is_the_same_is_refused(protect: str, bulk: str, told: str) -> None:
    with pytest.raises(IntentInvalid, match=re.escape(told)):
        order_of(protect, bulk)


def test_what_could_not_be_applied_is_not_advised() -> None:
    told = "--protect: ssh: at 20bit a frame of 1514 bytes takes more than 60 seconds; at least 202bit, behind the @"
    with pytest.raises(IntentInvalid, match=re.escape(told)):
        advise(Situation(ifname="eth0", up_bps=10**7, protect=(traffic("ssh@20bit"),)))


def test_less_than_a_call_is_said() -> None:
    advice = advise(Situation(ifname="eth0", up_bps=50_000, protect=(traffic("voice"),)))
    assert "Guaranteed, and less than one call takes: 100kbit" in advice.text.replace("\n", " ").replace(" # ", " ")


@pytest.mark.parametrize(
    ("up", "down", "protect", "bulk", "fix"),
    [
        (
            10,
            100,
            "ssh@20mbit",
            "",
            "with --up 10mbit; promise less, behind the @, or leave --up out: --down 100mbit has",
        ),
        (
            100,
            10,
            "ssh@20mbit",
            "",
            "with --down 10mbit; promise less, behind the @, or leave --down out: --up 100mbit",
        ),
        (10, 12, "ssh@20mbit", "", "with --up 10mbit; promise less, behind the @\n"),
        (
            1,
            100,
            "ssh",
            "dns@5mbit",
            "leave @5mbit out, or name it behind --protect and leave --up out: --down 100mbit",
        ),
        (100, 50, "ssh", "dns@5mbit", "leave @5mbit out, or name it behind --protect\n"),
        (1, None, "ssh", "dns@5mbit", "leave @5mbit out\n"),
    ],
)
def test_what_fits_one_way_only_is_told_with_its_flag(
    up: int, down: int | None, protect: str, bulk: str, fix: str
) -> None:
    situation = Situation(
        ifname="eth0",
        up_bps=up * 10**6,
        down_bps=down and down * 10**6,
        protect=tuple(map(traffic, protect.split())),
        bulk=tuple(map(traffic, bulk.split())),
    )
    with pytest.raises(IntentInvalid) as refused:
        advise(situation)
    assert fix in f"{refused.value}\n"


NAMES = ["voice", "ssh", "dns", "port=443", "host=10.0.0.1"]


@given(st.integers(100_000, 10**10), st.booleans(), st.permutations(NAMES))
def test_guarantees_fit_the_line_however_small(line_bps: int, waits_little: bool, named: list[str]) -> None:
    situation = Situation(
        ifname="eth0",
        up_bps=line_bps,
        protect=tuple(map(traffic, named[:3])),
        bulk=tuple(map(traffic, named[3:])),
        waits_little=waits_little,
    )
    advice = advise(situation)
    assert load_text("f", advice.text).warnings == ()
    found = way(advice)
    rates = [bps(held["rate"]) for held in found["classes"].values()]
    assert sum(rates) <= bps(found["ceil"]) <= line_bps
    assert bps(found["ceil"]) >= line_bps * HEADROOM * 0.97 and min(rates) >= 1_000
    assert all(bps(held["ceil"]) >= bps(held["rate"]) for held in found["classes"].values())
