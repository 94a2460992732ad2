"""Explains what each stage did with a picture."""
