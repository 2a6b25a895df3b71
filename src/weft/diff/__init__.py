"""What differs between what a kernel holds and what it shall hold, and what falls along with a change."""

from weft.diff.cascade import (
    Changes,
    bares_link,
    bystanders,
    dependents_of,
    is_given_anew,
    left_bond,
    needs_address,
    standing,
)
from weft.diff.compare import NEVER_COMPARED, diff, differing_fields, fixed_fields

__all__ = [
    "NEVER_COMPARED",
    "Changes",
    "bares_link",
    "bystanders",
    "dependents_of",
    "diff",
    "differing_fields",
    "fixed_fields",
    "is_given_anew",
    "left_bond",
    "needs_address",
    "standing",
]
