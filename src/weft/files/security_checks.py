"""What is wrong with rules of security groups as they are written: a part of checks.py.

Rules: one record at a time; whether protocol, family and ports go together, and whom a name means, is the compiler's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.files.nodes import Entries, Report
from weft.model.security import SecurityRule


def _rule(node: Entries, report: Report) -> None:
    """No ports at all is not all of them: what made the list empty would open every port."""
    for key, place in node.empty_lists():
        report(place, f"{key} says none", f"a port or a range, such as 8000-8100; without {key} the rule is of all")


SECURITY_CHECKS: Mapping[type[Any], Callable[[Entries, Report], None]] = {SecurityRule: _rule}
