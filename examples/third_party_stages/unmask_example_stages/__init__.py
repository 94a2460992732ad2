"""Two stages for unmask, found by their names through entry points."""
