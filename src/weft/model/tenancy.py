"""What a tenant has in common with others, and how much it may have.

Rules: a field that is named by a word of Python's ends in an underscore; the user writes it without (files/outline.py).
"""

from __future__ import annotations

from typing import ClassVar

from weft.model import qos_words as q
from weft.model import words as w
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A network of the tenant's that ports of the tenants `with_` may be on."""

    __pydantic_config__: ClassVar = {"alias_generator": lambda name: name.removesuffix("_")}

    network: w.Name
    with_: tuple[w.Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most that a tenant may have of each; None: no limit. `bandwidth` in bit/s: the guarantees of each direction
    together."""

    networks: w.Count | None = None
    ports: w.Count | None = None
    security_groups: w.Count | None = None
    security_rules: w.Count | None = None
    routers: w.Count | None = None
    floating_ips: w.Count | None = None
    bandwidth: q.RateBps | None = None
