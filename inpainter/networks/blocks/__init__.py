"""Building blocks that several completion networks share, each written once."""
