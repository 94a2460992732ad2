"""Refiners: turning a detector's regions into one smooth binary hole per face."""
