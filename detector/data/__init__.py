"""Annotated pictures for training and evaluating detectors."""
