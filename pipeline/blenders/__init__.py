"""Blenders: putting a fill into a picture without a seam."""
