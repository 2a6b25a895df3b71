"""Looks at a machine as a whole and says what is wrong and how to mend it."""
