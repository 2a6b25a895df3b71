"""Policies to kernel objects: trees, queues, and the chains that say which packet goes where. docs/qos.md is this
package in words, docs/adr/0010 why.

Rules: all here is pure, and yields reasons as data beside the figures: `weft qos explain` prints what was used.
"""
