"""Discriminators, one file each."""
