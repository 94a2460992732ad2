"""Processing more pictures than one machine can handle, with Ray Data."""
