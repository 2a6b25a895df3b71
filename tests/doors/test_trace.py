"""`weft trace` as people run it."""

from __future__ import annotations

import pytest

from tests.doors.conftest import Desk


def test_what_passes_and_what_does_not(first: Desk) -> None:
    said = first.weft("trace", "web", "db", "tcp/5432").stdout
    assert said.startswith("demo/web (10.20.0.10) -> demo/db (10.20.0.11), tcp/5432 over IPv4, as the machine is\n")
    assert "network demo/" in said and "passes, in packets of up to 1500 bytes" in said and "weft.yaml:" in said
    found = first.json("trace", "demo/web", "10.20.0.99", code=3)
    assert (found["verdict"], found["asked"], found["state"]) == ("stops", "icmp", "observed")
    assert found["why"] == "nobody has 10.20.0.99 where web leads to"


def test_a_packet_is_sent(first: Desk) -> None:
    said = first.weft("trace", "web", "db", "--live").stdout
    assert "live: as traced: 10 of 10 hops seen, it was answered after" in said


def test_by_name_and_before_anything_is_applied(first: Desk) -> None:
    first.weft("destroy", "-y", "first")
    assert "as the file says" in first.weft("trace", "web", "db").stdout
    for words in (("--live",), ("--state", "observed")):
        told = first.weft("trace", "web", "db", *words, code=2).stderr
        assert "first: nothing of it is applied here; `weft apply` it, or ask by --state desired alone" in told
    first.weft("apply", "-y")
    (first.directory / "weft.yaml").unlink()
    assert first.json("trace", "web", "db", "--scope", "first")["scope"] == first.json("trace", "web", "db")["scope"]


def test_a_machine_that_somebody_changed(first: Desk) -> None:
    first.world.run("ip", "-n", "web", "addr", "del", "10.20.0.10/24", "dev", "web")
    said = first.weft("trace", "web", "db", code=3).stdout
    assert "stops: demo/web has not its address 10.20.0.10 any more" in said
    assert "the file says otherwise: `weft apply` puts the machine right" in said
    assert "missing: address web 10.20.0.10/24@web  (weft.yaml:" in said
    first.weft("apply", "-y")
    first.weft("trace", "web", "db")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("wbe", "db"), "wbe: no port has that name; did you mean web?"),
        (("web", "db", "tcp"), "tcp: tcp is asked at a port; tcp/443, for instance"),
        (("web", "db", "tpc/1"), "tpc/1: is no protocol; did you mean tcp/1?"),
        (("web", "db", "tcp/70000"), "tcp/70000: '70000' is no port; a number from 1 to 65535"),
        (("web", "db", "icmp", "--from-port", "1"), "--from-port: icmp has no ports; leave it out"),
        (("web", "db", "icmp", "--size", "1"), "--size"),
        (("web",), "TO"),
    ],
)
def test_bad_words(first: Desk, words: tuple[str, ...], told: str) -> None:
    assert told in first.weft("trace", *words, code=2).stderr


def test_it_needs_root(first: Desk) -> None:
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    done = first.world.run(*nobody, "weft", "trace", "web", "db", check=False, cwd=first.directory)
    assert done.returncode == 5 and "root" in done.stderr


def test_the_usage_says_what_may_be_left_out(desk: Desk) -> None:
    assert "weft trace [OPTIONS] FROM TO [PROTO[/PORT]]\n" in desk.weft("trace", "--help").stdout
