"""Completion networks, one file each; `inpainter.create_model` builds them by name."""
