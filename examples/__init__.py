"""Short programs to run and to read: `python -m examples.unmask_photo` and its like."""
