"""weft: virtual networks on Linux from one file, planned, applied as one transaction, verified."""

__version__ = "0.1.0"
