"""Programs that are kept running: the contract of backends, on the fake and on real processes, and what the supervisor
does when somebody ends one of them, or itself. Witnesses are /proc and what the programs write."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from tests.patience import until
from tests.world import World
from weft.backends.base import Backend, Selection
from weft.backends.fake import FakeKernel
from weft.backends.process import Processes
from weft.doors.supervise.supervisor import ROOM
from weft.errors import KernelRefused, ProgramFailed
from weft.kinds.netns import Namespace
from weft.kinds.process import CONFIG, READY, Process
from weft.netlink.namespaces import Namespaces
from weft.state import Change, KernelObject, Op, State, netns_key

pytestmark = pytest.mark.kernel

RUN = Path("/run/weft/h-1")
FILES = RUN / "processes"
MARK = "weft/h-1/lab/tenants/shop"

SERVES = f"""
trap 'cat {CONFIG} >> $0' HUP
trap 'echo ended >> $0; exit' TERM
cat {CONFIG} >> $0
touch {READY}
while :; do sleep 1000 & wait; done
"""
"""Writes its configuration to a file whenever it reads it: `$0`."""


def program(netns: str = "", name: str = "lab.one", **more: object) -> Process:
    said = {"config": "first\n", "reloads": True, "ready": True, "links": (), **more}
    script = " ; ".join(SERVES.strip().splitlines()).replace("do ;", "do")
    argv = ("/bin/sh", "-c", script, f"/run/{name}.told")
    return Process(netns=netns, name=name, mark=MARK, **{"argv": argv, **said})  # type: ignore[arg-type]


def told(name: str = "lab.one") -> list[str]:
    """What the program has read, and its end."""
    return Path(f"/run/{name}.told").read_text().split()


def create(backend: Backend, *objects: KernelObject) -> None:
    backend.commit([Change(Op.CREATE, None, obj) for obj in objects])


def delete(backend: Backend, *objects: KernelObject) -> None:
    backend.commit([Change(Op.DELETE, obj, None) for obj in objects])


def whole(backend: Backend, *netns: str) -> State:
    found = backend.observe(Selection(namespaces=netns or ("", "red")))
    return State((k, o) for k, o in found.items() if isinstance(o, Process) and k.netns in (netns or ("", "red")))


def is_here(pid: str) -> bool:
    """Whether it is in this world: others may be at work beside it. Raises: OSError."""
    return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/thread-self/ns/mnt")


def running() -> dict[int, str]:
    """The programs of this world that bear the mark, by number: their words."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            leads = os.getsid(int(pid)) == int(pid) and is_here(pid)  # and is not what a program has started
            marked = leads and f"WEFT_PROCESS={MARK}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
            found |= {int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")} if marked else {}
        except OSError:
            continue
    return found


def supervisors() -> list[int]:
    """Those that keep programs in this world."""
    words = f"started() {FILES} {RUN}/locks".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            is_one = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").strip().endswith(words)
            found += [int(pid)] if is_one and is_here(pid) else []
        except OSError:
            continue
    return found


@pytest.fixture
def red(inside: World) -> World:
    inside.run("ip", "netns", "add", "red")
    return inside


@pytest.fixture
def real(red: World) -> Iterator[Processes]:
    namespaces = Namespaces()
    yield Processes(namespaces, RUN)
    namespaces.close()


@pytest.fixture(params=["fake", "real"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "fake":
        return FakeKernel(State.of([Namespace(name="red")]))
    real: Processes = request.getfixturevalue("real")
    return real


# the contract


def test_what_is_made_is_there(backend: Backend) -> None:
    one, two = program(), program("red", "lab.two", reloads=False, config="")
    create(backend, one, two)
    assert whole(backend) == State.of([one, two])
    assert whole(backend, "red") == State.of([two])
    assert backend.observe(Selection(keys=frozenset({one.key})))[one.key] == one


def test_what_is_changed_in_place_is_changed(backend: Backend) -> None:
    one = program()
    create(backend, one)
    after = replace(one, config="second\n")
    backend.commit([Change(Op.UPDATE, one, after)])
    assert whole(backend) == State.of([after])


def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_error(backend: Backend) -> None:
    one, two = program(), program("red", "lab.two")
    create(backend, one, two)
    delete(backend, one)
    assert whole(backend) == State.of([two])
    delete(backend, two, one)
    assert whole(backend) == State()


def test_what_cannot_be_is_refused(backend: Backend) -> None:
    with pytest.raises((KernelRefused, ProgramFailed)):
        create(backend, program("blue"))


def test_a_namespace_that_does_not_exist_is_empty(backend: Backend) -> None:
    assert backend.observe(Selection(namespaces=("blue",))).keys() <= {netns_key("red")}


# real processes


def test_it_runs_where_it_shall_and_reads_what_it_shall(real: Processes, red: World) -> None:
    create(real, program("red"))
    ((pid, words),) = running().items()
    assert words.startswith("/bin/sh -c trap") and told() == ["first"]
    assert os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/run/netns/red").st_ino
    files = {path.name: path.stat().st_mode & 0o777 for path in FILES.iterdir() if path.is_file()}
    assert set(files) == {f"lab.one@red.{suffix}" for suffix in ("spec", "config", "told", "ready", "pid")}
    assert {mode for name, mode in files.items() if not name.endswith("ready")} == {0o600}
    assert (FILES.stat().st_mode & 0o777, (FILES / "lab.one@red.config").read_text()) == (0o700, "first\n")


def test_a_new_text_is_read_by_the_same_process(real: Processes) -> None:
    one = program()
    create(real, one)
    before = running()
    real.commit([Change(Op.UPDATE, one, replace(one, config="second\n"))])
    until(lambda: told() == ["first", "second"], "it reads its new text")
    assert running() == before


def test_nothing_is_heard_of_what_a_program_leaves_behind(real: Processes) -> None:
    """Its output, held by another session when it ends, would wake the supervisor for ever."""
    argv = ("/bin/sh", "-c", "setsid sleep 1000 & exec sleep 1000")
    lingers = replace(program(name="lab.two"), argv=argv, ready=False)
    create(real, program())
    (pid,) = supervisors()
    heard = pipes(pid)
    create(real, lingers)
    delete(real, lingers)
    assert pipes(pid) == heard


def pipes(pid: int) -> list[str]:
    """Those that a process has open. Of a socket nobody knows when it is closed: the answer was sent before."""
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(file.readlink()))
    return sorted(name for name in found if name.startswith("pipe:"))


def test_nothing_is_left(real: Processes) -> None:
    create(real, program(), program("red", "lab.two"))
    assert len(supervisors()) == 1
    delete(real, program())
    assert told()[-1] == "ended"
    delete(real, program("red", "lab.two"))
    assert (running(), supervisors(), list(FILES.iterdir())) == ({}, [], [])


def test_nothing_is_left_of_a_supervisor_that_answers_no_more_but_has_yet_to_end(real: Processes) -> None:
    """As it is for a moment when it goes by itself: the moment is made long."""
    create(real, program())
    (supervisor,), (pid,) = supervisors(), running()
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    (FILES / "supervisor").unlink()
    later = Timer(0.5, os.kill, (supervisor, signal.SIGCONT))
    later.start()
    delete(real, program())
    assert (running(), supervisors(), list(FILES.iterdir())) == ({}, [], [])
    later.join()


def test_its_last_words_are_told_when_it_does_not_start(real: Processes) -> None:
    bad = replace(program(), argv=("/bin/sh", "-c", "echo no such thing >&2; exit 3"))
    with pytest.raises(ProgramFailed, match=r"lab\.one ended with status 3: no such thing"):
        create(real, bad)
    (seen,) = whole(real).values()
    assert isinstance(seen, Process)
    assert (seen.running, seen.died) == (False, "ended with status 3: no such thing")
    delete(real, bad)
    assert (running(), supervisors(), list(FILES.iterdir())) == ({}, [], [])


def test_a_program_that_is_not_there_is_named(real: Processes) -> None:
    with pytest.raises(ProgramFailed, match=r"cannot be started: .*'/usr/sbin/nothing'"):
        create(real, replace(program(), argv=("/usr/sbin/nothing",)))


def test_one_that_cannot_read_its_new_text_is_a_failure(real: Processes) -> None:
    said = f"trap 'echo what is this >&2; exit 4' HUP; touch {READY}; while :; do sleep 1000 & wait; done"
    one = replace(program(), argv=("/bin/sh", "-c", said))
    create(real, one)
    with pytest.raises(ProgramFailed, match="ended when it was told"):
        real.commit([Change(Op.UPDATE, one, replace(one, config="second\n"))])


def test_whoever_is_killed_comes_again(real: Processes) -> None:
    create(real, program("red"))
    (pid,) = running()
    os.kill(pid, signal.SIGKILL)
    until(lambda: bool(running().keys() - {pid}), "another one runs")
    until(lambda: whole(real) == State.of([program("red")]), "it is whole again")
    assert len(running()) == 1


def test_the_end_of_one_is_seen_and_an_apply_brings_it_back(real: Processes) -> None:
    create(real, program())
    (supervisor,), (pid,) = supervisors(), running()
    os.kill(supervisor, signal.SIGSTOP)  # else it would be back before anybody looks
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in running(), "it has ended")
    (dead,) = whole(real).values()
    assert isinstance(dead, Process) and dead.running is False
    os.kill(supervisor, signal.SIGCONT)
    real.commit([Change(Op.UPDATE, dead, program())])
    assert whole(real) == State.of([program()]) and len(running()) == 1


def test_programs_end_with_the_supervisor_and_a_new_one_starts_each_once(real: Processes) -> None:
    one, two = program(), program("red", "lab.two")
    create(real, one, two)
    (supervisor,) = supervisors()
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not running(), "all have ended")
    dead = whole(real)
    assert [obj.running for obj in dead.values() if isinstance(obj, Process)] == [False, False]
    real.commit([Change(Op.UPDATE, dead[one.key], one), Change(Op.UPDATE, dead[two.key], two)])
    assert whole(real) == State.of([one, two])
    assert len(running()) == 2 and len(supervisors()) == 1


