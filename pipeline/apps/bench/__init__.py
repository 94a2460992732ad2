"""What the pipeline and its networks cost in time and memory."""
