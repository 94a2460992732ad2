"""Import of published weights of other projects into the layout of our networks."""
