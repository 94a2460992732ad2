"""Published weights of other authors' code, brought to the layout of our networks."""