def test_the_supervisor_ends_what_it_keeps_when_it_is_asked_to_end(real: Processes) -> None:
    create(real, program())
    (supervisor,) = supervisors()
    os.kill(supervisor, signal.SIGTERM)
    until(lambda: not supervisors(), "the supervisor has ended")
    assert running() == {} and told() == ["first", "ended"]


def test_one_that_is_ending_starts_nothing_more(real: Processes) -> None:
    """Whoever asks it meanwhile has the next one start it, and what was there before."""
    stubborn = replace(program(), argv=("/bin/sh", "-c", f"trap '' TERM; touch {READY}; sleep 1000"))
    other = program(name="lab.two")
    create(real, stubborn)
    (ending,) = supervisors()
    os.kill(ending, signal.SIGTERM)
    create(real, other)
    (after,) = supervisors()
    assert after != ending and len(running()) == 2
    assert whole(real) == State.of([stubborn, other])


def test_where_one_more_has_no_room_all_others_go_on(real: Processes) -> None:
    create(real, program())
    before = running()
    (supervisor,) = supervisors()
    _, hard = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
    answering = 1 + max(map(int, os.listdir(f"/proc/{supervisor}/fd"))) + ROOM // 2  # and for nothing more
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (answering, hard))
    with pytest.raises(ProgramFailed, match="Too many open files"):
        create(real, program(name="lab.two"))
    assert running() == before
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (hard, hard))
    until(lambda: len(running()) == 2, "it is tried again")
    assert supervisors() == [supervisor] and before.items() < running().items()


