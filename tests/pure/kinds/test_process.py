"""What is said of programs: their names on disk, what becomes of a change, and the file that says them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.backends.nameless import NO_NAMES
from weft.kinds.netns import Namespace
from weft.kinds.process import ROW, Process, Run, Stop, Tell, process_key, stem
from weft.plan import Phase, plan
from weft.state import Change, Key, Op, State, link_key
from weft.store import codec
from weft.wire.program import all_of, first_of, lines_of, text_of

RA = Process(
    netns="edge",
    name="lab.ra",
    mark="weft/h/lab/tenants/shop/networks/front",
    argv=("/usr/sbin/radvd", "-C", "{config}"),
    config="interface front {}\n",
    reloads=True,
    links=("front",),
)


def verbs(op: Op, before: Process | None, after: Process | None) -> list[object]:
    return [request.payload for request in ROW.requests(Change(op, before, after), NO_NAMES)]


def change_of(before: Process, after: Process) -> Change:
    """As diff has it."""
    (change,) = plan(State.of([before]), State.of([after])).changes.values()
    return change


def test_names_on_disk_are_one_to_one_and_plain() -> None:
    assert stem(RA.key) == "lab.ra@edge"
    assert stem(process_key("", "lab.drops")) == "lab.drops"
    assert stem(process_key("pidfile:/run/a b", "lab.ra")) == "lab.ra@pidfile%3a%2frun%2fa%20b"
    long = [stem(process_key("n" * 250, f"{'x' * 100}{last}")) for last in "ab"]
    assert long[0] != long[1] and all(len(name) <= 200 for name in long)


def test_it_lives_in_its_namespace_and_on_its_links() -> None:
    assert RA.lives_on == (Key("netns", "", "edge"), link_key("edge", "front"))


def test_another_text_is_told_to_whoever_reads_it_again() -> None:
    after = replace(RA, config="interface front { AdvSendAdvert on; };\n")
    assert change_of(RA, after).op is Op.UPDATE
    assert verbs(Op.UPDATE, RA, after) == [Tell(after)]


def test_a_line_that_only_its_end_takes_back_means_another_process_when_it_goes() -> None:
    one, two = "  prefix fd01::/64 {\n  };\n", "  prefix fd02::/64 {\n  };\n"
    before = replace(RA, config=one, parting="prefix ")
    assert change_of(before, replace(before, config=two)).op is Op.REPLACE
    assert change_of(before, replace(before, config="")).op is Op.REPLACE
    assert change_of(before, replace(before, config=one + two)).op is Op.UPDATE
    assert change_of(replace(before, config=None), before).op is Op.UPDATE


def test_another_text_is_another_process_to_whoever_does_not() -> None:
    before = replace(RA, reloads=False)
    after = replace(before, config="other\n")
    assert change_of(before, after).op is Op.REPLACE


@pytest.mark.parametrize("field", ["argv", "mark", "links", "ready"])
def test_what_it_was_started_with_makes_it_another(field: str) -> None:
    after = replace(RA, **{field: True if field == "ready" else "other" if field == "mark" else ("other",)})
    assert change_of(RA, after).op is Op.REPLACE


def test_one_that_died_is_started_again_as_it_is_said() -> None:
    dead = replace(RA, running=False, died="ended with status 1: no")
    assert change_of(dead, RA).op is Op.UPDATE
    assert verbs(Op.UPDATE, dead, RA) == [Run(RA, anew=False)]
    assert verbs(Op.UPDATE, replace(dead, config=None), RA) == [Tell(RA), Run(RA, anew=False)]


def test_new_and_gone() -> None:
    assert verbs(Op.CREATE, None, RA) == [Run(RA, anew=True)]
    assert verbs(Op.DELETE, RA, None) == [Stop(RA)]


def test_who_has_died_of_itself_need_not_be_dead_again() -> None:
    assert ROW.former(replace(RA, running=False)).running is None
    assert ROW.former(RA).running is True


def test_it_comes_after_its_links_and_goes_by_name_before_its_namespace() -> None:
    there = State.of([Namespace(name="edge", alias="weft/h/lab/a"), replace(RA, links=())])
    making = [change.key.table for step in plan(State(), there).steps(Phase.MAKE) for change in step.changes]
    going = [change.key.table for step in plan(there, State()).steps(Phase.RETIRE) for change in step.changes]
    assert (making, going) == (["netns", "process"], ["process", "netns"])


def test_the_journal_gives_it_back_whole() -> None:
    state = State.of([RA, replace(RA, name="other", running=None, config=None)])
    assert codec.decode(codec.loads(codec.dumps(codec.encode(state)))) == state


def test_the_file_reads_as_it_was_written() -> None:
    lines = [("word", "/bin/sh"), ("word", ""), ("word", "a b  c "), ("environment", "A=b c")]
    assert lines_of(text_of(lines)) == lines
    assert all_of(lines, "word") == ["/bin/sh", "", "a b  c "]
    assert (first_of(lines, "environment"), first_of(lines, "netns")) == ("A=b c", "")


def test_a_line_break_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="line break"):
        text_of([("word", "a\nend")])


def test_half_a_file_says_nothing() -> None:
    text = text_of([("word", "/bin/sh"), ("word", "-c")])
    assert all(lines_of(text[:length]) == [] for length in range(len(text)))
