"""The catalog of weight files: records, cards, and resolving names to verified files."""
