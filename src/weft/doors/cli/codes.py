"""Exit codes beside those that errors carry themselves (weft.errors)."""

BUG = 1
DIFFERENCES = 3
INTERRUPTED = 130
