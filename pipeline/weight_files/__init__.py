"""Recording trained weights, and importing published ones."""
