"""A world with weft in it, and ports that talk: what the tests of groups stand on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.world import World

HERE = Path(__file__).parent
PATIENT_S, SHORT_S = 8.0, 0.6
"""Seconds until an answer that is wanted is given up, and one that is not."""


@dataclass
class Lab:
    """`world`, with the file that was applied last."""

    world: World
    file: Path
    listening: list[subprocess.Popen[str]] = field(default_factory=list)

    def apply(self, text: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        self.file.write_text(text)
        return self.world.run("weft", "apply", "-y", "-f", self.file, check=check)

    def status(self) -> subprocess.CompletedProcess[str]:
        return self.world.run("weft", "status", "--all", "-f", self.file, check=False)

    def listen(self, netns: str, *what: str) -> None:
        """Somebody in the namespace answers at tcp/PORT or udp/PORT, until the world ends."""
        words = (sys.executable, HERE / "talk.py", "listen", *what)
        started = self.world.start(*words, netns=netns, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert started.stdout is not None and started.stdout.readline() == "ready\n"
        self.listening.append(started)

    def listen_after(self, text: str, netns: str, *what: str) -> None:
        """Apply, then `listen`."""
        self.apply(text)
        self.listen(netns, *what)

    def ask(self, netns: str, what: Iterable[str], seconds: float) -> dict[str, bool]:
        asked = self.world.run(sys.executable, HERE / "talk.py", "ask", str(seconds), *what, netns=netns)
        answers: dict[str, bool] = json.loads(asked.stdout)
        return answers

    def demand(self, netns: str, *, passes: Iterable[str] = (), stops: Iterable[str] = ()) -> None:
        """Everything asked of `passes` is answered, nothing of `stops`. What passes is asked first: then all is up."""
        silent = [what for what, answered in self.ask(netns, passes, PATIENT_S).items() if not answered]
        assert not silent, f"{netns} gets no answer of {silent}"
        heard = [what for what, answered in self.ask(netns, stops, SHORT_S).items() if answered]
        assert not heard, f"{netns} gets an answer of {heard}"

    def close(self) -> None:
        for started in self.listening:
            assert started.stdin is not None and started.stdout is not None
            started.stdin.close()
            started.stdout.close()
            started.wait(timeout=20)
