"""Evaluation of detectors against the ground truth."""
