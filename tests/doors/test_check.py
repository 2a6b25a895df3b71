"""`weft check` as people run it."""

from __future__ import annotations

import pytest

from tests.doors.conftest import Desk


def test_the_first_file_is_clean(first: Desk) -> None:
    said = first.weft("check").stdout
    assert "2 of 2 pairs as asked; 16 questions in" in said
    assert first.json("check", "reach", "--protocol", "icmp")["counts"]["questions"] == 4


def test_what_was_applied_is_checked_by_name(first: Desk) -> None:
    (first.directory / "weft.yaml").unlink()
    assert first.json("check")["scope"] == first.json("check", "--scope", "first")["scope"] == "first"


def test_a_difference_is_exit_code_3_and_mended_by_apply(first: Desk) -> None:
    first.world.run("ip", "-n", "web", "addr", "del", "10.20.0.10/24", "dev", "web")
    said = first.weft("check", code=3).stdout
    assert "demo/web -> demo/db" in said and "missing: address web 10.20.0.10/24@web  (weft.yaml:" in said
    first.weft("apply", "-y")
    first.weft("check")


def test_before_anything_is_applied(first: Desk) -> None:
    first.weft("destroy", "-y", "first")
    told = first.weft("check", code=2).stderr
    assert "first: nothing of it is applied here; `weft apply` it first; `weft trace` tells" in told
    first.weft("apply", "-y")
    first.weft("check")


def test_a_port_that_is_not_there(first: Desk) -> None:
    told = first.weft("check", "--port", "web", "--port", "wbe", code=2).stderr
    assert "wbe: no port has that name" in told and "web:" not in told


def test_it_needs_root(first: Desk) -> None:
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    done = first.world.run(*nobody, "weft", "check", check=False, cwd=first.directory)
    assert done.returncode == 5 and "root" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("qos", "--external", "203.0.113.77"), "--external is of `weft check reach`, and `qos` knows nothing of it"),
        (("qos", "--protocol", "udp"), "--protocol is of `weft check reach`"),
        (("--seconds", "3"), "--seconds is of `weft check qos`, and `reach` knows nothing of it"),
        (("reach", "--peer", "192.0.2.1"), "--peer is of `weft check qos`"),
    ],
)
def test_what_only_the_other_check_takes_is_refused(first: Desk, words: tuple[str, ...], told: str) -> None:
    assert told in first.weft("check", *words, code=2).stderr


def test_the_word_stands_anywhere_or_is_left_out(first: Desk) -> None:
    by_port = first.json("check", "--protocol", "icmp", "web")
    assert by_port["counts"] == first.json("check", "--protocol", "icmp", "reach", "web")["counts"]
    assert first.weft("check", "-f", "weft.yaml", "qos").stdout == first.weft("check", "qos").stdout
    assert "no port has that name" in first.weft("check", "wbe", code=2).stderr


def test_each_check_tells_of_its_own_options_alone(first: Desk) -> None:
    both, reach, qos = (first.weft("check", *word, "--help").stdout for word in ((), ("reach",), ("qos",)))
    assert "reach" in both and "qos" in both and "--peer" not in both
    assert "--external" in reach and "--peer" not in reach
    assert "--peer" in qos and "--external" not in qos


def test_a_file_without_policies_is_not_called_clean_silently(first: Desk) -> None:
    assert first.weft("check", "qos").stdout == "Nothing to measure: no port or link of the file has a policy.\n"
