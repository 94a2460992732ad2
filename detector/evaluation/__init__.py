"""Measuring a detector against the ground truth."""
