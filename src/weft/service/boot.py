"""What was last applied, again, on a machine that has just started and knows nothing of it.

Rules: one scope's failure stops no other. Links of others, and what else may come a moment later, are waited for, but
only until the deadline; what is there by then decides. Intents stand alone: nothing is read but what was
kept. What is on trial is not made lasting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from weft.errors import NotPermitted, WeftError
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service

PAUSE_S = 0.5
"""Between two rounds over what is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How it went with one scope. `failure` None: it is there, verified."""

    scope: str
    objects: int = 0
    failure: WeftError | OSError | None = None


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
    yield from (Restored(scope=scope, failure=failure) for scope, failure in left.items())


def _yes(prepared: Prepared) -> None:
    """Who applied it before has agreed."""
