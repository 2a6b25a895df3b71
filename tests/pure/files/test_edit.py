"""One value changed in a text, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import IntentInvalid
from weft.files import edit

TEXT = """\
# mine
weft: 1   # the format
host:
  links:
    eth0:
      existing: true   # was here

      qos:
        egress:
          classes:
            # the phones
            voice:
              match: {dscp: [ef]}  # RFC 3246
              rate: 1mbit

            # the rest of the house
            web:
              rate: 2mbit
    # nothing below
name: qos-eth0
"""
CLASSES = ("host", "links", "eth0", "qos", "egress", "classes")


def test_a_value_that_is_there_changes_on_its_line() -> None:
    edited = edit.put("f", TEXT, (*CLASSES, "voice", "rate"), "3mbit")
    assert edited == TEXT.replace("rate: 1mbit", "rate: 3mbit")
    assert edit.put("f", TEXT, (*CLASSES, "voice", "match"), {"ports": ["5060", "80-90"]}) == TEXT.replace(
        "{dscp: [ef]}", "{ports: [5060, 80-90]}"
    )


def test_a_new_key_stands_behind_its_fellows() -> None:
    edited = edit.put("f", TEXT, (*CLASSES, "ssh"), {"match": {"ports": ["22"]}, "rate": "1mbit"})
    new = "              rate: 2mbit\n            ssh:\n              match: {ports: [22]}\n              rate: 1mbit\n"
    assert edited == TEXT.replace("              rate: 2mbit\n", new)


def test_what_is_missing_on_the_way_is_made() -> None:
    edited = edit.put("f", TEXT, ("host", "links", "eth0", "qos", "ingress", "ceil"), "5mbit")
    assert edited == TEXT.replace("2mbit\n", "2mbit\n        ingress:\n          ceil: 5mbit\n")


@pytest.mark.parametrize("former", ["", " {}", " {egress: {}}", " ~"])
def test_what_stands_on_one_line_or_is_empty_becomes_a_block(former: str) -> None:
    text = f"weft: 1\nqos:{former} # why\nname: x\n"
    edited = edit.put("f", text, ("qos", "egress", "rate"), "1mbit")
    assert edited == "weft: 1\nqos:\n  egress:\n    rate: 1mbit # why\nname: x\n"


def test_a_text_of_one_line_is_written_anew() -> None:
    assert edit.put("f", '{"weft": 1, "name": "x"}', ("qos", "rate"), "1mbit") == (
        "weft: 1\nname: x\nqos:\n  rate: 1mbit\n"
    )


def test_what_goes_takes_its_comment_along() -> None:
    edited = edit.take("f", TEXT, (*CLASSES, "web"))
    gone = "            # the rest of the house\n            web:\n              rate: 2mbit\n"
    assert edited == TEXT.replace(gone, "")
    assert edit.take("f", TEXT, (*CLASSES, "absent")) == TEXT


def test_what_would_be_empty_goes_too() -> None:
    edited = edit.take("f", edit.take("f", TEXT, (*CLASSES, "web")), (*CLASSES, "voice"))
    assert edit.read("f", edited) == {
        "weft": "1",
        "host": {"links": {"eth0": {"existing": "true"}}},
        "name": "qos-eth0",
    }
    assert edited.startswith("# mine\nweft: 1   # the format\n")
    assert edit.take("f", "a: {b: {c: 1}, d: 2}\ne: 3\n", ("a", "b", "c")) == "a:\n  d: 2\ne: 3\n"


def test_an_anchor_that_others_share_is_refused() -> None:
    text = "a: &one\n  rate: 1mbit\nb: *one\n"
    with pytest.raises(IntentInvalid, match=r"f: is written in a way .*; edit it by hand"):
        edit.put("f", text, ("b", "rate"), "2mbit")


def test_no_yaml_is_said_with_its_place() -> None:
    with pytest.raises(IntentInvalid, match="f:3:1: is no YAML"):
        edit.put("f", "a: 1\nb: [\n", ("a",), "2")
    with pytest.raises(IntentInvalid, match="is no YAML"):
        edit.read("f", "a: \x00")


NAMES = st.text(min_size=1, max_size=8)
VALUES = st.recursive(st.text(max_size=8), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=3), VALUES)
def test_what_was_put_is_there_and_can_be_taken(data: dict[str, object], steps: list[str], value: object) -> None:
    text = "\n".join(edit.block(data)) + "\n"
    assert edit.read("f", text) == data
    edited = edit.put("f", text, steps, value)
    assert edit.at(edit.read("f", edited), steps) == value
    assert edit.at(edit.read("f", edit.take("f", edited, steps)), steps) is None
