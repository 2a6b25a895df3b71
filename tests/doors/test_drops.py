"""What `weft drops` and `weft groups` refuse, and how what they found reads."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from weft.doors.cli.commands import drops, groups
from weft.picture.filters import DropsView, DropView, Line, Reason, Sum, Talk

ASKED = Talk(source="shop/ask", target="shop/web", what="tcp/22", seen=3)
UNKNOWN = Talk(source="", target="", what="arp", seen=1)
COUNTED = DropView(
    reason=Reason.RULE, what="group web: deny tcp 22", port="shop/web", where="weft.yaml:9:5", fate="drop",
    counted=Sum(packets=1500, bytes=90_000, rate_pps=150.0, rate_bps=72_000.0), seen=4, talks=(ASKED, UNKNOWN),
)  # fmt: skip
SAMPLED = DropView(
    reason=Reason.NO_RULE, what="no rule lets it in", port="", where="", fate="audit", counted=None, seen=2, talks=()
)
VIEW = DropsView(scope="lab", since=0.0, lasted_s=10.0, samples="live", missed=2, drops=(COUNTED, SAMPLED))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "1m", "--for", "1s"), "--since is about what was"),
        (("--since", "1m", "--watch"), "--since is about what was"),
        (("--count", "2"), "--count counts the looks of --watch"),
        (("--for", "0"), "is no time"),
        (("--since", "soon"), "is no time"),
    ],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(drops.command, words)
    assert done.exit_code == 2 and said in done.output


def test_groups_count_looks_only_while_watching() -> None:
    done = CliRunner().invoke(groups.command, ("--count", "2"))
    assert done.exit_code == 2 and "--count counts the looks of --watch" in done.output


def test_a_look_reads_well() -> None:
    assert drops.render([VIEW], "text").splitlines() == [
        "\x1b[1mlab: in 10.0 s; who spoke is a sample\x1b[0m",
        "  more was told than could be taken, 2 times",
        "  PACKETS  RATE    PORT      WHAT                            WHERE",
        "  \x1b[31m1500     150 /s  shop/web  group web: deny tcp 22          weft.yaml:9:5\x1b[0m",
        "      shop/ask -> shop/web  tcp/22  (3 seen)",
        "      ? -> ?  arp  (1 seen)",
        "  \x1b[33m(2)              -         would drop: no rule lets it in\x1b[0m",
    ]
    (told,) = json.loads(drops.render([VIEW], "json"))
    assert (told["samples"], told["drops"][0]["talks"][0]["what"]) == ("live", "tcp/22")
    assert drops.render([], "text") == "Nothing is applied here."


def test_a_line_reads_well() -> None:
    line = Line(
        at=1e9, scope="lab", fate="allow", what="group web: allow tcp 22", port="shop/web", where="weft.yaml:9:5",
        source="shop/ask", target="shop/web", talk="tcp/22",
    )  # fmt: skip
    said = drops.render_lines([line], "text")
    assert "allowed" in said and "shop/ask -> shop/web  tcp/22  at shop/web: group web: allow tcp 22" in said
    assert json.loads(drops.render_lines([line], "json"))["fate"] == "allow"
