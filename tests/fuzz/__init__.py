"""Damaged files of all kinds that unmask reads, to see that each fault is one sentence."""
