"""Refiners: from a detector's regions to one smooth binary hole per face."""
