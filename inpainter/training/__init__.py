"""Training of completion networks: recipe in, weights out."""
