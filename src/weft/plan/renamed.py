"""What is made anew though nothing but its name in the kernel is new: a `was:` or an `id:` was taken out of the file.

Rules: pure. The kernel knows what an object is called in the file (its mark), not after which id it was named.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.naming import role_of
from weft.kinds.link.common import Link
from weft.kinds.netns import Namespace
from weft.plan.phases import Plan
from weft.state import KernelObject, Mark, Op


def renamed(todo: Plan) -> list[str]:
    """Places of the intent (tenants/shop/ports/web) whose links or namespaces go, to come again under other names."""
    gone = {part for change in todo.changes.values() if change.op is Op.DELETE for part in _part(change.before)}
    if not gone:
        return []
    made = (part for change in todo.changes.values() if change.op is Op.CREATE for part in _part(change.after))
    return list(dict.fromkeys(place for place, role in made if (place, role) in gone))


def _part(obj: KernelObject | None) -> Iterator[tuple[str, str]]:
    """The object's place and what part of that it is; nothing for what bears no mark or has a name of the user's."""
    mark = Mark.parse(obj.alias) if isinstance(obj, (Link, Namespace)) else None
    if mark is None:
        return
    if isinstance(obj, Namespace):
        yield mark.object, "netns"
    elif isinstance(obj, Link) and (role := role_of(obj.ifname)):
        yield mark.object, role