def test_a_supervisor_takes_as_many_descriptors_as_it_may(real: Processes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))
    try:
        create(real, program())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    (supervisor,) = supervisors()
    assert resource.prlimit(supervisor, resource.RLIMIT_NOFILE) == (hard, hard)


def test_a_namespace_made_anew_under_the_name_is_another_place(real: Processes, red: World) -> None:
    create(real, program("red"))
    red.run("ip", "netns", "del", "red")
    (astray,) = real.observe(Selection(keys=frozenset({program("red").key}))).values()
    assert isinstance(astray, Process) and astray.running is False
    red.run("ip", "netns", "add", "red")
    real.commit([Change(Op.UPDATE, astray, program("red"))])
    (pid,) = running()
    assert os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/run/netns/red").st_ino
    assert whole(real) == State.of([program("red")])


def test_a_process_that_merely_looks_like_it_is_not_it(real: Processes, red: World) -> None:
    """A file that names somebody else's process, or the mark in somebody else's environment."""
    create(real, program())
    (supervisor,) = supervisors()
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not running(), "all have ended")
    forger = red.start("sleep", "1000", env={"WEFT_PROCESS": MARK})
    started = Path(f"/proc/{forger.pid}/stat").read_text().rpartition(")")[2].split()[19]
    (FILES / "lab.one.pid").write_text(f"{forger.pid} {started}")
    (seen,) = whole(real).values()
    assert isinstance(seen, Process) and seen.running is False
    delete(real, program())
    assert forger.poll() is None
    forger.kill()
    forger.wait()


