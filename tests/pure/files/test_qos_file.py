"""The file of `weft qos set`: what it says at first, what the second set does to it, what an editor may have done."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from weft.errors import IntentInvalid
from weft.files import edit
from weft.files.qos_file import Wish, changed, scope_of, without

FILE = "/etc/weft/qos-eth0.yaml"
HOST = {"destination": ["192.168.1.100"]}


def wish(match: Mapping[str, Sequence[str]] | None = None, **more: Any) -> Wish:
    return Wish(ifname="eth0", match=match or {}, **more)


def classes(text: str, direction: str = "egress") -> Any:
    return edit.at(edit.read(FILE, text), ("host", "links", "eth0", "qos", direction, "classes"))


@pytest.fixture
def first() -> str:
    return changed(FILE, None, wish(HOST, figures={"rate": "1mbit", "ceil": "2mbit"})).text


def test_the_first_text_says_what_it_is_and_what_was_asked(first: str) -> None:
    assert first.startswith("# Quality of service of eth0, as `weft qos set` and `weft qos clear` keep it.")
    assert first.endswith("""
weft: 1
name: qos-eth0
host:
  links:
    eth0:
      existing: true
      qos:
        egress:
          classes:
            to-192-168-1-100:
              match: {destination: 192.168.1.100}
              rate: 1mbit
              ceil: 2mbit
""")


def test_the_same_match_is_the_same_class_however_it_is_written(first: str) -> None:
    again = changed(FILE, first, wish({"destination": ["192.168.1.100/32"]}, figures={"rate": "1500kbit"}))
    assert again.name == "to-192-168-1-100"
    assert classes(again.text)["to-192-168-1-100"]["rate"] == "1500kbit"
    assert classes(again.text)["to-192-168-1-100"]["ceil"] == "2mbit"


def test_a_second_class_stands_behind_the_first_and_leaves_it(first: str) -> None:
    mine = first.replace("rate: 1mbit", "rate: 1mbit  # as agreed with the neighbours")
    second = changed(FILE, mine, wish({"ports": ["443", "8000-8100"], "protocol": ["tcp"]}, figures={"rate": "3mbit"}))
    assert second.text == mine + (
        "            tcp-port-443-8000-8100:\n"
        "              match: {ports: [443, 8000-8100], protocol: tcp}\n"
        "              rate: 3mbit\n"
    )


def test_what_a_cgroup_sends_stands_before_all_others_and_behind_its_fellows(first: str) -> None:
    mine = first.replace("            to-192", "            # of the neighbours\n            to-192")
    one = changed(FILE, mine, wish({"cgroup": ["a.slice/b"]}, figures={"rate": "1mbit"})).text
    two = changed(FILE, one, wish({"cgroup": ["a.slice"]}, figures={"rate": "2mbit"}))
    assert list(classes(two.text)) == ["cgroup-a-slice-b", "cgroup-a-slice", "to-192-168-1-100"]
    assert "              rate: 2mbit\n            # of the neighbours\n            to-192" in two.text
    again = changed(FILE, two.text, wish({"cgroup": ["a.slice/b"]}, figures={"rate": "3mbit"})).text
    assert again == two.text.replace("rate: 1mbit", "rate: 3mbit", 1)


def test_a_name_that_another_match_has_gets_a_number(first: str) -> None:
    renamed = first.replace("destination: 192.168.1.100", "source: 10.0.0.1")
    assert changed(FILE, renamed, wish(HOST, figures={"rate": "1mbit"})).name == "to-192-168-1-100-2"


def test_a_class_by_its_name_keeps_its_match(first: str) -> None:
    found = changed(FILE, first, wish(name="to-192-168-1-100", figures={"delay": "20ms", "loss": "1%"}))
    assert classes(found.text)["to-192-168-1-100"] == {
        "match": {"destination": "192.168.1.100"},
        "rate": "1mbit",
        "ceil": "2mbit",
        "impairment": {"delay": "20ms", "loss": "1%"},
    }


def test_a_new_class_needs_something_that_belongs_to_it(first: str) -> None:
    for text in (None, first):
        with pytest.raises(
            IntentInvalid, match="--class: eth0 has no class voice yet; say what belongs to it: --match"
        ):
            changed(FILE, text, wish(name="voice", figures={"rate": "1mbit"}))


def test_without_a_match_it_is_the_whole_link(first: str) -> None:
    found = changed(FILE, first, wish(direction="ingress", figures={"rate": "5mbit"}, capacity="1gbit", replace=True))
    link = edit.at(edit.read(FILE, found.text), ("host", "links", "eth0"))
    assert link["qos"]["ingress"] == {"rate": "5mbit"} and link["capacity"] == "1gbit"
    assert link["qos"]["replace"] == "true" and classes(found.text) == classes(first)


def test_every_value_knows_its_flag(first: str) -> None:
    flags = changed(FILE, first, wish(HOST, figures={"rate": "1mbit", "loss": "2%"}, replace=True)).flags
    at = ("host", "links", "eth0", "qos", "egress", "classes", "to-192-168-1-100")
    assert flags[(*at, "rate")] == "--rate" and flags[(*at, "impairment", "loss")] == "--loss"
    assert flags[at] == flags[(*at, "match", "0")] == "--match"
    assert flags[("host", "links", "eth0", "qos", "replace")] == "--replace"
    assert "--match" not in changed(FILE, first, wish(figures={"rate": "1mbit"}, capacity="1gbit")).flags.values()


def test_what_is_cleared_goes_and_the_rest_stays(first: str) -> None:
    both = changed(FILE, first, wish({"ports": ["22"]}, figures={"rate": "1mbit"})).text
    assert without(FILE, both, "eth0", "port-22", None) == first
    assert without(FILE, first, "eth0", "to-192-168-1-100", None) is None
    assert without(FILE, both, "eth0", None, "egress") is None


@pytest.mark.parametrize(
    ("name", "direction", "told"),
    [
        ("to-192-168-1-10", None, "--class: eth0 has no class to-192-168-1-10; did you mean to-192-168-1-100?"),
        ("voice", "egress", "--class: the egress of eth0 has no class voice; its classes: to-192-168-1-100"),
        (None, "ingress", f"--direction: {FILE} says nothing of the ingress of eth0"),
    ],
)
def test_what_is_not_there_cannot_be_cleared(first: str, name: str | None, direction: Any, told: str) -> None:
    with pytest.raises(IntentInvalid, match=re.escape(told)):
        without(FILE, first, "eth0", name, direction)


@pytest.mark.parametrize("qos", ["gold", "{policy: gold}"])
def test_a_policy_that_stands_elsewhere_is_its_editors(qos: str) -> None:
    text = f"host:\n  links:\n    eth0:\n      qos: {qos}\n"
    with pytest.raises(IntentInvalid, match="eth0 uses the policy gold"):
        changed(FILE, text, wish(HOST, figures={"rate": "1mbit"}))
    with pytest.raises(IntentInvalid, match="eth0 uses the policy gold"):
        without(FILE, text, "eth0", None, None)


def test_each_link_has_a_scope_of_its_own() -> None:
    names = ["eth0", "eth0.100", "eth0-100", "ETH0", "wg_0", "enp3s0f1", "x" * 15]
    scopes = [scope_of(name) for name in names]
    assert scopes[0] == "qos-eth0" and scopes[5] == "qos-enp3s0f1" and len(set(scopes)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,30}", scope) for scope in scopes)
