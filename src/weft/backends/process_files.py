"""What of kept programs is on disk: for each a file that says it, its configuration, and what is known of it.

Rules: root's alone, in a directory that dies with the kernel's state (/run/weft/<host id>/processes). The file `spec`
is the first to come, whole or not at all, and the last to go. A configuration counts only when `told` says that the
program was told it. Every write goes through `put`, `put_whole` and `drop`, so that tests can fail or kill there.
Source: open(2) (O_TMPFILE).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from weft.errors import NotPermitted
from weft.kinds.process import CONFIG, PYTHON, READY, Process
from weft.records import dataclass
from weft.wire.program import all_of, first_of, lines_of, text_of

SPEC, CONFIG_FILE, TOLD, READY_FILE, PID, DIED = "spec", "config", "told", "ready", "pid", "died"
SUFFIXES = (CONFIG_FILE, TOLD, READY_FILE, PID, DIED, SPEC)
"""In the order in which they go."""

MARK_NAME, SPEC_NAME = "WEFT_PROCESS", "WEFT_SPEC"
"""In a program's environment: its mark, and the digest of all that it was started with."""

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def put(path: Path, text: str) -> None:
    """Write a file in place."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)


def put_whole(path: Path, text: str) -> None:
    """Make a file that is whole when it gets its name."""
    drop(path)
    fd = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        # Only where a directory is given does Python call linkat(2), which follows this link.
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)


def drop(path: Path) -> None:
    """Delete a file; gone already is fine."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the files say of one program. `spec`: the digest that is in its environment. `process`: as it was last said,
    its `config` None where it may not have been told what is there."""

    stem: str
    spec: str
    process: Process


@dataclass(frozen=True, slots=True)
class ProcessFiles:
    """The files in `directory`."""

    directory: Path

    def path(self, stem: str, suffix: str) -> Path:
        return self.directory / f"{stem}.{suffix}"

    def stems(self) -> list[str]:
        """The programs that are said to run, sorted."""
        with suppress(FileNotFoundError):
            ending = f".{SPEC}"
            return sorted(name.removesuffix(ending) for name in os.listdir(self.directory) if name.endswith(ending))
        return []

    def read(self, stem: str) -> Known | None:
        """What is said of one program; None where nothing is."""
        text = self.text(stem, SPEC)
        return None if text is None else self._known(stem, text)

    def all(self) -> Iterator[Known]:
        for stem in self.stems():
            if (known := self.read(stem)) is not None:
                yield known

    def text(self, stem: str, suffix: str) -> str | None:
        """A file's text, None where there is none."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return self.path(stem, suffix).read_text()
        return None

    def say(self, stem: str, process: Process) -> None:
        """Put down what is to run. Raises: OSError, NotPermitted."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except PermissionError as failure:
            raise NotPermitted(f"cannot write {self.directory}: weft runs as root") from failure
        drop(self.path(stem, TOLD))
        put_whole(self.path(stem, SPEC), self._spec(stem, process))
        self.configure(stem, process)

    def configure(self, stem: str, process: Process) -> None:
        """Put down a program's configuration; nobody has told it yet."""
        drop(self.path(stem, TOLD))
        if process.config:
            put(self.path(stem, CONFIG_FILE), process.config)
        else:
            drop(self.path(stem, CONFIG_FILE))

    def note_told(self, stem: str, process: Process) -> None:
        """From here on it runs by what is put down."""
        put(self.path(stem, TOLD), digest_of(process.config or ""))

    def drop_ready(self, stem: str) -> None:
        """A program that is started anew is yet to be ready."""
        drop(self.path(stem, READY_FILE))

    def forget(self, stem: str) -> None:
        """Leave nothing of a program."""
        for suffix in SUFFIXES:
            drop(self.path(stem, suffix))

    def _spec(self, stem: str, process: Process) -> str:
        lines = [
            ("name", process.name),
            ("netns", process.netns),
            ("mark", process.mark),
            *(("word", word) for word in process.argv),
            *(("link", ifname) for ifname in process.links),
            *((("reloads", "yes"),) if process.reloads else ()),
            *((("parting", process.parting),) if process.parting else ()),
            *((("ready", str(self.path(stem, READY_FILE))),) if process.ready else ()),
            *(("argument", self._resolved(stem, word)) for word in process.argv),
            ("environment", f"PATH={SEARCH_PATH}"),
            *((("environment", f"PYTHONPATH={_python_path()}"),) if PYTHON in process.argv else ()),
            ("environment", f"{MARK_NAME}={process.mark}"),
        ]
        return text_of([*lines, ("environment", f"{SPEC_NAME}={digest_of(text_of(lines))}")])

    def _resolved(self, stem: str, word: str) -> str:
        for sign, path in ((CONFIG, self.path(stem, CONFIG_FILE)), (READY, self.path(stem, READY_FILE))):
            word = word.replace(sign, str(path))
        return word.replace(PYTHON, sys.executable)

    def _known(self, stem: str, text: str) -> Known:
        lines = lines_of(text)
        started_with = [said for said in all_of(lines, "environment") if said.startswith(f"{SPEC_NAME}=")]
        return Known(
            stem=stem,
            spec=started_with[0].partition("=")[2] if started_with else "",
            process=Process(
                name=first_of(lines, "name"),
                netns=first_of(lines, "netns"),
                mark=first_of(lines, "mark"),
                argv=tuple(all_of(lines, "word")),
                config=self._config(stem),
                reloads=bool(first_of(lines, "reloads")),
                parting=first_of(lines, "parting"),
                ready=bool(first_of(lines, "ready")),
                links=tuple(all_of(lines, "link")),
                died=self.text(stem, DIED) or "",
            ),
        )

    def _config(self, stem: str) -> str | None:
        config = self.text(stem, CONFIG_FILE) or ""
        return config if self.text(stem, TOLD) == digest_of(config) else None


def _python_path() -> str:
    """Where this weft is, for a program of its own."""
    return str(Path(__file__).parents[2])
