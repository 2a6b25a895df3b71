"""The bench of tenants: what is compared has the same rules."""

import re

import pytest

from bench.tenants import sides, traffic
from bench.tenants.talk import BULK, ECHO, GREET
from weft.compiler import compile
from weft.facts import FEATURES, Facts
from weft.files import load_text
from weft.kinds.nft.nftset import NftSet


@pytest.mark.parametrize("rules", [10, 1000])
def test_weft_and_iptables_have_the_same_rules(rules: int) -> None:
    text = sides.file_of(rules)
    compiled = compile(load_text("weft.yaml", text).intent, Facts(host_id="x", features=frozenset(FEATURES)))
    [held] = (obj for obj in compiled.state.values() if isinstance(obj, NftSet) and obj.name == "in4.many.tcp")
    theirs = re.findall(r"--dport (\d+) -j ACCEPT", sides.iptables_rules(rules))
    assert sorted(held.elements) == sorted(theirs)
    assert len(theirs) == rules
    assert {str(BULK), str(ECHO), str(GREET)} <= set(theirs)


def test_less_is_better_of_what_takes_time() -> None:
    latency = traffic.MEASURES[1]
    assert latency.best([0.002, 0.001]) == pytest.approx(1000)
    assert latency.percent(20.0, of=10.0) == pytest.approx(50)
    assert (latency.worst([2.0, 1.0]), traffic.MEASURES[0].worst([2.0, 1.0])) == (2.0, 1.0)
