"""Filling a face from photos of the same person without a mask."""
