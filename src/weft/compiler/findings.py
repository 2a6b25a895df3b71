"""What the compiler has to say of an intent: where, what is wrong, what would be right, and whose it is to mend.

Rules: a finding stands at a path of the intent, never at a line: whoever knows the file turns one into the other. All
findings of a compile are gathered; one wrong port hides nothing of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Literal

from weft.errors import FeatureMissing, IntentInvalid, Problem, Refused, WeftError
from weft.model.intent import Path
from weft.records import dataclass
from weft.state import Key

MOST_NAMED = 32
"""So many names of what there is are told to whoever named what is not."""


class Cause(Enum):
    """Whose a finding is to mend."""

    INTENT = "the intent contradicts itself"
    FEATURE = "this kernel lacks something"
    MACHINE = "this machine is not as the intent assumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong (or harmful: a warning) at `path`. `feature`: of the kernel, `program`: of somebody else's,
    `missing`: a link that is not weft's to make, or a way to a next hop, where its lack is the cause. `unfit`: that is
    there, as something else than the intent takes it to be; so may addresses and routes be. `unknown`: a user, group,
    program or key that the machine does not have; what hangs on it is not known."""

    path: Path
    what: str
    fix: str = ""
    severity: Literal["error", "warning"] = "error"
    cause: Cause = Cause.INTENT
    feature: str = ""
    program: str = ""
    missing: Key | None = None
    unfit: bool = False
    unknown: Key | None = None

    def at(self, where: str) -> Problem:
        """The same as a problem at a place that the user knows, `file:line:column`."""
        return Problem(where=where, what=self.what, fix=self.fix, severity=self.severity)


def some_of(names: Sequence[str], but: str = "") -> str:
    """The first of these, which are in order, and how many more there are. `but`: the one of them that is not told."""
    told = [name for name in names[: MOST_NAMED + 1] if name != but][:MOST_NAMED]
    left = len(names) - len(told) - bool(but)
    more = f" and {left:,} more" if left else ""
    return (", ".join(told) or "none") + more


def dotted(path: Path) -> str:
    """A path for people: `tenants.shop.ports.web`."""
    return ".".join(path)


class CompileError(WeftError):
    """The intent has no meaning on this machine; `findings` holds every reason, and no warning."""

    exit_code = 2

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(f.at(dotted(f.path))) for f in self.findings))

    def told(self, where: Callable[[Path], str] = dotted) -> WeftError:
        """The error to raise to the user, its places given by `where`: IntentInvalid when anything is the user's to
        mend, else FeatureMissing where nothing else is wrong, else Refused."""
        problems = list(dict.fromkeys(finding.at(where(finding.path)) for finding in self.findings))
        causes = {finding.cause for finding in self.findings}
        if Cause.INTENT in causes:
            return IntentInvalid(problems)
        refusal = FeatureMissing if causes == {Cause.FEATURE} else Refused
        return refusal.of(problems)
