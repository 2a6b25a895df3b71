"""Numbers of the people, groups and processes that an intent names. Unknown ones are left out: the compiler says so."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

from weft.model.intent import Intent, MacvtapAttach, Port, TapAttach
from weft.model.stacked import MacvtapLink, TapLink


def users(intent: Intent) -> dict[str, int]:
    """Owners of taps given by name. Source: getpwnam(3)."""
    return _known({tap.owner for tap in _taps(intent)}, lambda name: pwd.getpwnam(name).pw_uid)


def groups(intent: Intent) -> dict[str, int]:
    """Groups of taps given by name. Source: getgrnam(3)."""
    return _known({tap.group for tap in _taps(intent)}, lambda name: grp.getgrnam(name).gr_gid)


def pids(intent: Intent) -> dict[str, int]:
    """Pidfiles to the ids of living processes."""
    found: dict[str, int] = {}
    for path in {port.attach.pidfile for port in _ports(intent) if port.attach.pidfile}:
        pid = _living(Path(path))
        if pid is not None:
            found[path] = pid
    return found


def _living(pidfile: Path) -> int | None:
    try:
        pid = int(pidfile.read_text())
    except (OSError, ValueError):
        return None
    return pid if _is_in_a_namespace(pid) else None


def _is_in_a_namespace(pid: int) -> bool:
    """One that has ended is in none, even while nobody has waited for it."""
    try:
        Path(f"/proc/{pid}/ns/net").stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _known(names: set[str | None], number_of: Callable[[str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        if name is None or name.isdigit():
            continue
        try:
            found[name] = number_of(name)
        except KeyError:
            continue
    return found


def _ports(intent: Intent) -> Iterator[Port]:
    return (port for tenant in intent.tenants.values() for port in tenant.ports.values())


def _taps(intent: Intent) -> Iterator[TapAttach | MacvtapAttach | TapLink | MacvtapLink]:
    yield from (port.attach.tap for port in _ports(intent) if port.attach.tap)
    yield from (port.attach.macvtap for port in _ports(intent) if port.attach.macvtap)
    for config in (*((intent.host,) if intent.host else ()), *intent.namespaces.values()):
        yield from (link for link in config.links.values() if isinstance(link, TapLink | MacvtapLink))
