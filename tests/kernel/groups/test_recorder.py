"""The recorder: an object that apply starts; what it keeps of the past; a flood neither swells nor stops it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.groups.lab import Lab
from tests.kernel.groups.test_counters import TEXT, send, speak, udp
from tests.kernel.groups.test_drops import NO_RULE, drops
from tests.patience import until

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge", "nft_log")]

HEARD = " 30565 "


def listens(lab: Lab, netns: str = "weft.lab.shop") -> bool:
    return HEARD in f" {lab.world.run('cat', '/proc/net/netfilter/nfnetlink_log', netns=netns).stdout}"


def recorder(lab: Lab) -> list[int]:
    """The processes of the lab's world that record, as /proc tells."""
    home, found = os.readlink(f"/proc/{lab.world.holder.pid}/ns/mnt"), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"weft.doors.recorder" in words and os.readlink(entry / "ns/mnt") == home:
                    found.append(int(entry.name))
    return found


def past(lab: Lab, *words: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    return drops(lab.world.run("weft", "drops", "-o", "json", "--since", "10m", *words).stdout)


def seen(lab: Lab, key: tuple[str, str, str]) -> int:
    return int(past(lab).get(key, {}).get("seen", 0))


WEB = ("drop", "shop/web", NO_RULE)


def test_it_keeps_what_was_and_goes_on_after_its_death(lab: Lab) -> None:
    before = lab.world.dump()
    lab.file.write_text(TEXT)
    assert "process lab.drops" in lab.world.run("weft", "plan", "--all", "-f", lab.file, check=False).stdout
    lab.apply(TEXT)
    until(lambda: listens(lab), "nobody listens")
    speak(lab)
    send(lab, "ask", *[udp("ask", "web", 99)] * 8, *[udp("ask", "web", 9)] * 3, *[udp("ask", "web", 13)] * 2)
    until(lambda: seen(lab, WEB) == 8, "the recorder has not kept 8")
    found = past(lab)
    assert found[WEB]["talks"] == [{"source": "shop/ask", "target": "shop/web", "what": "udp/99", "seen": 8}]
    assert found["drop", "shop/web", "group web: deny udp 9"]["seen"] == 3
    said = lab.world.run("weft", "drops", "--since", "10m", "--lines").stdout
    assert said.count("allowed     shop/ask -> shop/web  udp/13") == 2
    (pid,) = recorder(lab)
    os.kill(pid, signal.SIGKILL)
    until(lambda: recorder(lab) not in ([], [pid]) and listens(lab), "it was not started again")
    send(lab, "ask", *[udp("ask", "web", 99)] * 4)
    until(lambda: seen(lab, WEB) == 12, "it did not go on where it was")
    live = json.loads(lab.world.run("weft", "drops", "-o", "json", "--for", "0.2s").stdout)
    assert live[0]["samples"] == "recorder"
    lab.apply(TEXT.replace("name: lab", "name: lab\ndrops: {recorder: false}"))
    assert recorder(lab) == [] and not listens(lab)
    assert seen(lab, WEB) == 12
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before
    refused = lab.world.run("weft", "drops", "--since", "1h", check=False)
    assert refused.returncode == 5 and "nothing is recorded here" in refused.stderr


def test_a_tenant_more_is_listened_to_by_the_same_process(lab: Lab) -> None:
    lab.apply(TEXT)
    until(lambda: listens(lab), "nobody listens")
    (pid,) = recorder(lab)
    lab.apply(TEXT + "  dev: {networks: {front: {subnets: [10.0.0.0/24]}}}\n")
    until(lambda: listens(lab, "weft.lab.dev"), "nobody listens to the new one")
    assert recorder(lab) == [pid] and listens(lab)
    assert lab.status().returncode == 0


FLOOD = """
import socket, sys, time
frame = bytes.fromhex(sys.argv[2])
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
    out.bind((sys.argv[1], 0))
    until, sent = time.monotonic() + float(sys.argv[3]), 0
    while time.monotonic() < until:
        for _ in range(200):
            out.send(frame)
        sent += 200
print(sent)
"""


def rss_kb(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _is_told_of(lab: Lab, packet: bytes) -> bool:
    """Whether one more is: what a flood has left in the queue may take the room of the first."""
    send(lab, "ask", packet)
    return seen(lab, WEB) > 0


def test_a_flood_neither_swells_nor_stops_it(lab: Lab) -> None:
    """Nothing keeps to a rate but the recorder: the log of the rule is as wide as can be."""
    wide = TEXT.replace("ports: [13], log: true", "ports: [13], log: {rate: 1000000/second, burst: 100000}")
    lab.apply(wide.replace("name: lab", "name: lab\ndrops: {recorder: true, keep: 2000}"))
    until(lambda: listens(lab), "nobody listens")
    speak(lab)
    (pid,) = recorder(lab)
    send(lab, "ask", *[udp("ask", "web", 13)] * 50)
    was_kb, was_s, began = rss_kb(pid), cpu_s(pid), time.monotonic()
    flood = lab.world.run(sys.executable, "-c", FLOOD, "ask", udp("ask", "web", 13).hex(), "4", netns="ask")
    elapsed_s = time.monotonic() - began
    swollen_kb, spent_s = rss_kb(pid) - was_kb, cpu_s(pid) - was_s
    print(f"{int(flood.stdout) / elapsed_s:.0f}/s sent, {swollen_kb} kB more, {spent_s / elapsed_s:.2f} of a processor")
    assert swollen_kb < 4000
    lines = lab.world.run("weft", "drops", "--since", "1m", "--lines", "-o", "json").stdout.splitlines()
    assert 1900 <= len(lines) <= 2000
    assert {json.loads(line)["talk"] for line in lines} == {"udp/13"}
    until(lambda: _is_told_of(lab, udp("ask", "web", 99)), "it does not go on")


def test_what_it_kept_goes_with_a_destroy_that_is_confirmed(lab: Lab) -> None:
    def kept() -> str:
        return lab.world.run("find", "/run/weft", "-name", "drops.*").stdout

    lab.apply(TEXT)
    until(lambda: bool(kept()), "it keeps something")
    lab.world.run("weft", "destroy", "-y", "lab", "--confirm-within", "60")
    assert kept(), "it may come back"
    lab.world.run("weft", "confirm", "lab")
    assert not kept()
