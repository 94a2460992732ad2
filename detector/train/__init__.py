"""Training of the detector, its verifier and the landmark network."""
