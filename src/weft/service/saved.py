"""A plan saved for later: the files it came from and the digest of all that decided it."""

from __future__ import annotations

import json
from pathlib import Path

from weft.errors import IntentInvalid, PlanStale, Problem
from weft.files import Loaded, loads_stored
from weft.service.prepared import Prepared
from weft.store import durable

_VERSION = "weft-plan"


def save(prepared: Prepared, path: Path) -> None:
    """What is no file (/dev/null, a pipe) and what a name stands for are written to, not replaced. Raises:
    IntentInvalid where there is no such directory, DiskFailed, NotPermitted."""
    assert prepared.loaded is not None
    document = {_VERSION: 1, "digest": prepared.digest, "files": dict(prepared.loaded.text)}
    text = json.dumps(document, indent=1).encode()
    if not path.parent.is_dir():
        what = f"there is no directory {path.parent}"
        raise IntentInvalid([Problem(where=str(path), what=what, fix="make it first, or name another")])
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(text)
    else:
        durable.write(path, text)


def load(path: Path) -> tuple[Loaded, str]:
    """The intent and the digest. Raises: IntentInvalid where it is no saved plan."""
    try:
        document = json.loads(path.read_text())
        return loads_stored(document["files"]), document["digest"]
    except OSError as error:
        fix = "a plan that `weft plan --out FILE` saved; a file of networks is named by `-f FILE`"
        raise IntentInvalid([Problem(where=str(path), what=error.strerror or str(error), fix=fix)]) from error
    except (ValueError, KeyError, TypeError) as error:
        fix = "make one with `weft plan --out FILE`; a file of networks is named by `-f FILE`"
        raise IntentInvalid([Problem(where=str(path), what="not a saved plan", fix=fix)]) from error


def demand_same(prepared: Prepared, digest: str) -> None:
    """Raises: PlanStale when the machine is no longer as it was when the plan was saved."""
    if prepared.digest != digest:
        raise PlanStale("the machine has changed since the plan was saved; look at `weft plan` again")
