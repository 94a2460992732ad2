"""Measuring completion on benchmark cases, and what the figures say."""
