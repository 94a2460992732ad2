"""Postprocessing of a network's fill."""
