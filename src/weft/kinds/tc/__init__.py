"""Queueing disciplines and their classes, a file for each kind. Source: tc(8), linux/pkt_sched.h."""
