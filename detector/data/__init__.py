"""Annotated pictures that a detector learns from and is measured on."""
