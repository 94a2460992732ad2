"""Two stages for unmask, found by name through entry points."""
