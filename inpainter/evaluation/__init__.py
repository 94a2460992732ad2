"""Evaluation of completion on benchmark cases, and its statistics."""
