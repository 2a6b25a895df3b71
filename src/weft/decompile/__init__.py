"""What a kernel holds, back into the words of a file: State to plain data, and what no word says."""

from weft.decompile.decompile import DEFAULTS, Said, decompile

__all__ = ["DEFAULTS", "Said", "decompile"]
