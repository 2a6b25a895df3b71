"""One exception tree: whose fault it is, whether to retry, and the exit code the command line gives it.

Rules: an error says where, what is wrong and what would be right. Nothing below the doors prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding about the user's input.

    `where` is `file:line:column`, or a dotted path of the intent where no file is known.
    """

    where: str
    what: str
    fix: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        return _in_one_line(f"{text}; {self.fix}" if self.fix else text)


def _in_one_line(text: str) -> str:
    """Names come from anybody: none of them breaks the line, or tells the terminal anything."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class WeftError(Exception):
    """Root of all errors that weft raises on purpose. `problems`: what is wrong one by one, where it is known."""

    retry = False
    exit_code = 1
    problems: tuple[Problem, ...] = ()


class IntentInvalid(WeftError):
    """The user's input cannot be what was meant; carries every problem found, not only the first."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Refused(WeftError):
    """A plan that must not run as things are: a foreign object in the way, a missing right or feature."""

    exit_code = 5

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """One error for several problems."""
        error = cls("\n".join(map(str, problems)))
        error.problems = tuple(problems)
        return error


class NotPermitted(Refused):
    """The caller lacks root or CAP_NET_ADMIN in the namespace concerned."""


class FeatureMissing(Refused):
    """The kernel lacks what the intent needs; the message names it and what would stand in."""


class ForeignObject(Refused):
    """An object that weft did not make stands where the intent wants one of its own."""


class PlanStale(Refused):
    """A saved plan was made for another state of the machine than the present one."""


class KernelRefused(WeftError):
    """The kernel said no to one change.

    `errno_` is positive, `extack` the kernel's own sentence or "", `change` a readable name of the change,
    `where` the user's line or "".
    """

    exit_code = 5

    def __init__(self, change: str, errno_: int, extack: str = "", where: str = "") -> None:
        from os import strerror  # the one piece of os that the core needs, and only when it fails

        self.change, self.errno_, self.extack, self.where = change, errno_, extack, where
        said = f": {extack}" if extack else ""
        at = f"{where}: " if where else ""
        super().__init__(f"{at}the kernel refused {change}: {strerror(errno_)} (errno {errno_}){said}")


class ProgramFailed(WeftError):
    """A program that weft keeps running does not start, or ends at once; the message has its last words."""

    exit_code = 5


class DumpInterrupted(WeftError):
    """The kernel's tables changed while they were being listed (NLM_F_DUMP_INTR)."""

    retry = True
    exit_code = 5


class ReceiveOverrun(WeftError):
    """A netlink socket's buffer overflowed (ENOBUFS): what it said is incomplete."""

    retry = True
    exit_code = 5


class VerifyMismatch(WeftError):
    """After an apply the kernel does not hold what was asked; `differences` are readable lines."""

    retry = True
    exit_code = 3

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        super().__init__("not as planned after apply:\n" + "\n".join(self.differences))


class NotConfirmed(WeftError):
    """No terminal to ask on and no --yes."""

    exit_code = 4


class RolledBack(WeftError):
    """An apply failed and the former state is back. `where`: the line of the user's file that the kernel refused, or
    ""."""

    exit_code = 5
    where = ""


class RollbackIncomplete(WeftError):
    """An apply failed and so did the way back; `weft recover` continues."""

    exit_code = 6


class Locked(WeftError):
    """Another weft process holds the lock of this tenant or of the host."""

    retry = True
    exit_code = 7


class Unconfirmed(Locked):
    """The last change of the scope is still on trial: first it is confirmed or taken back."""