def test_a_configuration_that_nobody_was_told_does_not_count(real: Processes) -> None:
    """What a kill leaves between the file and the signal, and what somebody does by hand."""
    one = program()
    create(real, one)
    (FILES / "lab.one.config").write_text("by hand\n")
    (seen,) = whole(real).values()
    assert isinstance(seen, Process) and seen.config is None
    real.commit([Change(Op.UPDATE, seen, one)])
    assert whole(real) == State.of([one])


def test_one_that_will_not_end_is_made_to(real: Processes) -> None:
    stubborn = replace(program(), argv=("/bin/sh", "-c", f"trap '' TERM; touch {READY}; sleep 1000"))
    create(real, stubborn)
    delete(real, stubborn)
    assert (running(), supervisors(), list(FILES.iterdir())) == ({}, [], [])


def test_what_a_program_leaves_behind_ends_with_it(real: Processes, red: World) -> None:
    behind = replace(program(), argv=("/bin/sh", "-c", f"sleep 4711 & touch {READY}; exec sleep 1000"))
    create(real, behind)
    delete(real, behind)
    assert red.run("pgrep", "-f", "^sleep 4711", check=False).stdout == ""


def test_two_who_start_a_supervisor_get_one(real: Processes) -> None:
    """By forks that start at once."""
    others = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                create(real, program(name=f"lab.{number}"))
                code = 0
            finally:
                os._exit(code)
        others.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in others] == [0, 0, 0]
    assert len(supervisors()) == 1 and len(running()) == 3
    assert len(whole(real)) == 3


def test_the_supervisor_goes_by_itself_when_its_files_are_gone(real: Processes) -> None:
    create(real, replace(program(), argv=("/bin/sh", "-c", f"touch {READY}; sleep 1000")))
    (FILES / "lab.one.spec").unlink()
    (pid,) = running()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not supervisors(), "the supervisor has ended")


def test_the_supervisor_holds_no_namespace(real: Processes) -> None:
    create(real, program("red"))
    delete(real, program("red"))
    create(real, program())
    (supervisor,) = supervisors()
    held = {os.readlink(f"/proc/{supervisor}/fd/{fd}") for fd in os.listdir(f"/proc/{supervisor}/fd")}
    assert not [name for name in held if name.startswith(("net:", "/run/netns"))]
