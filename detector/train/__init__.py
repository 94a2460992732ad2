"""Training the detector and its verifier."""
