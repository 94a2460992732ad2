"""The catalog of weight files: records, cards, and how a name becomes a checked file."""
