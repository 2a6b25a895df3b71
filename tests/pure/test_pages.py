"""What a fork makes its own at once is what its parent has written to, and stays what it was."""

import ctypes
import mmap
import os
from itertools import pairwise

from tests import pages

PAGE = mmap.PAGESIZE
MARK = b"what was written to the second page"


def a_run_about(address: int) -> list[pages.Run]:
    return [(start, length) for start, length in pages.written() if start <= address < start + length]


def test_what_was_written_to_is_found_and_nothing_else() -> None:
    with mmap.mmap(-1, 4 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as room:
        room[PAGE : PAGE + len(MARK)] = MARK
        address = ctypes.addressof(view := ctypes.c_char.from_buffer(room))
        assert a_run_about(address + PAGE)
        assert not a_run_about(address + 3 * PAGE)
        del view


def test_the_pages_of_a_run_follow_each_other() -> None:
    runs = list(pages.written())
    assert runs and all(start % PAGE == 0 and length > 0 and length % PAGE == 0 for start, length in runs)
    assert all(start + length <= after for (start, length), (after, _) in pairwise(runs))


def test_a_fork_has_them_for_itself() -> None:
    with mmap.mmap(-1, 2 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as room:
        room[: len(MARK)] = MARK
        runs = list(pages.written())
        pid = os.fork()
        if pid == 0:
            pages.make_own(runs)
            is_same = room[: len(MARK)] == MARK
            room[: len(MARK)] = bytes(len(MARK))
            os._exit(0 if is_same else 1)
        _, status = os.waitpid(pid, 0)
        assert status == 0 and room[: len(MARK)] == MARK
