"""Short example programs, such as `python -m examples.unmask_photo`."""
