"""Settings, which are always there: the former value is noted before one is changed, and comes back."""
