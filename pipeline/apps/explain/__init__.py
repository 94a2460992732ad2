"""What each stage made of a picture, in words and as a picture."""
