"""How much is logged, as people write it: every right way, and each wrong one with its place."""

# ruff: noqa: E501 (the table is read line by line)

from __future__ import annotations

import pytest

from weft.errors import IntentInvalid
from weft.files import load_text
from weft.model.security import Logging, SecurityGroup, per_day

TEXT = """weft: 1
name: lab
tenants:
  t:
    security_groups:
      web: {{ingress: [{{protocol: tcp, {rule}}}]{group}}}
"""


def group(rule: str = "ports: [80]", of_group: str = "") -> SecurityGroup:
    loaded = load_text("f", TEXT.format(rule=rule, group=of_group))
    return loaded.intent.tenants["t"].security_groups["web"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", Logging()),
        ("yes", Logging()),
        ("false", None),
        ("", None),
        ("{}", Logging()),
        ("{rate: 5/minute}", Logging(rate="5/minute")),
        ("{rate: 05 / second, burst: 1}", Logging(rate="5/second", burst=1)),
    ],
)
def test_each_way_to_say_how_much(written: str, meant: Logging | None) -> None:
    assert group(f"log: {written}").ingress[0].log == meant
    assert group(of_group=f", log_drops: {written}").log_drops == meant


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("log: loud", "f:6:44: 'loud' does not say how much is logged; true, or {rate: 10/second, burst: 20}"),
        ("log: {rate: 10}", "f:6:51: rate: '10' is no rate of packets; for example 10/second; per second, minute, hour or day"),
        ("log: {rate: 1/week}", "f:6:51: rate: '1/week' is no rate of packets; for example 10/second; per second, minute, hour or day"),
        ("log: {rate: 0/second}", "f:6:51: rate: 0 is out of range for a rate of packets; from 1 to 1000000"),
        ("log: {rate: 1000001/day}", "f:6:51: rate: 1000001 is out of range for a rate of packets; from 1 to 1000000"),
        ("log: {burst: 0}", "f:6:52: burst: 0 is out of range for a number of packets; from 1 to 100000"),
        ("log: {level: info}", "f:6:45: level is not known here; known here: burst, rate"),
        ("log: [true]", "f:6:39: log: a list stands where a mapping belongs; its keys: rate, burst"),
        ("audit: true", "f:6:39: audit: not in this version of weft: audit of a single rule (but `audit: true` on its group)"),
    ],
)  # fmt: skip
def test_each_wrong_way_is_told_with_its_place(rule: str, said: str) -> None:
    with pytest.raises(IntentInvalid) as caught:
        group(rule)
    assert [str(problem) for problem in caught.value.problems] == [said]


def test_rates_compare() -> None:
    rates = ["1/day", "1/hour", "1/minute", "100/hour", "1/second", "61/minute"]
    assert sorted(set(rates), key=per_day) == rates
