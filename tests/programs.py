"""Programs started at the least cost, by this thread and so where this thread is: no copy of this process is made, and
no pipe has to be listened to."""

from __future__ import annotations

import os


class Program:
    """One that runs, found in PATH, with a short input. What it says on its stderr goes where this process's does."""

    def __init__(self, *words: str, input: str = "") -> None:
        given, self._out = os.memfd_create("in"), os.memfd_create("out")
        try:
            os.pwrite(given, input.encode(), 0)
            files = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, self._out, 1)]
            self._pid = os.posix_spawnp(words[0], words, os.environ, file_actions=files)
        except BaseException:
            os.close(self._out)
            raise
        finally:
            os.close(given)

    def told(self) -> str:
        """What it has printed, once it has ended. To be asked for once."""
        os.waitpid(self._pid, 0)
        with open(self._out, "rb") as out:
            out.seek(0)
            return out.read().decode()
