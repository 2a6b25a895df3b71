"""What the pure parts say about an intent: where in it, what is wrong, what would be right.

Rules: a finding knows a path in the intent, not a line of a file; whoever loaded the file turns the one into the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weft.model.intent import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what` is wrong at `path`, `fix` what would be right or ""."""

    path: Path
    what: str
    fix: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        text = f"{'.'.join(self.path)}: {self.what}"
        return f"{text}; {self.fix}" if self.fix else text
