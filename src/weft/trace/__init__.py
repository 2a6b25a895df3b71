"""Why a packet passes or is stopped, hop by hop, in the names of the user's file: what `weft trace` tells.

Rules: pure, and no model of its own: ways come from `reach`, verdicts from the rulings of the same filters that `check`
asks, rules from the compiler that made them. docs/trace.md says what a trace says.
"""

from weft.reach import Talk
from weft.trace.others import Others
from weft.trace.question import asked_words, talk_of
from weft.trace.records import End, Fate, Hint, Hop, Leg, Sort, Trace
from weft.trace.tracer import Tracer

__all__ = ["End", "Fate", "Hint", "Hop", "Leg", "Others", "Sort", "Talk", "Trace", "Tracer", "asked_words", "talk_of"]
