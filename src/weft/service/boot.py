"""What was last applied, again, on a machine that has just started and knows nothing of it.

Rules: one scope's failure stops no other. Links of others, and what else may come a moment later, are waited for, but
only until the deadline; what is there by then decides: what stands on a link that never came, or that is in other use,
is left out, and all the rest made. Intents stand alone: nothing is read but what was kept. What is on trial is not made
lasting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from weft.errors import IntentInvalid, NotPermitted, Problem, Refused, WeftError
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service
from weft.state import Key

PAUSE_S = 0.5
"""Between two rounds over what is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How it went with one scope. `failure` None: it is there, verified, but for what is `lacking`: links that it
    stands on."""

    scope: str
    objects: int = 0
    lacking: tuple[Problem, ...] = ()
    failure: WeftError | OSError | None = None

    @property
    def exit_code(self) -> int:
        """0 where all of it is there, 1 for an error that weft did not foresee."""
        if self.failure is None:
            return Refused.exit_code if self.lacking else 0
        return getattr(self.failure, "exit_code", WeftError.exit_code)


def restore(service: Service, wait_s: float, waits: Callable[[str, str], None]) -> Iterator[Restored]:
    """Apply every kept intent, each as soon as the machine lets it. `waits` is told of a scope that has to wait, and
    for what.

    Raises: NotPermitted.
    """
    deadline = time.monotonic() + wait_s
    left: Mapping[str, WeftError | OSError | None] = dict.fromkeys(service.kept_names())
    while left:
        failed: dict[str, WeftError | OSError] = {}
        for scope, before in left.items():
            try:
                done = service.apply(service.confirmed(scope), _yes)
            except NotPermitted:
                raise
            except (WeftError, OSError) as failure:
                failed[scope] = failure
                if str(failure) != str(before):
                    waits(scope, str(failure))
            else:
                yield Restored(scope=scope, objects=len(done.desired))
        left = failed
        if time.monotonic() >= deadline:
            break
        if left:
            time.sleep(PAUSE_S)
    for scope, why in left.items():
        may_lack = isinstance(why, Refused | IntentInvalid)
        yield _without(service, scope) if may_lack else Restored(scope=scope, failure=why)


def _without(service: Service, scope: str) -> Restored:
    """What can be made of a scope while links are not there that it stands on."""
    try:
        loaded = service.confirmed(scope)
        done = service.apply(loaded, _unless_in_the_way, lenient=True)
    except (WeftError, OSError) as failure:
        return Restored(scope=scope, failure=failure)
    lacking = (finding.at(loaded.origins.at(finding.path)) for finding in done.left_out if finding.missing)
    return Restored(scope=scope, objects=len(done.desired), lacking=tuple(dict.fromkeys(lacking)))


def _yes(prepared: Prepared) -> None:
    """Who applied it before has agreed."""


def _unless_in_the_way(prepared: Prepared) -> None:
    """What stands on a link is left out with it; what else others have in the way, or is not known, stops all of it.
    Raises: Refused."""
    found = [one for one in prepared.left_out if one.unknown or (one.unfit and not _is_link(one.missing))]
    if found and prepared.loaded is not None:
        raise Refused.of([one.at(prepared.loaded.origins.at(one.path)) for one in found])


def _is_link(key: Key | None) -> bool:
    return key is not None and key.table == "link"
