"""What weft keeps on disk: journal, ledger, locks, kept intents, and what the recorder has heard.

Rules: every write is whole or not at all (durable.py), but for the recorder's, which overwrites in place (ring.py).
What describes the kernel's state lies where it dies with that (host.py).
"""
