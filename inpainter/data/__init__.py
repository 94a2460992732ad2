"""Faces and holes as training samples."""
