"""A session that changes figures of one class: tc sees that class change, and nothing else was asked for or touched."""

from __future__ import annotations

import json

import pytest

from tests.kernel.qos.lab import Lab
from tests.kernel.qos.test_classes import minor
from weft.errors import IntentInvalid
from weft.files import Loaded, load
from weft.service.service import Service
from weft.service.session import Session

WEB, BULK = minor("web"), minor("bulk")


def said(lab: Lab, **web: object) -> Loaded:
    """A port with two classes, of which one has other figures."""
    classes = {
        "web": {"match": {"dscp": "ef"}, "rate": "1mbit", "ceil": "2mbit", **web},
        "bulk": {"match": {"protocol": "udp"}, "rate": "3mbit"},
    }
    port = {"network": "n", "attach": {"netns": "a"}, "qos": {"ingress": {"ceil": "20mbit", "classes": classes}}}
    tenant = {"networks": {"n": {"subnets": ["10.0.0.0/24"]}}, "ports": {"a": port}}
    lab.file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": {"t": tenant}}))
    return load(str(lab.file))


def test_one_class_alone_is_read_and_changed(lab: Lab) -> None:
    with lab.world.inside():
        session = Session(Service())
        session.apply(said(lab))
        ifname = lab.ifname("a")
        before = lab.classes(ifname)
        done = session.apply(said(lab, rate="1500kbit", ceil="4mbit"))
        assert len(done.observed) == 3, "a class, what takes frames apart below it, and its queue"
        assert not any(key.name.endswith(f":{BULK}") for key in done.observed)
        after = lab.classes(ifname)
        assert (after[WEB].rate, after[WEB].ceil) == ("1500Kbit", "4Mbit")
        assert {of: one for of, one in after.items() if of != WEB} == {of: c for of, c in before.items() if of != WEB}
        assert not Service().prepare(said(lab, rate="1500kbit", ceil="4mbit")).plan, "as the whole road wants it"


def test_what_is_not_there_is_made_with_its_port(lab: Lab) -> None:
    """By a change of figures, though a rate of another class is what somebody has taken away."""
    with lab.world.inside():
        session = Session(Service())
        session.apply(said(lab))
        ifname = lab.ifname("a")
        lab.world.run("tc", "qdisc", "del", "dev", ifname, "root", netns="weft.lab.t")
        session.apply(said(lab, ceil="4mbit"))
        assert lab.classes(ifname)[WEB].ceil == "4Mbit" and lab.classes(ifname)[BULK].rate == "3Mbit"


def test_wrong_figures_are_told_and_leave_all_as_it_was(lab: Lab) -> None:
    with lab.world.inside():
        session = Session(Service())
        session.apply(said(lab))
        with pytest.raises(IntentInvalid, match="are guaranteed of 20mbit"):
            session.apply(said(lab, rate="18mbit", ceil="19mbit"))
        assert lab.classes(lab.ifname("a"))[WEB].rate == "1Mbit"
        session.apply(said(lab, ceil="3mbit"))
        assert lab.classes(lab.ifname("a"))[WEB].ceil == "3Mbit"
