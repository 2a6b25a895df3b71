"""Bad changes of what runs: refused with their place, nothing half made, and the traffic of who is there goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

WEB = "      web: {ingress: [{protocol: tcp, ports: [80], remote: {group: ask}}]}\n"
ASK = "      ask: {ingress: [{protocol: tcp, ports: [22]}]}\n"
NAMES_WEB = "      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10], security_groups: [web]}\n"
NAMES_ASK = "      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20], security_groups: [ask]}\n"
MORE = "      more: {network: front, attach: {netns: more}}\n"
TEXT = f"""
weft: 1
name: lab
tenants:
  shop:
    quota: {{ports: 2, security_rules: 2}}
    networks: {{front: {{subnets: [10.0.0.0/24]}}}}
    security_groups:
{WEB}{ASK}    ports:
{NAMES_WEB}{NAMES_ASK}"""
"""`ports:` is what the text ends with: a port more stands behind it."""


def place(text: str, line: str, word: str) -> str:
    """LINE:COLUMN of the last `word` in `line`."""
    return f"{text[: text.index(line)].count(chr(10)) + 1}:{line.rindex(word) + 1}"


BAD = {
    "of-a-port": (text := TEXT.replace(WEB, ""), place(text, NAMES_WEB, "web"), "there is no security group web"),
    "of-a-rule": (
        text := TEXT.replace(ASK, "").replace(", security_groups: [ask]", ""),
        place(text, WEB, "group"),
        "there is no security group ask",
    ),
    "ports": (TEXT + MORE, place(TEXT, "    quota: {ports: 2, ", "ports"), "tenant shop has 3 ports, its quota is 2"),
    "rules": (
        TEXT.replace("ports: [22]}", "ports: [22]}, {protocol: udp}"),
        place(TEXT, "    quota: {ports: 2, security_rules", "security_rules"),
        "tenant shop has 3 rules of security groups, its quota is 2",
    ),
}
"""By what is wrong of it, a text, where, and the words: a group taken out that is still named; more than a quota."""


def kept(lab: Lab) -> str:
    """What weft remembers on disk; locks say who held them last."""
    return lab.world.run(
        "sh", "-c", "find /run/weft /var/lib/weft -type f ! -path '*/locks/*' -exec md5sum {} + | sort"
    ).stdout


def test_what_is_refused_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    lab.apply(TEXT)
    lab.listen("web", "tcp/80")
    lab.demand("ask", passes=("tcp/10.0.0.10/80",))
    before, remembered = lab.world.dump(settle_s=5), kept(lab)
    bad = tmp_path / "bad.yaml"
    with connected(lab, "ask", "10.0.0.10", 80) as held:
        for text, where, words in BAD.values():
            bad.write_text(text)
            done = lab.world.run("weft", "apply", "-y", "-f", bad, check=False)
            assert done.returncode == 2 and f"bad.yaml:{where}: " in done.stderr and words in done.stderr, done
            assert lab.world.dump() == before and kept(lab) == remembered
            assert lives(held)
        assert lab.status().returncode == 0
        lab.apply(f"{TEXT.replace('ports: 2', 'ports: 3')}{MORE}")
        assert lives(held), "as much as the quota is raised, and no less"
