"""`weft qos advise`: asked or told what must be protected; what it prints is a file that plans."""

from __future__ import annotations

import pytest

from tests.doors.conftest import Desk
from tests.doors.test_consent import talk

WORDS = "advise eth0 --up 20mbit --down 50mbit --protect voice --protect ssh --protect host=192.0.2.9@5mbit".split()


def test_what_it_prints_plans_without_a_warning(desk: Desk) -> None:
    desk.world.run(*"ip link add eth0 type veth peer name wire".split())
    desk.write(desk.weft("qos", *WORDS, "--bulk", "port=tcp/873").stdout, "advised.yaml")
    planned = desk.weft("plan", "-f", "advised.yaml", code=3)
    assert planned.stderr == "" and "host.links.eth0.qos" in planned.stdout
    (link,) = {one["carrier"] for one in desk.json("qos", "explain", "eth0", "-f", "advised.yaml")}
    assert link == "link eth0"


def test_every_line_has_its_reason(desk: Desk) -> None:
    told = desk.json("qos", *WORDS)
    why = {tuple(one["path"]): one["why"] for one in told["why"]}
    at = ("host", "links", "eth0", "qos", "egress")
    assert why[*at, "ceil"].startswith("95% of the 20mbit") and why[*at, "classes", "ssh"].startswith("Terminals")
    assert told["file"] == desk.weft("qos", *WORDS).stdout


def test_a_person_is_asked_what_was_not_said(desk: Desk) -> None:
    answers = "eth0\n20mbps\n20mbit\n50mbit\nvoice\ngames\nhost=192.0.2.9@5mbit\n\ny\nport=tcp/873\n\n"
    talked = talk(desk, "qos", "advise", asked="Which link leads out: ", answer=answers)
    assert talked.code == 0, talked.shown
    assert "'20mbps': mbps is bytes a second to tc" in talked.shown
    assert "'games' is no traffic known here; one of voice, ssh" in talked.shown
    assert "ceil: 47500kbit" in talked.shown and "host-192-0-2-9:" in talked.shown
    assert "port-tcp-873:" in talked.shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("advise", "LINK, --up or --down, --protect: not said, and there is nobody to ask"),
        ("advise eth0 --up 20mbit", "--protect: not said"),
        ("advise eth0 --up 20 --protect ssh", "'--up': 20 has no unit"),
        ("advise eth0 --up 20mbit --protect shh", "'--protect': 'shh' is no traffic known here; did you mean ssh?"),
        ("advise eth0 --up 20mbit --protect ssh@19mbit", "--protect: 19mbit are promised (ssh 19mbit) of 17100kbit"),
        ("advise eth0 --up 20mbit --protect ssh --bulk ssh", "--protect: ssh is named twice"),
        ("advise eth0 --up 20mbit --protect port=icmp/9", "'--protect': icmp has no ports; dccp, sctp, tcp, udp"),
        ("advise eth0 --up 1kbit --protect ssh", "--up: 1kbit are too little to be divided among 2 classes; name less"),
    ],
)
def test_what_is_wrong_is_told_by_its_flag(desk: Desk, words: str, told: str) -> None:
    assert told in desk.weft("qos", *words.split(), code=2, input="").stderr
